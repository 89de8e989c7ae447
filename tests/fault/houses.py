"""A desk over any store, with a clock that the test sets, and workspaces of their own for each try."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from greenroom.domain.access import Member, Principal, Role
from greenroom.domain.events import Event
from greenroom.domain.ids import PREFIXES, PrincipalId, WorkspaceId
from greenroom.kinds import KINDS
from greenroom.ports import Store
from greenroom.services.desk import Desk
from greenroom.services.work import Call
from greenroom.storage.memory import MemoryStore
from greenroom.storage.sql import migrate, open_store
from tests.fault.dumps import Dump, dump_memory, dump_postgres, dump_sqlite

T = TypeVar("T")
START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class FakeClock:
    """Time that stands still until it is set; ids that count."""

    def __init__(self, prefix: str = "") -> None:
        self.moment = START
        self._prefix = prefix
        self._count = 0

    def now(self) -> datetime:
        return self.moment

    def monotonic_ms(self) -> float:
        return 0.0

    def new_id(self, noun: str) -> str:
        self._count += 1
        return f"{PREFIXES[noun]}_{self._prefix}{self._count:06d}"

    def new_token(self) -> str:
        self._count += 1
        return hashlib.sha256(f"{self._prefix}{self._count}".encode()).hexdigest()[:40]

    def pass_seconds(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class House:
    """A store that lives on while workspaces come and go; `run` takes what is asynchronous."""

    def __init__(self, url: str | None = None) -> None:
        self.url = url
        self._runner = asyncio.Runner()
        self._count = 0
        self._programs: OrderedDict[Any, Any] = OrderedDict()
        self.store: Store = MemoryStore()
        if url is not None:
            self.store = self.run(open_store(url))

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        # Not Runner.run, which sets a signal handler each time and so takes longer than most verbs.
        return self._runner.get_loop().run_until_complete(doing)

    def close(self) -> None:
        self.run(self.store.close())
        self._runner.close()

    def open(self) -> Room:
        """Returns a new workspace with an empty store around it (memory) or beside the others (a database)."""
        self._count += 1
        if self.url is None:
            self.store = MemoryStore()
        room = Room(self, "one" if self.url is None else f"r{self._count}x")
        if self.url is None:
            # Compiling is most of the time; a program depends on nothing but its digest.
            room.desk.programs._ready = self._programs
        return room


class Room:
    """One workspace with its owner."""

    def __init__(self, house: House, prefix: str) -> None:
        self.house = house
        self.clock = FakeClock(prefix)
        self.desk = Desk(house.store, self.clock, KINDS, {})
        self.workspace = WorkspaceId(self.clock.new_id("workspace"))
        self.owner = PrincipalId(self.clock.new_id("member"))
        self.run = house.run
        self.run(found(self.desk, self.workspace, self.owner))

    def call(self, name: str = "", role: Role = "owner") -> Call:
        id_ = PrincipalId(f"mem_{name}") if name else self.owner
        return Call(Principal(id_, self.workspace, name or "owner", role), "req_test")

    def dump(self) -> Dump:
        if isinstance(self.house.store, MemoryStore):
            return dump_memory(self.house.store, self.workspace)
        assert self.house.url is not None
        if self.house.url.startswith("sqlite"):
            return dump_sqlite(path_of(self.house.url), self.workspace)
        return self.run(dump_postgres(self.house.url, self.workspace))


async def found(desk: Desk, workspace: WorkspaceId, owner: PrincipalId) -> None:
    """Makes a workspace and its owner."""
    now = desk.clock.now()
    await desk.store.system(lambda tx: tx.insert_workspace(workspace, "test", now))

    def work(tx: Any) -> None:
        tx.insert_member(Member(owner, workspace, "Owner", "owner", now))
        tx.append(Event("member.created", owner, now, "start", subject=owner))

    await desk.store.write(workspace, work)


def new_sqlite(folder: Path) -> str:
    """Returns the URL of a new, migrated SQLite file."""
    url = f"sqlite:///{folder}/greenroom.db"
    asyncio.run(migrate(url))
    return url


def path_of(url: str) -> Path:
    """Returns the file of a SQLite URL."""
    return Path(url.removeprefix("sqlite:///"))
