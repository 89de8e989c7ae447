"""Elements that lead to one another, such as the steps of a workflow: where each leads, what is never reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from greenroom.kinds.schema.facts import FieldFacts

Fields = Mapping[str, FieldFacts]
Element = Mapping[str, Any]
ROW: Final = 34
"""Pixels of one line of the map."""
LANE: Final = 11
MAX_DRAWN: Final = 400
"""So many ways are drawn; a map of more says nothing."""


@dataclass(frozen=True)
class Way:
    """A way from one element to another (by its index), or out (None). `missing` names a goal that is not there."""

    source: int
    target: int | None
    label: str = ""
    missing: str = ""
    sort: str = "next"
    """next, branch (where a condition holds) or fail."""
    taken: bool = True
    """False behind a branch that is always taken."""


@dataclass(frozen=True)
class Node:
    """One element with where it leads."""

    index: int
    id: str
    title: str
    sort: str
    ways: Sequence[Way]
    reached: bool
    first: bool


@dataclass(frozen=True)
class Arc:
    """A way as it is drawn beside the list."""

    path: str
    sort: str


@dataclass(frozen=True)
class Flow:
    """A list whose elements lead to one another. The field `start` names the first, or wrongly `lost`."""

    table: str
    start: str
    nodes: Sequence[Node]
    lost: str = ""

    @property
    def unreached(self) -> Sequence[Node]:
        """Returns the elements that nothing leads to."""
        return [node for node in self.nodes if not node.reached]

    @property
    def height(self) -> int:
        """Returns how high the map is, in pixels."""
        return ROW * len(self.nodes)

    def arcs(self) -> tuple[int, Sequence[Arc]]:
        """Returns how wide the drawing of the ways is, and its lines: a lane for each way that passes others by."""
        ways = [w for node in self.nodes for w in node.ways if w.target is not None and w.taken][:MAX_DRAWN]
        lanes: list[list[tuple[int, int]]] = []
        placed: list[tuple[Way, int]] = []
        for way in sorted(ways, key=_span):
            low, high = sorted((way.source, cast(int, way.target)))
            lane = next(
                (n for n, taken in enumerate(lanes) if all(high <= a or low >= b for a, b in taken)), len(lanes)
            )
            if lane == len(lanes):
                lanes.append([])
            lanes[lane].append((low, high))
            placed.append((way, lane))
        width = LANE * (len(lanes) + 1) + 6
        return width, [Arc(_path(way, lane, width), way.sort) for way, lane in placed]


def _span(way: Way) -> tuple[int, int]:
    return abs(way.source - cast(int, way.target)), way.source


def _path(way: Way, lane: int, width: int) -> str:
    """Returns a line out of one row to the left, along its lane, and into the other row."""
    goal = cast(int, way.target)
    x, begin, end = width - LANE * (lane + 1) - 6, way.source * ROW + ROW // 2, goal * ROW + ROW // 2
    if way.source == goal:
        return f"M{width - 4} {begin + 4}H{x + 3}q-3 0 -3 -4t3 -4H{width - 5}"
    down = 1 if end > begin else -1
    # Out of a row a little below its middle, into one a little above it: ways that meet stay apart.
    begin, end, turn = begin + 4, end - 4, 4 * down
    return f"M{width - 4} {begin}H{x + 4}q-4 0 -4 {turn}V{end - turn}q0 {turn} 4 {turn}H{width - 5}"


def find_flow(fields: Fields) -> tuple[str, str] | None:
    """Returns the list whose elements lead to one another and the field that names the first; None without one."""
    for name, facts in fields.items():
        if facts.widget == "table" and facts.items is not None and _leads_to(facts.items, name):
            start = next((each for each, other in fields.items() if other.asked.goal == name), "")
            return name, start
    return None


def _leads_to(facts: FieldFacts, table: str) -> bool:
    return any(
        each.asked.goal == table or (each.items is not None and _leads_to(each.items, table))
        for each in facts.fields.values()
    )


def read_flow(fields: Fields, body: Mapping[str, Any]) -> Flow | None:
    """Returns where each element of a body leads."""
    found = find_flow(fields)
    if found is None:
        return None
    table, start = found
    facts = fields[table]
    assert facts.items is not None, "a table has elements"
    identity = facts.keyed.identity if facts.keyed else "id"
    adjective = facts.keyed.adjective if facts.keyed else ""
    items = elements_of(body, table)
    places = {str(item.get(identity, "")): n for n, item in reversed(list(enumerate(items)))}
    ways = [list(_ways(facts.items.fields, item, n, table, places)) for n, item in enumerate(items)]
    named = str(body.get(start) or "")
    first = places.get(named, 0)
    reached = _reach(ways, first) if items else set[int]()
    nodes: list[Node] = []
    for n, item in enumerate(items):
        id_ = str(item.get(identity, ""))
        sort = str(item.get(adjective, "")) if adjective else ""
        word = facts.items.fields[adjective].choices.get(sort, sort) if adjective else ""
        title = str(item.get("name") or id_ or f"{facts.noun} {n + 1}")
        nodes.append(Node(n, id_, title, word, ways[n], n in reached, n == first))
    return Flow(table, start, nodes, named if named and named not in places else "")


def elements_of(body: Mapping[str, Any], table: str) -> list[Element]:
    """Returns the elements of a list of a body."""
    value = body.get(table)
    items = cast(list[Any], value) if isinstance(value, list) else []
    return [cast(Element, item) if isinstance(item, Mapping) else {} for item in items]


def _ways(fields: Fields, item: Element, index: int, table: str, places: Mapping[str, int]) -> Iterator[Way]:
    """Yields the ways out of one element as they are tried: branches, then the next one; then what a failure does."""
    always = False
    single: list[tuple[str, FieldFacts]] = []
    for name, facts in fields.items():
        if not facts.asked.matters(item, fields):
            continue
        if facts.asked.goal == table:
            single.append((name, facts))
        elif facts.widget == "table" and facts.items is not None and _leads_to(facts.items, table):
            for branch in elements_of(item, name):
                way = _branch(facts.items.fields, branch, index, table, places)
                yield replace(way, taken=not always)
                always = always or not way.label
    for name, facts in sorted(single, key=lambda each: each[0] != "next"):
        goal = str(item.get(name) or "")
        failing = name != "next"
        if goal or not failing:
            way = _way(index, goal, places)
            label = facts.label if failing else ""
            yield replace(way, label=label, sort="fail" if failing else "next", taken=failing or not always)


def _branch(fields: Fields, branch: Element, index: int, table: str, places: Mapping[str, int]) -> Way:
    goal = next((str(branch.get(name) or "") for name, each in fields.items() if each.asked.goal == table), "")
    when = next((str(branch.get(name) or "") for name, each in fields.items() if each.asked.style == "condition"), "")
    return replace(_way(index, goal, places), label=when.strip(), sort="branch")


def _way(index: int, goal: str, places: Mapping[str, int]) -> Way:
    return Way(index, places.get(goal) if goal else None, missing=goal if goal and goal not in places else "")


def _reach(ways: Sequence[Sequence[Way]], first: int) -> set[int]:
    waiting, seen = [first], set[int]()
    while waiting:
        at = waiting.pop()
        if at not in seen:
            seen.add(at)
            waiting += [way.target for way in ways[at] if way.target is not None and way.taken]
    return seen
