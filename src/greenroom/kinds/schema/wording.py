"""A change of one entity in plain words, from the facts of its fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

from greenroom.domain.changes import Change, FieldChange
from greenroom.domain.entities import Body
from greenroom.kinds.schema.facts import FieldFacts

_MOST_PHRASES = 6
_LONGEST_VALUE = 48


@dataclass(frozen=True)
class Checks:
    """A change, as a kind's `tests` function asks about it."""

    change: Change

    @cached_property
    def body(self) -> Body:
        """Returns the entity after the change; before it, when it was removed."""
        return self.change.after or self.change.before or {}

    @cached_property
    def touched(self) -> frozenset[str]:
        """Returns the names of the body's fields that the change touches; none when added or removed."""
        return frozenset(each.pointer[0] for each in self.change.fields if each.pointer)

    def touches(self, *names: str) -> bool:
        """Says whether one of these fields changed; true for a new entity that gives one of them."""
        if self.change.op == "added":
            return any(name in self.body for name in names)
        return any(name in self.touched for name in names)

    @property
    def removed(self) -> bool:
        """Says whether the entity is gone."""
        return self.change.op == "removed"

    def added_elements(self, name: str) -> list[Any]:
        """Returns the elements that the change adds to a keyed list."""
        found: list[Any] = []
        for each in self.change.fields:
            if each.op == "added" and each.pointer[:1] == (name,):
                found.extend(cast(list[Any], each.after) if len(each.pointer) == 1 else [each.after])
        return found

    def elements(self, name: str) -> list[Mapping[str, Any]]:
        """Returns the groups in a list of the body that the change touches; all of them for a new entity."""
        whole = cast(list[Mapping[str, Any]], self.body.get(name, []))
        keys = {each.pointer[1] for each in self.change.fields if each.pointer[:1] == (name,) and len(each.pointer) > 1}
        return [each for each in whole if not keys or keys & set(map(str, each.values()))]


def describe(change: Change, fields: Mapping[str, FieldFacts], title: str, subject: str) -> str:
    """Returns one sentence for a change: `Late check-out: text changed, 3 sample questions added`."""
    if change.op == "added":
        return f"new {title} '{change.name}'"
    if change.op == "removed":
        return f"{title} '{change.name}' removed"
    expanded = [part for each in change.fields for part in _expand(each, fields)]
    phrases = list(_phrases(expanded, fields))
    if len(phrases) > _MOST_PHRASES:
        phrases = [*phrases[: _MOST_PHRASES - 1], f"{len(phrases) - _MOST_PHRASES + 1} more changes"]
    return f"{subject} {', '.join(phrases) or 'changed'}"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a pointer leads: the facts there, the list whose element it is, and the words on the way."""

    facts: FieldFacts | None
    owner: FieldFacts | None
    words: tuple[str, ...]


def _find(fields: Mapping[str, FieldFacts], pointer: Iterable[str]) -> _Place:
    facts: FieldFacts | None = None
    owner: FieldFacts | None = None
    words: tuple[str, ...] = ()
    for step in pointer:
        known = fields if facts is None else facts.fields
        if facts is not None and facts.items is not None:
            owner, facts = facts, facts.items
            words = (*words[:-1], f"{owner.noun} '{_short(step)}'")
        else:
            owner, facts = None, known.get(step)
            words = (*words, facts.label if facts else step.replace("_", " "))
        if facts is None:
            break
    return _Place(facts, owner, words)


def _expand(change: FieldChange, fields: Mapping[str, FieldFacts]) -> Iterator[FieldChange]:
    """Yields the changes inside a whole list or group that came or went, which diffs report as one."""
    value = change.after if change.op == "added" else change.before
    place = _find(fields, change.pointer)
    facts, is_element = place.facts, place.owner is not None and place.owner.keyed is not None
    if change.op not in ("added", "removed") or facts is None or is_element:
        yield change
    elif facts.keyed is not None and isinstance(value, list) and value:
        identity = facts.keyed.identity
        for each in cast(list[Any], value):
            key = str(each if identity == "value" else cast(Mapping[str, Any], each).get(identity, ""))
            yield _part(change, key, each)
    elif facts.widget in ("group", "mapping") and isinstance(value, Mapping) and value:
        for key, each in cast(Mapping[str, Any], value).items():
            yield from _expand(_part(change, key, each), fields)
    else:
        yield change


def _part(change: FieldChange, key: str, value: Any) -> FieldChange:
    before, after = (None, value) if change.op == "added" else (value, None)
    return replace(change, pointer=(*change.pointer, key), before=before, after=after)


def _phrases(changes: list[FieldChange], fields: Mapping[str, FieldFacts]) -> Iterator[str]:
    """Yields a phrase for each change; elements that came to or went from one list share a phrase."""
    counted: set[tuple[tuple[str, ...], str]] = set()
    for change in changes:
        place = _find(fields, change.pointer)
        owner = place.owner
        if owner is None or owner.keyed is None or change.op not in ("added", "removed"):
            yield _phrase(change, place)
            continue
        group = (change.pointer[:-1], change.op)
        if group in counted:
            continue
        counted.add(group)
        alike = [each for each in changes if (each.pointer[:-1], each.op) == group]
        if len(alike) == 1:
            yield _element_phrase(change, owner, place.words[:-1])
        else:
            yield _words((*place.words[:-1], f"{len(alike)} {_plural(owner.noun)} {change.op}"))


def _element_phrase(change: FieldChange, owner: FieldFacts, before: tuple[str, ...]) -> str:
    """Returns `new SMS action 'offer'`, `sample question 'When?' removed`."""
    value = change.after if change.op == "added" else change.before
    called, adjective = change.pointer[-1], ""
    if isinstance(value, Mapping):
        element = cast(Mapping[str, Any], value)
        called = str(element.get("name") or called)
        adjective = _adjective(element, owner)
    named = f"{adjective}{owner.noun} '{_short(called)}'"
    new = change.op == "added" and isinstance(value, Mapping)
    return _words((*before, f"new {named}" if new else f"{named} {change.op}"))


def _adjective(element: Mapping[str, Any], owner: FieldFacts) -> str:
    name = owner.keyed.adjective if owner.keyed else ""
    facts = owner.items.fields.get(name) if owner.items and name else None
    if facts is None:
        return ""
    value = str(element.get(name, facts.default))
    return f"{facts.choices.get(value, value)} "


_SHOWN_AS_A_WHOLE = frozenset({"list", "table", "group", "json", "mapping"})


def _phrase(change: FieldChange, place: _Place) -> str:
    words = _words(place.words) or change.label
    facts = place.facts
    if change.op == "reordered":
        return f"order of {words} changed"
    if facts is None or facts.fact.form != "value" or facts.widget in _SHOWN_AS_A_WHOLE:
        has_default = facts is not None and not _is_empty(facts.default)
        if has_default and change.op == "removed":
            return f"{words} back to the default"
        return f"{words} {'changed' if change.op == 'edited' or has_default else change.op}"
    before = change.before if change.op != "added" else facts.default
    after = change.after if change.op != "removed" else facts.default
    if facts.fact.says is not None and isinstance(after, bool):
        return _words((*place.words[:-1], facts.fact.says[0 if after else 1]))
    if _is_empty(before):
        return f"{words} set to {_value(after, facts)}"
    if _is_empty(after):
        return f"{words} {_value(before, facts)} removed"
    return f"{words} {_value(before, facts)} → {_value(after, facts)}"


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _value(value: Any, facts: FieldFacts) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        quote = '"' if "'" in value else "'"
        return facts.choices.get(value) or f"{quote}{_short(value)}{quote}"
    return f"{value:g}" if isinstance(value, float) else _short(str(value))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_VALUE else f"{line[: _LONGEST_VALUE - 1]}…"


def _words(words: tuple[str, ...]) -> str:
    return " ".join(word for word in words if word)


def _plural(noun: str) -> str:
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"
