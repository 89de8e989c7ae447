"""What the kernel keeps a worker from, behind what Monty itself allows: a second wall, should the first have a hole.

A worker gains no privileges by what it starts, writes no files and no core, opens few descriptors, and has bounded
memory and time. Elsewhere than on Linux the first wall stands alone.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_monty import Monty, MontySession

MAX_MEMORY = 1 << 30
"""Addresses, not pages in use: a worker begins with 0.2 GiB of them."""
MAX_FILES = 64
CPU_SECONDS = 30
"""So much a call may compute before the kernel ends its worker; Monty and the pool do so long before."""
LIFETIME_SECONDS = 3_600
_PR_SET_NO_NEW_PRIVS = 38


def forbid_new_privileges() -> None:
    """Keeps this thread, and every process that it starts, from ever gaining privileges. Raises OSError."""
    if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS was refused")


@contextmanager
def confined(pool: Monty, **options: Any) -> Iterator[MontySession]:
    """Gives a session whose worker is bounded before it is fed anything."""
    with pool.checkout(**options) as session:
        if session.worker_pid is not None:
            bound(session.worker_pid)
        yield session


def bound(process: int) -> None:
    """Bounds what a process may use from now on; one that is gone already needs no bounds."""
    if sys.platform != "linux":
        return
    import resource

    try:
        used = _used_seconds(process)
        resource.prlimit(process, resource.RLIMIT_CPU, (used + CPU_SECONDS, LIFETIME_SECONDS))
        for what, most in (
            (resource.RLIMIT_AS, MAX_MEMORY),
            (resource.RLIMIT_NOFILE, MAX_FILES),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.prlimit(process, what, (most, most))
    except (ProcessLookupError, FileNotFoundError):
        return


def _used_seconds(process: int) -> int:
    """Returns the processor time that a process has used, in whole seconds."""
    with open(f"/proc/{process}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) // os.sysconf("SC_CLK_TCK")
