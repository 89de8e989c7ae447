"""A draft brought onto what its environment serves now, by three-way merge (R7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from greenroom.domain.drafts import Draft, DraftChange
from greenroom.domain.entities import Address, Body, EntityBody, freeze_body
from greenroom.domain.environments import Environment
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.kind import Registry
from greenroom.domain.merges import Conflict, Resolution, merge_snapshots, resolve
from greenroom.domain.projects import Project
from greenroom.domain.versions import EMPTY_SNAPSHOT, Snapshot, find_common_ancestor, find_parting
from greenroom.ports import Reading
from greenroom.services.comparisons import BodyReader
from greenroom.services.merging import take_merged
from greenroom.services.plans import Choice, TakenBack
from greenroom.services.states import State, load_draft_snapshot, load_served, load_snapshot, load_version


@dataclass(frozen=True, slots=True)
class Rebased:
    """What a draft becomes on what is served now. `bodies` are those that the merge made anew."""

    served: State
    snapshot: Snapshot
    changes: Mapping[Address, DraftChange]
    bodies: Mapping[Address, tuple[EntityBody, Body]]
    parents: tuple[int, ...]
    rebased: bool
    conflicts: Sequence[Conflict] = ()
    taken_back: TakenBack | None = None


def rebase_draft(
    tx: Reading,
    project: Project,
    environment: Environment,
    draft: Draft,
    kinds: Registry,
    reader: BodyReader,
    resolutions: Sequence[Resolution] = (),
    choice: Choice | None = None,
) -> Rebased:
    """Returns the draft as it would be on what the environment serves; writes nothing.

    Changes that a rollback took back beneath the draft are left out unless `bring_back` is chosen, and are
    named either way. Raises Invalid for a resolution of an unknown conflict.
    """
    served = load_served(tx, project, environment)
    ours, changes = load_draft_snapshot(tx, draft)
    parents = () if served.version is None else (served.version,)
    if draft.base_digest == served.digest:
        resolve_nothing(resolutions)
        return Rebased(served, ours, changes, {}, parents, rebased=draft.base_seq != environment.seq)
    taken_back, ancestor = _find_taken_back(tx, project, served, draft, choice)
    base = load_snapshot(tx, draft.base_digest)
    if taken_back is not None and taken_back.choice == "bring_back":
        base = ancestor
        parents = (*parents, *((draft.base_version,) if draft.base_version is not None else ()))
    merge = merge_snapshots(base, ours, served.snapshot, reader, freeze_body, kinds)
    if resolutions:
        merge = resolve(merge, resolutions)
    snapshot, bodies = take_merged(merge, reader, kinds)
    return Rebased(served, snapshot, changes, bodies, parents, True, merge.conflicts, taken_back)


def resolve_nothing(resolutions: Sequence[Resolution]) -> None:
    """Refuses resolutions where nothing conflicts."""
    if resolutions:
        raise Invalid(
            "unknown_conflict",
            "nothing conflicts, so there is nothing to resolve",
            errors=[Fault("/resolutions/0/conflict_id", "names no conflict")],
        )


def _find_taken_back(
    tx: Reading, project: Project, served: State, draft: Draft, choice: Choice | None
) -> tuple[TakenBack | None, Snapshot]:
    """Returns the changes beneath the draft that are no longer served, and the common ancestor."""
    if draft.base_version is None:
        return None, EMPTY_SNAPSHOT
    parents = tx.load_parents(project.id)
    gone = sorted(find_parting(parents, draft.base_version, served.version).first, reverse=True)
    if not gone:
        return None, EMPTY_SNAPSHOT
    number = find_common_ancestor(parents, draft.base_version, served.version) if served.version else None
    ancestor = load_snapshot(tx, load_version(tx, project, number).digest) if number else EMPTY_SNAPSHOT
    base = load_snapshot(tx, draft.base_digest)
    addresses = sorted(str(address) for address, _, _ in ancestor.differing(base))
    return TakenBack(gone, addresses, choice or "leave_out"), ancestor
