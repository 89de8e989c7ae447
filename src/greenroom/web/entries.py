"""Values of free fields as people type them: a text as it is, anything else as JSON; arguments as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from greenroom.domain.canonical import canonical_json, parse_json
from greenroom.domain.errors import Fault, Invalid

ARGUMENT_TYPES: Final = ("string", "number", "integer", "boolean", "array", "object")
"""The types of an argument, the usual one first."""
_OPENING: Final = ("{", "[", '"')


@dataclass(frozen=True)
class Raw:
    """Text that should be JSON and is not: it is shown again as it was typed."""

    text: str


@dataclass(frozen=True)
class Argument:
    """One argument of a function or tool, as JSON Schema has it."""

    name: str = ""
    type: str = ARGUMENT_TYPES[0]
    required: bool = False
    description: str = ""
    choices: str = ""
    """The permitted texts, with commas."""


def say_entry(value: Any) -> str:
    """Returns a JSON value as one line that reads back as it: a text as it is, unless it looks like something else."""
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, str) and (not value or not _needs_quotes(value)):
        return value
    return canonical_json(value).decode()


def read_entry(text: str, pointer: str, faults: list[Fault]) -> Any:
    """Returns the value that a line says; what begins like JSON and is none is a fault."""
    word = text.strip()
    if not word or word.startswith("{{"):
        return word
    try:
        return parse_json(word.encode())
    except Invalid as wrong:
        if not word.startswith(_OPENING):
            return word
        faults.append(Fault(pointer, f"begins like JSON, but is none: {wrong.detail}", hint="put a text in quotes"))
        return Raw(text)


def _needs_quotes(text: str) -> bool:
    if text != text.strip() or "\n" in text:
        return True
    if text.startswith(_OPENING) and not text.startswith("{{"):
        return True
    try:
        parse_json(text.encode())
    except Invalid:
        return False
    return not text.startswith("{{")


def split_entries(value: Any, known: Mapping[str, str]) -> list[tuple[str, Any]]:
    """Returns the entries of a mapping; a list of texts under a known key is one entry for each."""
    pairs: list[tuple[str, Any]] = []
    for key, item in cast(Mapping[str, Any], value).items() if isinstance(value, Mapping) else ():
        several = cast(list[Any], item) if isinstance(item, list) else []
        if key in known and len(several) > 1 and all(isinstance(each, str) for each in several):
            pairs += [(key, each) for each in several]
        else:
            pairs.append((key, item))
    return pairs


def join_entries(pairs: Sequence[tuple[str, Any]], known: Mapping[str, str]) -> dict[str, Any]:
    """Returns the mapping that entries say; of a known key that comes again, a list."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key not in found or key not in known:
            found[key] = value
        else:
            before = found[key]
            found[key] = [*(cast(list[Any], before) if isinstance(before, list) else [before]), value]
    return found


def split_arguments(schema: Any) -> list[Argument] | None:
    """Returns a JSON Schema of arguments as rows; None where it says more than rows can."""
    facts = cast(Mapping[str, Any], schema) if isinstance(schema, Mapping) else {}
    if not facts:
        return []
    properties = facts.get("properties")
    sound = facts.keys() <= {"type", "properties", "required"} and facts.get("type") == "object"
    if not sound or not isinstance(properties, Mapping) or not properties:
        return None
    required = set(cast(list[Any], facts.get("required") or []))
    if not required <= properties.keys() or facts.get("required") == []:
        return None
    rows = [
        _argument(name, each, name in required)
        for name, each in cast(Mapping[str, Mapping[str, Any]], properties).items()
    ]
    return None if None in rows else [row for row in rows if row is not None]


def _argument(name: str, facts: Mapping[str, Any], required: bool) -> Argument | None:
    choices = facts.get("enum", ())
    plain = all(isinstance(each, str) and each.strip() == each and each and "," not in each for each in choices)
    known = facts.keys() <= {"type", "description", "enum"} and facts.get("type") in ARGUMENT_TYPES
    if not name.strip() or not known or not plain or facts.get("enum") == [] or facts.get("description") == "":
        return None
    return Argument(name, facts["type"], required, str(facts.get("description", "")), ", ".join(choices))


def join_arguments(rows: Sequence[Argument], order: Sequence[str] = ()) -> dict[str, Any]:
    """Returns the JSON Schema that rows say; `order` is the one in which the required ones stood before."""
    if not rows:
        return {}
    properties = {row.name: _schema_of(row) for row in rows}
    needed = [row.name for row in rows if row.required]
    required = [*(name for name in order if name in needed), *(name for name in needed if name not in order)]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _schema_of(row: Argument) -> dict[str, Any]:
    choices = [each.strip() for each in row.choices.split(",") if each.strip()]
    described = {"description": row.description} if row.description else {}
    return {"type": row.type, **described, **({"enum": choices} if choices else {})}
