"""Another process over the same database: appends an event when told to, and tells of each commit it hears of.

Reads one word a line: `append` commits and answers `appended`; `wait` answers `waiting`, then `heard` with the
number of events it sees after a commit, or `silence`.
"""

from __future__ import annotations

import asyncio
import sys

from greenroom.ports import Store
from greenroom.storage.sql import open_store
from tests.contract.storage.samples import A, event


def say(text: str) -> None:
    print(text, flush=True)


async def wait(store: Store) -> None:
    before = len(await store.read(A, lambda t: t.list_audit(0, 1000)))
    say("waiting")
    for _ in range(10):
        await store.wait_for_change(0.5)
        now = len(await store.read(A, lambda t: t.list_audit(0, 1000)))
        if now != before:
            say(f"heard {now}")
            return
    say("silence")


async def main(url: str) -> None:
    store = await open_store(url)
    say("ready")
    for line in sys.stdin:
        if line.strip() == "append":
            await store.write(A, lambda t: t.append(event()))
            say("appended")
        else:
            await wait(store)
    await store.close()


asyncio.run(main(sys.argv[1]))
