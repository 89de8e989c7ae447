"""The command line in this process, against a real server: what a designer types, and what is read off it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from typer.testing import Result

from tests.support.in_thread import run_words


class Hands:
    """Somebody at a terminal, with a key and a folder for files."""

    def __init__(self, url: str, key: str, folder: Path) -> None:
        self._folder = folder
        self._env = {
            "GREENROOM_URL": url,
            "GREENROOM_API_KEY": key,
            "GREENROOM_PROJECT": "hotel",
            "GREENROOM_CONFIG": str(folder / "login.json"),
        }

    def run(self, *words: str, code: int = 0) -> Result:
        """Runs `greenroom` and checks its exit code."""
        done = run_words(None, words, self._env)
        assert done.exit_code == code, f"{words}: {done.exit_code}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *words: str) -> Any:
        """Returns what a command answers with `--json`."""
        return json.loads(self.run(*words, "--json").stdout)

    def lines(self, *words: str) -> list[Any]:
        """Returns what a command answers with `--json`, line by line."""
        return [json.loads(line) for line in self.run(*words, "--json").stdout.splitlines()]

    def refused(self, code: str, *words: str, exit_code: int) -> Any:
        """Returns the error of a command that must be refused with a code."""
        found = json.loads(self.run(*words, "--json", code=exit_code).stderr)
        assert found["code"] == code, found
        return found

    def confirmed(self, *words: str) -> Any:
        """Runs what the public hears: it is refused, and the command that the refusal gives is run instead."""
        told = self.refused("confirmation_required", *words, exit_code=7)
        return json.loads(self.run(*shlex.split(told["repeat"])[1:]).stdout)

    def edit(self, alias: str, address: str, body: Any) -> None:
        """Saves an entity in the draft of an environment, from a file."""
        file = self._folder / "entity.json"
        file.write_text(json.dumps(body), "utf-8")
        self.run("draft", "set", address, str(file), "--env", alias)

    def list_all(self, *words: str) -> list[Any]:
        """Returns every item of a list, page by page."""
        found: list[Any] = []
        more: tuple[str, ...] = ()
        while True:
            page = self.json(*words, "--limit", "200", *more)
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            more = ("--cursor", page["next_cursor"])
