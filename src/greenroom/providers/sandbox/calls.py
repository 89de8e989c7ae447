"""What a function asks of the host while it runs: HTTP and tables through its Reach, and offsets of time zones."""

from __future__ import annotations

import asyncio
import json
import re
import zoneinfo
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from greenroom.domain.asks import Answer, failed
from greenroom.ports import Clock, Reach
from greenroom.providers.sandbox.limits import Limits

_SECRET = re.compile(r"\{\{(?=\s*secret\.)")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
DEFAULT_TIMEOUT_MS = 10_000


class TooManyCalls(Exception):
    """The function asked more often, or waited longer in all, than it may."""


class HostCalls:
    """Answers the calls of one run and keeps a record of each, which becomes an effect."""

    def __init__(self, reach: Reach, clock: Clock, limits: Limits, now: datetime) -> None:
        self._reach = reach
        self._clock = clock
        self._limits = limits
        self._now = now
        self._count = 0
        self._waited_ms = 0.0
        self.records: list[dict[str, Any]] = []

    async def answer(self, arguments: tuple[Any, ...]) -> str:
        """Returns the answer as JSON text. Raises TooManyCalls, after which the run is over."""
        self._count += 1
        if self._count > self._limits.host_calls:
            raise TooManyCalls(f"it called out more than {self._limits.host_calls} times")
        what, facts = _read(arguments, self._limits.host_chars)
        if what == "zone":
            return json.dumps({"seconds": find_offset(facts, self._now)})
        begun = self._clock.monotonic_ms()
        if what == "http" and isinstance(facts, dict):
            answer = await self._http(facts)
        elif what == "table" and isinstance(facts, dict):
            answer = await self._wait(self._reach.table(facts), self._limits.wait_ms)
        else:
            return json.dumps({"error": {"code": "refused", "message": "conv asked for something that does not exist"}})
        ms = round(self._clock.monotonic_ms() - begun, 3)
        self._waited_ms += ms
        self.records.append(_record(what, facts, answer, ms))
        if self._waited_ms > self._limits.waits_ms:
            raise TooManyCalls(f"it waited more than {self._limits.waits_ms / 1000:g} s for answers")
        return self._sent(answer)

    async def _http(self, facts: dict[str, Any]) -> Answer:
        method = str(facts.get("method") or "GET").upper()
        if method not in _METHODS:
            return failed("refused", f"'{method[:20]}' is no HTTP method")
        asked = facts.get("timeout_ms")
        timeout = int(asked) if isinstance(asked, int | float) and asked > 0 else DEFAULT_TIMEOUT_MS
        facts["timeout_ms"] = min(timeout, self._limits.wait_ms)
        facts["method"] = method
        return await self._wait(self._reach.http(facts), facts["timeout_ms"] + 1_000)

    async def _wait(self, waiting: Any, timeout_ms: float) -> Answer:
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                return await waiting
        except TimeoutError:
            return failed("timeout", f"no answer within {timeout_ms / 1000:g} s")
        except Exception as wrong:  # noqa: BLE001  a broken part outside is the function's to handle
            return failed("broken", f"it broke with {type(wrong).__name__}")

    def _sent(self, answer: Answer) -> str:
        """Returns what goes inside. An answer from outside can name no secret, should the code send it on."""
        text = json.dumps(_break_secrets(dict(answer)), default=str)
        if len(text) <= self._limits.host_chars:
            return text
        if isinstance(answer.get("text"), str):
            spare = self._limits.host_chars - len(json.dumps({**answer, "text": ""}, default=str))
            cut = {**answer, "text": answer["text"][: max(0, spare // 6)], "truncated": True}
            text = json.dumps(_break_secrets(cut), default=str)
            if len(text) <= self._limits.host_chars:
                return text
        too_large = {
            "code": "too_large",
            "message": f"the answer is over {self._limits.host_chars:,} characters",
        }
        return json.dumps({"error": too_large})


def _read(arguments: tuple[Any, ...], most: int) -> tuple[str, Any]:
    if len(arguments) != 2 or not all(isinstance(each, str) for each in arguments):
        return "", None
    what, text = arguments
    if len(text) > most:
        return "", None
    try:
        return what, json.loads(text)
    except (ValueError, RecursionError):
        return "", None


def _record(what: str, facts: Mapping[str, Any], answer: Answer, ms: float) -> dict[str, Any]:
    if what == "http":
        record = {"type": "http", "method": facts["method"], "url": str(facts.get("url", ""))[:2_000]}
        record |= {"status": answer.get("status", 0), "ms": ms}
    else:
        rows = answer.get("rows")
        record = {"type": "table", "table": str(facts.get("table", "")), "op": str(facts.get("op", ""))}
        record |= {"rows": answer.get("count", len(rows) if isinstance(rows, list) else 0), "ms": ms}
    if "error" in answer:
        record["error"] = dict(answer["error"])
    return record


def _break_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return _SECRET.sub("{ {", value) if "{{" in value else value
    if isinstance(value, Mapping):
        return {_break_secrets(str(key)): _break_secrets(item) for key, item in value.items()}
    return [_break_secrets(item) for item in value] if isinstance(value, list | tuple) else value


def find_zone(name: Any) -> zoneinfo.ZoneInfo | None:
    """Returns a time zone by its IANA name, or None."""
    try:
        return zoneinfo.ZoneInfo(name) if isinstance(name, str) and name else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def find_offset(name: Any, now: datetime) -> int | None:
    """Returns the seconds that a zone is ahead of UTC at a time, or None for an unknown zone."""
    zone = find_zone(name)
    offset = now.astimezone(zone).utcoffset() if zone else None
    return int(offset.total_seconds()) if offset is not None else None
