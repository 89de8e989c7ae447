"""Secrets: values that are written, used and never shown (R32)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from greenroom.domain.asks import Side
from greenroom.domain.errors import Fault, Invalid

NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
MAX_VALUE_BYTES = 16_384
SIDES: tuple[Side, ...] = ("live", "draft")


@dataclass(frozen=True, slots=True)
class Override:
    """Another value in one environment: for its traffic (live), or for tests of its drafts (draft)."""

    alias: str
    side: Side
    set_at: datetime
    set_by: str


@dataclass(frozen=True, slots=True)
class Secret:
    """What may be known of a secret. `set_at` is None when only environments have a value."""

    name: str
    set_at: datetime | None
    set_by: str
    overrides: tuple[Override, ...]


def check_name(name: str) -> None:
    """Raises Invalid `invalid_secret_name`."""
    if not NAME.fullmatch(name):
        message = f"'{name[:80]}' is no name of a secret: capitals, digits and '_', beginning with a capital"
        raise Invalid("invalid_secret_name", message, errors=[Fault("/name", message)])


def check_value(value: str) -> None:
    """Raises Invalid `invalid_secret_value` for nothing, too much, or what no header can carry."""
    size = len(value.encode("utf-8", "replace"))
    if not value or size > MAX_VALUE_BYTES or "\0" in value:
        message = f"a secret's value has 1 to {MAX_VALUE_BYTES:,} bytes and no U+0000"
        raise Invalid("invalid_secret_value", message, errors=[Fault("/value", message)])
