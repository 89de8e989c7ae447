"""Changes as they are sent and shown: entity, field, word."""

from __future__ import annotations

from greenroom.domain.changes import Change, Comparison, FieldChange
from greenroom.domain.kind import Registry
from greenroom.domain.texts import line_hunks, word_hunks
from greenroom.wire.content import StateOut
from greenroom.wire.versions import ChangeOut, CheckOut, ComparisonOut, FieldChangeOut

OPERATIONS = ("added", "removed", "edited")


def comparison_out(
    comparison: Comparison, base: StateOut, head: StateOut, changes: list[ChangeOut], checklist: list[CheckOut]
) -> ComparisonOut:
    """Returns a comparison whose changes are in their form already."""
    return ComparisonOut(
        base=base,
        head=head,
        summary=comparison.summary,
        changes=changes,
        counts={op: sum(change.op == op for change in comparison.changes) for op in OPERATIONS},
        unchanged_kinds=list(comparison.unchanged_kinds),
        unchanged=comparison.unchanged,
        checklist=checklist,
    )


def change_out(change: Change, kinds: Registry, author: str | None = None, author_name: str = "") -> ChangeOut:
    """Returns one changed entity. Costs up to a third of a second for a text: not for the event loop."""
    kind = kinds.get(change.address.kind)
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
        author_name=author_name,
    )


def _field_out(change: FieldChange) -> FieldChangeOut:
    return FieldChangeOut(
        pointer="".join("/" + step.replace("~", "~0").replace("/", "~1") for step in change.pointer),
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
