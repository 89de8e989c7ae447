"""What a version's knowledge answers: its documents in passages, indexed once for each set of contents."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from greenroom.domain.asks import Answer, Place
from greenroom.domain.chunks import Chunk, split_document
from greenroom.domain.errors import Invalid
from greenroom.domain.ids import ProjectId, WorkspaceId
from greenroom.domain.knowledge import KIND
from greenroom.ports import Reading
from greenroom.runtime.matcher_vectors import Embedder
from greenroom.runtime.passages import PassageIndex, Piece, build_passages, read_piece
from greenroom.runtime.postings import NEW
from greenroom.services.knowledge_contents import DOCUMENT, each_record, find_stamp, load_knowledge, load_text
from greenroom.services.states import load_project, load_state
from greenroom.services.work import Call, Work

K = TypeVar("K")
V = TypeVar("V")
KEPT_INDEXES = 16
KEPT_DOCUMENTS = 20_000
KEPT_LISTS = 200
MAX_PASSAGES = 100_000
MAX_EMBEDDED = 2_000
"""Passages that get vectors: each costs milliseconds once, and memory for good."""
MAX_QUERY = 2_000
MAX_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Passage:
    """One passage found."""

    knowledge: str
    document: str
    title: str
    uri: str
    text: str
    headings: tuple[str, ...]
    score: float
    digest: str
    pinned: bool


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found, of how many documents and passages; `missing` are listed, but hold nothing."""

    passages: tuple[Passage, ...]
    documents: int
    searched: int
    missing: tuple[str, ...]
    ranking: str


@dataclass(frozen=True, slots=True)
class _Known:
    """What must be known of a document to answer from it."""

    digest: str
    title: str
    uri: str


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One listed document with the content that counts. Its order decides ties."""

    knowledge: str
    document: str
    digest: str
    title: str
    tags: tuple[str, ...]
    uri: str
    pinned: bool


@dataclass(frozen=True, slots=True)
class _Built:
    index: PassageIndex
    chunks: tuple[tuple[_Wanted, Chunk], ...]
    missing: tuple[str, ...]
    places: Mapping[tuple[str, ...], tuple[int, int]]
    """Document, and what was read of it → its first passage, and how many it has."""


_Contents = tuple[WorkspaceId, ProjectId, tuple[_Wanted, ...]]
_Reads = tuple[tuple[Chunk, Piece], ...]


class _Recent(Generic[K, V]):
    """The last so many values that were used."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[K, V] = OrderedDict()

    def find(self, key: K) -> V | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def items(self) -> Iterable[tuple[K, V]]:
        """Returns everything, the least used first."""
        return self._kept.items()

    def keep(self, key: K, value: V) -> None:
        self._kept[key] = value
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


class Retrieval:
    """Finds passages for conversations and for people who want to see what would be found."""

    def __init__(self, work: Work, embedder: Embedder | None = None) -> None:
        self._work = work
        self._embedder = embedder
        self._known: _Recent[tuple[str, str], tuple[int, Mapping[str, _Known]]] = _Recent(KEPT_LISTS)
        self._reads: _Recent[tuple[str, ...], _Reads] = _Recent(KEPT_DOCUMENTS)
        self._indexes: _Recent[_Contents, _Built] = _Recent(KEPT_INDEXES)
        self._building: dict[_Contents, asyncio.Future[_Built]] = {}

    async def answer(self, facts: Mapping[str, Any], place: Place) -> Answer:
        """Answers a turn's "knowledge" ask: {query, limit, sources} → {passages}."""
        sources: Sequence[Mapping[str, Any]] = facts.get("sources") or ()
        limit = int(facts.get("limit") or 3)
        found = await self._find(place.workspace, place.project, sources, str(facts.get("query", "")), limit)
        return {
            "passages": [
                {
                    "knowledge": each.knowledge,
                    "document": each.document,
                    "title": each.title,
                    "uri": each.uri,
                    "text": each.text,
                    "score": each.score,
                    "digest": each.digest,
                }
                for each in found.passages
            ]
        }

    async def search(self, call: Call, slug: str, ref: str, query: str, limit: int) -> Searched:
        """Returns what a ref's knowledge would answer. Raises NotFound, Invalid."""
        if not query.strip():
            raise Invalid("invalid_query", "say what to search for in q")
        now = self._work.clock.now()

        def work(tx: Reading) -> tuple[ProjectId, list[Mapping[str, Any]]]:
            project = load_project(tx, slug)
            state = load_state(tx, project, ref, call.principal, now)
            kind = self._work.kinds[KIND]
            bodies = {a.slug: kind.upgrade(body) for a, body in load_knowledge(tx, state.snapshot).items()}
            return project.id, [
                {"knowledge": name, "documents": body.get("documents", []), "weight": body.get("weight", 1.0)}
                for name, body in sorted(bodies.items())
                if body.get("enabled", True)
            ]

        project, sources = await self._work.read(call, work)
        return await self._find(call.workspace, project, sources, query, limit)

    async def _find(
        self, workspace: WorkspaceId, project: ProjectId, sources: Sequence[Mapping[str, Any]], query: str, limit: int
    ) -> Searched:
        known = await self._documents(workspace, project)
        wanted, weights = _choose(sources, known)
        built = await self._index(workspace, project, wanted)
        amounts = [weights[each.knowledge] for each, _ in built.chunks] if set(weights.values()) != {1.0} else []
        hits = built.index.find(query[:MAX_QUERY], max(1, min(limit, MAX_LIMIT)), amounts)
        passages = tuple(_passage(*built.chunks[hit.place], hit.score) for hit in hits)
        return Searched(passages, len(wanted), len(built.chunks), built.missing, built.index.name)

    async def _documents(self, workspace: WorkspaceId, project: ProjectId) -> Mapping[str, _Known]:
        """Returns what is known of all documents; read again only after one changed."""
        kept = self._known.find((workspace, project))

        def work(tx: Reading) -> tuple[int, Mapping[str, _Known]]:
            stamp = find_stamp(tx, project)
            if kept is not None and kept[0] == stamp:
                return kept
            return stamp, {
                record.key: _Known(str(record.body["digest"]), str(record.body["title"]), str(record.body["uri"]))
                for record in each_record(tx, project, DOCUMENT)
            }

        fresh = await self._work.store.read(workspace, work)
        self._known.keep((workspace, project), fresh)
        return fresh[1]

    async def _index(self, workspace: WorkspaceId, project: ProjectId, wanted: tuple[_Wanted, ...]) -> _Built:
        """Returns the index of a set of contents; whoever asks while it is built waits for the same one."""
        key = (workspace, project, wanted)
        found = self._indexes.find(key)
        if found is not None:
            return found
        building = self._building.get(key)
        if building is None:
            building = asyncio.ensure_future(self._build(workspace, project, wanted))
            self._building[key] = building
            building.add_done_callback(lambda _: self._building.pop(key, None))
        built = await asyncio.shield(building)
        self._indexes.keep(key, built)
        return built

    async def _build(self, workspace: WorkspaceId, project: ProjectId, wanted: tuple[_Wanted, ...]) -> _Built:
        unread = [each for each in wanted if self._reads.find(_read_key(workspace, project, each)) is None]

        def work(tx: Reading) -> dict[str, str]:
            texts = ((each.digest, load_text(tx, project, each.digest)) for each in unread)
            return {digest: text for digest, text in texts if text is not None}

        texts = await self._work.store.read(workspace, work) if unread else {}
        for each in unread:
            if each.digest in texts:
                # A thread for each, so that a turn elsewhere never waits for a whole library.
                read = await asyncio.to_thread(_read_document, texts[each.digest], each)
                self._reads.keep(_read_key(workspace, project, each), read)
        kept = {each: self._reads.find(_read_key(workspace, project, each)) for each in wanted}
        rows = [(each, chunk, piece) for each, read in kept.items() for chunk, piece in read or ()][:MAX_PASSAGES]
        missing = tuple(each.document for each, read in kept.items() if read is None)
        places: dict[tuple[str, ...], tuple[int, int]] = {}
        for place, (each, *_) in enumerate(rows):
            what = (each.document, *_read_key(workspace, project, each))
            start, count = places.get(what, (place, 0))
            places[what] = start, count + 1
        make = self._maker(rows, *self._find_before(workspace, project, places))
        chunks = tuple((each, chunk) for each, chunk, _ in rows)
        return _Built(await asyncio.to_thread(make), chunks, missing, places)

    def _find_before(
        self, workspace: WorkspaceId, project: ProjectId, places: Mapping[tuple[str, ...], tuple[int, int]]
    ) -> tuple[PassageIndex | None, list[int]]:
        """Returns the index that has most of the same passages, where that is most of them, and each one's place in it.

        So that one edited document costs what it holds, and not what the whole library does.
        """
        size = sum(count for _, count in places.values())
        best: _Built | None = None
        most = size // 2
        for (whose, which, _), built in self._indexes.items():
            if (whose, which) != (workspace, project) or built.index.is_worn:
                continue
            shared = sum(span[1] for key, span in places.items() if key in built.places)
            if shared > most:
                best, most = built, shared
        if best is None:
            return None, []
        kept = [NEW] * size
        for key, (start, count) in places.items():
            before = best.places.get(key)
            if before is not None and before[1] == count:
                kept[start : start + count] = range(before[0], before[0] + count)
        return best.index, kept

    def _maker(
        self, rows: Sequence[tuple[_Wanted, Chunk, Piece]], before: PassageIndex | None, kept: Sequence[int]
    ) -> Callable[[], PassageIndex]:
        embedder = self._embedder if len(rows) <= MAX_EMBEDDED else None
        texts = [" ".join((each.title, *chunk.headings, chunk.text)) for each, chunk, _ in rows] if embedder else []
        return lambda: build_passages([piece for *_, piece in rows], embedder, texts, before, kept)


def _choose(
    sources: Sequence[Mapping[str, Any]], known: Mapping[str, _Known]
) -> tuple[tuple[_Wanted, ...], Mapping[str, float]]:
    """Returns the contents that count for a version: those pinned, else those of now. Each document counts once."""
    chosen: dict[tuple[str, str], _Wanted] = {}
    weights: dict[str, float] = {}
    for source in sorted(sources, key=lambda each: str(each.get("knowledge", ""))):
        slug = str(source.get("knowledge", ""))
        weight = source.get("weight")
        weights[slug] = float(weight) if isinstance(weight, int | float) else 1.0
        if weights[slug] <= 0:
            continue
        for each in source.get("documents") or ():
            document = str(each.get("document", ""))
            found = known.get(document, _Known("", "", ""))
            pinned = str(each.get("pinned") or "")
            digest = pinned or found.digest
            title = str(each.get("title") or found.title or document)
            tags = tuple(str(tag) for tag in each.get("tags") or ())
            entry = _Wanted(slug, document, digest, title, tags, found.uri, bool(pinned))
            chosen.setdefault((document, digest), entry)
    return tuple(chosen.values()), weights


def _read_key(workspace: str, project: str, wanted: _Wanted) -> tuple[str, ...]:
    return (workspace, project, wanted.digest, wanted.title, *wanted.tags)


def _read_document(text: str, wanted: _Wanted) -> _Reads:
    over = (wanted.title, *wanted.tags)
    return tuple((chunk, read_piece(chunk.text, (*over, *chunk.headings))) for chunk in split_document(text))


def _passage(wanted: _Wanted, chunk: Chunk, score: float) -> Passage:
    return Passage(
        wanted.knowledge,
        wanted.document,
        wanted.title,
        wanted.uri,
        chunk.text.strip(),
        chunk.headings,
        score,
        wanted.digest,
        wanted.pinned,
    )
