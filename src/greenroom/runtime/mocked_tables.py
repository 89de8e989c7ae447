"""Data tables as one played case sees them: read as they are, with its own writes laid over them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greenroom.domain.asks import Answer, Ask, Place
from greenroom.domain.canonical import same
from greenroom.ports import Outside
from greenroom.runtime.bodies import mapping

MAX_FOUND = 200
Rows = dict[str, Mapping[str, Any] | None]
"""Key → values; None for a row that was deleted."""


class MockedTables:
    """Tables that other conversations never notice. A table that the case mocks has its rows and no others."""

    def __init__(self, outside: Outside, mocked: Mapping[str, Any]) -> None:
        self._outside = outside
        self._mocked = frozenset(mocked)
        self._rows: dict[str, Rows] = {table: read_rows(rows) for table, rows in mocked.items()}

    async def answer(self, facts: Mapping[str, Any], place: Place) -> Answer:
        """Reads, writes or deletes rows."""
        mine = self._rows.setdefault(str(facts.get("table", "")), {})
        if facts.get("op") == "find":
            return await self._find(facts, mine, place)
        there = await self._find({**facts, "where": facts.get("where") or {}, "limit": MAX_FOUND}, mine, place)
        if "error" in there:
            return there
        key = str(facts.get("key") or "")
        if facts.get("op") == "put":
            key = key or f"test-{len(mine) + 1}"
            mine[key] = dict(mapping(facts.get("values")))
            return {"rows": [{"key": key, "values": dict(mine[key] or {})}], "count": 1, "ms": 0.0}
        gone = [str(row["key"]) for row in there.get("rows", [])]
        mine.update(dict.fromkeys(gone))
        return {"rows": [], "count": len(gone), "ms": 0.0}

    async def _find(self, facts: Mapping[str, Any], mine: Rows, place: Place) -> Answer:
        limit = _limit(facts)
        real: list[Any] = []
        ms: float = 0.0
        if facts.get("table") not in self._mocked:
            asked = {**facts, "op": "find", "limit": min(limit + len(mine), MAX_FOUND)}
            answer = await self._outside.answer(Ask("table", asked), place)
            if "error" in answer:
                return answer
            real, ms = list(answer.get("rows", [])), answer.get("ms", 0.0)
        own = [
            {"key": key, "values": dict(values)}
            for key, values in mine.items()
            if values is not None and _fits(key, values, facts)
        ]
        rows = [row for row in real if row.get("key") not in mine]
        both = sorted([*rows, *own], key=lambda row: str(row["key"]))[:limit]
        return {"rows": both, "count": len(both), "ms": ms}


def read_rows(given: Any) -> Rows:
    """Returns the rows of a mocked table: a list of values (or of {key, values}), or values by key."""
    if isinstance(given, Mapping):
        return {str(key): mapping(values) for key, values in given.items()}
    rows: Rows = {}
    for number, row in enumerate(given if isinstance(given, list | tuple) else (), 1):
        facts = mapping(row)
        if set(facts) == {"key", "values"}:
            rows[str(facts["key"])] = mapping(facts["values"])
        else:
            rows[f"row-{number}"] = facts
    return rows


def _limit(facts: Mapping[str, Any]) -> int:
    wanted = facts.get("limit")
    return wanted if isinstance(wanted, int) and 0 < wanted <= MAX_FOUND else MAX_FOUND


def _fits(key: str, values: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    wanted, where = str(facts.get("key") or ""), mapping(facts.get("where"))
    if wanted and key != wanted:
        return False
    return all(column in values and same(values[column], item) for column, item in where.items())
