"""Laws of merges, on real agents: random edits of two sides to what other systems exported (reliability check 12)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.body_diffs import diff_bodies, is_same_meaning, shape_of_field
from greenroom.domain.canonical import Digest, same
from greenroom.domain.entities import Address, Body, EntityBody, freeze_body, parse_body
from greenroom.domain.errors import Invalid
from greenroom.domain.ids import EnvironmentId, ProjectId, WorkspaceId
from greenroom.domain.merges import Conflict, Merge, Resolution, merge_bodies, merge_snapshots, resolve
from greenroom.domain.projects import Project
from greenroom.domain.versions import Snapshot, snapshot_of
from greenroom.kinds import KINDS
from greenroom.ports import Reading, Writing
from greenroom.services.comparisons import BodyReader
from greenroom.services.merging import Merged, Sides, merge_sides
from greenroom.storage.memory import MemoryStore
from tests.property.real_edits import Agent, agents, dates, edit_agent, edit_body, two_sides
from tests.property.test_merge_laws import _is_made, _overlap, absent_as_text, find, turn
from tests.support.gaps import note_fact

STORE: dict[Digest, Body] = {}
FROZEN: dict[int, tuple[Body, EntityBody]] = {}
randoms = st.randoms(use_true_random=False)


def freeze(body: Body) -> EntityBody:
    # Most bodies of a side are the very ones of the base; by identity, because bodies have no hash.
    known = FROZEN.get(id(body))
    if known is not None and known[0] is body:
        return known[1]
    frozen = freeze_body(body)
    STORE[frozen.digest] = body
    FROZEN[id(body)] = (body, frozen)
    return frozen


def load(_: Address, digest: Digest) -> Body:
    return STORE[digest]


def snap(agent: Agent) -> Snapshot:
    return snapshot_of({address: freeze(body).digest for address, body in agent.items()})


def merge(base: Snapshot, ours: Snapshot, theirs: Snapshot) -> Merge:
    return merge_snapshots(base, ours, theirs, load, freeze, KINDS)


def body_at(snapshot: Snapshot, address: Address) -> Body | None:
    digest = snapshot.get(address)
    return None if digest is None else STORE[digest]


def snapshots(dice: Random) -> tuple[Snapshot, Snapshot, Snapshot]:
    base, ours, theirs = two_sides(dice)
    return snap(base), snap(ours), snap(theirs)


def settle(found: Merge, take: Any) -> Merge:
    return resolve(found, [Resolution(conflict.id, take) for conflict in found.conflicts])


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────


def three_bodies(dice: Random) -> tuple[Address, Body, Body, Body]:
    agent = dice.choice(list(agents().values()))
    address = dice.choice(sorted(agent))
    base = agent[address]
    return address, base, edit_body(address, base, dice), edit_body(address, base, dice)


@given(randoms)
def test_the_laws_hold_for_bodies(dice: Random) -> None:
    address, base, ours, theirs = three_bodies(dice)
    shape = KINDS[address.kind].shape
    for one, two in ((base, ours), (ours, base), (ours, ours)):
        merged, conflicts = merge_bodies(base, one, two, shape, address=address)
        assert conflicts == ()
        assert merged is not None
        assert is_same_meaning(merged, ours, shape)
    merged, conflicts = merge_bodies(base, ours, theirs, shape, address=address)
    swapped, others = merge_bodies(base, theirs, ours, shape, address=address)
    assert same(merged, swapped)
    assert [turn(conflict) for conflict in others] == list(conflicts)
    assert merged is not None
    KINDS[address.kind].validate(merged)  # says what is wrong, if anything, and does not fail
    for side in (ours, theirs):
        for change in diff_bodies(base, side, shape):
            if not any(_overlap(conflict.pointer, change.pointer) for conflict in conflicts):
                assert _is_made(change, base, merged, shape), change
    if not conflicts:
        again, more = merge_bodies(base, merged, theirs, shape, address=address)
        assert (more, is_same_meaning(again, merged, shape)) == ((), True)


@given(randoms)
def test_edits_of_different_fields_never_meet(dice: Random) -> None:
    address, base, ours, theirs = three_bodies(dice)
    mine = {name: (ours if n % 2 else base).get(name) for n, name in enumerate(sorted({*base, *ours}))}
    yours = {name: (base if n % 2 else theirs).get(name) for n, name in enumerate(sorted({*base, *ours}))}
    mine, yours = ({k: v for k, v in side.items() if v is not None} for side in (mine, yours))
    shape = KINDS[address.kind].shape
    merged, conflicts = merge_bodies(base, mine, yours, shape, address=address)
    assert conflicts == ()
    assert merged is not None
    for n, name in enumerate(sorted({*base, *ours})):
        wanted = (mine if n % 2 else yours).get(name)
        assert is_same_meaning(wanted, merged.get(name), shape_of_field(shape, name)), name


# ── whole agents ─────────────────────────────────────────────────────────────────────────────────────────────


@given(randoms)
def test_the_laws_hold_for_agents(dice: Random) -> None:
    base, ours, theirs = snapshots(dice)
    for one, two in ((base, ours), (ours, base), (ours, ours)):
        found = merge(base, one, two)
        assert (found.result, found.conflicts) == (ours, ())
    found, swapped = merge(base, ours, theirs), merge(base, theirs, ours)
    assert found.result == swapped.result
    assert [turn(conflict) for conflict in swapped.conflicts] == list(found.conflicts)
    assert settle(found, "ours").result == settle(swapped, "theirs").result
    assert settle(found, "theirs").result == settle(swapped, "ours").result
    based = settle(found, "base")
    assert based.conflicts or based.result == found.result


@given(randoms)
def test_every_change_is_in_the_result_or_in_a_conflict(dice: Random) -> None:
    base, ours, theirs = snapshots(dice)
    found = merge(base, ours, theirs)
    for side, other in ((ours, theirs), (theirs, ours)):
        for address, before, after in base.differing(side):
            if other.get(address) in (before, after):
                assert found.result.get(address) == after, address
                continue
            pointers = [conflict.pointer for conflict in found.conflicts if conflict.address == address]
            old, new, merged = (body_at(s, address) for s in (base, side, found.result))
            if () in pointers:
                continue
            assert old is not None, f"{address} was added on both sides and is asked about as a whole"
            assert new is not None, f"{address} was removed on one side and is asked about as a whole"
            assert merged is not None
            shape = KINDS[address.kind].shape
            for change in diff_bodies(old, new, shape):
                if not any(_overlap(pointer, change.pointer) for pointer in pointers):
                    assert _is_made(change, old, merged, shape), (address, change)


@given(randoms)
def test_edits_of_different_entities_never_meet_and_both_are_there(dice: Random) -> None:
    base = dice.choice(list(agents().values()))
    ours = edit_agent(base, dice, 5, lambda address: address.slug[-1] < "n")
    theirs = edit_agent(base, dice, 5, lambda address: address.slug[-1] >= "n")
    found = merge(snap(base), snap(ours), snap(theirs))
    assert found.conflicts == ()
    wanted = {
        a: b for side, mine in ((ours, True), (theirs, False)) for a, b in side.items() if (a.slug[-1] < "n") is mine
    }
    assert found.result == snap(wanted)


@given(randoms)
def test_settling_conflicts_makes_no_new_ones_and_does_what_it_says(dice: Random) -> None:
    found = merge(*snapshots(dice))
    left, open_ones = found, list(found.conflicts)
    takes: dict[str, Any] = {}
    dice.shuffle(open_ones)
    while open_ones:
        portion, open_ones = open_ones[:2], open_ones[2:]
        takes |= {conflict.id: dice.choice(("ours", "theirs", "base")) for conflict in portion}
        left = resolve(left, [Resolution(conflict.id, takes[conflict.id]) for conflict in portion])
        rest = [conflict for conflict in left.conflicts if not is_unsound(conflict)]
        assert {conflict.id for conflict in rest} == {conflict.id for conflict in open_ones}
    unsound = {conflict.address for conflict in left.conflicts}
    for conflict in found.conflicts:
        if conflict.address in unsound:
            continue
        body = body_at_or_new(left, conflict.address)
        wanted = conflict.side(takes[conflict.id])
        shape = KINDS[conflict.address.kind].shape
        if conflict.kind == "order":
            continue
        if not conflict.pointer:
            gone = absent_as_text(wanted) == "\0absent"
            assert (body is None) == gone
            assert gone or (body is not None and is_same_meaning(body, wanted, shape)), conflict.id
        elif body is not None:
            assert same(absent_as_text(find(body, conflict.pointer, shape)[0]), absent_as_text(wanted)), conflict


def is_unsound(conflict: Conflict) -> bool:
    """Says whether it is about an entity whose fields, each merged for itself, do not go together."""
    return conflict.kind == "both_changed" and not conflict.pointer


def body_at_or_new(found: Merge, address: Address) -> Body | None:
    digest = found.result.get(address)
    if digest is None:
        return None
    return parse_body(found.bodies[digest].data) if digest in found.bodies else STORE[digest]


def test_two_sides_do_meet() -> None:
    """Counts what the laws above are tried on: without conflicts of every kind they would say little."""
    kinds: Counter[str] = Counter()
    for seed in range(300):
        found = merge(*snapshots(Random(seed)))
        kinds.update(conflict.kind for conflict in found.conflicts)
        kinds["clean"] += not found.conflicts
        kinds["merged bodies"] += len(found.bodies)
    note_fact(f"real merges, 300 of two random sides: {', '.join(f'{n} {k}' for k, n in sorted(kinds.items()))}")
    assert {"both_changed", "edit_delete", "add_add"} <= kinds.keys()
    assert kinds["clean"] > 20
    assert min(kinds["both_changed"], kinds["edit_delete"], kinds["merged bodies"]) > 30


def test_two_dates_of_one_agent_merge_into_the_later_one() -> None:
    older, newer = map(snap, dates())
    found = merge(older, older, newer)
    assert (found.result, found.conflicts) == (newer, ())


# ── in a store: references ───────────────────────────────────────────────────────────────────────────────────

W = WorkspaceId("wsp_real")
P = ProjectId("prj_real")
AT = datetime(2026, 1, 1, tzinfo=UTC)


class Desk:
    """A memory store with one project, into which agents are put."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.runner = asyncio.Runner()
        self.known: set[tuple[Address, Digest]] = set()
        self.project = Project(P, "real", "Real", "parallel", EnvironmentId("env_main"), AT)
        self.run(self.store.system(lambda tx: tx.insert_workspace(W, "W", AT)))
        self.run(self.store.write(W, lambda tx: tx.insert_project(self.project, [])))

    def run(self, doing: Any) -> Any:
        return self.runner.get_loop().run_until_complete(doing)

    def merge(self, sides: Sequence[Agent], choose: Any) -> tuple[Merged, list[list[Conflict]]]:
        """Returns a merge with every conflict settled, and what was asked in each round."""

        def put(tx: Writing) -> None:
            for side in sides:
                frozen = {address: freeze(body) for address, body in side.items()}
                new = {a: f for a, f in frozen.items() if (a, f.digest) not in self.known}
                self.known |= {(a, f.digest) for a, f in new.items()}
                tx.put_bodies(P, new, {a: {m.target for m in KINDS[a.kind].mentions(side[a])} for a in new})

        def work(tx: Reading) -> tuple[Merged, list[list[Conflict]]]:
            base, ours, theirs = map(snap, sides)
            asked: list[list[Conflict]] = []
            resolutions: list[Resolution] = []
            for _ in range(20):
                found = merge_sides(
                    tx, self.project, Sides(base, ours, theirs), KINDS, BodyReader(tx), resolutions, "merge"
                )
                if not found.conflicts:
                    return found, asked
                asked.append(list(found.conflicts))
                resolutions += [Resolution(c.id, choose(c)) for c in found.conflicts]
            raise AssertionError("it goes on asking")

        self.run(self.store.write(W, put))
        return self.run(self.store.read(W, work))


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.runner.close()


def dangling(agent: Mapping[Address, Body]) -> set[tuple[Address, Address]]:
    """Returns who names whom that is not there, worked out from all bodies."""
    return {
        (address, mention.target)
        for address, body in agent.items()
        for mention in KINDS[address.kind].mentions(body)
        if mention.target not in agent and not mention.optional
    }


def content(found: Merged) -> dict[Address, Body]:
    new = {frozen.digest: body for frozen, body in found.bodies.values()}
    return {address: new[digest] if digest in new else STORE[digest] for address, digest in found.snapshot.items()}


def ids(conflicts: Iterable[Conflict]) -> set[str]:
    return {conflict.id for conflict in conflicts}


@given(randoms)
def test_a_merge_leaves_no_reference_dangling_that_neither_side_had(desk: Desk, dice: Random) -> None:
    sides = two_sides(dice)

    def choose(conflict: Conflict) -> Any:
        there = [side for side in ("ours", "theirs", "base") if side not in conflict.absent]
        return dice.choice(there if conflict.kind == "broken_reference" else ["ours", "theirs", "base"])

    try:
        found, asked = desk.merge(sides, choose)
    except Invalid as unsound:
        if unsound.code != "not_publishable":
            raise
        return
    for earlier, later in pairwise(asked):
        assert not ids(earlier) & ids(later), "what was settled is asked again"
        assert all(conflict.kind == "broken_reference" or is_unsound(conflict) for conflict in later)
    merged = content(found)
    for address, body in merged.items():
        assert not (body is not None and KINDS[address.kind].validate(body) and found.bodies.get(address)), address
    news = dangling(merged) - dangling(sides[1]) - dangling(sides[2])
    # What no side of the three has cannot be brought back; validation refuses it.
    assert {pair for pair in news if any(pair[1] in side for side in sides)} == set()


def test_references_do_break_between_real_sides(desk: Desk) -> None:
    """Counts, so that the law above is about something: what is named goes on one side, with all who name it."""
    base = dates()[0]
    users = {a: [m.target for m in KINDS[a.kind].mentions(body) if not m.optional] for a, body in base.items()}
    asked: Counter[str] = Counter()
    for target in sorted({to for targets in users.values() for to in targets}):
        gone = [target, *(a for a, targets in users.items() if target in targets)]
        ours = {address: body for address, body in base.items() if address not in gone}
        text = {"name": "News", "content": f"{{{{{target.kind}.{target.slug}}}}}", "sample_questions": ["News?"]}
        theirs = {**base, Address("topic", "news"): KINDS["topic"].complete(text)}
        found, rounds = desk.merge((base, ours, theirs), lambda _: "base")
        asked.update(conflict.kind for portion in rounds for conflict in portion)
        asked["rounds"] += len(rounds)
        assert target in found.snapshot
        assert dangling(content(found)) <= dangling(ours)
    note_fact(f"real references broken and mended: {dict(asked)}")
    assert asked["broken_reference"] > 0
