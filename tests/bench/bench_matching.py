"""Topic matching: accuracy, refusals and speed beside a linear SVM, BM25 and published encoders.

Run: python -m tests.bench matching (real data at GREENROOM_TEST_DATA; peers from the extra `bench`; the column
`with vectors` where weights are installed, or in the folder GREENROOM_EMBEDDINGS).
"""

import csv
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from greenroom.providers.embeddings import AUTO, find_embedder
from greenroom.runtime.matcher import Candidate, Matcher
from greenroom.runtime.matcher_vectors import Embedder
from tests.support.data import shared_data_wanted

Pairs = list[tuple[str, str]]
Row = tuple[str, ...]

HEADER: Row = ("", "ours", "with vectors", "linear SVM, TF-IDF", "BM25 nearest", "USE+ConveRT, published")
PUBLISHED = {"banking77 10-shot": "85.2", "clinc150 10-shot": "93.3"}
AGENTS = ("polyai-healthcare/2026-07-01", "polyai-healthcare/2026-08-22", "polyai-field-service")
FALSE_REFUSALS = 0.05
WANTED = os.environ.get("GREENROOM_EMBEDDINGS", AUTO)
VECTORS = find_embedder(WANTED)
SIZES = (10, 50, 150)
PEERS = find_spec("sklearn") is not None and find_spec("bm25s") is not None


def peer_module(name: str) -> Any:
    """Imports a peer late: the extra `bench` may be missing where types are checked."""
    return import_module(name)


def labelled(folder: Path) -> Pairs:
    texts = (folder / "seq.in").read_text(encoding="utf-8").splitlines()
    return list(zip(texts, (folder / "label").read_text(encoding="utf-8").splitlines(), strict=True))


def banking(intents: Path) -> tuple[Pairs, Pairs]:
    with (intents / "banking77" / "test.csv").open(encoding="utf-8", newline="") as file:
        asked = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    return labelled(intents / "banking77" / "train_10"), asked


def clinc(intents: Path) -> tuple[Pairs, Pairs]:
    return labelled(intents / "clinc150" / "train_10"), labelled(intents / "clinc150" / "test")


def strangers(intents: Path) -> list[str]:
    found = json.loads((intents / "clinc150" / "oos_test.json").read_text(encoding="utf-8"))
    return [text for text, _ in found["oos_test"]]


def agent(folder: Path) -> list[Candidate]:
    """Reads a PolyAI export's topics."""
    topics = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("topics/*.yaml"))]
    return [
        Candidate(one["name"], tuple(one.get("example_queries") or ()), one.get("content") or "", one["name"])
        for one in topics
    ]


def candidates(pairs: Pairs, *, named: bool = False) -> list[Candidate]:
    grouped: dict[str, list[str]] = {}
    for text, label in pairs:
        grouped.setdefault(label, []).append(text)
    return [Candidate(key, tuple(texts), name=key if named else "") for key, texts in grouped.items()]


def tops(matcher: Matcher, texts: Sequence[str]) -> list[tuple[str, float]]:
    """Returns each text's best topic and its score; ("", 0) where nothing matched."""
    found = [matcher.match(text, limit=1) for text in texts]
    return [(one[0].key, one[0].score) if one else ("", 0.0) for one in found]


def svm(train: Pairs, texts: Sequence[str]) -> list[tuple[str, float]]:
    text = peer_module("sklearn.feature_extraction.text")
    pieces = text.TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    vectors = peer_module("sklearn.pipeline").make_union(text.TfidfVectorizer(sublinear_tf=True), pieces)
    model = peer_module("sklearn.svm").LinearSVC()
    model.fit(vectors.fit_transform([text for text, _ in train]), [label for _, label in train])
    scores = model.decision_function(vectors.transform(texts))
    return [(str(model.classes_[line.argmax()]), float(line.max())) for line in scores]


def bm25(train: Pairs, texts: Sequence[str]) -> list[tuple[str, float]]:
    bm25s = peer_module("bm25s")
    nearest = bm25s.BM25()
    nearest.index(bm25s.tokenize([text for text, _ in train], show_progress=False), show_progress=False)
    asked = bm25s.tokenize(list(texts), show_progress=False)
    numbers, scores = nearest.retrieve(asked, k=1, show_progress=False)
    return [(train[int(at[0])][1], float(score[0])) for at, score in zip(numbers, scores, strict=True)]


def accuracy(found: list[tuple[str, float]], asked: Pairs) -> str:
    right = sum(key == label for (key, _), (_, label) in zip(found, asked, strict=True))
    return f"{100 * right / len(asked):.1f}"


def recall(inside: list[tuple[str, float]], outside: list[tuple[str, float]]) -> str:
    """Returns the share of strangers refused at the score that refuses 5 % of the asked."""
    cut = sorted(score for _, score in inside)[int(FALSE_REFUSALS * len(inside))]
    return f"{100 * sum(score < cut for _, score in outside) / len(outside):.1f}"


def both(measure: Callable[[Embedder | None], str]) -> Row:
    """Returns a measure without vectors and with them."""
    return measure(None), measure(VECTORS) if VECTORS else "-"


def accuracy_rows(intents: Path) -> list[Row]:
    made: list[Row] = []
    for name, (train, asked) in (
        ("banking77 10-shot", banking(intents)),
        ("clinc150 10-shot", clinc(intents)),
    ):
        texts = [text for text, _ in asked]
        peers = [accuracy(peer(train, texts), asked) if PEERS else "-" for peer in (svm, bm25)]
        for label, named, others in (
            ("top-1 %", False, (*peers, PUBLISHED[name])),
            ("topic names too", True, ("-", "-", "-")),
        ):
            topics = candidates(train, named=named)
            ours = both(lambda vectors: accuracy(tops(Matcher.compile(topics, vectors), texts), asked))  # noqa: B023
            made.append((f"{name}, {label}", *ours, *others))
    return made


def refusal_rows(intents: Path) -> list[Row]:
    train, asked = clinc(intents)
    texts, others = [text for text, _ in asked], strangers(intents)
    peers = [recall(peer(train, texts), peer(train, others)) if PEERS else "-" for peer in (svm, bm25)]
    found: list[Row] = []
    for vectors in (None, VECTORS) if VECTORS else (None,):
        matcher = Matcher.compile(candidates(train), vectors)
        scores = [tops(matcher, some) for some in (texts, others)]
        refused = [100 * statistics.mean(score < matcher.threshold for _, score in some) for some in scores]
        found.append((recall(*scores), *(f"{share:.1f}" for share in refused)))
    columns = list(zip(*found, strict=True)) if VECTORS else [(cell, "-") for cell in found[0]]
    return [
        ("clinc150 strangers refused at 5 % false refusals, %", *columns[0], *peers, "-"),
        ("clinc150 false refusals at the built-in threshold, %", *columns[1], "-", "-", "-"),
        ("clinc150 strangers refused at the built-in threshold, %", *columns[2], "-", "-", "-"),
    ]


def left_out(topics: list[Candidate], ask: Callable[[list[Candidate], str], str]) -> str:
    """Returns the share of sample questions still answered right after a compile without them."""
    right: list[bool] = []
    for at, topic in enumerate(topics):
        for number, question in enumerate(topic.questions):
            rest = topic.questions[:number] + topic.questions[number + 1 :]
            less = Candidate(topic.key, rest, topic.content, topic.name)
            right.append(ask([*topics[:at], less, *topics[at + 1 :]], question) == topic.key)
    return f"{100 * statistics.mean(right):.1f}"


def ask_ours(vectors: Embedder | None) -> Callable[[list[Candidate], str], str]:
    return lambda topics, question: tops(Matcher.compile(topics, vectors), [question])[0][0]


def ask_peer(peer: Callable[[Pairs, Sequence[str]], list[tuple[str, float]]]) -> Callable[[list[Candidate], str], str]:
    def ask(topics: list[Candidate], question: str) -> str:
        return peer([(text, topic.key) for topic in topics for text in topic.questions], [question])[0][0]

    return ask


def agent_rows(data: Path) -> list[Row]:
    made: list[Row] = []
    for name in AGENTS:
        topics = agent(data / name)
        peers = [left_out(topics, ask_peer(peer)) if PEERS else "-" for peer in (svm, bm25)]
        ours = both(lambda vectors: left_out(topics, ask_ours(vectors)))  # noqa: B023
        made.append((f"{name}, left-out top-1 %", *ours, *peers, "-"))
    return made


def milliseconds(work: Callable[[], object], times: int) -> float:
    """Returns the least processor time a piece of work took, ms, after one run that does not count."""
    work()
    taken: list[float] = []
    for _ in range(times):
        begin = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - begin))
    return min(taken)


def cosine_work(questions: list[str]) -> tuple[Callable[[], object], Callable[[str], object]]:
    """Returns the yardstick: scikit-learn's TF-IDF fitted on the questions, and one query by cosine."""
    text = peer_module("sklearn.feature_extraction.text")
    vectors = text.TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
    known = vectors.fit_transform(questions)
    return (lambda: vectors.fit_transform(questions)), (lambda text: (vectors.transform([text]) @ known.T).max())


def speed_rows(data: Path) -> list[Row]:
    topics = agent(data / AGENTS[2])
    questions = [question for topic in topics for question in topic.questions]
    size = f"{len(topics)} topics, {len(questions)} questions"
    fitted, asked = 0.0, 0.0
    if PEERS:
        fitting, asking = cosine_work(questions)
        fitted = milliseconds(fitting, 15)
        asked = milliseconds(lambda: [asking(text) for text in questions], 5) / len(questions)

    def compiled(vectors: Embedder | None) -> str:
        taken = milliseconds(lambda: Matcher.compile(topics, vectors), 15)
        return f"{taken:.0f}" + (f" ({taken / fitted:.1f}x)" if fitted else "")

    def matched(vectors: Embedder | None) -> str:
        matcher = Matcher.compile(topics, vectors)
        taken = milliseconds(lambda: [matcher.match(text) for text in questions], 5) / len(questions)
        return f"{taken:.2f}" + (f" ({taken / asked:.2f}x)" if asked else "")

    return [
        (f"compile {size}, warm, CPU ms (x TF-IDF fit)", *both(compiled), *"---"),
        ("match a text seen before, CPU ms (x TF-IDF cosine)", *both(matched), *"---"),
    ]


def elapsed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begin)


def size_rows(intents: Path) -> list[Row]:
    """Compiles 10, 50 and 150 topics of ten questions: with no vector known yet, and with all."""
    every = candidates(clinc(intents)[0], named=True)
    made: list[Row] = []
    for size in SIZES:
        topics = every[:size]
        warm = both(lambda vectors: f"{milliseconds(lambda: Matcher.compile(topics, vectors), 5):.0f}")  # noqa: B023
        made.append((f"compile {size} topics x 10 questions, warm, CPU ms", *warm, *"---"))
        if new := find_embedder(WANTED):
            cold = elapsed(partial(Matcher.compile, topics, new))
            made.append(("  cold: each text new to the server, ms", "-", f"{cold:.0f}", *"---"))
    return made


def turn_rows(intents: Path) -> list[Row]:
    """Matches questions never seen before, one at a time."""
    train, asked = clinc(intents)
    topics = candidates(train)[:50]
    texts = [text for text, _ in asked[::9]]

    def taken(vectors: Embedder | None) -> str:
        matcher = Matcher.compile(topics, vectors)
        matcher.match("a first one")
        times = sorted(elapsed(lambda: matcher.match(text)) for text in texts)  # noqa: B023
        return f"{times[len(times) // 2]:.2f} / {times[99 * len(times) // 100]:.2f}"

    new = find_embedder(WANTED)
    return [("match a new text, 50 topics, ms p50 / p99", taken(None), taken(new) if new else "-", *"---")]


WEIGH = """
import sys, time
import greenroom.runtime.matcher
from greenroom.providers.embeddings import find_embedder
held = lambda: int(open("/proc/self/status").read().split("RssAnon:")[1].split()[0]) / 1024
before, begin = held(), time.perf_counter()
kept = find_embedder(sys.argv[1])
print(f"{1000 * (time.perf_counter() - begin):.0f} {held() - before:.0f}")
"""


def weight_rows() -> list[Row]:
    """Loads the weights in a new process: what the first compile of a server waits for, and what it then holds."""
    if VECTORS is None or not Path("/proc/self/status").is_file():
        return []
    done = subprocess.run([sys.executable, "-c", WEIGH, WANTED], capture_output=True, text=True, check=True)
    load, memory = done.stdout.split()
    return [
        ("load and check the weights, ms", "-", load, *"---"),
        ("memory of the weights, private, MiB", "-", memory, *"---"),
    ]


def rows() -> list[Row]:
    """Measures everything, one row a measure, columns as HEADER."""
    data = shared_data_wanted()
    intents = data / "intents"
    return [
        *accuracy_rows(intents),
        *refusal_rows(intents),
        *agent_rows(data),
        *speed_rows(data),
        *size_rows(intents),
        *turn_rows(intents),
        *weight_rows(),
    ]


def run() -> None:
    """Prints the table."""
    if not (shared_data_wanted() / "intents").is_dir():
        print(f"no real data at {shared_data_wanted()} (or GREENROOM_TEST_DATA)")
        return
    if not PEERS:
        print("scikit-learn or bm25s missing: peers left out (pip install greenroom[bench])")
    if VECTORS is None:
        print(f"no weights ({WANTED}): no column `with vectors` (docs/decisions/0010-matching-by-meaning.md)")
    table = [HEADER, *rows()]
    widths = [max(len(row[at]) for row in table) for at in range(len(HEADER))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
