"""Two states side by side on the network: entity, field, word."""

from __future__ import annotations

from collections.abc import Mapping

from greenroom.api.content import state_out
from greenroom.domain.changes import Change
from greenroom.domain.checklists import CheckItem
from greenroom.domain.kind import Registry
from greenroom.services.comparisons import Compared
from greenroom.wire import comparisons
from greenroom.wire.versions import ChangeOut, CheckOut, ComparisonOut


def comparison_out(compared: Compared, kinds: Registry, names: Mapping[str, str]) -> ComparisonOut:
    """Returns a comparison as it is sent. Costs up to a third of a second for a text: not for the event loop."""
    return comparisons.comparison_out(
        compared.comparison,
        state_out(compared.base),
        state_out(compared.head),
        [_change_out(change, compared, kinds, names) for change in compared.comparison.changes],
        [_check_out(item) for item in compared.checklist],
    )


def _change_out(change: Change, compared: Compared, kinds: Registry, names: Mapping[str, str]) -> ChangeOut:
    author = compared.authors.get(change.address)
    return comparisons.change_out(change, kinds, author, names.get(author, "") if author else "")


def _check_out(item: CheckItem) -> CheckOut:
    address = None if item.address is None else str(item.address)
    return CheckOut(id=item.id, address=address, text=item.text, channels=list(item.channels))
