"""Keys, members, accounts, sessions, workspaces, and answers kept for repeated requests."""

from __future__ import annotations

import asyncio

import pytest

from greenroom.domain.access import Principal
from greenroom.domain.errors import Conflict, NotFound
from greenroom.domain.ids import PrincipalId, WorkspaceId
from greenroom.ports import Store, Writing
from tests.contract.storage.samples import (
    ANN,
    BOB,
    A,
    B,
    account,
    api_key,
    at,
    make_workspaces,
    member,
    replayed,
    session,
)


async def test_keys_are_kept_changed_and_found_by_hash_until_revoked(store: Store) -> None:
    await store.write(A, lambda t: t.insert_key(api_key()))
    await store.write(A, lambda t: t.insert_key(api_key("key_2", created_at=at(5))))
    ours = Principal(PrincipalId("key_1"), A, "CI", "publisher")
    assert await store.system(lambda t: t.find_principal_by_key("hash-of-key_1")) == ours
    assert await store.read(A, lambda t: t.list_keys()) == (api_key("key_2", created_at=at(5)), api_key())
    revoked = api_key(name="Old CI", role="viewer", revoked_at=at(9))
    await store.write(A, lambda t: t.update_key(revoked))
    assert (await store.read(A, lambda t: t.list_keys()))[1] == revoked
    assert await store.system(lambda t: t.find_principal_by_key("hash-of-key_1")) is None
    assert await store.system(lambda t: t.find_principal_by_key("\0")) is None
    assert list(await store.system(lambda t: t.list_key_principals())) == ["hash-of-key_2"]
    with pytest.raises(Conflict):
        await store.write(A, lambda t: t.insert_key(api_key("key_2")))
    for refused in (
        store.write(A, lambda t: t.update_key(api_key("key_9"))),
        store.write(B, lambda t: t.update_key(api_key("key_2"))),
        store.write(B, lambda t: t.insert_key(api_key("key_3"))),
    ):
        with pytest.raises(NotFound):
            await refused


async def test_members_are_listed_from_the_newest(store: Store) -> None:
    bob = member(BOB, name="Bob", role="editor", created_at=at(3))
    await store.write(A, lambda t: (t.insert_member(member()), t.insert_member(bob)))
    assert await store.read(A, lambda t: t.list_members()) == (bob, member())
    with pytest.raises(Conflict):
        await store.write(A, lambda t: t.insert_member(bob))
    with pytest.raises(NotFound):
        await store.write(B, lambda t: t.insert_member(member()))


async def test_a_session_is_found_until_it_ends(store: Store) -> None:
    await store.write(A, lambda t: t.insert_member(member()))
    await store.system(lambda t: t.insert_session(session()))
    found = await store.system(lambda t: t.find_session("hash-of-token", at(3599)))
    assert found == (session(), Principal(ANN, A, "Ann", "owner"))
    assert await store.system(lambda t: t.find_session("hash-of-token", at(3600))) is None
    assert await store.system(lambda t: t.find_session("hash-of-none", at(0))) is None
    await store.system(lambda t: t.delete_session("hash-of-token"))
    await store.system(lambda t: t.delete_session("hash-of-token"))
    assert await store.system(lambda t: t.find_session("hash-of-token", at(0))) is None


async def test_a_link_works_once(store: Store) -> None:
    await store.write(A, lambda t: t.insert_member(member()))
    for name in ("one", "two"):
        await store.system(lambda t, name=name: t.insert_session(session(name, "link")))
    assert await store.system(lambda t: t.find_session("hash-of-one", at(0))) is None
    taken = await asyncio.gather(*(store.system(lambda t: t.take_link("hash-of-one", at(1))) for _ in range(8)))
    assert [each for each in taken if each is not None] == [session("one", "link")]
    assert await store.system(lambda t: t.take_link("hash-of-two", at(3600))) is None
    assert await store.system(lambda t: t.take_link("hash-of-none", at(1))) is None
    await store.system(lambda t: t.insert_session(session("three")))
    assert await store.system(lambda t: t.take_link("hash-of-three", at(1))) is None


async def test_a_session_needs_a_member_and_a_token_of_its_own(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.system(lambda t: t.insert_session(session()))
    await store.write(A, lambda t: t.insert_member(member()))
    await store.system(lambda t: t.insert_session(session()))
    with pytest.raises(Conflict):
        await store.system(lambda t: t.insert_session(session()))


async def test_an_account_is_kept_changed_and_found_by_its_name(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.write(A, lambda t: t.put_account(account()))
    await store.write(A, lambda t: (t.insert_member(member()), t.insert_member(member(BOB, name="Bob"))))
    await store.write(A, lambda t: t.put_account(account()))
    assert await store.read(A, lambda t: t.find_account(ANN)) == account()
    assert await store.read(A, lambda t: t.find_account(BOB)) is None
    found = await store.system(lambda t: t.find_account_by_name("ann@hotel.test"))
    assert found == (account(), Principal(ANN, A, "Ann", "owner"))
    changed = account(name="ann", password="other", changed_at=at(9))
    await store.write(A, lambda t: t.put_account(changed))
    assert await store.system(lambda t: t.find_account_by_name("ann@hotel.test")) is None
    assert await store.system(lambda t: t.find_account_by_name("\0")) is None
    with pytest.raises(Conflict):
        await store.write(A, lambda t: t.put_account(account(BOB, name="ann")))
    assert await store.read(A, lambda t: t.find_account(BOB)) is None
    with pytest.raises(NotFound):
        await store.write(B, lambda t: t.put_account(account()))


async def test_a_name_belongs_to_one_member_of_all_workspaces(store: Store) -> None:
    await store.write(A, lambda t: (t.insert_member(member()), t.put_account(account())))
    await store.write(B, lambda t: t.insert_member(member(workspace=B)))
    with pytest.raises(Conflict):
        await store.write(B, lambda t: t.put_account(account(workspace=B)))
    await store.write(B, lambda t: t.put_account(account(workspace=B, name="ann at b")))


async def test_a_members_sessions_are_listed_and_ended(store: Store) -> None:
    await store.write(A, lambda t: (t.insert_member(member()), t.insert_member(member(BOB, name="Bob"))))
    first = session("one", by="password", device="Firefox on Linux")
    second = session("two", created_at=at(5))
    others = [session("bob", member=BOB), session("link", "link"), session("over", expires_at=at(6))]
    for each in (first, second, *others):
        await store.system(lambda t, s=each: t.insert_session(s))
    assert await store.read(A, lambda t: t.list_sessions(ANN, at(6))) == (second, first)
    assert await store.write(A, lambda t: t.delete_sessions(ANN, ["hash-of-one", "hash-of-bob", "hash-of-x"])) == 1
    assert await store.read(A, lambda t: t.list_sessions(ANN, at(6))) == (second,)
    assert len(await store.read(A, lambda t: t.list_sessions(BOB, at(6)))) == 1


async def test_of_tries_that_race_one_is_counted_at_a_time(store: Store) -> None:
    assert await store.system(lambda t: t.find_tries(A, "name")) is None
    new = await asyncio.gather(*(store.system(lambda t: t.swap_tries(A, "name", None, at(9))) for _ in range(8)))
    assert new.count(True) == 1
    next_ = [store.system(lambda t, n=n: t.swap_tries(A, "name", at(9), at(20 + n))) for n in range(8)]
    assert (await asyncio.gather(*next_)).count(True) == 1
    kept = await store.system(lambda t: t.find_tries(A, "name"))
    assert kept is not None
    assert kept > at(9)
    assert await store.system(lambda t: t.swap_tries(B, "name", None, at(1)))
    await store.system(lambda t: t.drop_tries(B, "name"))
    assert await store.system(lambda t: t.find_tries(A, "name")) == kept
    assert await store.system(lambda t: t.forget_expired(at(99), at(0))) == 1
    assert await store.system(lambda t: t.find_tries(A, "name")) is None


async def test_workspaces_are_made_once(store: Store) -> None:
    assert await store.system(lambda t: t.list_workspaces()) == (A, B)
    with pytest.raises(Conflict):
        await make_workspaces(store)
    await store.system(lambda t: t.insert_workspace(WorkspaceId("wsp_0"), "Zero", at(1)))
    assert await store.system(lambda t: t.list_workspaces()) == ("wsp_0", A, B)


async def test_a_failed_piece_of_system_work_leaves_nothing(store: Store) -> None:
    def work(t):
        t.insert_workspace(WorkspaceId("wsp_c"), "C", at(1))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.system(work)
    assert await store.system(lambda t: t.list_workspaces()) == (A, B)


async def test_an_answer_is_kept_by_who_asked_what_with_which_key(store: Store) -> None:
    await store.write(A, lambda t: t.record_replay(ANN, "publish", "k", replayed(), at(1)))
    await store.write(A, lambda t: t.record_replay(ANN, "promote", "k", replayed("2"), at(1)))
    await store.write(A, lambda t: t.record_replay(BOB, "publish", "k", replayed("3"), at(1)))
    assert await store.read(A, lambda t: t.find_replayed(ANN, "publish", "k")) == replayed()
    assert await store.read(A, lambda t: t.find_replayed(ANN, "promote", "k")) == replayed("2")
    assert await store.read(A, lambda t: t.find_replayed(ANN, "publish", "K")) is None
    with pytest.raises(Conflict) as refused:
        await store.write(A, lambda t: t.record_replay(ANN, "publish", "k", replayed("4"), at(2)))
    assert refused.value.code == "idempotency_race"


async def test_of_twins_that_race_one_commits_and_the_others_find_its_answer(store: Store) -> None:
    async def answer(n: int) -> bool:
        def work(t: Writing) -> bool:
            if t.find_replayed(ANN, "publish", "k") is not None:
                return False
            t.insert_member(member(PrincipalId(f"mem_{n}")))
            t.record_replay(ANN, "publish", "k", replayed(str(n)), at(1))
            return True

        try:
            return await store.write(A, work)
        except Conflict:
            return False

    won = await asyncio.gather(*map(answer, range(16)))
    assert won.count(True) == 1
    kept = await store.read(A, lambda t: (t.find_replayed(ANN, "publish", "k"), t.list_members()))
    assert kept[0] == replayed(str(won.index(True)))
    assert [each.id for each in kept[1]] == [f"mem_{won.index(True)}"]


async def test_what_is_over_is_forgotten_and_nothing_else(store: Store) -> None:
    def fill(t: Writing) -> None:
        t.insert_member(member())
        t.record_replay(ANN, "promote", "old", replayed(), at(10))
        t.record_replay(ANN, "promote", "new", replayed(), at(50))

    await store.write(A, fill)
    for token, ends in (("over", 40), ("on", 90)):
        ending = session(token, expires_at=at(ends))
        await store.system(lambda t, s=ending: t.insert_session(s))
    assert await store.system(lambda t: t.forget_expired(at(60), at(30))) == 2
    assert await store.system(lambda t: t.forget_expired(at(60), at(30))) == 0
    assert await store.system(lambda t: t.find_session("hash-of-on", at(60))) is not None
    assert await store.read(A, lambda t: t.find_replayed(ANN, "promote", "old")) is None
    assert await store.read(A, lambda t: t.find_replayed(ANN, "promote", "new")) == replayed()
