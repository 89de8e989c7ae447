"""The one shape of an error on the network (RFC 9457)."""

from __future__ import annotations

from pydantic import ConfigDict

from greenroom.wire.model import Out


class FaultOut(Out):
    """One thing that is wrong, and where."""

    pointer: str
    message: str
    code: str = "invalid"
    hint: str = ""


class Problem(Out):
    """An error. `code` is stable; further members (`seq`, `revision`, `theirs` …) belong to the code.

    `family` is the class of error in snake case (`not_found`, `refused` …): what the caller should do next.
    """

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    code: str
    family: str = ""
    detail: str
    errors: list[FaultOut] = []
