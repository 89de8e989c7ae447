"""Widgets: how the web chat looks and greets. Where it is placed is not versioned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from greenroom.kinds.schema import (
    BodyModel,
    Checks,
    Fact,
    Field,
    Keyed,
    Language,
    Line,
    ModelKind,
    Part,
    StringConstraints,
    Text,
    Words,
)
from greenroom.kinds.schema.parts import Url

Colour = Annotated[
    str, StringConstraints(pattern=r"^(#[0-9a-fA-F]{6})?$"), Fact(expects="a colour such as #1a2b3c, or empty")
]


class Colours(Part):
    """The widget's own colours; empty ones are the page's."""

    primary: Colour = ""
    text: Colour = ""
    background: Colour = ""


class WidgetBody(BodyModel):
    """The fields of a widget."""

    title: Annotated[Line, Fact(hint="In the widget's head")] = ""
    greeting: Annotated[Text, Fact(hint="The first words in the widget; empty: those of the agent")] = ""
    colours: Colours = Colours()
    position: Annotated[Literal["left", "right"], Fact(label="position")] = "right"
    languages: Annotated[list[Language], Field(max_length=50), Keyed("value", noun="language", ordered=False)] = []
    suggested_questions: Annotated[list[Words], Field(max_length=10), Keyed("value", noun="suggested question")] = []
    avatar: Annotated[Url, Fact(label="picture")] = ""


def _tests(checks: Checks) -> Iterator[str]:
    if checks.removed:
        yield "Open the page with the widget; it must show the built-in look."
        return
    if checks.touches("greeting"):
        yield "Open the widget; it must greet with the new text."
    if checks.touches("suggested_questions"):
        yield "Open the widget and press each suggested question; each must be answered."
    if checks.touches("title", "colours", "position", "languages", "avatar"):
        yield "Look at the widget on a wide and on a narrow screen, in light and dark."


KIND = ModelKind(
    name="widget",
    title="Widget",
    plural="widgets",
    model=WidgetBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Web chat",
        "title": "Harbour Hotel",
        "greeting": "Hello! Ask me about your stay at {{variant.street}}.",
        "colours": {"primary": "#0b5fff", "text": "#ffffff", "background": "#f6f7f9"},
        "position": "left",
        "languages": ["en-GB"],
        "suggested_questions": ["Can I check out late?"],
        "avatar": "https://harbour.example/robin.png",
    },
)
