"""How much one call of a function may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Limits:
    """Time is what the code itself runs; waiting for HTTP and tables is bounded apart."""

    wall_ms: int = 5_000
    memory_bytes: int = 64 * 1024 * 1024
    recursion: int = 500
    output_chars: int = 64 * 1024
    print_chars: int = 16 * 1024
    host_calls: int = 50
    host_chars: int = 256 * 1024
    effects: int = 100
    wait_ms: int = 30_000
    waits_ms: int = 60_000
    grace_ms: int = 500
    """How long after its time a worker that does not stop by itself is killed."""

    def lowered(self, wanted: Mapping[str, Any]) -> Limits:
        """Returns these limits, stricter where a call asks for that (`wall_ms`, `host_calls`, …); never laxer."""
        stricter = {
            name: min(int(value), getattr(self, name))
            for name, value in wanted.items()
            if name in _NAMES and isinstance(value, int | float) and value > 0
        }
        return replace(self, **stricter) if stricter else self


_NAMES = frozenset({
    "wall_ms", "memory_bytes", "recursion", "output_chars", "print_chars", "host_calls", "effects", "wait_ms",
    "waits_ms",
})  # fmt: skip
