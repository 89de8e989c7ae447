"""The split as it is kept: set by revision, planned without effect, remembered, and given back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from greenroom.domain.errors import GreenroomError, Invalid, Missing, NotAllowed, NotFound, Refused, Stale
from greenroom.domain.splits import list_slots
from greenroom.ports import Reading, Writing
from greenroom.services.conversations import Beginning
from greenroom.services.environments import is_public
from greenroom.services.plans import PromoteRequest
from greenroom.services.splits import (
    ShareRequest,
    SplitRequest,
    SplitView,
    find_share,
    find_split,
    return_share,
    say_change,
)
from greenroom.services.states import load_environment, load_project
from tests.support.splits import delete_place, open_place
from tests.unit.services.story import Story, begin
from tests.unit.services.test_release_story import serve


async def set_up() -> Story:
    """Returns a desk with a hotel whose live environment serves, and the places b and c beside it."""
    story = await begin()
    await story.make_project()
    await serve(story, "Until noon.")
    for alias in ("b", "c"):
        await open_place(story.desk.store, story.owner.workspace, "hotel", alias, 1)
    return story


def wanted(note: str = "", **weights: float) -> SplitRequest:
    return SplitRequest([ShareRequest(alias, weight) for alias, weight in weights.items()], None, note)


async def set_split(story: Story, seen: str | None, **more: Any) -> SplitView:
    return await story.desk.splits.set(story.call(), "hotel", wanted(**more), seen)


def weights(view: SplitView) -> dict[str, int]:
    return {view.aliases[share.environment]: share.weight for share in view.split.shares}


async def events(story: Story) -> Sequence[Any]:
    return await story.desk.history.list(story.call(), "hotel", None, 20, "split.changed")


async def test_without_a_split_all_of_it_goes_to_the_default_environment() -> None:
    story = await set_up()
    view = await story.desk.splits.load(story.call("viewer"), "hotel")
    assert (view.split.revision, view.split.sticky_key, weights(view)) == (0, "user", {"live": 10000})
    assert await story.desk.splits.list_changes(story.call("viewer"), "hotel", None, 10) == []


async def test_a_split_is_set_and_remembered_and_told() -> None:
    story = await set_up()
    first = await set_split(story, "*", live=90, b=10, note=" Ten percent try B ")
    assert (first.split.revision, weights(first), first.split.note) == (
        1,
        {"live": 9000, "b": 1000},
        "Ten percent try B",
    )
    assert first.split.salt
    second = await set_split(story, "1", live=33.33, b=66.67)
    assert second.split.salt == first.split.salt, "the salt survives edits"
    newest, oldest = await story.desk.splits.list_changes(story.call("viewer"), "hotel", None, 10)
    assert (newest.change.revision, newest.change.moved_slots) == (2, 5667)
    assert (oldest.change.moved_slots, oldest.change.by, oldest.change.note) == (
        1000,
        story.owner.id,
        "Ten percent try B",
    )
    assert [newest.aliases[one] for one in newest.change.weights_before] == ["live", "b"]
    assert await story.desk.splits.list_changes(story.call("viewer"), "hotel", 2, 10) == [oldest]
    told = await events(story)
    assert [line.event["data"]["moved_slots"] for line in told] == [5667, 1000]
    assert told[0].summary.endswith("split the traffic: live 33.33 %, b 66.67 %")


async def test_a_key_that_sticks_by_something_else_is_kept_too() -> None:
    story = await set_up()
    await story.desk.splits.set(story.call(), "hotel", SplitRequest([ShareRequest("live", 100)], "caller"), "*")
    view = await set_split(story, "1", live=100)
    assert view.split.sticky_key == "caller", "what is not given stays"


async def test_whoever_did_not_see_the_present_split_does_not_change_it() -> None:
    story = await set_up()
    with pytest.raises(Missing):
        await set_split(story, None, live=100)
    for seen in ("1", "0"):
        with pytest.raises(Stale):
            await set_split(story, seen, live=100)
    await set_split(story, "*", live=90, b=10)
    for seen in ("*", "2"):
        with pytest.raises(Stale) as stale:
            await set_split(story, seen, live=100)
        present = [{"environment": "live", "weight": 90.0}, {"environment": "b", "weight": 10.0}]
        assert stale.value.extra["present"] == {"revision": 1, "sticky_key": "user", "shares": present}
    assert len(await events(story)) == 1


@pytest.mark.parametrize(
    "shares, error, code, pointer",
    [
        ({"live": 90, "pre-release": 10}, Refused, "internal_environment", "/shares/1/environment"),
        ({"live": 90, "empty": 10}, Refused, "nothing_served", "/shares/1/environment"),
        ({"live": 90, "gone": 10}, NotFound, "environment_deleted", "/shares/1/environment"),
        ({"nowhere": 90, "live": 10}, NotFound, "environment_not_found", "/shares/0/environment"),
        ({"live": 90, "b": 9.999}, Invalid, "invalid_weight", "/shares/1/weight"),
        ({"live": 90, "b": 9}, Invalid, "weights_not_whole", "/shares"),
        ({"b": 100}, Invalid, "default_entry_missing", "/shares"),
        ({"live": 100, "note": "x" * 501}, Invalid, "invalid_text", "/note"),
    ],
)
async def test_what_no_share_may_be_is_refused_and_nothing_is_written(
    shares: dict[str, Any], error: type[GreenroomError], code: str, pointer: str
) -> None:
    story = await set_up()
    await open_place(story.desk.store, story.owner.workspace, "hotel", "empty", None)
    await open_place(story.desk.store, story.owner.workspace, "hotel", "gone", 1)
    await delete_place(story.desk.store, story.owner.workspace, "hotel", "gone")
    for attempt in (story.desk.splits.set, story.desk.splits.plan):
        with pytest.raises(error) as refused:
            await attempt(story.call(), "hotel", wanted(**shares), "*")
        assert (refused.value.code, refused.value.errors[0].pointer) == (code, pointer)
    assert (await story.desk.splits.load(story.call(), "hotel")).split.revision == 0


async def test_an_alias_and_an_id_are_one_environment() -> None:
    story = await set_up()
    live = (await story.desk.environments.load(story.call(), "hotel", "live")).environment.id
    with pytest.raises(Invalid, match="has a share already"):
        await set_split(story, "*", live=50, **{live: 50})


async def test_a_plan_says_what_moves_and_writes_nothing() -> None:
    story = await set_up()
    await story.desk.conversations.start(story.call(), "hotel", Beginning())
    plan = await story.desk.splits.plan(story.call(), "hotel", wanted(live=90, b=10), None)
    assert (plan.moved_slots, plan.running, plan.rekeyed) == (1000, 1, False)
    assert (await story.desk.splits.load(story.call(), "hotel")).split.revision == 0
    await set_split(story, "*", live=90, b=10)
    again = SplitRequest([ShareRequest("live", 90), ShareRequest("b", 10)], "conversation")
    plan = await story.desk.splits.plan(story.call(), "hotel", again, "1")
    assert (plan.moved_slots, plan.rekeyed) == (0, True)
    with pytest.raises(Stale):
        await story.desk.splits.plan(story.call(), "hotel", again, "*")


async def test_a_plan_says_who_goes_where() -> None:
    story = await set_up()
    await set_split(story, "*", live=80, b=20)

    async def flows(**more: Any) -> dict[str, int]:
        request = SplitRequest([ShareRequest(a, w) for a, w in more.pop("shares").items()], **more)
        plan = await story.desk.splits.plan(story.call(), "hotel", request, "1")
        return {f"{plan.aliases[f.source]} to {plan.aliases[f.target]}": f.weight for f in plan.flows}

    assert await flows(shares={"live": 80, "b": 20}) == {}
    assert await flows(shares={"live": 50, "b": 25, "c": 25}) == {"live to b": 500, "live to c": 2500}
    assert await flows(shares={"live": 100}) == {"b to live": 2000}
    drawn = {"live to b": 1600, "b to live": 1600}
    assert await flows(shares={"live": 80, "b": 20}, restart=True) == drawn
    assert await flows(shares={"live": 80, "b": 20}, sticky_key="caller") == drawn


async def test_a_restart_draws_everybody_anew_and_says_so() -> None:
    story = await set_up()
    first = await set_split(story, "*", live=50, b=50)
    again = SplitRequest([ShareRequest("live", 50), ShareRequest("b", 50)], None, "A new test", restart=True)
    with pytest.raises(Stale):
        await story.desk.splits.set(story.call(), "hotel", again, "*")
    second = await story.desk.splits.set(story.call(), "hotel", again, "1")
    assert second.split.salt != first.split.salt
    assert second.split.shares == first.split.shares, "the slots stay; the keys get others"
    assert (first.split.salted, second.split.salted) == (1, 2)
    third = await set_split(story, "2", live=60, b=40)
    assert (third.split.salt, third.split.salted) == (second.split.salt, 2), "later edits keep the new salt"
    changes = await story.desk.splits.list_changes(story.call(), "hotel", None, 5)
    assert [one.change.restarted for one in changes] == [False, True, False]
    told = await story.desk.history.list(story.call(), "hotel", None, 2, "split.restarted")
    assert told[0].summary.endswith("drew anew who goes where in the split: live 50 %, b 50 %")


async def test_only_release_managers_split_traffic() -> None:
    story = await set_up()
    for attempt in (story.desk.splits.set, story.desk.splits.plan):
        with pytest.raises(NotAllowed):
            await attempt(story.call("publisher"), "hotel", wanted(live=100), "*")


async def test_an_environment_with_a_share_is_public_and_asks_for_confirmation() -> None:
    story = await set_up()
    await set_split(story, "*", live=90, b=10)

    def public(tx: Reading) -> list[bool]:
        project = load_project(tx, "hotel")
        return [is_public(tx, project, load_environment(tx, project, alias)) for alias in ("live", "b", "c")]

    assert await story.desk.work.read(story.call(), public) == [True, True, False]
    assert (await story.desk.environments.load(story.call(), "hotel", "b")).public
    version = await serve(story, "Until two.")
    with pytest.raises(Missing, match="confirm"):
        await story.desk.releases.promote(story.call(), "hotel", "b", PromoteRequest(version, 1, hotfix="urgent"))


async def test_a_share_is_given_back_with_nothing_else_moving() -> None:
    story = await set_up()
    before = await set_split(story, "*", live=80, b=15, c=5)

    def work(tx: Writing) -> dict[str, Any]:
        project = load_project(tx, "hotel")
        live, b = (load_environment(tx, project, alias) for alias in ("live", "b"))
        change = return_share(tx, story.call(), project, b, live, "b was merged", story.desk.clock.now())
        assert change is not None
        data = say_change(change, {live.id: "live"})
        tx.append(story.desk.work.event(story.call(), "split.changed", project=project.id, data=data))
        assert find_share(tx, project, b) is None
        assert return_share(tx, story.call(), project, b, live, "", story.desk.clock.now()) is None
        return data

    data = await story.desk.work.change(story.call(), work)
    assert (data["revision"], data["moved_slots"], data["note"]) == (2, 1500, "b was merged")
    after = await story.desk.splits.load(story.call(), "hotel")
    assert weights(after) == {"live": 9500, "c": 500}
    (live, _, c), (more, same) = before.split.shares, after.split.shares
    assert set(list_slots(live.slots)) < set(list_slots(more.slots))
    assert same == c
    assert after.split.salt == before.split.salt
    assert len(await story.desk.splits.list_changes(story.call(), "hotel", None, 10)) == 2


async def test_a_share_goes_to_a_place_that_had_none_but_never_from_the_default_entry() -> None:
    story = await set_up()
    await set_split(story, "*", live=90, b=10)

    def give(tx: Writing, source: str, target: str) -> None:
        project = load_project(tx, "hotel")
        one, other = (load_environment(tx, project, alias) for alias in (source, target))
        assert return_share(tx, story.call(), project, one, other, "", story.desk.clock.now())

    await story.desk.work.change(story.call(), lambda tx: give(tx, "b", "c"))
    assert weights(await story.desk.splits.load(story.call(), "hotel")) == {"live": 9000, "c": 1000}
    for source, target, code in (("live", "c", "default_entry"), ("c", "sandbox", "internal_environment")):
        with pytest.raises(Refused) as refused:
            await story.desk.work.change(story.call(), lambda tx, s=source, t=target: give(tx, s, t))
        assert refused.value.code == code


async def test_a_project_without_a_split_has_no_shares() -> None:
    story = await set_up()

    def work(tx: Writing) -> None:
        project = load_project(tx, "hotel")
        live, b = (load_environment(tx, project, alias) for alias in ("live", "b"))
        assert find_split(tx, project) is find_share(tx, project, live) is None
        assert return_share(tx, story.call(), project, b, live, "", story.desk.clock.now()) is None

    await story.desk.work.change(story.call(), work)
