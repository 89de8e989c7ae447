"""Every way a request can fail, as one small family chosen by what the caller should do next.

GreenroomError          code · detail · errors · extra            never an HTTP status
├── Invalid             mend the input: a list of (pointer, what is wrong)
├── NotFound            nothing by that name here (also: not yours)
├── Conflict            somebody was faster or both sides changed: look at both, then repeat
├── Stale               what you looked at is no longer so: read again, confirm again
├── Missing             say more: a precondition or confirmation was not given
├── Refused             the rules say no; repeating will not help
├── Unauthenticated     say who you are
├── NotAllowed          you may not
├── LimitReached        too much or too large
└── Unavailable         try again later

`code` is stable and required; doors map the class to a status or exit code in one table each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where.

    `pointer` is an RFC 6901 pointer into what was sent (or `path:line` for files), `hint` what to do.
    """

    pointer: str
    message: str
    code: str = "invalid"
    hint: str = ""


class GreenroomError(Exception):
    """The base of all refusals. Raise a subclass."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.extra: Mapping[str, Any] = dict(extra or {})


class Invalid(GreenroomError):
    """The input is wrong; `errors` says where."""


class NotFound(GreenroomError):
    """Nothing by that name, or nothing that this caller may know of."""


class Conflict(GreenroomError):
    """Two changes meet; `extra` carries both sides."""


class Stale(GreenroomError):
    """A stated sequence, revision or confirmation is out of date; `extra` carries the present one."""


class Missing(GreenroomError):
    """A required precondition or confirmation was not given."""


class Refused(GreenroomError):
    """Policy says no; `errors` holds the reasons."""


class Unauthenticated(GreenroomError):
    """No valid key or session."""


class NotAllowed(GreenroomError):
    """The caller's role lacks the permission."""


class LimitReached(GreenroomError):
    """Over a limit; `extra` names the limit and the value."""


class Unavailable(GreenroomError):
    """A part that is needed is not there for now."""


ERRORS: tuple[type[GreenroomError], ...] = (
    Invalid,
    NotFound,
    Conflict,
    Stale,
    Missing,
    Refused,
    Unauthenticated,
    NotAllowed,
    LimitReached,
    Unavailable,
)
