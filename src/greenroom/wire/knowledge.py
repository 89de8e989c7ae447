"""Knowledge on the network: documents, sources, searches."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from greenroom.wire.model import In, Moment, Out

Tag = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class DocumentIn(In):
    """A document as text; files are uploaded. Without an id, one is made of the title."""

    model_config = In.model_config | {"str_max_length": 2_000_000}

    id: str = Field("", max_length=200)
    title: str = Field("", max_length=300)
    text: str = Field(min_length=1, max_length=2_000_000)
    uri: str = Field("", max_length=2_000)
    mime: Literal["text/plain", "text/markdown"] = "text/markdown"
    tags: list[Tag] = Field([], max_length=50)
    metadata: dict[str, Annotated[str, StringConstraints(max_length=1_000)]] = Field({}, max_length=50)


class SyncIn(In):
    """Which state's source is read, and whether the caller's draft shall list what is found."""

    ref: str | None = Field(None, max_length=200)
    list_documents: bool = False


class DocumentOut(Out):
    """A document. `text` is only there where one document is asked for."""

    id: str
    title: str
    uri: str
    mime: str
    source: str
    digest: str
    size: int
    tags: list[str]
    metadata: dict[str, str]
    revision: int
    changed_at: Moment
    text: str | None = None


class ReachedOut(Out):
    """An environment that lists the document; where it is pinned, an edit changes nothing there."""

    environment: str
    versions: list[int]
    pinned: bool
    public: bool


class DocumentEditOut(Out):
    """What an edit did, or would do."""

    outcome: str
    dry_run: bool
    document: DocumentOut
    reaches: list[ReachedOut]


class SyncErrorOut(Out):
    """A page or file that was not read."""

    uri: str
    message: str


class SyncOut(Out):
    """How the last sync of a source went, or goes."""

    state: str
    ref: str
    by: str
    started_at: Moment
    finished_at: Moment | None
    done: int
    of: int
    added: int
    changed: int
    removed: int
    unchanged: int
    errors: list[SyncErrorOut]
    note: str


class SourceOut(Out):
    """A source, where it is served, and how its last sync went."""

    slug: str
    name: str
    type: str
    environments: list[str]
    documents: int
    every_hours: int | None
    sync: SyncOut | None


class PassageOut(Out):
    """A passage that would be found."""

    knowledge: str
    document: str
    title: str
    uri: str
    headings: list[str]
    text: str
    score: float
    digest: str
    pinned: bool


class SearchOut(Out):
    """What a search found; `missing` documents are listed but hold nothing."""

    passages: list[PassageOut]
    documents: int
    searched: int
    missing: list[str]
    ranking: str
