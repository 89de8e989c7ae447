"""Signing in with a password: what a name and a password must be, and how often one may try."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from greenroom.domain.errors import Fault, Invalid, LimitReached
from greenroom.domain.ids import PrincipalId, WorkspaceId

MIN_NAME: Final = 3
MAX_NAME: Final = 120
MIN_PASSWORD: Final = 12
MAX_PASSWORD: Final = 200
MIN_DIFFERENT: Final = 5
"""Characters that a password must have which are not the same."""
BURST: Final = 5
EVERY: Final = timedelta(seconds=12)
"""So many tries at once, then one each time: never more than ten in any minute."""


@dataclass(frozen=True, slots=True)
class Account:
    """How a member signs in without a link. `name` is folded; `password` is a slow hash that holds its own salt."""

    member: PrincipalId
    workspace: WorkspaceId
    name: str
    password: str
    changed_at: datetime


def fold_name(text: str) -> str:
    """Returns a sign-in name as it is kept and looked for: `Ann@Hotel.test ` and `ann@hotel.test` are one."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def read_name(text: str) -> str:
    """Returns the folded name. Raises Invalid `invalid_sign_in_name`."""
    name = fold_name(text)
    if not MIN_NAME <= len(name) <= MAX_NAME or any(not one.isprintable() or one.isspace() for one in name):
        message = f"is {MIN_NAME} to {MAX_NAME} characters without spaces, such as your e-mail address"
        raise _invalid("invalid_sign_in_name", "/name", f"the name {message}")
    return name


def fold_password(text: str) -> str:
    """Returns a password as it is hashed: the same wherever and however it was typed."""
    return unicodedata.normalize("NFKC", text)


def read_password(text: str, name: str) -> str:
    """Returns the folded password. Raises Invalid `weak_password`: length is asked for, not kinds of characters."""
    password = fold_password(text)
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise _invalid("weak_password", "/password", f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    folded = password.casefold()
    if len(set(folded)) < MIN_DIFFERENT:
        raise _invalid("weak_password", "/password", "the password is a few characters again and again")
    if name in folded or folded in name:
        raise _invalid("weak_password", "/password", "the password must not hold the name")
    return password


def decide_try(free_at: datetime | None, now: datetime) -> datetime:
    """Returns what is kept when one tries now. Raises LimitReached `rate_limited` with `retry_after` in seconds.

    `free_at` is what was kept of the tries before: when they will all have been paid for.
    """
    begins = max(free_at or now, now)
    wait = begins - now - (BURST - 1) * EVERY
    if wait > timedelta(0):
        seconds = int(wait.total_seconds()) + 1
        detail = f"There were too many tries. Wait {seconds} seconds, or sign in with a link."
        raise LimitReached("rate_limited", detail, extra={"retry_after": seconds})
    return begins + EVERY


def _invalid(code: str, pointer: str, message: str) -> Invalid:
    return Invalid(code, message, errors=[Fault(pointer, message, code)])
