"""Two real dates of one agent as two branches: merged over the API, and worked out a second time field by field.

The second time knows nothing of how merges are made: bodies are taken apart into plain leaves (lists whose elements
have an identity by that identity), and for each leaf the rule of three sides says what must be there.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from greenroom.domain.entities import parse_address
from greenroom.domain.kind import Kind
from greenroom.kinds import KINDS
from greenroom.wire.archives import pack
from greenroom.wire.folder import to_files
from tests.contract.importers.report import files_of
from tests.contract.parallel.house import House, P, open_house
from tests.support.api import good
from tests.support.data import has_shared_data, polyai_exports
from tests.support.gaps import note_fact

Agent = dict[str, dict[str, Any]]
"""Address → body."""
Place = tuple[str, ...]
Leaves = dict[Place, Any]
"""Address and pointer of everything that is not taken apart further → its value."""

NOTHING = "\0nothing"
EARLIER = "As it was in spring, before either of them."


# ── taken apart ──────────────────────────────────────────────────────────────────────────────────────────────


def kind_of(address: str) -> Kind:
    return KINDS[address.partition("/")[0]]


def walk(value: Any, shape: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from walk(item, field_of(shape, name), (*place, name))
    elif isinstance(value, list) and value and shape is not None and shape.identity is not None:
        for item in value:
            key = item if shape.identity == "value" else item[shape.identity]
            yield (*place, key, "\0exists"), True
            yield from walk(item, shape.items, (*place, key))
    else:
        yield place, value


def leaves_of(agent: Agent) -> Leaves:
    return {
        place: value
        for address, body in agent.items()
        for place, value in [((address, "\0exists"), True), *walk(body, kind_of(address).shape, (address,))]
    }


def orders_of(value: Any, shape: Any, place: Place) -> Iterator[tuple[Place, list[str]]]:
    """Yields the keys of every list whose order means something."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from orders_of(item, field_of(shape, name), (*place, name))
    elif isinstance(value, list) and shape is not None and shape.identity is not None:
        keys = [item if shape.identity == "value" else item[shape.identity] for item in value]
        if shape.ordered:
            yield place, keys
        for key, item in zip(keys, value, strict=True):
            yield from orders_of(item, shape.items, (*place, key))


def all_orders(agent: Agent) -> dict[Place, list[str]]:
    found = (orders_of(body, kind_of(a).shape, (a,)) for a, body in agent.items())
    return {place: keys for each in found for place, keys in each}


def is_under(place: Place, conflict: Any) -> bool:
    at = (conflict["address"], *steps(conflict["pointer"]))
    return place[: len(at)] == at


def steps(pointer: str) -> Place:
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def is_code(place: Place) -> bool:
    shape: Any = kind_of(place[0]).shape
    for step in place[1:]:
        shape = shape.items if shape is not None and shape.identity is not None else field_of(shape, step)
    return shape is not None and shape.form == "code"


def merge_with_git(base: str, ours: str, theirs: str) -> str:
    """Returns what git makes of three texts that it can merge."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("ours", ours), ("base", base), ("theirs", theirs)):
            Path(folder, name).write_text(text)
        done = subprocess.run(
            ["git", "merge-file", "-p", "ours", "base", "theirs"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[:2000]
    return done.stdout


# ── the ancestor ─────────────────────────────────────────────────────────────────────────────────────────────


def field_of(shape: Any, name: str) -> Any:
    if shape is None:
        return None
    return shape.fields.get(name) or (None if shape.fields else shape.items)


def earlier(one: Any, two: Any, shape: Any) -> Any:
    """Returns what both may have come from: what they share, and an earlier text where their texts differ."""
    if isinstance(one, dict) and isinstance(two, dict):
        return {name: earlier(one[name], two[name], field_of(shape, name)) for name in one if name in two}
    if isinstance(one, list) and isinstance(two, list) and shape is not None and shape.identity is not None:
        if shape.identity == "value":
            return [item for item in one if item in two]
        rows = {item[shape.identity]: item for item in two}
        return [earlier(i, rows[i[shape.identity]], shape.items) for i in one if i[shape.identity] in rows]
    if isinstance(one, str) and isinstance(two, str) and one != two:
        return f"# {EARLIER}\n" if shape is not None and shape.form == "code" else EARLIER
    return one


def make_ancestor(one: Agent, two: Agent) -> Agent:
    """Returns the entities that both have, each as sound as it can be made."""
    made: Agent = {}
    for address in sorted(one.keys() & two.keys()):
        kind = kind_of(address)
        body = earlier(one[address], two[address], kind.shape)
        made[address] = as_stored(address, body) if not kind.validate(body) else one[address]
    return made


def as_stored(address: str, body: Any) -> dict[str, Any]:
    """Returns a body as the server keeps it, without its defaults."""
    return dict(kind_of(address).complete(body))


# ── over the API ─────────────────────────────────────────────────────────────────────────────────────────────


async def bundle(house: House, alias: str) -> Agent:
    digest = (await house.environment(alias))["serves"]["digest"]
    found = good(await house.client.get(f"{P}/bundles/{digest}"))["entities"]
    return {address: each["body"] for address, each in found.items()}


async def bring_in(house: House, alias: str, archive: bytes, format_: str, note: str) -> int:
    """Makes a folder the whole draft of an environment and publishes it."""
    place = f"{P}/import?format={format_}&environment={alias}"
    good(await house.client.post(place, content=archive, headers={"Content-Type": "application/zip"}))
    return await house.publish(alias, note, acknowledged=await cautions(house, alias, note))


async def cautions(house: House, alias: str, note: str) -> list[str]:
    plan = good(await house.client.post(f"{P}/environments/{alias}/publish?dry_run=true", json={"note": note}))
    return [warning["code"] for warning in plan["warnings"] if warning["must_acknowledge"]]


def as_folder(agent: Mapping[str, Any]) -> bytes:
    return pack(to_files({parse_address(address): body for address, body in agent.items()}, KINDS))


def zipped(folder: Path) -> bytes:
    return pack(files_of(folder))


TAKES = ("ours", "theirs", "base", "value")


def choose(conflicts: list[Any]) -> list[dict[str, Any]]:
    """Returns a fixed mixture of choices; values of one's own only where a text is expected."""
    chosen: list[dict[str, Any]] = []
    for number, conflict in enumerate(sorted(conflicts, key=lambda c: c["id"])):
        take = TAKES[number % 4]
        plain = conflict["kind"] == "both_changed" and isinstance(conflict["ours"], str)
        if take == "value" and not plain:
            take = "theirs"
        if conflict["kind"] == "broken_reference":
            take = next(side for side in TAKES if side not in conflict["absent"])
        resolution = {"conflict_id": conflict["id"], "take": take}
        chosen.append({**resolution, "value": own_text(conflict)} if take == "value" else resolution)
    return chosen


def own_text(conflict: Any) -> str:
    return f"# settled by hand: {conflict['id']}\n"


async def merge_all(house: House, source: str, target: str) -> tuple[list[Any], dict[str, Any]]:
    """Merges with every conflict settled; returns the conflicts and what was taken for each."""
    conflicts: list[Any] = []
    resolutions: list[dict[str, Any]] = []
    while True:
        plan = await house.preview(source, target, resolutions=resolutions)
        if not plan["conflicts"]:
            break
        conflicts += plan["conflicts"]
        resolutions += choose(plan["conflicts"])
    needed = [w["code"] for w in plan["warnings"] if w["must_acknowledge"]]
    good(await house.merge(source, target, resolutions=resolutions, acknowledged=needed))
    return conflicts, {r["conflict_id"]: r for r in resolutions}


# ── worked out a second time ─────────────────────────────────────────────────────────────────────────────────


def check(sides: Mapping[str, Agent], merged: Agent, conflicts: list[Any], taken: Mapping[str, Any]) -> Counter[str]:
    """Compares every leaf of the merged agent with what the rule of three sides, and the choices, say."""
    base, ours, theirs = (leaves_of(sides[side]) for side in ("base", "ours", "theirs"))
    found, seen, used = leaves_of(merged), Counter[str](), set[str]()
    for place in sorted({*base, *ours, *theirs, *found}):
        b, o, t = (side.get(place, NOTHING) for side in (base, ours, theirs))
        here = [c for c in conflicts if is_under(place, c) and c["kind"] != "order"]
        if here:
            conflict = here[-1]  # a broken reference is asked about last
            used.add(conflict["id"])
            take = taken[conflict["id"]]
            at = (conflict["address"], *steps(conflict["pointer"]))
            if take["take"] == "value":
                wanted: Any = take["value"] if place == at else NOTHING
            else:
                wanted = {"base": b, "ours": o, "theirs": t}[take["take"]]
            seen["settled"] += 1
        elif t in (o, b):
            wanted = o
            seen["ours" if o != b else "as it was"] += 1
        elif b == o:
            wanted = t
            seen["theirs"] += 1
        else:
            assert is_code(place), f"both sides changed {place}, and nobody was asked"
            wanted = merge_with_git(b, o, t)
            seen["lines of both"] += 1
        assert found.get(place, NOTHING) == wanted, (place, b, o, t)
    assert used == {c["id"] for c in conflicts if c["kind"] != "order"}, "something was asked for nothing"
    return seen


def check_conflicts_are_real(sides: Mapping[str, Agent], conflicts: list[Any]) -> None:
    """Every conflict but a broken reference has a leaf in it that both sides changed, each in its own way."""
    base, ours, theirs = (leaves_of(sides[side]) for side in ("base", "ours", "theirs"))
    for conflict in conflicts:
        if conflict["kind"] in ("broken_reference", "order"):
            continue
        places = [p for p in {*base, *ours, *theirs} if is_under(p, conflict)]
        changed = [{p for p in places if side.get(p, NOTHING) != base.get(p, NOTHING)} for side in (ours, theirs)]
        assert all(changed), conflict
        assert any(ours.get(p, NOTHING) != theirs.get(p, NOTHING) for p in places), conflict


def check_orders(sides: Mapping[str, Agent], merged: Agent, conflicts: list[Any]) -> int:
    """Two elements stand as the side has them that turned them round, or as they always stood; returns how many."""
    base, ours, theirs, found = (all_orders(each) for each in (sides["base"], sides["ours"], sides["theirs"], merged))
    pairs = 0
    for place in found.keys() & ours.keys() & theirs.keys():
        if any(is_under(place, c) for c in conflicts):
            continue
        ranks = [{key: n for n, key in enumerate(side.get(place, ()))} for side in (base, ours, theirs, found)]
        common = [key for key in found[place] if key in ranks[1] and key in ranks[2]]
        for n, first in enumerate(common):
            for second in common[n + 1 :]:
                o, t = (ranks[s][first] < ranks[s][second] for s in (1, 2))
                known = first in ranks[0] and second in ranks[0]
                b = ranks[0][first] < ranks[0][second] if known else o
                assert (o if t in (o, b) else t) is True, (place, first, second)
                pairs += 1
    return pairs


async def test_two_dates_from_a_common_ancestor() -> None:
    async with open_house() as house:
        older, newer = map(zipped, polyai_exports())
        # Both dates as the server reads them, from two branches that are thrown away.
        sides: dict[str, Agent] = {}
        for alias, archive in (("ours", older), ("theirs", newer)):
            good(await house.client.post(f"{P}/environments", json={"name": f"Reading {alias}"}))
            await bring_in(house, f"reading-{alias}", archive, "polyai", f"As read for {alias}")
            sides[alias] = await bundle(house, f"reading-{alias}")
        sides["base"] = make_ancestor(sides["ours"], sides["theirs"])
        await bring_in(house, "main", as_folder(sides["base"]), "greenroom", "What both dates have in common")
        assert leaves_of(await bundle(house, "main")) == leaves_of(sides["base"])
        await house.clone("main", "August")
        ancestor = (await house.environment("main"))["serves"]["version"]
        await bring_in(house, "main", older, "polyai", "The agent as it was in July")
        await bring_in(house, "august", newer, "polyai", "The agent as it was in August")
        assert (await house.preview("august", "main"))["base"] == ancestor
        conflicts, taken = await merge_all(house, "august", "main")
        merged = await bundle(house, "main")
        check_conflicts_are_real(sides, conflicts)
        seen = check(sides, merged, conflicts, taken)
        seen["pairs in order"] = check_orders(sides, merged, conflicts)
        tell("from a common ancestor", sides, conflicts, taken, seen)
        kinds = Counter(conflict["kind"] for conflict in conflicts)
        assert kinds["both_changed"] > 0
        if has_shared_data():
            assert kinds == {"both_changed": 9}
            assert {r["take"] for r in taken.values()} == set(TAKES)
            # Each date has a default row of its own: sound apart, not together.
            (whole,) = [conflict for conflict in conflicts if not conflict["pointer"]]
            assert (whole["address"], "second default" in whole["label"]) == ("variant/default", True)
        await check_nothing_is_left(house)


async def test_an_edited_july_and_august() -> None:
    async with open_house() as house:
        older, newer = map(zipped, polyai_exports())
        sides: dict[str, Agent] = {}
        await bring_in(house, "main", older, "polyai", "The agent as it was in July")
        sides["base"] = await bundle(house, "main")
        await house.clone("main", "August")
        await bring_in(house, "august", newer, "polyai", "The agent as it was in August")
        sides["theirs"] = await bundle(house, "august")
        sides["ours"] = edited(sides["base"], sides["theirs"])
        await bring_in(house, "main", as_folder(sides["ours"]), "greenroom", "July with edits of its own")
        assert leaves_of(await bundle(house, "main")) == leaves_of(sides["ours"])
        conflicts, taken = await merge_all(house, "august", "main")
        merged = await bundle(house, "main")
        check_conflicts_are_real(sides, conflicts)
        seen = check(sides, merged, conflicts, taken)
        seen["pairs in order"] = check_orders(sides, merged, conflicts)
        tell("July edited, and August", sides, conflicts, taken, seen)
        kinds = Counter(conflict["kind"] for conflict in conflicts)
        assert kinds["both_changed"] > 0
        if has_shared_data():
            assert kinds == {"both_changed": 6, "edit_delete": 14, "add_add": 1}
        await check_nothing_is_left(house)


def edited(base: Agent, theirs: Agent) -> Agent:
    """Returns the base with edits: in every text that theirs changes too, in every other entity that theirs
    removes, in some that it leaves alone; and with its own of what theirs adds.
    """
    made = dict(base)
    for number, (address, body) in enumerate(sorted(base.items())):
        kind = kind_of(address)
        new: dict[str, Any] = dict(body)
        if address in theirs and body != theirs[address]:
            new = mark(body, theirs[address], kind.shape)
        elif number % 2:
            new = {**body, "name": f"{body['name']} {number}"[:80]}
        made[address] = as_stored(address, new) if not kind.validate(new) else body
    for address in sorted(theirs.keys() - base.keys()):
        made[address] = {**theirs[address], "name": "Our own"}
    return made


def mark(one: Any, two: Any, shape: Any) -> Any:
    """Returns the first with a mark of its own in every text that the second has differently."""
    if isinstance(one, dict) and isinstance(two, dict):
        return {name: mark(item, two.get(name, item), field_of(shape, name)) for name, item in one.items()}
    if isinstance(one, list) and isinstance(two, list) and shape is not None and shape.identity not in (None, "value"):
        rows = {item[shape.identity]: item for item in two}
        return [mark(item, rows.get(item[shape.identity], item), shape.items) for item in one]
    if isinstance(one, str) and isinstance(two, str) and one != two:
        return f"# ours\n{one}" if shape is not None and shape.form == "code" else f"{one} (ours)"
    return one


async def check_nothing_is_left(house: House) -> None:
    """A merge again has nothing to do, and the audit is sound."""
    again = {"source": "august", "target": "main", "note": "Once more, with feeling"}
    answer = await house.client.post(f"{P}/merges?dry_run=true", json=again)
    assert answer.json()["code"] == "nothing_to_merge", answer.text
    assert good(await house.client.get("/api/v1/audit/verify"))["sound"] is True


def tell(
    what: str, sides: Mapping[str, Agent], conflicts: list[Any], taken: Mapping[str, Any], seen: Counter[str]
) -> None:
    def counts(found: Counter[str]) -> str:
        return ", ".join(f"{n} {name}" for name, n in sorted(found.items()))

    sizes = "/".join(str(len(sides[side])) for side in ("base", "ours", "theirs"))
    kinds, takes = Counter(c["kind"] for c in conflicts), Counter(r["take"] for r in taken.values())
    note_fact(f"real branches, {what} ({sizes} entities): conflicts {counts(kinds)}; taken {counts(takes)}")
    note_fact(f"real branches, {what}: leaves {counts(seen)}")
