"""Calls of functions in the sandbox for tests, and a Reach that answers by a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from greenroom.domain.asks import Answer, failed

CONV: dict[str, Any] = {
    "state": {},
    "caller": "+442071234567",
    "called": "+442079999999",
    "channel": "voice",
    "environment": "live",
    "language": "en",
    "variant": {},
    "sip_headers": {},
    "user_id": "guest-1",
    "conversation_id": "cnv_1",
    "history": [],
    "now": "2026-07-01T12:00:00+00:00",
    "time_zone": "Europe/London",
    "functions": [],
    "step": None,
    "turn": 3,
}


@dataclass
class ScriptedReach:
    """Answers HTTP and tables by functions, and keeps what was asked."""

    on_http: Callable[[Mapping[str, Any]], Answer] = lambda request: failed("nobody", "nobody is outside")
    on_table: Callable[[Mapping[str, Any]], Answer] = lambda facts: failed("nobody", "there are no tables")
    requests: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    tables: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])

    async def http(self, request: Mapping[str, Any]) -> Answer:
        self.requests.append(request)
        return self.on_http(request)

    async def table(self, facts: Mapping[str, Any]) -> Answer:
        self.tables.append(facts)
        return self.on_table(facts)


def call(
    code: str,
    *,
    function: str = "run",
    arguments: Mapping[str, Any] | None = None,
    modules: Mapping[str, str] | None = None,
    limits: Mapping[str, Any] | None = None,
    **conv: Any,
) -> dict[str, Any]:
    """Returns the facts of a call."""
    return {
        "function": function,
        "code": code,
        "modules": dict(modules or {}),
        "arguments": dict(arguments or {}),
        "conv": {**CONV, **conv},
        "limits": dict(limits or {}),
    }
