"""Knowledge: documents that the agent looks things up in when no topic answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from greenroom.domain.errors import Fault
from greenroom.kinds.schema import (
    Asked,
    BodyModel,
    Checks,
    Choices,
    Fact,
    Field,
    Keyed,
    Line,
    ModelKind,
    Part,
    SlugOrNone,
    StringConstraints,
    Text,
    Words,
)
from greenroom.kinds.schema.parts import Url

Patterns = Annotated[list[Words], Field(max_length=50), Fact(verbatim=True)]


def _from(*types: str, names: str = "") -> Asked:
    """Returns that a field matters for sources of some types."""
    return Asked(by="type", values=types, names=names)


class Site(Part):
    """Pages that are found by following links."""

    url: Url = ""
    max_pages: Annotated[int, Field(ge=1, le=2_000), Fact(label="most pages")] = 100
    max_depth: Annotated[int, Field(ge=0, le=10), Fact(label="most clicks from the first page")] = 3
    include: Annotated[Patterns, Fact(hint="Only addresses that one of these matches (RE2)")] = []
    exclude: Annotated[Patterns, Fact(hint="No address that one of these matches (RE2)")] = []


class Source(Part):
    """Where the documents come from."""

    type: Annotated[
        Literal["upload", "urls", "site", "folder", "connection"],
        Choices({"upload": "uploaded files", "urls": "web pages", "site": "a web site"}),
    ] = "upload"
    urls: Annotated[list[Url], Field(max_length=500), Keyed("value", noun="page", ordered=False), _from("urls")] = []
    site: Annotated[Site, _from("site")] = Site()
    connection: Annotated[
        SlugOrNone,
        Fact(hint="A connection of the project, such as its help centre"),
        _from("connection", names="connection"),
    ] = ""
    filter: Annotated[
        Line, Fact(hint="What of the connection: a section, a label", verbatim=True), _from("connection", "folder")
    ] = ""

    def faults(self) -> Iterable[Fault]:
        if self.type == "urls" and not self.urls:
            yield Fault("/urls", "a source of web pages needs their addresses", "required")
        if self.type == "site" and not self.site.url:
            yield Fault("/site/url", "a source that is a web site needs its first address", "required")
        if self.type == "connection" and not self.connection:
            yield Fault("/connection", "a source that is a connection needs its name", "required")


class Document(Part):
    """One document that the version lists. Its content belongs to the project and is shared."""

    document: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/@%+~-]{0,199}$"),
        Fact(expects="the id of a document: letters, digits and -_.:/ without spaces"),
        Asked(names="document"),
    ]
    title: Annotated[Line, Fact(verbatim=True)] = ""
    tags: Annotated[list[Words], Field(max_length=50), Keyed("value", noun="tag", ordered=False)] = []
    pinned: Annotated[
        str,
        StringConstraints(pattern=r"^(sha256:[0-9a-f]{64})?$"),
        Fact(hint="The content that must be used whatever is edited later", expects="a digest, or empty"),
    ] = ""


class Refresh(Part):
    """How often the source is read again."""

    every_hours: Annotated[
        int | None, Field(ge=1, le=720), Fact(label="every so many hours", hint="Empty: only by hand")
    ] = None


class KnowledgeBody(BodyModel):
    """The fields of a knowledge source."""

    description: Text = ""
    enabled: Annotated[bool, Fact(says=("switched on", "switched off"))] = True
    source: Source = Source()
    documents: Annotated[
        list[Document], Field(max_length=10_000), Keyed("document", noun="document", ordered=False)
    ] = []
    tags: Annotated[list[Words], Field(max_length=50), Keyed("value", noun="tag", ordered=False)] = []
    refresh: Refresh = Refresh()
    weight: Annotated[float, Field(ge=0, le=10), Fact(hint="Beside other sources; 1 is usual")] = 1.0


def _tests(checks: Checks) -> Iterator[str]:
    name = checks.change.name
    if checks.removed or not checks.body.get("enabled", True):
        yield f"Ask two questions that '{name}' answered; the agent must not answer from it any more."
        return
    if checks.touches("documents", "source", "tags", "enabled"):
        documents = checks.elements("documents")
        about = f" '{documents[0].get('title') or documents[0].get('document')}'" if documents else ""
        yield f"Ask a question that only the document{about} of '{name}' answers; the reply must cite it."
        yield f"Ask a question that a topic answers and '{name}' as well; the topic must answer."
    if checks.touches("weight"):
        yield f"Ask a question that '{name}' and another source answer; look which one is cited."
    if checks.touches("refresh"):
        yield f"Look at the next sync of '{name}'; it must come at the new time."


KIND = ModelKind(
    name="knowledge",
    title="Knowledge",
    plural="knowledge sources",
    model=KnowledgeBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "House rules",
        "description": "What guests ask rarely.",
        "enabled": False,
        "source": {
            "type": "site",
            "urls": ["https://harbour.example/pool"],
            "site": {
                "url": "https://harbour.example/help",
                "max_pages": 50,
                "max_depth": 2,
                "include": ["/help/"],
                "exclude": ["/jobs/"],
            },
            "connection": "help-centre",
            "filter": "guests",
        },
        "documents": [
            {
                "document": "help/sauna",
                "title": "Sauna",
                "tags": ["spa"],
                "pinned": "sha256:" + "0" * 64,
            }
        ],
        "tags": ["guests"],
        "refresh": {"every_hours": 24},
        "weight": 1.5,
    },
)
