"""Two states side by side on the network: entity, field, word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from greenroom.api.content import state_out
from greenroom.api.problems import pointer_of
from greenroom.domain.changes import Change, FieldChange
from greenroom.domain.checklists import CheckItem
from greenroom.domain.kind import Registry
from greenroom.domain.texts import line_hunks, word_hunks
from greenroom.services.comparisons import Compared
from greenroom.wire.versions import ChangeOut, CheckOut, ComparisonOut, FieldChangeOut

OPERATIONS: Final = ("added", "removed", "edited")


def comparison_out(compared: Compared, kinds: Registry, names: Mapping[str, str]) -> ComparisonOut:
    """Returns a comparison as it is sent. Costs up to a third of a second for a text: not for the event loop."""
    comparison = compared.comparison
    counts = {op: sum(change.op == op for change in comparison.changes) for op in OPERATIONS}
    return ComparisonOut(
        base=state_out(compared.base),
        head=state_out(compared.head),
        summary=comparison.summary,
        changes=[_change_out(change, compared, kinds, names) for change in comparison.changes],
        counts=counts,
        unchanged_kinds=list(comparison.unchanged_kinds),
        unchanged=comparison.unchanged,
        checklist=[_check_out(item) for item in compared.checklist],
    )


def _change_out(change: Change, compared: Compared, kinds: Registry, names: Mapping[str, str]) -> ChangeOut:
    kind = kinds.get(change.address.kind)
    author = compared.authors.get(change.address)
    return ChangeOut(
        address=str(change.address),
        kind=change.address.kind,
        name=change.name,
        op=change.op,
        description=kind.describe_change(change) if kind else "",
        fields=[_field_out(field) for field in change.fields],
        links_added=[str(address) for address in change.rewired.added],
        links_removed=[str(address) for address in change.rewired.removed],
        author=author,
        author_name=names.get(author, "") if author else "",
    )


def _field_out(change: FieldChange) -> FieldChangeOut:
    return FieldChangeOut(
        pointer=pointer_of(change.pointer),
        label=change.label,
        op=change.op,
        form=change.form,
        before=change.before,
        after=change.after,
        hunks=_hunks(change),
    )


def _hunks(change: FieldChange) -> list[tuple[str, str]]:
    before, after = change.before, change.after
    if change.op != "edited" or not isinstance(before, str) or not isinstance(after, str):
        return []
    if change.form == "text":
        return [(op, text) for op, text in word_hunks(before, after)]
    if change.form == "code":
        lines = (line for hunk in line_hunks(before, after) for line in hunk.lines)
        return [(line.op, line.text + ("\n" if line.ended else "")) for line in lines]
    return []


def _check_out(item: CheckItem) -> CheckOut:
    address = None if item.address is None else str(item.address)
    return CheckOut(id=item.id, address=address, text=item.text, channels=list(item.channels))
