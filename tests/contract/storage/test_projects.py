"""Projects and their environments."""

from __future__ import annotations

from dataclasses import replace

import pytest

from greenroom.domain.environments import Arm, full_arm
from greenroom.domain.errors import Conflict, Invalid, NotFound
from greenroom.domain.ids import EnvironmentId, ProjectId
from greenroom.ports import ConversationFilter, Store
from tests.contract.storage.samples import (
    SNAPSHOT,
    A,
    B,
    at,
    body,
    conversation,
    draft,
    environments,
    event,
    fill,
    make_project,
    project,
    release,
    topic,
    version,
)


async def test_a_project_comes_back_as_it_went_in_by_slug_and_by_id(store: Store) -> None:
    made = await make_project(store)
    assert await store.read(A, lambda t: t.find_project("hotel-1")) == made
    assert await store.read(A, lambda t: t.find_project("prj_1")) == made
    assert await store.read(A, lambda t: t.find_project("hotel-2")) is None
    assert await store.read(A, lambda t: t.find_project("hotel\0")) is None
    assert await store.read(A, lambda t: t.find_project("\ud800")) is None


async def test_a_taken_slug_is_refused_and_writes_nothing(store: Store) -> None:
    await make_project(store)
    twin = project(2, slug="hotel-1")
    assert not await store.write(A, lambda t: t.insert_project(twin, environments(twin)))
    assert await store.read(A, lambda t: t.list_environments(twin.id)) == ()
    assert await store.write(B, lambda t: t.insert_project(project(), environments(project())))


async def test_projects_are_listed_by_slug_in_portions(store: Store) -> None:
    slugs = ["b", "a-1", "a", "a1", "z", "a_"]
    for number, slug in enumerate(slugs):
        made = project(number, slug=slug)
        await store.write(A, lambda t, made=made: t.insert_project(made, []))
    listed = await store.read(A, lambda t: t.list_projects("", 4))
    assert [p.slug for p in listed] == sorted(slugs)[:4]
    rest = await store.read(A, lambda t: t.list_projects(listed[-1].slug, 100))
    assert [p.slug for p in rest] == sorted(slugs)[4:]
    assert await store.read(A, lambda t: t.list_projects("", 0)) == ()


async def test_a_project_may_be_renamed_but_not_onto_another(store: Store) -> None:
    await make_project(store)
    await store.write(A, lambda t: t.insert_project(project(2), environments(project(2))))
    renamed = project(slug="inn", name="Inn", default_environment=EnvironmentId("env_sandbox_1"))
    await store.write(A, lambda t: t.update_project(renamed))
    assert await store.read(A, lambda t: t.find_project("inn")) == renamed
    assert await store.read(A, lambda t: t.find_project("hotel-1")) is None
    with pytest.raises(Conflict):
        await store.write(A, lambda t: t.update_project(replace(renamed, slug="hotel-2")))
    with pytest.raises(NotFound):
        await store.write(A, lambda t: t.update_project(project(9)))


async def test_environments_come_by_position_and_by_alias_or_id(store: Store) -> None:
    made = await make_project(store)
    live, sandbox = environments(made)
    assert await store.read(A, lambda t: t.list_environments(made.id)) == (sandbox, live)
    assert await store.read(A, lambda t: t.find_environment(made.id, "live")) == live
    assert await store.read(A, lambda t: t.find_environment(made.id, live.id)) == live
    assert await store.read(A, lambda t: t.find_environment(made.id, "main")) is None
    assert await store.read(A, lambda t: t.find_environment(ProjectId("prj_2"), "live")) is None
    assert await store.read(A, lambda t: t.find_environment(ProjectId("prj_2"), live.id)) is None


async def test_an_alias_or_environment_cannot_be_there_twice(store: Store) -> None:
    twin = project(2)
    live, _ = environments(twin)
    with pytest.raises(Conflict):
        await store.write(A, lambda t: t.insert_project(twin, [live, replace(live, id=EnvironmentId("env_x"))]))
    assert await store.read(A, lambda t: t.find_project(twin.id)) is None


async def test_what_is_served_changes_by_compare_and_set(store: Store) -> None:
    made = await make_project(store)
    live = EnvironmentId("env_live_1")
    rollout = (Arm(1, ((0, 99), (200, 9999))), Arm(2, ((100, 199),)))
    assert await store.write(A, lambda t: t.swap_served(live, 0, full_arm(1)))
    assert not await store.write(A, lambda t: t.swap_served(live, 0, full_arm(2)))
    assert not await store.write(A, lambda t: t.swap_served(live, 2, full_arm(2)))
    assert await store.write(A, lambda t: t.swap_served(live, 1, rollout))
    found = await store.read(A, lambda t: t.find_environment(made.id, "live"))
    assert found == replace(environments(made)[0], seq=2, arms=rollout)
    sandbox = await store.read(A, lambda t: t.find_environment(made.id, "sandbox"))
    assert sandbox is not None
    assert sandbox.seq == 0
    assert not await store.write(A, lambda t: t.swap_served(EnvironmentId("env_none"), 0, full_arm(1)))


async def test_version_numbers_have_no_gaps_but_for_failed_transactions(store: Store) -> None:
    made = await make_project(store)
    assert await store.write(A, lambda t: [t.take_version_number(made.id) for _ in range(3)]) == [1, 2, 3]
    with pytest.raises(ZeroDivisionError):
        await store.write(A, lambda t: t.take_version_number(made.id) // 0)
    assert await store.write(A, lambda t: t.take_version_number(made.id)) == 4
    with pytest.raises(NotFound):
        await store.write(A, lambda t: t.take_version_number(ProjectId("prj_9")))


async def test_a_deleted_project_takes_what_is_its_own_and_leaves_audit_bodies_and_others(store: Store) -> None:
    await fill(store)
    other = project(2)
    await store.write(A, lambda t: t.insert_project(other, environments(other)))
    await store.write(A, lambda t: t.insert_version(other.id, version(1)))
    await store.write(A, lambda t: t.insert_release(release(1, 1, "env_live_2")))
    await store.write(A, lambda t: t.delete_project(project().id))

    def look(t):
        return {
            "project": t.find_project("hotel-1"),
            "environments": t.list_environments(project().id),
            "versions": t.list_versions(project().id, None, 10),
            "parents": t.load_parents(project().id),
            "release": t.find_release(EnvironmentId("env_live_1"), 1),
            "draft": t.find_draft_by_id(draft().id),
            "changes": t.load_draft_changes(draft().id),
            "conversation": t.find_conversation(conversation().id),
            "conversations": t.list_conversations(project().id, ConversationFilter(), None, 10),
            "turns": t.list_turns(conversation().id, -1, 10),
            "referrers": t.list_referrers(project().id, [topic("pool")]),
            "records": t.list_records(project().id, "table_row", limit=9),
        }

    assert not any((await store.read(A, look)).values())
    assert await store.read(A, lambda t: t.find_snapshot(SNAPSHOT.digest)) == SNAPSHOT
    assert await store.read(A, lambda t: t.load_bodies([body("Pool").digest]))
    assert len(await store.read(A, lambda t: t.list_audit(0, 10))) == 1
    assert await store.read(A, lambda t: t.find_version(other.id, 1)) == version(1)
    assert await store.read(A, lambda t: t.find_release(EnvironmentId("env_live_2"), 1))
    with pytest.raises(NotFound):
        await store.write(A, lambda t: t.delete_project(project().id))
    # The same names may be used again.
    assert await store.write(A, lambda t: t.insert_project(project(), environments(project())))
    assert await store.write(A, lambda t: t.take_version_number(project().id)) == 1


async def test_a_workspace_that_was_not_made_takes_nothing(store: Store) -> None:
    made = project()
    stranger = type(A)("wsp_none")
    with pytest.raises(NotFound):
        await store.write(stranger, lambda t: t.insert_project(made, environments(made)))
    with pytest.raises(NotFound):
        await store.write(stranger, lambda t: t.append(event()))
    with pytest.raises(NotFound):
        await store.write(stranger, lambda t: t.put_snapshot(SNAPSHOT))
    assert await store.read(stranger, lambda t: t.list_projects("", 10)) == ()


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
async def test_text_that_not_every_database_can_hold_is_refused_everywhere(store: Store, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        await store.write(A, lambda t: t.insert_project(project(name=name), []))
    assert refused.value.code == "text_not_storable"
    assert await store.read(A, lambda t: t.list_projects("", 10)) == ()


async def test_an_environment_is_added_changed_and_deleted_while_its_alias_stays_its_own(store: Store) -> None:
    made = await make_project(store)
    live, sandbox = environments(made)
    new = replace(sandbox, id=EnvironmentId("env_new"), alias="new", name="New", position=5, salt="pepper")
    assert await store.write(A, lambda t: t.insert_environment(new))
    assert not await store.write(A, lambda t: t.insert_environment(replace(new, id=EnvironmentId("env_x"))))
    assert await store.write(A, lambda t: t.insert_alias(made.id, "newer", new.id))
    assert not await store.write(A, lambda t: t.insert_alias(made.id, "newer", live.id))
    changed = replace(
        new, alias="newest", name="Renamed", editable=False, internal=False, promotes_from=live.id, draft_mode="shared"
    )
    await store.write(A, lambda t: t.update_environment(replace(changed, seq=9, salt="x", arms=full_arm(3))))
    for name in ("env_new", "new", "newer"):
        assert await store.read(A, lambda t, n=name: t.find_environment(made.id, n)) == changed
    gone = replace(changed, deleted_at=at(9), conversations_end_at=at(10))
    await store.write(A, lambda t: t.update_environment(gone))
    assert await store.read(A, lambda t: t.find_environment(made.id, "new")) == gone
    assert new.id not in {e.id for e in await store.read(A, lambda t: t.list_environments(made.id))}
    aliases = await store.read(A, lambda t: t.list_aliases(made.id))
    assert aliases == {"live": live.id, "new": new.id, "newer": new.id, "sandbox": sandbox.id}
    with pytest.raises(NotFound):
        await store.write(A, lambda t: t.update_environment(replace(gone, id=EnvironmentId("env_nowhere"))))
    with pytest.raises((NotFound, Conflict)):
        await store.write(B, lambda t: t.insert_environment(new))
