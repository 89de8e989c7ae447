"""Turns a piece of text into the weighted-later features the topic matcher compares.

Pure functions, standard library only. Work is bounded: text past `MAX_CHARS` characters, words past
`MAX_WORDS` and word characters past `MAX_WORD_CHARS` are not read.
"""

from __future__ import annotations

import math
import re
import unicodedata
from functools import cache, lru_cache

from greenroom.runtime.matcher_words import CONTRACTIONS, FILLERS, GROUPS, QUESTION_WORDS, SMALL_WORDS

MAX_CHARS = 2_000
MAX_WORDS = 128
MAX_WORD_CHARS = 32
CHAR_SIZES = (2, 3, 4)
SMALL_WORD = 0.7  # weight of articles, pronouns, auxiliaries
LONE_WORD = 0.5  # share of a word outside the thesaurus among the concepts of a text

_PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}|\{[^{}]*\}|https?://\S+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_CONTRACTION = re.compile(
    r"\b(?:" + "|".join(re.escape(key) for key in CONTRACTIONS) + r")\b|(?<=[a-z])n't\b|(?<=[a-z])'(?:re|ll|ve|s|d|m)\b"
)
_SUFFIXES = {
    "n't": " not",
    "'re": " are",
    "'ll": " will",
    "'ve": " have",
    "'s": "",
    "'d": " would",
    "'m": " am",
}
_SYMBOLS = str.maketrans(
    {"$": " dollar ", "£": " pound ", "€": " euro ", "%": " percent ", "’": "'", "‘": "'", "ʼ": "'"}
)
_VOWEL = re.compile("[aeiouy]")

# Scripts written without spaces (Thai to Khmer, kana, Han): each letter is a word, each pair a word pair.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)

Features = tuple[dict[str, float], ...]
BLOCKS = 4  # stems, stem pairs with stems, character pieces, thesaurus concepts


def words(text: str) -> tuple[str, ...]:
    """Splits text into normalised words.

    Case-folded, Latin accents folded, English contractions opened, digits collapsed to their
    own word, each emoji a word of its own; combining marks of other scripts stay inside their word.
    """
    plain = _PLACEHOLDER.sub(" ", text[:MAX_CHARS]).translate(_SYMBOLS).casefold()
    plain = plain if plain.isascii() else _fold(plain)
    if "'" in plain:
        plain = _CONTRACTION.sub(_open_contraction, plain)
    found = _ASCII_WORD.findall(plain) if plain.isascii() else _unicode_words(plain)
    kept = [word[:MAX_WORD_CHARS] for word in found if word not in FILLERS]
    return tuple(kept[:MAX_WORDS] or found[:MAX_WORDS])


def meaningful(found: tuple[str, ...]) -> tuple[str, ...]:
    """Leaves out the words that say nothing about a subject: articles, pronouns, question words, ..."""
    return tuple(word for word in found if word not in SMALL_WORDS and word not in QUESTION_WORDS)


def features(found: tuple[str, ...]) -> Features:
    """Weighs the features of normalised words inside their own text, one table per block.

    Blocks: stems; stems and adjacent stem pairs; character 2-4-grams inside padded words (as
    scikit-learn's `char_wb`); thesaurus concepts of stems and of adjacent stem pairs. The first three
    weigh 1 + ln(amount); a word's concepts share its weight, 1 / sqrt(number of its concepts) each, and
    a word without one stands for itself at LONE_WORD. Small words weigh SMALL_WORD in every block.
    """
    stems: dict[str, float] = {}
    pieces: dict[str, float] = {}
    senses: dict[str, float] = {}
    pairs: dict[str, float] = {}
    before: tuple[str, float] | None = None
    known = concepts()
    for word in found:
        weight = SMALL_WORD if word in SMALL_WORDS else 1.0
        root, parts, meanings, share = _word(word)
        _add(stems, (root,), weight)
        _add(pieces, parts, weight)
        _add(senses, meanings, share * weight)
        if before:
            pair = f"{before[0]} {root}"
            _add(pairs, (pair,), max(before[1], weight))
            if phrase := known.get(pair):
                _add(senses, phrase, len(phrase) ** -0.5)
        before = root, weight
    single = _damped(stems)
    return single, single | _damped(pairs), _damped(pieces), senses


@lru_cache(maxsize=8_192)
def stem(word: str) -> str:
    """Strips common English inflections from one word (a light stemmer in Lovins' manner).

    Words of three letters or fewer, and words with letters outside a-z, are returned as they are.
    """
    if word.isdigit():
        return "0"
    if len(word) <= 3 or not word.isascii() or not word.isalpha():
        return word
    root = _strip_ending(_strip_plural(word))
    if root.endswith("ment") and len(root) > 7:
        root = root[:-4]
    if root.endswith("ation") and len(root) > 7:
        root = root[:-5]
    elif root.endswith("tion") and len(root) > 6:
        root = root[:-3]
    if root.endswith("ll") and len(root) > 5:
        root = root[:-1]
    if root.endswith("e") and len(root) > 3:
        root = root[:-1]
    return root[:-1] + "i" if root.endswith("y") and len(root) > 3 else root


@cache
def concepts() -> dict[str, tuple[str, ...]]:
    """Returns the thesaurus: stem, or two stems joined by a space, to the names of its groups."""
    found: dict[str, dict[str, None]] = {}
    for number, group in enumerate(GROUPS.replace("\n", " ").split(";")):
        for entry in group.split():
            key = " ".join(stem(part) for part in entry.split("_"))
            found.setdefault(key, {})[str(number)] = None
    return {key: tuple(names) for key, names in found.items()}


@lru_cache(maxsize=8_192)
def _word(word: str) -> tuple[str, tuple[str, ...], tuple[str, ...], float]:
    root = stem(word)
    padded = f" {word} "
    pieces: list[str] = []
    for size in CHAR_SIZES:
        pieces.extend(padded[at : at + size] for at in range(max(1, len(padded) - size + 1)))
        if len(padded) <= size:
            break
    meanings = concepts().get(root)
    if meanings is None:
        return root, tuple(pieces), (f"={root}",), LONE_WORD
    return root, tuple(pieces), meanings, len(meanings) ** -0.5


def _add(amounts: dict[str, float], names: tuple[str, ...], amount: float) -> None:
    for name in names:
        amounts[name] = amounts.get(name, 0.0) + amount


def _damped(amounts: dict[str, float]) -> dict[str, float]:
    return {name: 1.0 + math.log(amount) if amount > 1.0 else amount for name, amount in amounts.items()}


def _strip_plural(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("sses"):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _strip_ending(word: str) -> str:
    for ending in ("ing", "ed"):
        root = word[: -len(ending)]
        if word.endswith(ending) and len(root) >= 3 and _VOWEL.search(root):
            doubled = root[-1] == root[-2] and root[-1] not in "lsz"
            return root[:-1] if doubled else root
    return word


def _open_contraction(found: re.Match[str]) -> str:
    piece = found.group()
    return CONTRACTIONS.get(piece) or _SUFFIXES[piece]


def _fold(text: str) -> str:
    spread = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFKC", "".join(char for char in spread if not "\u0300" <= char <= "\u036f"))


def _unicode_words(text: str) -> list[str]:
    pieces: list[str] = []
    for char in text[: 2 * MAX_CHARS]:
        kind = unicodedata.category(char)
        if kind == "So" or (kind == "Lo" and _UNSPACED.match(char)):
            pieces.append(f" {char}" if kind == "Lo" else f" {char} ")
        else:
            pieces.append(char if kind[0] in "LNM" else " ")
    found = "".join(pieces).split()
    return [word for word in found if not all(unicodedata.category(char)[0] == "M" for char in word)]
