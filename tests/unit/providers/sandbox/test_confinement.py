"""What the kernel keeps a worker from, as the kernel says it: the second wall behind Monty's own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from greenroom.providers.clock import SystemClock
from greenroom.providers.sandbox import MontySandbox
from greenroom.providers.sandbox.confinement import CPU_SECONDS, MAX_FILES, MAX_MEMORY, bound
from tests.support.functions import ScriptedReach, call

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the second wall is Linux's")
SLOW = "def run(conv):\n    conv.http.get('http://x.example')\n    return 1\n"


def workers() -> dict[int, str]:
    """Returns the worker processes of this one, with what the kernel calls their state."""
    found: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "status").read_text()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        parent = f"PPid:\t{Path('/proc/self').resolve().name}\n"
        if parent in status and b"monty" in command:
            found[int(folder.name)] = status
    return found


def limits_of(process: int) -> dict[str, str]:
    lines = Path(f"/proc/{process}/limits").read_text().splitlines()[1:]
    return {line[:26].strip(): line[26:47].strip() for line in lines}


async def test_a_worker_is_bounded_while_it_runs_a_function() -> None:
    sandbox = MontySandbox(SystemClock(), workers=1)
    seen: dict[int, tuple[str, dict[str, str]]] = {}

    class Looking(ScriptedReach):
        async def http(self, request: object) -> dict[str, object]:
            seen.update({process: (status, limits_of(process)) for process, status in workers().items()})
            return {"status": 200, "headers": {}, "text": "", "ms": 1.0}

    answer = await sandbox.run(call(SLOW), Looking())
    assert answer["result"] == 1, answer
    ((status, limits),) = seen.values()
    assert "NoNewPrivs:\t1" in status
    assert limits["Max address space"] == str(MAX_MEMORY)
    assert limits["Max open files"] == str(MAX_FILES)
    assert limits["Max file size"] == "0"
    assert limits["Max core file size"] == "0"
    assert int(limits["Max cpu time"]) <= CPU_SECONDS + 5
    await sandbox.close()


async def test_workers_that_begin_later_and_check_types_are_bounded_as_well() -> None:
    sandbox = MontySandbox(SystemClock(), workers=3)
    assert await sandbox.check("f", "def run(conv, n: int):\n    return n\n", {}) == ()

    class Waiting(ScriptedReach):
        async def http(self, request: object) -> dict[str, object]:
            await asyncio.sleep(0.3)
            return {"status": 200, "headers": {}, "text": "", "ms": 1.0}

    running = [asyncio.create_task(sandbox.run(call(SLOW), Waiting())) for _ in range(3)]
    await asyncio.sleep(0.2)
    found = workers()
    assert len(found) == 3
    assert all("NoNewPrivs:\t1" in status for status in found.values())
    assert {limits_of(process)["Max open files"] for process in found} == {str(MAX_FILES)}
    assert [(await each)["result"] for each in running] == [1, 1, 1]
    await sandbox.close()


PROBE = """
import resource, socket, sys
sys.stdin.readline()
def tried(work):
    try:
        work()
        return "done"
    except (OSError, MemoryError) as wrong:
        return type(wrong).__name__
import os, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
print(tried(lambda: os.write(os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY), b"x")))
print(tried(lambda: bytearray(2 << 30)))
print(tried(lambda: [os.open("/dev/null", 0) for _ in range(200)]))
"""


def test_the_bounds_hold_for_a_process_that_tries(tmp_path: Path) -> None:
    """Python in place of Monty, which would not even try."""
    command = [sys.executable, "-c", PROBE, str(tmp_path / "written")]
    for is_bounded in (False, True):
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            if is_bounded:
                bound(process.pid)
            said, _ = process.communicate("go\n")
        if is_bounded:
            assert said.split() == ["OSError", "MemoryError", "OSError"]
        else:
            assert said.split() == ["done", "done", "done"], "the probe sees that nothing holds it"
    bound(process.pid)


def test_a_thread_that_forbids_itself_new_privileges_hands_that_down() -> None:
    script = (
        "import subprocess, threading\n"
        "from greenroom.providers.sandbox.confinement import forbid_new_privileges\n"
        "def read():\n    status = subprocess.check_output(['cat', '/proc/self/status'], text=True)\n"
        "    print(status.partition('NoNewPrivs:')[2].split()[0])\n"
        "def work():\n    forbid_new_privileges()\n    read()\n"
        "thread = threading.Thread(target=work)\nthread.start()\nthread.join()\nread()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "0"], "only what begins in that thread is bound"
