"""Looking things up: recall over real agents' topics as documents, strangers refused, latency by size."""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Sequence
from typing import Any

import yaml

from greenroom.domain.chunks import split_document
from greenroom.providers.embeddings import find_embedder
from greenroom.runtime.passages import PassageIndex, build_passages, read_piece
from greenroom.runtime.postings import NEW
from tests.bench.table import Table
from tests.support.data import shared_data

AGENTS = ("polyai-field-service", "polyai-healthcare/2026-08-22")


def read_topics(agent: str) -> list[tuple[str, str, list[str]]]:
    """Returns name, content and sample questions of an agent's topics that have a content."""
    found: list[tuple[str, str, list[str]]] = []
    for path in sorted((shared_data() / agent / "topics").glob("*.yaml")):
        topic: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
        content = str(topic.get("content") or "").strip()
        if len(content) >= 40 and topic.get("example_queries"):
            found.append((str(topic["name"]), content, [str(each) for each in topic["example_queries"]]))
    return found


def index_of(documents: Sequence[tuple[str, str]], embedder: Any = None) -> tuple[PassageIndex, list[str]]:
    """Returns the index of documents, and the document of each passage."""
    owners: list[str] = []
    pieces, texts = [], []
    for title, text in documents:
        for chunk in split_document(text):
            owners.append(title)
            heads = (title.replace("-", " ").replace("_", " "), *chunk.headings)
            pieces.append(read_piece(chunk.text, heads))
            texts.append(" ".join((*heads, chunk.text)))
    return build_passages(pieces, embedder, texts), owners


def strangers(most: int = 1000) -> list[str]:
    """Returns the out-of-scope questions of CLINC150."""
    raw: Any = json.loads((shared_data() / "intents" / "clinc150" / "oos_test.json").read_text())
    rows = raw if isinstance(raw, list) else next(iter(raw.values()))
    texts = [row if isinstance(row, str) else row[0] if isinstance(row, list) else row.get("text", "") for row in rows]
    return texts[:most]


def measure_agent(agent: str, embedder: Any = None) -> dict[str, Any]:
    """Returns recall and scores over an agent's topics."""
    topics = read_topics(agent)
    index, owners = index_of([(name, content) for name, content, _ in topics], embedder)
    ranks: list[int] = []
    right: list[float] = []
    for name, _, questions in topics:
        for question in questions:
            hits = index.find(question, 3)
            found = [owners[hit.place] for hit in hits]
            ranks.append(found.index(name) if name in found else 99)
            right.append(hits[0].score if hits else 0.0)
    far = [max((hit.score for hit in index.find(text, 1)), default=0.0) for text in strangers()]
    return {
        "documents": len(topics),
        "passages": index.size,
        "questions": len(ranks),
        "recall@1": sum(rank < 1 for rank in ranks) / len(ranks),
        "recall@3": sum(rank < 3 for rank in ranks) / len(ranks),
        **{f"answered at {at}": sum(score >= at for score in right) / len(right) for at in (0.2, 0.35, 0.5)},
        **{f"strangers refused at {at}": sum(score < at for score in far) / len(far) for at in (0.2, 0.35, 0.5)},
    }


def measure_latency(sizes: Sequence[int] = (1_000, 10_000)) -> dict[str, Any]:
    """Returns build time, whole and after an edit, and p50 and p99 of a search; the words are those of BANKING77."""
    folder = shared_data() / "intents" / "banking77"
    lines = re.findall(r"[^\n]{20,}", (folder / "train.csv").read_text("utf-8"))
    found: dict[str, Any] = {}
    for size in sizes:
        begun = time.perf_counter()
        pieces = [read_piece(" ".join(lines[(at * 7 + k * 131) % len(lines)] for k in range(6))) for at in range(size)]
        read = time.perf_counter()
        index = build_passages(pieces)
        built = time.perf_counter()
        edited = [*pieces[:-1], read_piece("The pool opens at seven in the morning.")]
        again = time.perf_counter()
        build_passages(edited, before=index, kept=[*range(size - 1), NEW])
        changed = time.perf_counter()
        spans: list[float] = []
        for at in range(300):
            start = time.perf_counter()
            index.find(lines[at * 11 % len(lines)][:120], 3)
            spans.append((time.perf_counter() - start) * 1000)
        spans.sort()
        found[f"{size:,}"] = {
            "read s": round(read - begun, 2),
            "build s": round(built - read, 2),
            "after an edit s": round(changed - again, 2),
            "p50 ms": round(statistics.median(spans), 2),
            "p99 ms": round(spans[296], 2),
        }
    return found


def run() -> None:
    """Prints the tables."""
    light = {agent: measure_agent(agent) for agent in AGENTS}
    found = Table("looking things up by words: real agents' topics as documents", ("measure", *AGENTS))
    for measure in light[AGENTS[0]]:
        found.row(measure, *(_say(light[agent][measure]) for agent in AGENTS))
    found.print()
    latency = measure_latency()
    sizes = list(latency)
    took = Table("passages found in memory", ("measure", *(f"{size} passages" for size in sizes)))
    for measure in latency[sizes[0]]:
        took.row(measure, *(str(latency[size][measure]) for size in sizes))
    took.print()
    embedder = find_embedder("auto")
    if embedder is None:
        print("by meaning: not measured, the extra weights are not installed")
        return
    by_meaning = Table(f"the same with {embedder.name}", ("measure", *AGENTS))
    heavy = {agent: measure_agent(agent, embedder) for agent in AGENTS}
    for measure in heavy[AGENTS[0]]:
        by_meaning.row(measure, *(_say(heavy[agent][measure]) for agent in AGENTS))
    by_meaning.print()


def _say(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.1%}"
