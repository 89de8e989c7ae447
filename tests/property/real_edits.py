"""Real agents, and what two people may do to them at the same time: edits, removals, additions, other orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from random import Random
from typing import Any

from greenroom.domain.body_diffs import PLAIN, keys_of, shape_of_field
from greenroom.domain.entities import Address, Body
from greenroom.domain.errors import Invalid
from greenroom.domain.kind import Shape
from greenroom.importers.polyai import read_project
from greenroom.kinds import KINDS
from tests.contract.importers.report import exports, files_of, name_of

Agent = Mapping[Address, Body]
Bodies = dict[Address, Body]
Path = tuple[str | int, ...]

PLACES = 3
WORDS = ("Please hold.", "We open at nine.", "", "Ça va ?", "Call {{topic.nowhere}}", "two\nlines", "0")


@cache
def agents() -> Mapping[str, Agent]:
    """Returns every export that is at hand, as its entities are stored."""
    return {
        name_of(folder): {
            address: KINDS[address.kind].complete(body)
            for address, body in read_project(files_of(folder)).entities.items()
        }
        for folder in exports()
    }


def dates() -> tuple[Agent, Agent]:
    """Returns one agent at two dates, older first."""
    found = list(agents().values())
    return found[0], found[1]


def edit_agent(base: Agent, dice: Random, changes: int, among: Callable[[Address], bool] = bool) -> Bodies:
    """Returns the agent after a few changes of entities that `among` allows."""
    side = dict(base)
    for _ in range(changes):
        names = [address for address in sorted(side) if among(address)]
        if not names:
            break
        address = dice.choice(names)
        what = dice.choice(("edit",) * 8 + ("remove", "copy", "copy", "mention", "other date"))
        if what == "remove":
            del side[address]
        elif what == "copy":
            copy = Address(address.kind, f"copy{dice.randrange(2)}-{address.slug}"[:80])
            if KINDS[address.kind].singleton is None and among(copy):
                side[copy] = edit_body(copy, side[address], dice)
        elif what == "mention":
            side[address] = mention(address, side[address], dice.choice(sorted(base)))
        elif what == "other date":
            other = dice.choice(list(agents().values())).get(address)
            side[address] = side[address] if other is None else other
        else:
            side[address] = edit_body(address, side[address], dice)
    return side


def mention(address: Address, body: Body, target: Address) -> Body:
    """Returns a topic that names another entity as well; other kinds as they are."""
    if address.kind != "topic":
        return body
    return sound(address, {**body, "content": f"{body.get('content', '')} {{{{{target.kind}.{target.slug}}}}}"}, body)


def edit_body(address: Address, body: Body, dice: Random) -> Body:
    """Returns a body after one to three edits, still sound."""
    for _ in range(dice.randint(1, 3)):
        # One of few places, so that two sides find the same one; what they write there is their own.
        where = Random(dice.randrange(PLACES))
        body = sound(address, edit_somewhere(body, KINDS[address.kind].shape, where, dice), body)
    return body


def sound(address: Address, body: Any, instead: Body) -> Body:
    """Returns the body as it is stored, or the other one when it is not sound."""
    try:
        return KINDS[address.kind].complete(body)
    except Invalid:
        return instead


def edit_somewhere(value: Any, shape: Shape, where: Random, dice: Random) -> Any:
    """Returns a value with one thing changed in one place, most often deep inside."""
    if isinstance(value, Mapping) and value:
        name = where.choice(sorted(value))
        if name not in ("name", "id") and dice.random() < 0.1:
            return {key: item for key, item in value.items() if key != name}
        return {**value, name: edit_somewhere(value[name], shape_of_field(shape, name), where, dice)}
    if isinstance(value, list) and value:
        return edit_list(value, shape, where, dice)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + dice.randint(1, 3)
    if isinstance(value, str) and shape.form == "code":
        lines = value.splitlines(keepends=True)
        at = where.randint(0, len(lines))
        return "".join([*lines[:at], f"# {dice.randrange(3)}\n", *lines[at + dice.randint(0, 1) :]])
    if isinstance(value, str):
        return dice.choice((f"{value} {dice.choice(WORDS)}", dice.choice(WORDS)))
    return value


def edit_list(value: list[Any], shape: Shape, where: Random, dice: Random) -> list[Any]:
    at, what = where.randrange(len(value)), dice.choice(("inside", "inside", "remove", "move", "add"))
    rest = [*value[:at], *value[at + 1 :]]
    if what == "remove":
        return rest
    if what == "move":
        rest.insert(dice.randint(0, len(rest)), value[at])
        return rest
    if what == "add":
        new: Any = f"new {dice.randrange(3)}"
        if shape.identity not in (None, "value"):
            new = {**value[at], str(shape.identity): f"new-{dice.randrange(3)}"}
        return [*value, new] if new not in value else value
    if shape.identity == "value" or (shape.identity is not None and keys_of(value, shape) is None):
        return rest
    inside = edit_somewhere(value[at], shape.items or PLAIN, where, dice)
    if shape.identity is not None:
        inside = {**inside, shape.identity: value[at][shape.identity]}
    return [*value[:at], inside, *value[at + 1 :]]


def two_sides(dice: Random) -> tuple[Agent, Bodies, Bodies]:
    """Returns a real agent and two sides of it; now and then, one side is the agent as it really became."""
    base = dice.choice(list(agents().values()))
    older, newer = dates()
    if dice.random() < 0.2:
        return older, edit_agent(older, dice, dice.randint(0, 6)), edit_agent(newer, dice, dice.randint(0, 3))
    # A few entities that both sides go for, or they would hardly ever meet.
    shared = {address.slug for address in dice.sample(sorted(base), 2)}

    def among(address: Address) -> bool:
        return address.slug.removeprefix("copy0-").removeprefix("copy1-") in shared

    sides = [edit_agent(edit_agent(base, dice, dice.randint(0, 3)), dice, dice.randint(1, 6), among) for _ in range(2)]
    return base, sides[0], sides[1]
