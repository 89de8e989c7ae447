"""The optional sentence embedder: exactly the expected files, nothing imported, the same vector every time."""

import csv
import json
import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from greenroom.domain.errors import Invalid
from greenroom.providers import embeddings
from greenroom.providers.embeddings import AUTO, OFF, SentenceEmbedder, find_embedder, find_installed
from greenroom.providers.embeddings_encoder import HEADS, LAYERS, READ_LAYERS, SIZE, WIDTH, Encoder
from greenroom.providers.embeddings_tokens import WordPieces, split_words
from greenroom.runtime.matcher import Candidate, Matcher
from tests.support import data, gaps

PIECES = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "where",
    "is",
    "my",
    "card",
    "##s",
    "pass",
    "##word",
    "?",
    "cafe",
    "$",
    "店",
)
INTENTS = data.shared_data_wanted() / "intents"

Tables = dict[str, NDArray[np.float32]]


def made_up_tables() -> Tables:
    """Returns weights in the shape of the real ones, over a vocabulary of PIECES."""
    dice = np.random.default_rng(7)

    def table(*shape: int) -> NDArray[np.float32]:
        return (dice.standard_normal(shape, dtype=np.float32) * np.float32(0.05)).astype(np.float32)

    found = {
        "embeddings.word_embeddings.weight": table(len(PIECES), WIDTH),
        "embeddings.position_embeddings.weight": table(512, WIDTH),
        "embeddings.token_type_embeddings.weight": table(2, WIDTH),
        "embeddings.LayerNorm.weight": table(WIDTH) + 1,
        "embeddings.LayerNorm.bias": table(WIDTH),
    }
    for at in range(LAYERS):
        for name, outputs, inputs in (
            ("attention.self.query", WIDTH, WIDTH),
            ("attention.self.key", WIDTH, WIDTH),
            ("attention.self.value", WIDTH, WIDTH),
            ("attention.output.dense", WIDTH, WIDTH),
            ("intermediate.dense", 4 * WIDTH, WIDTH),
            ("output.dense", WIDTH, 4 * WIDTH),
        ):
            found[f"encoder.layer.{at}.{name}.weight"] = table(outputs, inputs)
            found[f"encoder.layer.{at}.{name}.bias"] = table(outputs)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            found[f"encoder.layer.{at}.{name}.weight"] = table(WIDTH) + 1
            found[f"encoder.layer.{at}.{name}.bias"] = table(WIDTH)
    return found


def write_safetensors(path: Path, tables: Tables) -> None:
    head: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, table in tables.items():
        head[name] = {"dtype": "F32", "shape": list(table.shape), "data_offsets": [at, at + table.nbytes]}
        at += table.nbytes
    raw = json.dumps(head).encode()
    with path.open("wb") as file:
        file.write(len(raw).to_bytes(8, "little") + raw)
        for table in tables.values():
            file.write(table.tobytes())


@pytest.fixture(scope="module")
def tables() -> Tables:
    return made_up_tables()


@pytest.fixture(scope="module")
def folder(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("weights")
    write_safetensors(found / embeddings.WEIGHTS, tables)
    (found / embeddings.VOCABULARY).write_text("\n".join(PIECES) + "\n", "utf-8")
    return found


@pytest.fixture
def embedder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> SentenceEmbedder:
    monkeypatch.setattr(embeddings, "DIGESTS", {})
    return SentenceEmbedder(folder)


def by_the_book(tables: Tables, tokens: list[int]) -> NDArray[np.float64]:
    """Returns the vector as the papers write it: slow, in double precision, with the exact GELU."""
    wide = {name: table.astype(np.float64) for name, table in tables.items()}
    exact = np.vectorize(lambda value: 0.5 * value * (1.0 + math.erf(value / math.sqrt(2.0))))

    def dense(states: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        return states @ wide[name + ".weight"].T + wide[name + ".bias"]

    def norm(states: NDArray[np.float64], name: str) -> NDArray[np.float64]:
        centred = states - states.mean(-1, keepdims=True)
        spread = np.sqrt(states.var(-1, keepdims=True) + 1e-12)
        return centred / spread * wide[name + ".weight"] + wide[name + ".bias"]

    states = wide["embeddings.word_embeddings.weight"][tokens] + wide["embeddings.token_type_embeddings.weight"][0]
    states = norm(states + wide["embeddings.position_embeddings.weight"][: len(tokens)], "embeddings.LayerNorm")
    parts: list[NDArray[np.float64]] = []
    for at in range(LAYERS):
        place = f"encoder.layer.{at}."
        asked, offered, held = (dense(states, f"{place}attention.self.{name}") for name in ("query", "key", "value"))
        heads: list[NDArray[np.float64]] = []
        for own in np.split(np.arange(WIDTH), HEADS):
            weights = np.exp(asked[:, own] @ offered[:, own].T / math.sqrt(WIDTH / HEADS))
            heads.append(weights / weights.sum(-1, keepdims=True) @ held[:, own])
        mixed = dense(np.concatenate(heads, axis=1), place + "attention.output.dense")
        states = norm(states + mixed, place + "attention.output.LayerNorm")
        bent = exact(dense(states, place + "intermediate.dense"))
        states = norm(states + dense(bent, place + "output.dense"), place + "output.LayerNorm")
        if at + 1 in READ_LAYERS:
            mean = states[1:-1].mean(axis=0)
            parts.append(mean / np.linalg.norm(mean))
    return np.concatenate(parts) / math.sqrt(len(parts))


def test_the_encoder_does_what_the_papers_write(tables: Tables, folder: Path) -> None:
    encoder = Encoder(folder / embeddings.WEIGHTS)
    for tokens in ([2, 4, 5, 6, 7, 3], [2, 11, 3], [2, *([9, 10] * 30), 3]):
        assert encoder(tokens) @ by_the_book(tables, tokens) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    "text, pieces",
    [
        ("Where IS my card?", ["where", "is", "my", "card", "?"]),
        ("cards passwords", ["card", "##s", "pass", "##word", "##s"]),
        ("Café $", ["cafe", "$"]),
        ("店店", ["店", "店"]),
        ("my zebra", ["my", "[UNK]"]),
        ("x" * 101, ["[UNK]"]),
        ("[CLS]", ["[UNK]", "[UNK]", "[UNK]"]),
        ("", []),
    ],
)
def test_a_text_is_cut_into_word_pieces(text: str, pieces: list[str]) -> None:
    numbers = WordPieces(PIECES, 256)(text)
    assert [PIECES[at] for at in numbers] == ["[CLS]", *pieces, "[SEP]"]


def test_a_long_text_is_cut_off() -> None:
    assert len(WordPieces(PIECES, 16)("card " * 1_000)) == 16


def test_signs_and_control_characters_do_not_stick_to_words() -> None:
    assert split_words("it's\x00 a\u200bb\ufffd (NaÏve)\u3000ok") == ["it", "'", "s", "ab", "(", "naive", ")", "ok"]


def test_a_remembered_vector_is_no_other_than_a_new_one(embedder: SentenceEmbedder, folder: Path) -> None:
    alone = embedder(["my card"])
    among = SentenceEmbedder(folder)(["where is my password", "my card", "cafe"])
    assert alone.shape == (1, SIZE)
    assert np.array_equal(alone[0], among[1])
    assert np.array_equal(alone, embedder(["my card"]))
    assert np.linalg.norm(among, axis=1) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("text", ["", "?!", "12", "Взрыв гравитации", "店店", "खुलने का समय"])
def test_a_text_in_other_letters_has_no_vector(embedder: SentenceEmbedder, text: str) -> None:
    assert not embedder([text]).any()


def test_only_so_many_vectors_are_kept(embedder: SentenceEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "KEPT", 2)
    embedder(["my", "card", "where", "card"])
    assert embedder.kept == 2


def test_a_text_with_a_lone_surrogate_has_a_vector(embedder: SentenceEmbedder) -> None:
    assert np.isfinite(embedder(["card \ud800"])).all()


@pytest.mark.parametrize("name", embeddings.DIGESTS)
def test_other_weights_are_refused_by_their_digest(folder: Path, tmp_path: Path, name: str) -> None:
    for each in embeddings.DIGESTS:
        (tmp_path / each).write_bytes((folder / each).read_bytes())
    with pytest.raises(Invalid, match=r"SHA-256.*install the weights") as refused:
        find_embedder(str(tmp_path))
    assert refused.value.code == "invalid_setting"


def test_a_folder_without_weights_is_refused_and_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=str(tmp_path)):
        find_embedder(str(tmp_path))


def test_nothing_is_found_where_nothing_is_installed_or_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "PACKAGE", "greenroom_has_no_such_package")
    assert find_embedder(OFF) is None
    assert find_embedder(AUTO) is None


def test_the_package_with_the_weights_is_found_without_running_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "made_up_weights"
    (package / embeddings.FOLDER).mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / embeddings.FOLDER / embeddings.WEIGHTS).write_bytes(b"")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(embeddings, "PACKAGE", "made_up_weights")
    assert find_installed() == package / embeddings.FOLDER
    assert "made_up_weights" not in sys.modules


# ── with the real weights, where they are ────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def real() -> SentenceEmbedder:
    found = find_embedder(os.environ.get("GREENROOM_EMBEDDINGS", AUTO))
    if found is None:
        gaps.note_fact("matching by meaning was tried with made-up weights only: the real ones are not installed")
        pytest.skip("no weights installed")
    return found


def test_the_real_weights_know_what_is_alike(real: SentenceEmbedder) -> None:
    rows = real(["the new movie is awesome", "the new movie is so great", "a man is playing guitar"])
    assert rows[0] @ rows[1] == pytest.approx(0.918, abs=0.002)
    assert rows[0] @ rows[2] < 0.4


def test_the_real_weights_raise_accuracy(real: SentenceEmbedder) -> None:
    if not INTENTS.is_dir():
        gaps.note_gap(f"no intent data at {INTENTS}: matching by meaning was not measured")
        pytest.skip("no intent data")
    with (INTENTS / "banking77" / "test.csv").open(encoding="utf-8", newline="") as file:
        asked = [(row["text"], row["category"]) for row in csv.DictReader(file)][::10]
    grouped: dict[str, list[str]] = {}
    folder = INTENTS / "banking77" / "train_10"
    labels = (folder / "label").read_text("utf-8").splitlines()
    for text, label in zip((folder / "seq.in").read_text("utf-8").splitlines(), labels, strict=True):
        grouped.setdefault(label, []).append(text)
    matcher = Matcher.compile([Candidate(label, tuple(texts)) for label, texts in grouped.items()], real)
    right = sum([one.key for one in matcher.match(text, limit=1)] == [label] for text, label in asked) / len(asked)
    gaps.note_fact(f"banking77, 10 questions a topic, {matcher.name}: {right:.1%} of {len(asked)} test questions")
    assert right >= 0.83
