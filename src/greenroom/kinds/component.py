"""Components: text that is written once and included wherever `{{component.slug}}` stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from greenroom.kinds.schema import BodyModel, Checks, Fact, Field, Id, Keyed, ModelKind, Text


class ComponentBody(BodyModel):
    """The fields of a component."""

    text: Annotated[Text, Fact(hint="Included with {{component.slug}}")] = ""
    parameters: Annotated[list[Id], Field(max_length=50), Keyed("value", noun="parameter", ordered=False)] = []


def _tests(checks: Checks) -> Iterator[str]:
    name, slug = checks.change.name, checks.change.address.slug
    if checks.removed:
        yield f"Ask what the texts that held '{name}' answered; no reply may have a gap."
        return
    where = f"{{{{component.{slug}}}}}"
    yield f"Ask a question in each topic that includes {where}; the reply must hold the new text once."
    if checks.touches("parameters"):
        yield f"Check that each place that includes '{name}' gives a value to every parameter."


KIND = ModelKind(
    name="component",
    title="Component",
    plural="components",
    model=ComponentBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Opening hours",
        "text": "The desk of {{variant.street}} is open from 7:00 to 23:00.",
        "parameters": ["season"],
    },
)
