"""Whose draft it is, what was seen of it, whose edits it carries."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from greenroom.domain.canonical import Digest, digest_of
from greenroom.domain.drafts import (
    KEPT_FOR,
    SHARED,
    Draft,
    DraftChange,
    check_restorable,
    check_seen,
    choose_nudge,
    count_carried,
    name_draft,
    owner_of_draft,
)
from greenroom.domain.entities import Address
from greenroom.domain.environments import TEMPLATES, DraftMode, Environment
from greenroom.domain.errors import Missing, NotFound, Stale
from greenroom.domain.ids import DraftId, EnvironmentId, PrincipalId, ProjectId
from greenroom.domain.refs import DraftRef, parse_ref
from greenroom.domain.versions import EMPTY_SNAPSHOT, snapshot_of

NOW = datetime(2026, 1, 5, tzinfo=UTC)
ANN, BOB = PrincipalId("mem_ann"), PrincipalId("mem_bob")
BAR, GYM, POOL = (Address("topic", slug) for slug in ("bar", "gym", "pool"))


def environment(mode: DraftMode) -> Environment:
    id_, project = EnvironmentId("env_1"), ProjectId("prj_1")
    return Environment(id_, project, "main", "Main", 0, True, False, None, mode, "salt")


def draft(**changes: object) -> Draft:
    made = Draft(
        DraftId("drf_1"), ProjectId("prj_1"), EnvironmentId("env_1"), ANN, None, EMPTY_SNAPSHOT.digest, 0, 4, NOW, NOW
    )
    return replace(made, **changes)


def change(address: Address, revision: int, by: str = ANN) -> DraftChange:
    return DraftChange(address, digest(f"{address} {revision}"), revision, NOW, by)


def digest(text: str) -> Digest:
    return digest_of(text)


def test_a_shared_draft_is_nobodys_and_a_private_one_its_editors() -> None:
    assert owner_of_draft(environment("shared"), ANN) == owner_of_draft(environment("shared"), BOB) == SHARED
    assert owner_of_draft(environment("private"), ANN) == ANN
    assert name_draft(environment("shared")) == "the shared draft of main"
    assert name_draft(environment("private")) == "your draft of main"
    # Principals have a prefix, so that none can be the shared owner; the ref of it can be written.
    assert "_" not in SHARED
    assert parse_ref(f"draft:main@{SHARED}") == DraftRef("main", SHARED)


def test_pipeline_drafts_are_private_and_the_other_templates_share() -> None:
    assert {name: template.draft_mode for name, template in TEMPLATES.items()} == {
        "pipeline": "private",
        "parallel": "shared",
        "simple": "shared",
        "legacy": "shared",
    }


CHANGES = {BAR: change(BAR, 3), POOL: change(POOL, 5, BOB)}


def test_what_was_seen_is_enough_and_what_need_not_be_said_need_not() -> None:
    check_seen("it", 5, 5, CHANGES, "why")
    check_seen("it", 5, None, CHANGES)
    check_seen("it", 0, 0, {})


def test_a_stale_sight_is_told_what_was_saved_since() -> None:
    with pytest.raises(Stale) as refused:
        check_seen("your draft", 5, 4, CHANGES)
    assert refused.value.code == "stale_revision"
    assert (refused.value.extra["revision"], refused.value.extra["seen"]) == (5, 4)
    assert [(c["address"], c["by"]) for c in refused.value.extra["changed_since"]] == [("topic/pool", BOB)]
    assert "topic/pool" in refused.value.detail
    with pytest.raises(Stale, match="is not there any more") as refused:
        check_seen("your draft", 0, 4, {})
    assert refused.value.extra["changed_since"] == []
    with pytest.raises(Stale) as refused:  # a sight of the future: another draft
        check_seen("your draft", 5, 9, CHANGES)
    assert len(refused.value.extra["changed_since"]) == 2


def test_who_must_say_what_they_saw_is_told_what_there_is() -> None:
    with pytest.raises(Missing, match="holds edits by somebody else; look at it, then say `revision`: 5") as refused:
        check_seen("your draft", 5, None, CHANGES, "holds edits by somebody else")
    assert refused.value.code == "revision_required"
    assert len(refused.value.extra["changes"]) == 2


def test_carried_edits_are_counted_by_who_made_them_and_only_where_something_changes() -> None:
    base = snapshot_of({GYM: digest("gym")})
    changes = {BAR: change(BAR, 1, BOB), POOL: change(POOL, 2, BOB), GYM: change(GYM, 3, ANN)}
    head = base.with_changes({BAR: changes[BAR].digest, POOL: changes[POOL].digest})
    assert count_carried(changes, base, head, "mem_cid") == {BOB: 2}
    head = head.with_changes({GYM: None, Address("topic", "merged"): digest("x")})
    assert count_carried(changes, base, head, "mem_cid") == {BOB: 2, ANN: 1, "mem_cid": 1}
    unsigned = {BAR: replace(changes[BAR], by="")}
    assert count_carried(unsigned, base, base.with_changes({BAR: changes[BAR].digest}), "mem_cid") == {"mem_cid": 1}


@pytest.mark.parametrize(
    "found, age, why",
    [
        (draft(closed_by="discarded"), KEPT_FOR + timedelta(seconds=1), "more than 30 days ago"),
        (draft(closed_by="restored"), timedelta(0), "was restored already"),
        (draft(closed_by="v3"), timedelta(0), "is not a discarded draft"),
    ],
)
def test_only_what_was_discarded_and_not_long_ago_comes_back(found: Draft, age: timedelta, why: str) -> None:
    with pytest.raises(NotFound, match=why) as refused:
        check_restorable(replace(found, closed_at=NOW), NOW + age)
    assert refused.value.code == "discarded_not_found"
    check_restorable(replace(found, closed_at=NOW, closed_by="discarded"), NOW + KEPT_FOR)


def test_an_open_draft_is_not_restored() -> None:
    with pytest.raises(NotFound):
        check_restorable(draft(), NOW)


def test_a_large_or_old_draft_is_nudged() -> None:
    assert choose_nudge(draft(), 3, NOW) == ""
    assert "51 changes" in choose_nudge(draft(), 51, NOW)
    assert "two weeks" in choose_nudge(draft(), 1, NOW + timedelta(days=15))
    assert choose_nudge(draft(), 0, NOW + timedelta(days=15)) == ""
