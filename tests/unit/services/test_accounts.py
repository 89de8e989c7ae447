"""Signing in by password: the same answer for every wrong pair, a new session each time, tries that are counted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from greenroom.domain.access import Member, Principal
from greenroom.domain.canonical import parse_json
from greenroom.domain.errors import Conflict, Invalid, LimitReached, NotFound, Unauthenticated, Unavailable
from greenroom.domain.ids import PrincipalId
from greenroom.kinds import KINDS
from greenroom.ports import Reachable
from greenroom.providers.clock import SystemClock
from greenroom.services.accounts import Attempt, NewPassword
from greenroom.services.desk import Desk
from greenroom.services.work import Call
from greenroom.storage.memory import MemoryStore
from tests.support.passwords import QuickPasswords

NAME, SECRET = "ann@hotel.test", "four blue horses"


class Watch(SystemClock):
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class House:
    """A desk with an owner who is signed in by a link."""

    async def begin(self) -> House:
        self.watch, self.passwords = Watch(), QuickPasswords()
        self.desk = Desk(MemoryStore(), self.watch, KINDS, {}, Reachable(passwords=self.passwords))
        self.owner = await self.desk.access.found_workspace(None)
        self.call = Call(self.owner, "req_test")
        self.token = await self.by_link()
        return self

    async def by_link(self, former: str = "") -> str:
        link = await self.desk.access.make_link(self.owner)
        return (await self.desk.access.sign_in(link, "Mozilla/5.0 Firefox/140 Linux", former)).token

    async def set(self, current: str = "", password: str = SECRET, name: str = NAME) -> str:
        new = NewPassword(name, password, current)
        self.token = (await self.desk.accounts.set_password(self.call, self.token, new)).token
        return self.token

    async def sign_in(
        self, password: str = SECRET, name: str = NAME, address: str = "192.0.2.1", former: str = ""
    ) -> str:
        attempt = Attempt(name, password, address, "Chrome/150", former)
        return (await self.desk.accounts.sign_in(attempt)).token

    async def events(self) -> list[str]:
        records = await self.desk.history.list_audit(self.call, 0, 50)
        names = [parse_json(record.payload)["event"]["action"] for record in records]
        return [name for name in names if name.startswith("account.")]

    async def knows(self, token: str) -> bool:
        return await self.desk.access.find_session(token) is not None


@pytest.fixture
async def house() -> House:
    return await House().begin()


async def test_a_password_signs_in_and_each_time_anew(house: House) -> None:
    await house.set()
    first = await house.sign_in()
    second = await house.sign_in(name="  ANN@hotel.test", former=first)
    assert first != second
    assert not await house.knows(first), "the browser's former session is over"
    who = await house.desk.access.find_session(second)
    assert who == house.owner


async def test_every_coming_in_is_in_the_audit_with_how_and_no_failed_one(house: House) -> None:
    await house.set()
    await house.sign_in()
    for password in ("wrong horses again", ""):
        with pytest.raises(Unauthenticated):
            await house.sign_in(password)
    records = await house.desk.history.list_audit(house.call, 0, 50)
    events = [parse_json(record.payload)["event"] for record in records]
    came = [(event["actor"], event["data"]) for event in events if event["action"] == "account.signed_in"]
    assert came == [(house.owner.id, {"by": "link"}), (house.owner.id, {"by": "password"})]


async def test_nobody_comes_in_while_the_audit_cannot_be_written(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise Unavailable("store_unavailable", "the disk is full")

    await house.set()
    monkeypatch.setattr(house.desk.store, "write", fail)
    with pytest.raises(Unavailable):
        await house.sign_in()


async def test_a_link_also_ends_the_session_that_the_browser_had(house: House) -> None:
    again = await house.by_link(former=house.token)
    assert again != house.token
    assert not await house.knows(house.token)


async def test_what_is_wrong_is_not_said(house: House) -> None:
    await house.set()
    said = []
    for name, password in (
        (NAME, "wrong horses again"),
        ("bob@hotel.test", SECRET),
        ("\0", SECRET),
        ("", ""),
        (NAME, ""),
    ):
        with pytest.raises(Unauthenticated) as refused:
            await house.sign_in(password, name, address=f"192.0.2.{len(said)}")
        said.append((refused.value.code, refused.value.detail, refused.value.extra))
    assert len(set(map(str, said))) == 1
    assert house.passwords.asked == 5, "a name that nobody has is looked at as well"


async def test_setting_a_password_signs_out_everybody_else(house: House) -> None:
    other, mine = await house.by_link(), house.token
    token = await house.set()
    assert not await house.knows(other)
    assert not await house.knows(mine), "the token of before is no good any more"
    assert await house.knows(token)
    assert (await house.events())[2:] == ["account.password_set"], "after two links"


async def test_the_present_password_is_asked_unless_a_link_was_used_just_now(house: House) -> None:
    await house.set()
    assert (await house.desk.accounts.load(house.call, house.token)).asks_current
    with pytest.raises(Invalid) as refused:
        await house.set("guess", "five red cows are here")
    assert refused.value.errors[0].pointer == "/current"
    await house.set(SECRET, "five red cows are here")
    house.token = await house.by_link()
    assert not (await house.desk.accounts.load(house.call, house.token)).asks_current
    house.watch.at += timedelta(minutes=31)
    with pytest.raises(Invalid):
        await house.set("", SECRET)
    house.token = await house.by_link()
    await house.set("", SECRET)
    assert await house.sign_in()


async def test_guessing_the_present_password_is_limited_too(house: House) -> None:
    await house.set()
    for _ in range(5):
        with pytest.raises(Invalid):
            await house.set("guess", "five red cows are here")
    with pytest.raises(LimitReached):
        await house.set(SECRET, "five red cows are here")


async def test_a_weak_password_or_a_name_of_somebody_else_changes_nothing(house: House) -> None:
    await house.set()
    bob = Member(PrincipalId("mem_bob"), house.owner.workspace, "Bob", "editor", house.watch.at)
    await house.desk.store.write(house.owner.workspace, lambda tx: tx.insert_member(bob))
    house.owner = Principal(bob.id, bob.workspace, bob.name, bob.role)
    house.call = Call(house.owner, "req_test")
    house.token = await house.by_link()
    for new, code in (
        (NewPassword(NAME, SECRET), "name_taken"),
        (NewPassword("bob@hotel.test", "short"), "weak_password"),
    ):
        with pytest.raises((Conflict, Invalid)) as refused:
            await house.desk.accounts.set_password(house.call, house.token, new)
        assert refused.value.code == code
    assert (await house.desk.accounts.load(house.call, house.token)).name == ""
    assert await house.knows(house.token)


async def test_tries_for_a_name_and_from_an_address_are_counted_also_when_they_come_at_once(house: House) -> None:
    await house.set()
    tries = await asyncio.gather(
        *(house.sign_in("wrong", address=f"192.0.2.{n}") for n in range(40)), return_exceptions=True
    )
    assert sum(isinstance(each, Unauthenticated) for each in tries) == 5
    assert sum(isinstance(each, LimitReached) for each in tries) == 35
    with pytest.raises(LimitReached) as refused:
        await house.sign_in(address="192.0.2.99")
    assert 1 <= refused.value.extra["retry_after"] <= 13
    tries = await asyncio.gather(
        *(house.sign_in("x", f"nobody{n}", "198.51.100.1") for n in range(40)), return_exceptions=True
    )
    assert sum(isinstance(each, Unauthenticated) for each in tries) == 5
    house.watch.at += timedelta(seconds=13)
    assert await house.sign_in(address="203.0.113.1")


async def test_in_an_hour_of_guessing_there_are_few_looks_and_the_owner_comes_in_by_link(house: House) -> None:
    await house.set()
    house.passwords.asked = 0
    for _ in range(3600):
        house.watch.at += timedelta(seconds=1)
        with pytest.raises((Unauthenticated, LimitReached)):
            await house.sign_in("wrong")
    assert house.passwords.asked <= 5 + 300
    assert await house.by_link()


async def test_who_signs_in_rightly_is_not_slowed_down(house: House) -> None:
    await house.set()
    for _ in range(30):
        await house.sign_in()


async def test_browsers_are_listed_and_signed_out_one_by_one_or_together(house: House) -> None:
    one, two, three = [await house.by_link() for _ in range(3)]
    mine = await house.desk.accounts.load(house.call, one)
    assert len(mine.sessions) == 4
    assert mine.here.device == "Mozilla/5.0 Firefox/140 Linux"
    assert mine.here.id not in (one, two)
    gone = (await house.desk.accounts.load(house.call, two)).here
    await house.desk.accounts.sign_out(house.call, gone.id)
    assert not await house.knows(two)
    with pytest.raises(NotFound):
        await house.desk.accounts.sign_out(house.call, gone.id)
    assert await house.desk.accounts.sign_out_others(house.call, three) == 2
    assert await house.knows(three)
    assert not await house.knows(one)
    assert (await house.events())[-2:] == ["account.signed_out"] * 2


async def test_nobody_signs_out_somebody_else(house: House) -> None:
    bob = Principal(PrincipalId("mem_bob"), house.owner.workspace, "Bob", "owner")
    mine = await house.desk.accounts.load(house.call, house.token)
    with pytest.raises(NotFound):
        await house.desk.accounts.sign_out(replace(house.call, principal=bob), mine.here.id)
    assert await house.knows(house.token)


async def test_an_hourly_sweep_forgets_tries_that_are_long_ago(house: House) -> None:
    with pytest.raises(Unauthenticated):
        await house.sign_in()
    assert await house.desk.access.forget_expired() == 0
    house.watch.at += timedelta(minutes=1)
    assert await house.desk.access.forget_expired() == 2


async def test_a_server_without_passwords_says_so() -> None:
    desk = Desk(MemoryStore(), SystemClock(), KINDS, {})
    await desk.access.found_workspace(None)
    with pytest.raises(Unavailable):
        await desk.accounts.sign_in(Attempt(NAME, SECRET, "192.0.2.1"))
