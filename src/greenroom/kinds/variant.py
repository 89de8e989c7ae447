"""Variants: what differs by site, as one table that `{{variant.attribute}}` reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from greenroom.domain.errors import Fault
from greenroom.kinds.schema import (
    Asked,
    BodyModel,
    Checks,
    Condition,
    Fact,
    Field,
    Id,
    Keyed,
    ModelKind,
    Part,
    Text,
    Words,
    suggestion,
)

_MOST_SITES_TO_TRY = 3


class Row(Part):
    """One site."""

    id: Id
    name: Annotated[Words, Fact(label="name")]
    default: Annotated[bool, Fact(says=("made the default", "no longer the default"))] = False
    numbers: Annotated[
        list[Words],
        Field(max_length=200),
        Keyed("value", noun="number", ordered=False),
        Fact(hint="Called numbers that this site answers", verbatim=True),
    ] = []
    condition: Annotated[Condition, Fact(hint="CEL; the first site whose condition holds at the start")] = ""
    values: Annotated[
        dict[Id, Annotated[Text, Fact(label="value")]],
        Field(max_length=200),
        Fact(label="value of"),
        Asked(goal="attributes"),
    ] = {}


def plain_number(number: str) -> str:
    """Returns a telephone number as numbers are compared: its digits, with a leading +."""
    digits = "".join(sign for sign in number if sign.isdigit())
    return f"+{digits.removeprefix('00')}" if number.strip().startswith(("+", "00")) else digits


class VariantBody(BodyModel):
    """The fields of the table."""

    attributes: Annotated[
        list[Id],
        Field(max_length=200),
        Keyed("value", noun="attribute"),
        Fact(hint="What is known of each site: address, opening_hours; named as {{variant.address}}"),
    ] = []
    rows: Annotated[list[Row], Field(max_length=2_000), Keyed(noun="site")] = []

    def faults(self) -> Iterable[Fault]:
        known = set(self.attributes)
        for index, row in enumerate(self.rows):
            for key in row.values:
                if key not in known:
                    message = f"there is no attribute '{key}'{suggestion(key, self.attributes)}"
                    yield Fault(f"/rows/{index}/values/{key}", message, "unknown_attribute", "add it to 'attributes'")
        taken: dict[str, str] = {}
        for index, row in enumerate(self.rows):
            for at, number in enumerate(row.numbers):
                if (other := taken.setdefault(plain_number(number), row.id)) != row.id:
                    message = f"'{number}' is a number of '{other}' already"
                    yield Fault(f"/rows/{index}/numbers/{at}", message, "duplicate", "each number has one site")
        defaults = [index for index, row in enumerate(self.rows) if row.default]
        if self.rows and not defaults:
            yield Fault("/rows", "no site is the default", "no_default", "set 'default: true' on one row")
        for index in defaults[1:]:
            message = f"'{self.rows[index].id}' is a second default; '{self.rows[defaults[0]].id}' is one already"
            yield Fault(f"/rows/{index}/default", message, "two_defaults", "only one row is the default")


def _tests(checks: Checks) -> Iterator[str]:
    if checks.removed:
        yield "Ask a question whose answer used to differ by site; no reply may have a gap."
        return
    if checks.touches("rows"):
        for row in checks.elements("rows")[:_MOST_SITES_TO_TRY]:
            yield f"Call as a guest of '{row.get('name')}' and ask what changed; the reply must be its own."
    if checks.touches("rows", "attributes"):
        yield "Call without a site; the values of the default row must be used."


KIND = ModelKind(
    name="variant",
    title="Variants",
    plural="variants",
    model=VariantBody,
    singleton="default",
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Hotels",
        "attributes": ["street", "late_fee"],
        "rows": [
            {
                "id": "harbour",
                "name": "Harbour Hotel",
                "default": True,
                "numbers": ["+44 20 7946 0000"],
                "condition": "user_id == 'harbour'",
                "values": {"street": "1 Quay Street", "late_fee": "20 euros"},
            },
            {"id": "park", "name": "Park Hotel", "values": {"street": "8 Park Lane", "late_fee": "free"}},
        ],
    },
)
