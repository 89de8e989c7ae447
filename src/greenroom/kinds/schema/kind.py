"""A kind made of a pydantic model: everything that the `Kind` protocol asks for, derived from its facts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Literal

from pydantic import ValidationError

from greenroom.domain.changes import Change
from greenroom.domain.entities import Body
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.kind import Mention, Shape, Upgrade
from greenroom.kinds.schema.facts import BodyModel, FieldFacts, fields_of, mentions_of_fields
from greenroom.kinds.schema.faults import duplicates, faults_of, faults_within, plain_value
from greenroom.kinds.schema.wording import Checks, describe

MAX_FAULTS = 200
"""How many faults of one body are told; a person mends no more at once, and a stranger may send a million."""


def _no_tests(checks: Checks) -> Iterable[str]:
    return ()


@dataclass(frozen=True, eq=False)
class ModelKind:
    """The facts about one kind, as its module states them.

    `upgrades[i]` turns a body of schema i + 1 into one of schema i + 2, so their number gives the present
    schema. `tests` yields what a person should try after a change. `speaks_of` is how a sentence about an
    edit begins: with the entity's name, or with the kind where there is mostly one.
    """

    name: str
    title: str
    plural: str
    model: type[BodyModel]
    sample: Body
    singleton: str | None = None
    upgrades: tuple[Upgrade, ...] = ()
    tests: Callable[[Checks], Iterable[str]] = _no_tests
    speaks_of: Literal["name", "kind"] = "name"
    fields: Mapping[str, FieldFacts] = field(init=False)
    shape: Shape = field(init=False)

    def __post_init__(self) -> None:
        fields = fields_of(self.model)
        object.__setattr__(self, "fields", fields)
        shape = Shape(label=self.title, fields={name: each.shape for name, each in fields.items()})
        object.__setattr__(self, "shape", shape)

    @property
    def schema(self) -> int:
        """Returns the number of the schema that new bodies are written with."""
        return len(self.upgrades) + 1

    @property
    def json_schema(self) -> dict[str, Any]:
        """Returns the JSON Schema of a body, `schema` included."""
        found = self.model.model_json_schema()
        number = {"const": self.schema, "title": "Schema"}
        return {**found, "title": self.title, "properties": {"schema": number, **found["properties"]}}

    def upgrade(self, body: Body) -> Body:
        """Returns the body as the present schema would write it. Raises Invalid (`schema_too_new` too)."""
        number = body.get("schema", self.schema)
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise _invalid([Fault("/schema", "'schema' must be a whole number from 1", "wrong_type")])
        if number > self.schema:
            message = f"'schema' is {number}, but {self.plural} are known up to schema {self.schema} here"
            raise _invalid([Fault("/schema", message, "schema_too_new", "update Greenroom")])
        if number == self.schema:
            return body
        upgraded: dict[str, Any] = copy.deepcopy(dict(body))
        for step in self.upgrades[number - 1 :]:
            try:
                upgraded = step(upgraded)
            except (KeyError, TypeError, ValueError, AttributeError, IndexError):
                message = f"this body says schema {number}, but is not one"
                raise _invalid([Fault("/schema", message, "wrong_schema")]) from None
        return {**upgraded, "schema": self.schema}

    def validate(self, body: Body) -> tuple[Fault, ...]:
        """Returns what is wrong with a body, with pointers; nothing when it is sound."""
        return self._read(body)[1]

    def complete(self, body: Body) -> Body:
        """Returns the one form that is stored: `schema`, `name` and what differs from its default.

        Raises Invalid (`invalid_body`) with a pointer for each fault.
        """
        model, faults = self._read(body)
        if model is None:
            raise _invalid(faults)
        return {"schema": self.schema, "name": model.name, **model.model_dump(exclude_defaults=True)}

    def _read(self, body: Body) -> tuple[BodyModel | None, tuple[Fault, ...]]:
        """Returns the sound model, or all faults."""
        if not isinstance(body, Mapping):
            return None, (Fault("", "the body must be a group of fields", "wrong_type"),)
        try:
            fields = {**self.upgrade(plain_value(body))}
        except Invalid as wrong:
            return None, wrong.errors
        fields.pop("schema", None)
        given = [(name, facts) for name, facts in self.fields.items() if name in fields]
        twice = chain.from_iterable(duplicates(fields[name], facts, f"/{name}") for name, facts in given)
        try:
            model = self.model.model_validate(fields)
        except ValidationError as wrong:
            return None, tuple(islice(chain(faults_of(wrong, self.fields), twice), MAX_FAULTS))
        faults = tuple(islice(chain(twice, faults_within(model)), MAX_FAULTS))
        return (None if faults else model), faults

    def mentions(self, body: Body) -> tuple[Mention, ...]:
        """Returns every place where the body names another entity: links in fields, placeholders in text."""
        return tuple(mentions_of_fields(self.fields, self.upgrade(body)))

    def describe_change(self, change: Change) -> str:
        """Returns a change of one entity in plain words: `voice stability 0.6 → 0.8`."""
        title = self.title if self.title.isupper() else self.title[:1].lower() + self.title[1:]
        subject = title if self.speaks_of == "kind" or self.singleton else f"{change.name}:"
        return describe(change, self.fields, title, subject)

    def tests_for(self, change: Change) -> tuple[str, ...]:
        """Returns the tests that a person should make for a change."""
        found = tuple(dict.fromkeys(self.tests(Checks(change))))
        title = self.title if self.title.isupper() else self.title.lower()
        takes_part = "took part in; it must do well without" if change.op == "removed" else "takes part in"
        return found or (f"Have a conversation that {title} '{change.name}' {takes_part}.",)


def _invalid(errors: Sequence[Fault]) -> Invalid:
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Invalid("invalid_body", f"{errors[0].message}{more}", errors=errors)
