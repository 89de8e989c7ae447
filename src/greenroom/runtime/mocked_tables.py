"""Data tables as one played case sees them: read as they are, with its own writes laid over them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greenroom.domain.asks import Answer, Ask, Place
from greenroom.domain.canonical import same
from greenroom.domain.tables import key_text
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
        op = facts.get("op")
        if op == "find":
            return await self._find(facts, mine, place)
        if op == "put":
            return await self._put(facts, mine, place)
        if op == "delete":
            return await self._delete(facts, mine, place)
        return await self._outside.answer(Ask("table", facts), place)

    async def _put(self, facts: Mapping[str, Any], mine: Rows, place: Place) -> Answer:
        """Keeps a row here. What a real table would make of it is asked there, with `dry`."""
        key, given = str(facts.get("key") or ""), mapping(facts.get("values"))
        values: Mapping[str, Any] = given
        if facts.get("table") not in self._mocked:
            answer = await self._outside.answer(Ask("table", {**facts, "dry": True}), place)
            rows = answer.get("rows") or []
            if "error" in answer or not rows:
                return answer
            key, values = str(rows[0]["key"]), mapping(rows[0]["values"])
        key = key or f"row-{len(mine) + 1}"
        before = mine.get(key)
        if before is not None:
            values = {**before, **{name: value for name, value in values.items() if name in given}}
        mine[key] = dict(values)
        return {"rows": [{"key": key, "values": dict(values)}], "count": 1, "ms": 0.0}

    async def _delete(self, facts: Mapping[str, Any], mine: Rows, place: Place) -> Answer:
        there = await self._find({**facts, "where": facts.get("where") or {}, "limit": MAX_FOUND}, mine, place)
        gone = [str(row["key"]) for row in there.get("rows", [])] if facts.get("key") or facts.get("where") else []
        mine.update(dict.fromkeys(gone))
        return there if "error" in there else {"rows": [], "count": len(gone), "ms": 0.0}

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
    return all(_equal(values.get(column), item) for column, item in where.items())


def _equal(kept: Any, wanted: Any) -> bool:
    """Compares as tables do, which read what is asked for in the form of the column."""
    return same(kept, wanted) or (kept is not None and wanted is not None and key_text(kept) == key_text(wanted))
