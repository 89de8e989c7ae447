"""kill -9 at every write of a release operation (check 2): all or nothing, and repeating is safe."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from greenroom.services.desk import Desk
from greenroom.storage.sql import open_store
from tests.fault.changes import Change, carry_out, prepare
from tests.fault.children import Child, children
from tests.fault.consistency import find_inconsistencies
from tests.fault.dumps import Dump, dump_postgres, dump_sqlite
from tests.fault.houses import new_sqlite, path_of
from tests.fault.profile import LONG, say_seed
from tests.fault.staging import Stage, build, new_desk
from tests.support.gaps import note_gap

T = TypeVar("T")
VERBS = ("publish", "promote", "roll_back", "clone", "merge")
MOST_CALLS = 60
"""No verb makes more repository calls in a transaction."""
WRITES = {"pwrite64": range(1, 81), "fdatasync": range(1, 8)}
"""Calls counted in each thread: the first eight writes open the file, the third sync is the commit."""
COMMITTING = {"pwrite64": range(9, 28), "fdatasync": range(3, 4)}


def with_desk(url: str, work: Callable[[Desk], Awaitable[T]]) -> T:
    """Opens the store anew, as after a crash, and closes it again."""

    async def run() -> T:
        store = await open_store(url)
        try:
            await store.check()
            return await work(new_desk(store))
        finally:
            await store.close()

    return asyncio.run(run())


def dump(stage: Stage) -> Dump:
    if stage.url.startswith("sqlite"):
        return dump_sqlite(path_of(stage.url), stage.workspace)
    return asyncio.run(dump_postgres(stage.url, stage.workspace))


def check_sound(stage: Stage) -> None:
    """Checks that everything fits together after a crash."""
    assert with_desk(stage.url, lambda desk: find_inconsistencies(desk.store, stage)) == []
    if stage.url.startswith("sqlite"):
        connection = sqlite3.connect(path_of(stage.url))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.close()


def check_made_once(stage: Stage, change: Change, answer: dict[str, Any] | None = None) -> None:
    """Checks that a change is there whole, once, and that its repeat answers the same and changes nothing."""
    before, note = dump(stage), f"Published for {change['key']}'"

    def rows(table: str, text: str) -> int:
        return sum(text in row for row in before[table].splitlines())

    published = change["what"] in ("publish", "merge")
    if change["what"] == "clone":
        assert rows("environments", f"'{change['key']}'") == 1
    else:
        assert rows("releases", note if published else f"'{change['key']}'") == 1
    assert rows("idempotency", f"'{change['key']}'") == 1
    assert rows("versions", note) == published
    if change["what"] == "merge":
        gone = [row for row in before["environments"].splitlines() if f"'{change['place']}'" in row]
        assert len(gone) == 1
    again = with_desk(stage.url, lambda desk: carry_out(desk, stage.call(), change))
    assert again["replayed"]
    assert answer is None or again == answer | {"replayed": True}
    assert dump(stage) == before


@pytest.fixture
def stage(url: str) -> Stage:
    return with_desk(url, lambda desk: build(desk, url, versions=3))


def ready(stage: Stage, what: str, key: str) -> Change:
    change = with_desk(stage.url, lambda desk: prepare(desk, stage.call(), what, key))
    assert change["what"] == what
    return change


def kill(victim: Child, order: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
    """Has a change made in a fork; returns the signal that ended it, and its answer if it gave one."""
    victim.say(order)
    answer = first = victim.hear()
    ended = first if "signal" in first else victim.hear()
    assert ended["status"] in {0, signal.SIGKILL}, "the change failed instead of being made or killed"
    return ended["signal"], None if answer is ended else answer


@pytest.mark.parametrize("what", VERBS)
def test_a_kill_after_any_repository_call_or_the_commit_leaves_all_or_nothing(stage: Stage, what: str) -> None:
    with children(Child("victim", {"stage": stage.to_json()})) as (victim,):
        change = ready(stage, what, f"{what}-1")
        before = dump(stage)
        for at in range(1, MOST_CALLS):
            ended, answer = kill(victim, {"change": change, "kill_at": at})
            if not ended:
                break
            assert answer is None
            assert dump(stage) == before, f"something is left of the transaction killed after call {at}"
            if LONG:
                check_sound(stage)
        else:
            pytest.fail(f"more than {MOST_CALLS} calls")
        assert answer is not None
        assert answer["calls"] == at - 1
        assert not answer["answer"]["replayed"]
        check_made_once(stage, change, answer["answer"])
        check_sound(stage)
        change = ready(stage, what, f"{what}-2")
        assert kill(victim, {"change": change, "after_commit": True}) == (signal.SIGKILL, None)
        check_made_once(stage, change)
        check_sound(stage)
    print(f"{what}: killed after each of {at - 1} repository calls and after the commit")


def test_a_build_that_audits_after_the_commit_is_caught(stage: Stage) -> None:
    change, wrong = ready(stage, "promote", "split-1"), list[str]()
    with children(Child("victim", {"stage": stage.to_json()})) as (victim,):
        for at in range(1, MOST_CALLS):
            ended, _ = kill(victim, {"change": change, "kill_at": at, "split": True})
            assert ended, "the kill between the two commits was missed"
            wrong = with_desk(stage.url, lambda desk: find_inconsistencies(desk.store, stage))
            if wrong:
                break
    assert wrong == ["releases and their audit records differ"]


def test_random_kills_under_load_lose_nothing_that_was_answered(stage: Stage, seed: int) -> None:
    dice = say_seed("random kills", seed)
    kills = 200 if LONG else 8
    done = 0
    with children(Child("victim", {"stage": stage.to_json()})) as (victim,):
        for number in range(kills):
            victim.say({"load": seed + number})
            pid = victim.hear()["pid"]
            answered, last = [], None
            for _ in range(2 * dice.randint(1, 6)):
                heard = victim.hear()
                assert "signal" not in heard, "the victim ended by itself; its error is above"
                last = heard.get("begun", last)
                answered += [heard] if "done" in heard else []
            # A blink more, so that the kill falls anywhere in a change and not only behind an answer.
            spin(dice.randint(0, 40_000))
            os.kill(pid, signal.SIGKILL)
            while "signal" not in (heard := victim.hear()):
                last = heard.get("begun", last)
                answered += [heard] if "done" in heard else []
            check_sound(stage)
            for one in answered:
                check_made_once(stage, one["done"], one["answer"])
            if last is not None:
                with_desk(stage.url, lambda desk, change=last: carry_out(desk, stage.call(), change))
                check_made_once(stage, last)
            done += len(answered)
    print(f"{kills} kills, {done} answered changes all there, none doubled")


def spin(turns: int) -> None:
    """Waits without a clock."""
    for _ in range(turns):
        pass


def can_inject() -> bool:
    """Says whether strace is there and may inject signals."""
    if shutil.which("strace") is None:
        return False
    probe = ["strace", "-f", "-o", "/dev/null", "-e", "inject=getppid:retval=7", "true"]
    return subprocess.run(probe, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("call", ["pwrite64", "fdatasync"])
@pytest.mark.parametrize("what", VERBS)
def test_a_kill_at_a_system_call_of_sqlite_leaves_all_or_nothing(
    what: str, call: str, seed: int, tmp_path: Any
) -> None:
    if not can_inject():
        note_gap("no strace that may inject signals: kills fell between repository calls, not at writes of SQLite")
        pytest.skip("no strace that may inject signals")
    url = new_sqlite(tmp_path)
    stage = with_desk(url, lambda desk: build(desk, url, versions=3))
    dice = say_seed("system calls", seed)
    change, kills, made = ready(stage, what, f"{what}-{call}-0"), 0, 0
    chosen = WRITES[call] if LONG else dice.sample(COMMITTING[call], min(2, len(COMMITTING[call])))
    for at in chosen:
        before = dump(stage)
        inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={at}"]
        command = ["strace", "-f", "-qq", "-o", "/dev/null", *inject]
        with children(Child("victim", {"stage": stage.to_json(), "once": {"change": change}}, command)) as (victim,):
            answer = victim.hear()
        check_sound(stage)
        kills += answer is None
        if answer is None and dump(stage) == before:
            continue
        made += 1
        check_made_once(stage, change, answer["answer"] if answer else None)
        change = ready(stage, what, f"{what}-{call}-{at}")
    with_desk(url, lambda desk: carry_out(desk, stage.call(), change))
    check_made_once(stage, change)
    print(f"{what}: {kills} kills at {call}, {made} of the changes had been made")
