"""A process that is killed in the middle of a change.

    python -m tests.fault.victim '{"stage": …}'            one change a line; each in a fork that may be killed
    python -m tests.fault.victim '{"stage": …, "once": …}' one change in this process, for strace to kill

A line is `{"change": …, "kill_at": n or null, "after_commit": false}`; the answer says which signal ended the fork,
what it answered, and how many repository calls it made. `{"load": seed}` makes changes until it is killed;
`"split": true` makes the change in the way of a planted bug.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import Callable
from typing import Any

from greenroom.storage.sql import open_store
from tests.fault.changes import carry_out, prepare
from tests.fault.staging import Stage, new_desk


class KillingStore:
    """Ends the process after the n-th repository call inside write transactions, or after the commit."""

    def __init__(self, inner: Any, kill_at: int | None, after_commit: bool) -> None:
        self._inner = inner
        self._kill_at = kill_at
        self._after_commit = after_commit
        self.calls = 0
        self.postponed: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def write(self, workspace: Any, work: Callable[[Any], Any]) -> Any:
        result = await self._inner.write(workspace, lambda tx: work(self._wrap(tx)))
        if self._after_commit:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    def _wrap(self, tx: Any) -> Any:
        return _Counting(tx, self)

    def count(self) -> None:
        self.calls += 1
        if self.calls == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


class _Counting:
    append: Any

    def __init__(self, tx: Any, store: KillingStore) -> None:
        self._tx = tx
        self._store = store

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._tx, name)

        def counted(*given: Any, **named: Any) -> Any:
            result = method(*given, **named)
            self._store.count()
            return result

        return counted


class SplitStore(KillingStore):
    """A planted bug: the audit is written after the commit, in a transaction of its own."""

    async def write(self, workspace: Any, work: Callable[[Any], Any]) -> Any:
        result = await super().write(workspace, work)
        self.count()
        events, self.postponed = self.postponed, []
        await self._inner.write(workspace, lambda tx: [tx.append(event) for event in events])
        return result

    def _wrap(self, tx: Any) -> Any:
        counting = _Counting(tx, self)
        counting.append = self.postponed.append
        return counting


async def make(stage: Stage, order: dict[str, Any]) -> dict[str, Any]:
    """Makes one change in this process."""
    kind = SplitStore if order.get("split") else KillingStore
    store = kind(await open_store(stage.url), order.get("kill_at"), order.get("after_commit", False))
    answer = await carry_out(new_desk(store), stage.call(), order["change"])  # type: ignore[arg-type]
    await store.close()
    return {"answer": answer, "calls": store.calls}


async def load(stage: Stage, seed: int) -> None:
    """Makes changes without end and says each one when it is answered."""
    dice = random.Random(seed)
    store = await open_store(stage.url)
    desk, call = new_desk(store), stage.call()
    for number in range(1_000_000):
        what = dice.choice(["publish", "promote", "roll_back", "clone", "merge"])
        change = await prepare(desk, call, what, f"{seed}-{number}")
        say({"begun": change})
        say({"done": change, "answer": await carry_out(desk, call, change)})


def say(message: Any) -> None:
    os.write(1, (json.dumps(message) + "\n").encode())


def main(config: dict[str, Any]) -> None:
    stage = Stage(**config["stage"])
    if "once" in config:
        say(asyncio.run(make(stage, config["once"])))
        return
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            if "load" in order:
                asyncio.run(load(stage, order["load"]))
            else:
                say(asyncio.run(make(stage, order)))
            os._exit(0)
        if "load" in order:
            say({"pid": child})
        _, status = os.waitpid(child, 0)
        say({"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, "status": status})


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
