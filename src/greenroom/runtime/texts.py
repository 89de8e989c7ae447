"""Texts as they are written, turned into what is said: placeholders filled, markdown kept or made plain."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from greenroom.domain.entities import Address
from greenroom.runtime.plans import ComponentPlan

MAX_TEXT = 20_000
MAX_DEPTH = 8
MAX_FILLED = 2_000
"""Placeholders in one text, those of its components included: components can multiply."""
MASK = "•••"

ANY_PLACEHOLDER = re.compile(r"\{\{([^{}]{0,500})\}\}")
NAMED = re.compile(r"\s*([a-z][a-z0-9_]*)\.([A-Za-z0-9][A-Za-z0-9_-]*)((?:\s+[A-Za-z0-9_-]+=\"[^\"]*\")*)\s*")
ARGUMENT = re.compile(r"([A-Za-z0-9_-]+)=\"([^\"]*)\"")
PARAMETER = re.compile(r"(?<!\{)\{([A-Za-z][A-Za-z0-9_-]{0,79})\}(?!\})")
SPOKEN_NAMES = frozenset({"agent", "function", "handoff", "sms", "topic", "workflow", "rule", "voice", "test_set"})

_SENTENCE_END = re.compile(r"[.!?…]+[\"”')\]*_]*(?:\s+|$)|[。！？]+[」』]?\s*|\n+\s*")
_LINK = re.compile(r"!?\[([^\]\n]{0,300})\]\(([^()\s]{1,500})\)")
_EMPHASIS = re.compile(r"(\*\*|__|~~)(?=\S)(.{1,500}?)(?<=\S)\1")
_LIGHT = re.compile(r"(?<![\w*])([*_])(?=[^\s*_])([^*_\n]{1,300}?)(?<=[^\s*_])\1(?![\w*])")
_CODE = re.compile(r"`{1,3}([^`\n]{0,300})`{1,3}")
_HEAD = re.compile(r"^\s{0,3}(?:#{1,6}|>)\s+", re.MULTILINE)
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+")
_GAPS = re.compile(r"[ \t]{2,}")
_LOOSE = re.compile(r"[ \t]+([,.;:!?])")


@dataclass(frozen=True, slots=True)
class Scope:
    """What placeholders are filled from."""

    components: Mapping[str, ComponentPlan]
    names: Mapping[Address, str]
    variables: Mapping[str, Any]
    variant: Mapping[str, str]


@dataclass(slots=True)
class Rendered:
    """A filled text, and what it named that is not there."""

    text: str = ""
    unknown: list[str] = field(default_factory=list[str])
    filled: int = 0


def render(text: str, scope: Scope) -> Rendered:
    """Returns the text with every placeholder filled; none is ever left in it."""
    out = Rendered()
    filled = _fill(text, scope, {}, out, ())
    left = ANY_PLACEHOLDER.sub("", filled).replace("{{", "").replace("}}", "")
    if left != text:
        left = _LOOSE.sub(r"\1", _GAPS.sub(" ", left))
    out.text = left[:MAX_TEXT].strip()
    return out


def _fill(text: str, scope: Scope, arguments: Mapping[str, str], out: Rendered, inside: tuple[str, ...]) -> str:
    def put(match: re.Match[str]) -> str:
        out.filled += 1
        if out.filled > MAX_FILLED:
            return ""
        named = NAMED.fullmatch(match.group(1))
        if named is None:
            out.unknown.append(match.group(0)[:100])
            return ""
        head, slug, given = named.groups()
        if head == "component":
            return _component(slug, given, scope, out, inside)
        value = _value(head, slug, scope)
        if value is None:
            out.unknown.append(f"{head}.{slug}")
            return ""
        # A value is not read again: braces that a caller brings in stay data.
        return value.replace("{{", "").replace("}}", "")

    if inside:
        text = PARAMETER.sub(lambda match: _parameter(match, scope, arguments, inside[-1]), text)
    return ANY_PLACEHOLDER.sub(put, text[:MAX_TEXT])


def _component(slug: str, given: str, scope: Scope, out: Rendered, inside: tuple[str, ...]) -> str:
    component = scope.components.get(slug)
    if component is None or slug in inside or len(inside) >= MAX_DEPTH:
        out.unknown.append(f"component.{slug}")
        return ""
    filled = _fill(component.text, scope, dict(ARGUMENT.findall(given)), out, (*inside, slug))
    return filled[: MAX_TEXT // (len(inside) + 1)]


def _parameter(match: re.Match[str], scope: Scope, arguments: Mapping[str, str], component: str) -> str:
    """Fills `{name}` from the argument, else from the variable or the site's attribute of that name."""
    name = match.group(1)
    if name not in scope.components[component].parameters:
        return match.group(0)
    if name in arguments:
        value = arguments[name]
    else:
        found = scope.variables.get(name)
        value = say_value(found) if found is not None else scope.variant.get(name, "")
    return value.replace("{", "").replace("}", "")


def _value(head: str, slug: str, scope: Scope) -> str | None:
    if head == "variable":
        return say_value(scope.variables[slug]) if slug in scope.variables else None
    if head == "variant":
        return scope.variant.get(slug)
    if head in SPOKEN_NAMES:
        return scope.names.get(Address(head, slug))
    return "" if head == "secret" else None


def say_value(value: Any) -> str:
    """Returns a variable's value as it is said; what has no spoken form is silent."""
    if value is None or isinstance(value, Mapping):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, list | tuple):
        return ", ".join(word for word in map(say_value, value) if word)
    return str(value)


def strip_marks(text: str) -> str:
    """Returns markdown without its marks but with its lines, for a text message; links keep their address."""
    return _strip(text, r"\1 (\2)")


def _strip(text: str, link: str) -> str:
    if "[" in text:
        text = _LINK.sub(link, text)
    for mark in (_EMPHASIS, _EMPHASIS, _LIGHT):
        text = mark.sub(r"\2", text)
    return _HEAD.sub("", _CODE.sub(r"\1", text)).strip()


def make_plain(text: str) -> str:
    """Returns markdown as plain sentences, for a voice."""
    text = _strip(text, r"\1")
    if "\n" not in text and not _BULLET.match(text):
        return text.strip()
    said = ""
    for line in text.splitlines():
        words = _BULLET.sub("", line).strip()
        if not words:
            continue
        if said and said[-1] not in ".!?…:;,。！？":
            said += "."
        said += f" {words}" if said else words
    return said


def split_sentences(text: str) -> tuple[str, ...]:
    """Returns the sentences with the spaces after them, so that joined they are the text again."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    pieces = (text[begin:end] for begin, end in zip((0, *ends), (*ends, len(text)), strict=True))
    return tuple(piece for piece in pieces if piece)


def shorten(text: str, length: int) -> str:
    """Returns at most `length` characters: whole sentences if one fits, else whole words and `…`."""
    if len(text) <= length:
        return text
    kept = ""
    for sentence in split_sentences(text):
        if len((kept + sentence).rstrip()) > length:
            break
        kept += sentence
    if kept.strip():
        return kept.rstrip()
    cut = text[: max(0, length - 1)]
    head, space, _ = cut.rpartition(" ")
    return f"{(head if space else cut).rstrip(' ,;:')}…"[:length]


def mask(value: Any, hidden: Callable[[str], str]) -> Any:
    """Returns a JSON value with `hidden` applied to every text in it."""
    if isinstance(value, str):
        return hidden(value)
    if isinstance(value, Mapping):
        return {key: mask(item, hidden) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mask(item, hidden) for item in value]
    return value
