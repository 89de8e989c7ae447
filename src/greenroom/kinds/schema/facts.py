"""Facts that a field states about itself, and everything that is derived from them.

A kind's body is a pydantic model whose fields are annotated with facts. The shape for diffs and merges,
the mentions of other entities, the JSON schema and the form are read from them; nothing is said twice.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.fields import FieldInfo

from greenroom.domain.entities import Address
from greenroom.domain.errors import Fault
from greenroom.domain.kind import Mention, Shape, TextForm
from greenroom.domain.references import find_mentions_in_text, walk_texts

Widget = Literal[
    "line",
    "text",
    "code",
    "number",
    "integer",
    "switch",
    "choice",
    "link",
    "list",
    "table",
    "group",
    "mapping",
    "json",
]
"""How a form asks for a field. `list` has scalars, `table` has groups, `mapping` has values by free keys."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What people are told about a field, and how a change of it is shown.

    `expects` completes "must be …" where a pattern is not met. `verbatim` text is another system's, or
    code: `{{kind.slug}}` in it mentions nothing. `says` are the words for a switch that is on and off.
    """

    label: str = ""
    hint: str = ""
    form: TextForm = "value"
    expects: str = ""
    verbatim: bool = False
    says: tuple[str, str] | None = None

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        schema: dict[str, Any] = handler(core)
        if self.label:
            schema["title"] = self.label[:1].upper() + self.label[1:]
        if self.hint:
            schema["description"] = self.hint
        if self.form != "value":
            schema["x-form"] = self.form
        return schema


@dataclass(frozen=True, slots=True)
class Link:
    """The field holds the slug of an entity of one kind, or of the kind that a sibling field chooses."""

    kind: str = ""
    by: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict[str, str])

    def kind_in(self, group: Mapping[str, Any]) -> str:
        """Returns the kind that the slug names in this group of fields; '' when that is not decided."""
        return self.kinds.get(str(group.get(self.by, "")), "") if self.by else self.kind

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        schema: dict[str, Any] = handler(core)
        schema["x-link"] = {"by": self.by, "kinds": dict(self.kinds)} if self.by else self.kind
        return schema


@dataclass(frozen=True, slots=True)
class Keyed:
    """The elements of a list have an identity: a field of theirs, or `value` for unique scalars.

    `noun` is what one element is called; `adjective` names the choice field whose words go before it.
    """

    identity: str = "id"
    noun: str = ""
    adjective: str = ""
    ordered: bool = True

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        schema: dict[str, Any] = handler(core)
        schema["x-identity"] = self.identity
        return schema


@dataclass(frozen=True, slots=True)
class Asked:
    """How a form asks for a field beyond its widget; a diff, a check and a turn know nothing of it.

    The field matters where the choice `by` beside it is one of `values`. `names` is the project's data, held by no
    version, that its text (or the keys of its mapping) is a name of. A `goal` is an element of the body's list of that
    name. `keys` are those of free entries that mean something, each with a hint.
    """

    style: Literal["", "condition", "parameters", "entries", "value"] = ""
    by: str = ""
    values: tuple[str, ...] = ()
    names: str = ""
    goal: str = ""
    keys: Mapping[str, str] = field(default_factory=dict[str, str])

    def matters(self, group: Mapping[str, Any], fields: Mapping[str, FieldFacts]) -> bool:
        """Says whether a field matters in a group, as the choice beside it stands."""
        if not self.by:
            return True
        return str(group.get(self.by, fields[self.by].default) or "") in self.values


@dataclass(frozen=True, slots=True)
class Choices:
    """The words for people of a field with a few permitted values, where the values themselves do not do."""

    words: Mapping[str, str]


MAX_TEXT = 32_000
MAX_CODE = 128_000

Line = Annotated[str, StringConstraints(max_length=400)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=r"\S"), Fact(expects="visible text")]
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT), Fact(form="text")]
Code = Annotated[str, StringConstraints(max_length=MAX_CODE), Fact(form="code", verbatim=True)]
Condition = Annotated[
    str,
    StringConstraints(max_length=2_000),
    Fact(label="condition", hint="CEL; empty is always"),
    Asked(style="condition"),
]
Id = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,119}$"),
    Fact(label="id", expects="1 to 120 letters, digits, '-', '_' or '.', beginning with a letter or digit"),
]
Slug = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,79}$"),
    Fact(expects="1 to 80 of a-z, 0-9, '-' and '_', beginning with a letter or digit"),
]
SlugOrNone = Annotated[
    str,
    StringConstraints(pattern=r"^([a-z0-9][a-z0-9_-]{0,79})?$"),
    Fact(expects="a slug (1 to 80 of a-z, 0-9, '-' and '_'), or empty for none"),
]
Language = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"),
    Fact(label="language", expects="a language tag such as en-US"),
]
Json = Annotated[Any, Fact()]
JsonMapping = Annotated[dict[str, Any], Field(max_length=500), Fact(verbatim=True)]


class Part(BaseModel):
    """A group of fields inside a body. Unknown fields and wrong types are refused, never coerced."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, protected_namespaces=())

    def faults(self) -> Iterable[Fault]:
        """Yields what is wrong between fields of this group, with pointers inside it."""
        return ()


class BodyModel(Part):
    """The fields of a kind's body besides `schema`."""

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=120, pattern=r"^[^\r\n]*\S[^\r\n]*$"),
        Fact(label="name", verbatim=True, expects="one line of visible text"),
    ]


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """Everything known of one field: what forms, diffs, references and messages need.

    `least` and `most` bound a number, or the length of a text, list or mapping. `fields` are those of a
    group, `items` the facts of each element of a list and of each value of a mapping with free keys.
    """

    label: str
    widget: Widget
    fact: Fact = Fact()
    link: Link | None = None
    keyed: Keyed | None = None
    asked: Asked = Asked()
    choices: Mapping[str, str] = field(default_factory=dict[str, str])
    fields: Mapping[str, FieldFacts] = field(default_factory=dict[str, "FieldFacts"])
    items: FieldFacts | None = None
    required: bool = False
    default: Any = None
    least: float | None = None
    most: float | None = None
    key_expects: str = ""

    @property
    def noun(self) -> str:
        """Returns what one element of this list is called."""
        return self.keyed.noun if self.keyed and self.keyed.noun else self.label.removesuffix("s")

    @property
    def shape(self) -> Shape:
        """Returns what diff and merge need of this field."""
        return Shape(
            form=self.fact.form,
            label=self.label,
            fields={name: each.shape for name, each in self.fields.items()},
            items=self.items.shape if self.items else None,
            identity=self.keyed.identity if self.keyed else None,
            ordered=self.keyed.ordered if self.keyed else True,
        )

    def mentions(self, value: Any, pointer: str, group: Mapping[str, Any]) -> Iterator[Mention]:
        """Yields the entities that a value of this field names; `group` holds the field that chooses a link's kind."""
        if self.link is not None:
            kind = self.link.kind_in(group)
            if isinstance(value, str) and value and kind:
                yield Mention(pointer, Address(kind, value))
        elif self.fields and isinstance(value, Mapping):
            yield from mentions_of_fields(self.fields, cast(Mapping[str, Any], value), pointer)
        elif self.items and isinstance(value, list):
            for index, item in enumerate(cast(list[Any], value)):
                yield from self.items.mentions(item, f"{pointer}/{index}", {})
        elif self.items and isinstance(value, Mapping):
            for key, item in cast(Mapping[str, Any], value).items():
                yield from self.items.mentions(item, f"{pointer}/{escape(key)}", {})
        elif not self.fact.verbatim and not isinstance(value, bool | int | float | None):
            for place, text in walk_texts(value, pointer):
                yield from find_mentions_in_text(text, place) if "{{" in text else ()


def mentions_of_fields(
    fields: Mapping[str, FieldFacts], group: Mapping[str, Any], pointer: str = ""
) -> Iterator[Mention]:
    """Yields the entities that a group of fields names, in the order of its fields."""
    for name, facts in fields.items():
        if name in group:
            by = facts.link.by if facts.link else ""
            around = {by: group.get(by, fields[by].default)} if by else {}
            yield from facts.mentions(group[name], f"{pointer}/{name}", around)


def fields_of(model: type[Part]) -> Mapping[str, FieldFacts]:
    """Returns the facts of a model's fields in their order."""
    return {name: _field(name, info) for name, info in model.model_fields.items()}


def escape(step: object) -> str:
    """Returns a key as a step of an RFC 6901 pointer."""
    return str(step).replace("~", "~0").replace("/", "~1")


def _field(name: str, info: FieldInfo) -> FieldFacts:
    facts = _read(info.annotation, info.metadata)
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    if isinstance(default, Part):
        default = default.model_dump(exclude_defaults=True)
    label = facts.fact.label or name.replace("_", " ")
    return replace(facts, label=label, required=info.is_required(), default=default)


def _read(annotation: Any, metadata: Sequence[Any]) -> FieldFacts:
    """Reads the facts of one annotation; `metadata` is what pydantic has already taken off it."""
    while get_origin(annotation) is Annotated:
        annotation, *inner = get_args(annotation)
        metadata = [*inner, *metadata]
    if get_origin(annotation) in (Union, types.UnionType):
        chosen = next(each for each in get_args(annotation) if each is not type(None))
        return _read(chosen, metadata)
    fact = _merged([each for each in metadata if isinstance(each, Fact)])
    known = _structure(annotation, fact)
    least, most = _bounds(metadata)
    return replace(
        known,
        label=fact.label,
        fact=fact,
        link=_last(metadata, Link),
        keyed=_last(metadata, Keyed),
        asked=_last(metadata, Asked) or Asked(),
        widget="link" if _last(metadata, Link) else known.widget,
        choices=_choices(known.choices, _last(metadata, Choices)),
        least=least,
        most=most,
    )


def _structure(annotation: Any, fact: Fact) -> FieldFacts:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return FieldFacts("", "group", fields=fields_of(annotation))
    if origin is list:
        items = _read(arguments[0], ())
        return FieldFacts("", "table" if items.fields else "list", items=items)
    if origin is dict:
        free = arguments[1] is Any
        keys = _read(arguments[0], ()).fact.expects
        items = None if free else _read(arguments[1], ())
        return FieldFacts("", "json" if free else "mapping", items=items, key_expects=keys)
    if origin is Literal:
        return FieldFacts("", "choice", choices={str(each): str(each) for each in arguments})
    widgets: dict[Any, Widget] = {bool: "switch", int: "integer", float: "number", str: "line", Any: "json"}
    widget = widgets[annotation]
    if widget == "line" and fact.form != "value":
        widget = fact.form
    return FieldFacts("", widget)


def _merged(facts: Sequence[Fact]) -> Fact:
    """Joins the facts of an alias and of the field that uses it; the field's own words win."""
    joined = Fact()
    for each in facts:
        joined = Fact(
            label=each.label or joined.label,
            hint=each.hint or joined.hint,
            form=each.form if each.form != "value" else joined.form,
            expects=each.expects or joined.expects,
            verbatim=each.verbatim or joined.verbatim,
            says=each.says or joined.says,
        )
    return joined


def _choices(values: Mapping[str, str], choices: Choices | None) -> Mapping[str, str]:
    return {value: choices.words.get(value, value) for value in values} if choices else values


_F = TypeVar("_F", Link, Keyed, Choices, Asked)


def _last(metadata: Sequence[Any], wanted: type[_F]) -> _F | None:
    return next((each for each in reversed(metadata) if isinstance(each, wanted)), None)


def _bounds(metadata: Sequence[Any]) -> tuple[float | None, float | None]:
    """Returns the least and most of a number, or of the length of a text or list."""
    least: float | None = None
    most: float | None = None
    for each in metadata:
        inner = _bounds(each.metadata) if isinstance(each, FieldInfo) else (None, None)
        for found in (inner[0], getattr(each, "ge", None), getattr(each, "min_length", None)):
            least = found if found is not None else least
        for found in (inner[1], getattr(each, "le", None), getattr(each, "max_length", None)):
            most = found if found is not None else most
    return least, most
