"""Snapshots that share what did not change, and the graph of versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain import versions
from greenroom.domain.canonical import Digest, digest_of
from greenroom.domain.entities import Address
from greenroom.domain.versions import (
    EMPTY_SNAPSHOT,
    SHARDS,
    Shard,
    Snapshot,
    ancestors_of,
    digest_of_shard,
    find_common_ancestor,
    shard_from_json,
    shard_of,
    snapshot_of,
)

addresses = st.builds(Address, st.sampled_from(("topic", "rule", "voice")), st.integers(0, 40).map(str))
digests = st.integers(0, 5).map(digest_of)
entities = st.dictionaries(addresses, digests, max_size=30)
edits = st.dictionaries(addresses, st.none() | digests, max_size=10)


def plain(snapshot: Snapshot) -> dict[Address, Digest]:
    return dict(snapshot.items())


def after(before: dict[Address, Digest], changes: dict[Address, Digest | None]) -> dict[Address, Digest]:
    merged = {**before, **changes}
    return {address: digest for address, digest in merged.items() if digest is not None}


@given(entities, st.lists(edits, max_size=4))
def test_the_digest_tells_what_is_in_it_however_it_was_built(
    start: dict[Address, Digest], steps: list[dict[Address, Digest | None]]
) -> None:
    snapshot, model = snapshot_of(start), dict(start)
    for step in steps:
        snapshot, model = snapshot.with_changes(step), after(model, step)
    built_at_once = snapshot_of(reversed(model.items()))
    assert plain(snapshot) == model
    assert len(snapshot) == len(model) == snapshot.size
    assert snapshot == built_at_once
    assert snapshot.shard_digests == built_at_once.shard_digests
    assert hash(snapshot) == hash(built_at_once)


@given(entities, entities)
def test_different_entities_have_different_digests(one: dict[Address, Digest], two: dict[Address, Digest]) -> None:
    assert (snapshot_of(one) == snapshot_of(two)) is (one == two)


@given(entities, edits)
def test_changes_leave_the_snapshot_they_were_made_to(
    start: dict[Address, Digest], step: dict[Address, Digest | None]
) -> None:
    base = snapshot_of(start)
    digest = base.digest
    base.with_changes(step)
    assert (plain(base), base.digest) == (start, digest)


@given(entities, edits)
def test_untouched_shards_are_shared(start: dict[Address, Digest], step: dict[Address, Digest | None]) -> None:
    base = snapshot_of(start)
    changed = base.with_changes(step)
    touched = {shard_of(address) for address in step}
    for index in range(SHARDS):
        assert (changed.shards[index] is base.shards[index]) or index in touched


@given(entities, entities)
def test_differing_yields_each_difference_once(one: dict[Address, Digest], two: dict[Address, Digest]) -> None:
    found = list(snapshot_of(one).differing(snapshot_of(two)))
    expected = {
        (address, one.get(address), two.get(address))
        for address in one.keys() | two.keys()
        if one.get(address) != two.get(address)
    }
    assert set(found) == expected
    assert len(found) == len(expected)


def test_changing_n_entities_hashes_at_most_n_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    base = snapshot_of({Address("topic", f"t{n}"): digest_of(n) for n in range(5_000)})
    hashed: list[Shard] = []

    def counted(shard: Shard) -> Digest:
        hashed.append(shard)
        return digest_of_shard(shard)

    monkeypatch.setattr(versions, "digest_of_shard", counted)
    base.with_changes({Address("topic", f"t{n}"): digest_of("new") for n in range(20)})
    assert len(hashed) <= 20
    assert sum(map(len, hashed)) <= 20 * max(map(len, base.shards))


def test_no_changes_are_the_same_snapshot() -> None:
    base = snapshot_of({Address("topic", "a"): digest_of(1)})
    assert base.with_changes({}) is base
    assert base.with_changes({Address("topic", "gone"): None}) == base


def test_the_empty_snapshot_has_a_digest_for_ever() -> None:
    assert snapshot_of({}) == EMPTY_SNAPSHOT
    assert EMPTY_SNAPSHOT.digest == "sha256:78a34c76f64d0f256332e775e55c1bdbfd4dabdc75892989b5f604320ba0fcdf"


def test_a_snapshot_reads_as_a_mapping() -> None:
    address = Address("topic", "a")
    snapshot = snapshot_of({address: digest_of(1)})
    assert snapshot[address] == digest_of(1)
    assert address in snapshot
    assert snapshot.get(Address("topic", "b")) is None
    assert "1 entities" in repr(snapshot)
    with pytest.raises(TypeError):
        snapshot.shards[shard_of(address)][address] = digest_of(2)  # type: ignore[index]


@given(entities)
def test_a_shard_is_read_back_as_it_was_stored(start: dict[Address, Digest]) -> None:
    for shard in snapshot_of(start).shards:
        stored = {str(address): str(digest) for address, digest in shard.items()}
        assert digest_of_shard(shard_from_json(stored)) == digest_of_shard(shard)


# ── the graph of versions ────────────────────────────────────────────────────────────────────────────────────

GRAPH = {1: (), 2: (1,), 3: (1,), 4: (2, 3), 5: (3,), 6: (4, 5), 7: ()}


@pytest.mark.parametrize(
    "a,b,expected", [(2, 3, 1), (4, 5, 3), (6, 5, 5), (4, 4, 4), (1, 7, None), (2, 5, 1), (4, 99, None)]
)
def test_the_nearest_common_ancestor(a: int, b: int, expected: int | None) -> None:
    assert find_common_ancestor(GRAPH, a, b) == find_common_ancestor(GRAPH, b, a) == expected


@st.composite
def graphs(draw: st.DrawFn) -> dict[int, tuple[int, ...]]:
    size = draw(st.integers(1, 12))
    return {
        number: tuple(draw(st.lists(st.integers(1, number - 1), max_size=2, unique=True)) if number > 1 else ())
        for number in range(1, size + 1)
    }


@given(graphs(), st.data())
def test_no_other_common_ancestor_is_nearer(graph: dict[int, tuple[int, ...]], data: st.DataObject) -> None:
    a, b = data.draw(st.sampled_from(sorted(graph))), data.draw(st.sampled_from(sorted(graph)))
    common = ancestors_of(graph, a) & ancestors_of(graph, b)
    found = find_common_ancestor(graph, a, b)
    assert (found is None) is (not common)
    if found is not None:
        assert found in common
        assert not any(found in ancestors_of(graph, other) for other in common - {found})


def test_a_long_line_of_versions_needs_no_recursion() -> None:
    line = {number: (number - 1,) if number > 1 else () for number in range(1, 20_001)}
    assert find_common_ancestor(line, 20_000, 19_999) == 19_999


def test_pairs_are_those_that_a_look_up_finds() -> None:
    made = snapshot_of({Address("topic", f"t{number}"): Digest(digest_of(number)) for number in range(700)})
    assert sorted(made.items()) == sorted((address, made[address]) for address in made)
    assert len(made.items()) == 700
    assert (Address("topic", "t1"), made[Address("topic", "t1")]) in made.items()
