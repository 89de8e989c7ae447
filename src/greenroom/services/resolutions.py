"""What conflicts and faults look like to whoever is to settle them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from greenroom.domain.errors import Conflict as Conflicting
from greenroom.domain.errors import Fault
from greenroom.domain.merges import Conflict, Resolution


def refuse_conflicts(conflicts: Sequence[Conflict], detail: str, extra: Mapping[str, Any]) -> Conflicting:
    """Returns the refusal that carries every open conflict with all its sides."""
    return Conflicting(
        "merge_conflicts",
        detail,
        errors=[Fault(f"/{c.address}/{'/'.join(c.pointer)}", f"{c.kind}", c.id) for c in conflicts],
        extra={"conflicts": [conflict_to_json(c) for c in conflicts], **extra},
    )


def parse_resolutions(given: Sequence[Mapping[str, Any]]) -> list[Resolution]:
    """Returns the caller's resolutions as the domain has them."""
    return [Resolution(str(r["conflict_id"]), r["take"], r.get("value")) for r in given]


def conflict_to_json(conflict: Conflict) -> dict[str, Any]:
    """Returns a conflict with both sides as plain JSON."""
    return {
        "id": conflict.id,
        "address": str(conflict.address),
        "pointer": "/" + "/".join(conflict.pointer) if conflict.pointer else "",
        "kind": conflict.kind,
        "base": conflict.base,
        "ours": conflict.ours,
        "theirs": conflict.theirs,
        "absent": sorted(conflict.absent),
        "label": conflict.label,
    }


def say_faults(faults: Sequence[Fault]) -> str:
    """Returns why something cannot be published, in a sentence."""
    first = f"{faults[0].pointer}: {faults[0].message}"
    rest = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"this cannot be published: {first}{rest}"
