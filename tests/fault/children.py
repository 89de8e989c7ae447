"""Other processes: started, spoken to in lines of JSON, killed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Child:
    """A Python program of this folder; `config` is its only argument."""

    def __init__(self, module: str, config: Any, before: Sequence[str] = ()) -> None:
        command = [*before, sys.executable, "-m", f"tests.fault.{module}", json.dumps(config)]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def say(self, message: Any) -> None:
        """Sends one line."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        """Returns the next line; None at the end."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return json.loads(line) if line else None

    def ask(self, message: Any) -> Any:
        """Sends a line and returns the answer."""
        self.say(message)
        answer = self.hear()
        assert answer is not None, "the process ended instead of answering"
        return answer

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self._process.send_signal(signal.SIGKILL)
        self.close()

    def close(self) -> int:
        """Closes its input, which ends it, and returns its exit code."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue
        try:
            return self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait(timeout=30)


class Server:
    """A running `greenroom serve` on a port of its own."""

    def __init__(self, database_url: str, folder: Path, key: str) -> None:
        command = [sys.executable, "-m", "greenroom.cli.main", "serve", "--port", "0", "--data-dir", str(folder)]
        settings = {"GREENROOM_DATABASE_URL": database_url, "GREENROOM_BOOTSTRAP_KEY": key, "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.url = self._wait()

    def _wait(self) -> str:
        assert self._process.stdout is not None
        said: list[str] = []
        for line in self._process.stdout:
            said.append(line)
            if match := re.search(r"ready at (http://\S+)", line):
                return match.group(1)
        raise AssertionError(f"the server did not start: {''.join(said)}")

    def close(self) -> int:
        self._process.terminate()
        self._process.communicate(timeout=30)
        return self._process.returncode


@contextmanager
def children(*started: Any) -> Iterator[Sequence[Any]]:
    """Closes all children at the end."""
    try:
        yield started
    finally:
        for child in started:
            child.close()
