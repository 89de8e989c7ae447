"""Holds what the topic matcher knows of meaning: one vector a sample question, made by an embedder it is handed.

The runtime imports no embedder. Texts reach one as normalised words, so that two spellings the words do not tell
apart have one vector, and one score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from greenroom.runtime.matcher_index import Floats, kernel

SHARE = 0.75
"""Of the kernel; the words have the rest. SHARE and GAMMA were picked on training questions outside the ten shots."""
GAMMA = 4.0
KNOWN_SHARE = 0.5


class Embedder(Protocol):
    """Turns texts into vectors: a pure function of each text alone, in whatever company it comes."""

    @property
    def name(self) -> str:
        """Returns what a trace calls it: it changes with anything that changes a vector."""
        ...

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns one row a text: of unit length, or all zeros where it does not know the language."""
        ...


@dataclass(frozen=True, slots=True)
class Vectors:
    """Holds the vectors of the samples, in their order, and what makes the vector of a text to compare."""

    embedder: Embedder
    rows: NDArray[np.float32] = field(repr=False)

    def similarities(self, said: tuple[str, ...]) -> Floats:
        """Returns the cosine of normalised words with every sample, shape (samples,)."""
        return (self.rows @ self.embedder([" ".join(said)])[0]).astype(np.float64)

    def similarities_of(self, number: int) -> Floats:
        """Returns the cosine of one sample with every sample."""
        return (self.rows @ self.rows[number]).astype(np.float64)

    def all_similarities(self) -> Floats:
        """Returns the cosine of every sample with every sample."""
        return (self.rows @ self.rows.T).astype(np.float64)


def build_vectors(texts: Sequence[tuple[str, ...]], embedder: Embedder) -> Vectors | None:
    """Embeds normalised samples, each different one once; returns None where too few are known to the embedder."""
    joined = [" ".join(words) for words in texts]
    different = {text: at for at, text in enumerate(dict.fromkeys(joined))}
    made = embedder(list(different))
    rows = made[[different[text] for text in joined]]
    return Vectors(embedder, rows) if rows.any(axis=1).mean() >= KNOWN_SHARE else None


def blended_kernel(lexical: Floats, meant: Floats, gamma: float) -> Floats:
    """Returns the kernel over words (cosines turned with `gamma`) and over meaning, as one."""
    return (1.0 - SHARE) * kernel(lexical, gamma) + SHARE * kernel(meant, GAMMA)


def blended_cosines(lexical: Floats, meant: Floats) -> Floats:
    """Returns cosines over words and over meaning as one."""
    return (1.0 - SHARE) * lexical + SHARE * meant


def compare_names(recorded: str, present: str) -> str:
    """Returns what to warn of when a version was tried with one matcher and is served with another, or nothing."""
    if not recorded or recorded == present:
        return ""
    return (
        f"topics were matched by '{recorded}' when this was recorded, and are by '{present}' on this server: answers "
        "may differ; give this server the same weights (setting embeddings), or run the test sets again"
    )
