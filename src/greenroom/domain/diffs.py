"""Two snapshots in, a list of changes out. How bodies are compared is in body_diffs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from greenroom.domain.body_diffs import PLAIN, apply_changes, diff_bodies, invert
from greenroom.domain.canonical import Digest
from greenroom.domain.changes import Change, Comparison, FieldChange, Rewired, SnapshotChange
from greenroom.domain.entities import Address, Body
from greenroom.domain.kind import Kind, Registry
from greenroom.domain.summaries import say_unchanged, summarise
from greenroom.domain.versions import Snapshot

__all__ = [
    "Change",
    "Comparison",
    "FieldChange",
    "LoadBody",
    "Rewired",
    "SnapshotChange",
    "apply_changes",
    "diff_bodies",
    "diff_snapshots",
    "explain",
    "explain_one",
    "invert",
    "list_kinds",
]

LoadBody = Callable[[Address, Digest], Body]
"""Returns the stored body of an entity, as it was written."""


def diff_snapshots(base: Snapshot, head: Snapshot, kinds: Iterable[str] = ()) -> tuple[SnapshotChange, ...]:
    """Returns the entities that are not the same, in the order of `kinds` and then of slugs.

    Kinds that are not listed come last, by name. Reads only the shards that differ, and no body.
    """
    changes = [SnapshotChange(address, before, after) for address, before, after in base.differing(head)]
    return tuple(_in_order(changes, kinds))


def explain(
    changes: Sequence[SnapshotChange],
    load_body: LoadBody,
    kinds: Registry,
    present: Collection[str] | None = None,
) -> Comparison:
    """Returns what the changes of two snapshots mean, field by field and in words.

    `present` names the kinds that exist in either snapshot (see `list_kinds`); without it, all kinds count.
    Loads the bodies of changed entities only.
    """
    explained: list[Change] = []
    same_meaning: list[Address] = []
    for change in _in_order(changes, kinds):
        before = load_body(change.address, change.before) if change.before is not None else None
        after = load_body(change.address, change.after) if change.after is not None else None
        found = explain_one(change.address, before, after, kinds.get(change.address.kind))
        if found is None:
            same_meaning.append(change.address)
        else:
            explained.append(found)
    changed = {change.address.kind for change in explained}
    unchanged = tuple(name for name in kinds if name not in changed and (present is None or name in present))
    return Comparison(
        changes=tuple(explained),
        unchanged_kinds=unchanged,
        summary=summarise(explained, kinds),
        unchanged=say_unchanged(unchanged, kinds),
        same_meaning=tuple(same_meaning),
    )


def explain_one(address: Address, before: Body | None, after: Body | None, kind: Kind | None) -> Change | None:
    """Returns the change of one entity, None when both bodies mean the same once upgraded.

    Bodies of a kind that is not installed are compared as plain JSON.
    """
    if kind is not None:
        before = kind.upgrade(before) if before is not None else None
        after = kind.upgrade(after) if after is not None else None
    shown = after if after is not None else before
    if shown is None:
        return None
    name, rewired = str(shown.get("name") or address.slug), _rewire(before, after, kind)
    if before is None or after is None:
        op = "added" if before is None else "removed"
        return Change(address, op, name, (), before, after, rewired)
    fields = diff_bodies(before, after, kind.shape if kind else PLAIN)
    return Change(address, "edited", name, fields, before, after, rewired) if fields else None


def list_kinds(*snapshots: Snapshot) -> frozenset[str]:
    """Returns the kinds that have an entity in any of the snapshots. Costs a look at every entity."""
    shards = {id(shard): shard for snapshot in snapshots for shard in snapshot.shards}
    return frozenset(address.kind for shard in shards.values() for address in shard)


def _in_order(changes: Iterable[SnapshotChange], kinds: Iterable[str]) -> list[SnapshotChange]:
    order = {name: place for place, name in enumerate(kinds)}
    last = len(order)

    def place(change: SnapshotChange) -> tuple[int, str, str]:
        return order.get(change.address.kind, last), change.address.kind, change.address.slug

    return sorted(changes, key=place)


def _rewire(before: Body | None, after: Body | None, kind: Kind | None) -> Rewired:
    if kind is None:
        return Rewired()
    old = {mention.target for mention in kind.mentions(before)} if before is not None else set[Address]()
    new = {mention.target for mention in kind.mentions(after)} if after is not None else set[Address]()
    return Rewired(tuple(sorted(new - old)), tuple(sorted(old - new)))
