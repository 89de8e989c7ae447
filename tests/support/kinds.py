"""Small kinds for tests of the domain, which knows none of the real ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from greenroom.domain.changes import Change
from greenroom.domain.entities import Body
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.kind import Kind, Mention, Registry, Shape
from greenroom.domain.references import find_mentions_in_text, walk_texts


@dataclass(frozen=True)
class SmallKind:
    """A kind whose schema 1 called `content` still `text`; a `wrong` field makes a body unsound."""

    name: str
    title: str
    plural: str
    shape: Shape
    schema: int = 2
    singleton: str | None = None

    @property
    def sample(self) -> Body:
        return {"schema": self.schema, "name": self.title}

    def upgrade(self, body: Body) -> Body:
        if body.get("schema", 1) >= self.schema:
            return body
        upgraded = {key: value for key, value in body.items() if key != "text"}
        return {**upgraded, "schema": self.schema, **({"content": body["text"]} if "text" in body else {})}

    def validate(self, body: Body) -> tuple[Fault, ...]:
        return (Fault("/wrong", "must not be"),) if "wrong" in body else ()

    def complete(self, body: Body) -> Body:
        if faults := self.validate(body):
            raise Invalid("invalid_body", "wrong", errors=faults)
        return {key: value for key, value in body.items() if value not in ("", [], {})}

    def mentions(self, body: Body) -> tuple[Mention, ...]:
        return tuple(mention for pointer, text in walk_texts(body) for mention in find_mentions_in_text(text, pointer))

    def describe_change(self, change: Change) -> str:
        if change.op == "added":
            return f"new {self.title.lower()} {change.name}"
        if change.op == "removed":
            return f"{change.name} removed"
        return f"{change.name} {', '.join(dict.fromkeys(field.label for field in change.fields))} changed"

    def tests_for(self, change: Change) -> tuple[str, ...]:
        return () if self.name == "rule" else (f"Ask about {change.name}",)


def _kind(name: str, title: str, plural: str, **fields: Shape) -> SmallKind:
    return SmallKind(name, title, plural, Shape(label=title, fields={"schema": Shape(), "name": Shape(), **fields}))


TOPIC = _kind(
    "topic",
    "Topic",
    "topics",
    content=Shape(form="text"),
    questions=Shape(identity="value"),
    actions=Shape(identity="id", items=Shape(fields={"id": Shape(), "message": Shape(form="text")})),
    enabled_in=Shape(),
    tags=Shape(identity="value", ordered=False),
)
VOICE = _kind("voice", "Voice", "voices", stability=Shape())
OTHERS: Mapping[str, SmallKind] = {
    "rule": _kind("rule", "Rule", "rules"),
    "sms": _kind("sms", "SMS", "SMS texts"),
    "function": _kind("function", "Function", "functions", code=Shape(form="code")),
    "test_set": _kind("test_set", "Test set", "test sets"),
}


def registry(*kinds: SmallKind | str) -> Registry:
    """Returns a registry of the kinds, in their order; names stand for those in OTHERS."""
    known: dict[str, Any] = {}
    for kind in kinds:
        small: Kind = OTHERS[kind] if isinstance(kind, str) else kind
        known[small.name] = small
    return known
