"""Cuts a text into the numbered word pieces a BERT encoder reads (uncased WordPiece), without a tokenizer library."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

MAX_WORD_CHARS = 100
FIRST, LAST, UNKNOWN = "[CLS]", "[SEP]", "[UNK]"
_CHINESE = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2CEAF), (0xF900, 0xFAFF))


class WordPieces:
    """A vocabulary, and the pieces of texts by it."""

    def __init__(self, vocabulary: Sequence[str], most: int) -> None:
        self._known: Mapping[str, int] = {piece: at for at, piece in enumerate(vocabulary)}
        self._first, self._last, self._unknown = (self._known[mark] for mark in (FIRST, LAST, UNKNOWN))
        self._most = most - 2
        self._cut = lru_cache(maxsize=8_192)(self._cut_word)

    def __call__(self, text: str) -> list[int]:
        """Returns the numbers of a text's pieces between the marks of its beginning and end; the rest is cut off."""
        found: list[int] = []
        for word in split_words(text):
            found.extend(self._cut(word))
            if len(found) >= self._most:
                break
        return [self._first, *found[: self._most], self._last]

    def _cut_word(self, word: str) -> tuple[int, ...]:
        if len(word) > MAX_WORD_CHARS:
            return (self._unknown,)
        found: list[int] = []
        begin = 0
        while begin < len(word):
            mark = "##" if begin else ""
            ends = range(len(word), begin, -1)
            end = next((at for at in ends if mark + word[begin:at] in self._known), 0)
            if not end:
                return (self._unknown,)
            found.append(self._known[mark + word[begin:end]])
            begin = end
        return tuple(found)


def split_words(text: str) -> list[str]:
    """Splits a text into lower-case words without accents; each sign and each Chinese character is a word."""
    spread: list[str] = []
    for char in unicodedata.normalize("NFD", text.lower()):
        kind = unicodedata.category(char)
        if char.isspace() or kind == "Zs":
            spread.append(" ")
        elif kind == "Mn" or kind[0] == "C" or char == "\ufffd":
            continue
        elif kind[0] == "P" or (char.isascii() and not char.isalnum()) or _is_chinese(ord(char)):
            spread.append(f" {char} ")
        else:
            spread.append(char)
    return "".join(spread).split()


def _is_chinese(code: int) -> bool:
    return code >= 0x3400 and any(low <= code <= high for low, high in _CHINESE)
