"""What a kind's module is written with: a body model, facts about its fields, and ModelKind."""

from pydantic import Field, StringConstraints

from greenroom.kinds.schema.facts import (
    Asked,
    BodyModel,
    Choices,
    Code,
    Condition,
    Fact,
    FieldFacts,
    Id,
    Json,
    JsonMapping,
    Keyed,
    Language,
    Line,
    Link,
    Part,
    Slug,
    SlugOrNone,
    Text,
    Widget,
    Words,
)
from greenroom.kinds.schema.faults import suggestion
from greenroom.kinds.schema.kind import ModelKind
from greenroom.kinds.schema.wording import Checks

__all__ = [
    "Asked",
    "BodyModel",
    "Checks",
    "Choices",
    "Code",
    "Condition",
    "Fact",
    "Field",
    "FieldFacts",
    "Id",
    "Json",
    "JsonMapping",
    "Keyed",
    "Language",
    "Line",
    "Link",
    "ModelKind",
    "Part",
    "Slug",
    "SlugOrNone",
    "StringConstraints",
    "Text",
    "Widget",
    "Words",
    "suggestion",
]
