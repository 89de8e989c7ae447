"""How the engine asks: it yields names of finished stages and Asks, and is sent the answers."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from greenroom.domain.asks import Answer, Ask

T = TypeVar("T")

Working = Generator[str | Ask, Answer | None, T]
"""Work of a turn that may ask: `yield "stage"` is sent None, `yield Ask(...)` its answer."""
