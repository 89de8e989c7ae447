"""Testers: people who are led to one environment whatever the split says (R23). They are kept as hashes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from greenroom.domain.errors import Fault, Invalid

PersonKind = Literal["user_id", "caller"]
PERSON_KINDS: tuple[PersonKind, ...] = ("user_id", "caller")
MAX_PERSON = 200
MAX_LABEL = 120
_LONG = 9


@dataclass(frozen=True, slots=True)
class Tester:
    """Somebody who tests. `id` is the hash of who it is, `shown` what may be read of it, `label` what people write."""

    id: str
    kind: PersonKind
    shown: str
    label: str
    environment: str
    added_at: datetime
    added_by: str


def hash_person(workspace: str, project: str, kind: PersonKind, value: str) -> str:
    """Returns what is kept of a user id or caller: SHA-256 in hex, another one in every project."""
    return hashlib.sha256(f"{workspace}/{project}/{kind}\0{value}".encode("utf-8", "surrogatepass")).hexdigest()


def mask_person(value: str) -> str:
    """Returns a user id or number with its middle left out: `+49…123`; of a short one only its beginning."""
    return f"{value[:3]}…{value[-3:]}" if len(value) > _LONG else f"{value[:1]}…"


def read_person(user_id: str | None, caller: str | None) -> tuple[PersonKind, str]:
    """Returns who is meant. Raises Invalid `user_or_caller` unless it is one of them, `invalid_person` for its text."""
    if (user_id is None) == (caller is None):
        message = "give the tester's user_id or their caller number: one of them"
        raise Invalid("user_or_caller", message, errors=[Fault("/user_id", message)])
    kind: PersonKind = "caller" if user_id is None else "user_id"
    value = (user_id or caller or "").strip()
    if not value or len(value) > MAX_PERSON or "\0" in value:
        message = f"is 1 to {MAX_PERSON} characters, without U+0000"
        raise Invalid("invalid_person", f"/{kind} {message}", errors=[Fault(f"/{kind}", message)])
    return kind, value


def check_label(label: str) -> None:
    """Raises Invalid `invalid_text`."""
    if len(label) > MAX_LABEL or "\0" in label:
        message = f"is text of at most {MAX_LABEL} characters, without U+0000"
        raise Invalid("invalid_text", f"/label {message}", errors=[Fault("/label", message)])
