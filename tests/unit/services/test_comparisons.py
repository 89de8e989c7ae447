"""Who changed what is found in the version that did it, however long ago, within 200 versions."""

from __future__ import annotations

from dataclasses import replace

from greenroom.domain.entities import Address, freeze_body
from greenroom.domain.environments import full_arm
from greenroom.domain.ids import PrincipalId
from greenroom.ports import Writing
from greenroom.services.comparisons import MAX_WALK
from greenroom.services.plans import PublishRequest
from tests.unit.services.story import CHECKOUT, Story, begin, topic


async def grow(story: Story, changes: list[dict[Address, str | None]]) -> None:
    """Adds versions, each with changes to the one before, by an author of its own: `mem_<number>`."""

    def work(tx: Writing) -> None:
        project = tx.find_project("hotel")
        assert project is not None
        sandbox = tx.find_environment(project.id, "sandbox")
        assert sandbox is not None
        version, release = tx.find_version(project.id, 1), tx.find_release(sandbox.id, 1)
        assert version is not None
        assert release is not None
        snapshot = tx.find_snapshot(version.digest)
        assert snapshot is not None
        for change in changes:
            number = tx.take_version_number(project.id)
            bodies = {a: freeze_body({"schema": 1, "name": text}) for a, text in change.items() if text is not None}
            tx.put_bodies(project.id, bodies, {})
            snapshot = snapshot.with_changes({a: bodies[a].digest if a in bodies else None for a in change})
            tx.put_snapshot(snapshot)
            author = PrincipalId(f"mem_{number}")
            made = replace(version, number=number, digest=snapshot.digest, author=author, parents=(number - 1,))
            tx.insert_version(project.id, made)
            tx.swap_served(sandbox.id, number - 1, full_arm(number))
            id_ = type(release.id)(f"rel_{number}")
            tx.insert_release(replace(release, id=id_, seq=number, beneath=number - 1, to_arms=full_arm(number)))

    await story.desk.store.write(story.owner.workspace, work)


async def begin_hotel() -> Story:
    story = await begin()
    await story.make_project()
    await story.save(CHECKOUT, topic("Until noon."))
    await story.desk.publishing.publish(story.call(), "hotel", "sandbox", PublishRequest("Late check-out until noon"))
    return story


def a(number: int) -> Address:
    return Address("topic", f"t{number}")


async def test_each_change_has_the_author_of_its_version() -> None:
    story = await begin_hotel()
    await grow(story, [{a(1): "one", a(2): "two"}, {a(2): "zwei"}, {}, {a(3): "three", a(1): None}, {a(4): "four"}, {}])
    compared = await story.desk.comparisons.compare(story.call(), "hotel", "v1", "v7")
    assert compared.authors == {a(2): "mem_3", a(3): "mem_5", a(4): "mem_6"}
    back = await story.desk.comparisons.compare(story.call(), "hotel", "v2", "v7")
    assert back.authors[a(1)] == "mem_5", "who removed it"
    first = await story.desk.comparisons.compare(story.call(), "hotel", "v7", "v1")
    assert set(first.authors.values()) <= {story.owner.id}


async def test_a_change_is_found_across_portions_and_not_beyond_the_walk() -> None:
    story = await begin_hotel()
    await grow(story, [{a(1): "one"}, *({a(9): str(number)} for number in range(MAX_WALK + 10)), {a(2): "two"}])
    last = MAX_WALK + 13
    near = await story.desk.comparisons.compare(story.call(), "hotel", f"v{last - 1}", f"v{last}")
    assert near.authors == {a(2): f"mem_{last}"}
    far = await story.desk.comparisons.compare(story.call(), "hotel", "v1", f"v{last}")
    assert far.authors == {a(2): f"mem_{last}", a(9): f"mem_{last - 1}"}, "the first is too long ago"
    within = await story.desk.comparisons.compare(story.call(), "hotel", "v1", "v150")
    assert within.authors == {a(1): "mem_2", a(9): "mem_150"}


async def test_an_entity_tells_who_made_it_what_it_is() -> None:
    story = await begin_hotel()
    await grow(story, [{a(1): "one"}, *({a(9): str(number)} for number in range(150))])
    seen = await story.desk.content.load(story.call(), "hotel", a(1), "v152")
    assert seen.last_changed is not None
    assert (seen.last_changed.version, seen.last_changed.by) == (2, "mem_2")
    await grow_more(story)
    assert (await story.desk.content.load(story.call(), "hotel", a(1), "v252")).last_changed is None
    history = await story.desk.content.list_history(story.call(), "hotel", a(1), None, 10)
    assert [(change.version.number, change.op) for change in history] == [(2, "added")]


async def grow_more(story: Story) -> None:
    """Adds a hundred versions to those that there are."""

    def work(tx: Writing) -> None:
        project = tx.find_project("hotel")
        assert project is not None
        last = tx.find_version(project.id, 152)
        assert last is not None
        for number in range(153, 253):
            assert tx.take_version_number(project.id) == number
            tx.insert_version(project.id, replace(last, number=number, parents=(number - 1,)))

    await story.desk.store.write(story.owner.workspace, work)
