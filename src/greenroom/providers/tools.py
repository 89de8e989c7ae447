"""HTTP tools, called: the request is built from facts and secrets, sent through the one way out, and read.

Retries are for what may be repeated: GET, HEAD, PUT, DELETE and OPTIONS after no answer or 502 to 504, and any
method after 429 and 503 that say when to come back. All tries together keep to the tool's time-out.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from greenroom.domain.asks import Answer, failed
from greenroom.domain.errors import GreenroomError, Unavailable
from greenroom.domain.hiding import hide_secrets
from greenroom.ports import Outbound, OutboundRequest, OutboundResponse

MAX_RESULT_BYTES = 64_000
MAX_RETRY_AFTER_SECONDS = 5.0
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_AWAY = frozenset({502, 503, 504})
_SECRET = re.compile(r"\{\{\s*secret\.([A-Z][A-Z0-9_]{0,63})\s*\}\}")
_CHARSET = re.compile(r"charset=\"?([A-Za-z0-9_-]{1,40})")


class HttpTools:
    """Calls tools through an Outbound."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def call(self, facts: Mapping[str, Any], secrets: Mapping[str, str]) -> Answer:
        """Returns {status, result, truncated}; from status 400 on also an error `status_400` and so on.

        No secret stands in an answer, in whatever spelling the other side echoes it.
        """
        answer = await self._try(facts, secrets)
        return hide_secrets(answer, secrets.values(), cut="truncated" in answer)

    async def _try(self, facts: Mapping[str, Any], secrets: Mapping[str, str]) -> Answer:
        limit_ms = int(facts.get("timeout_ms") or 10_000)
        try:
            request = build_request(facts, secrets, limit_ms)
            async with asyncio.timeout(limit_ms / 1000):
                response = await self._send(request, int(facts.get("retries") or 0))
        except TimeoutError:
            return failed("timed_out", f"the tool did not answer within {limit_ms} ms")
        except GreenroomError as wrong:
            return failed(wrong.code, wrong.detail)
        return read_response(response)

    async def _send(self, request: OutboundRequest, retries: int) -> OutboundResponse:
        wait = 0.2
        for left in range(retries, -1, -1):
            try:
                response = await self._outbound.fetch(request)
            except Unavailable:
                if not left or request.method not in _REPEATABLE:
                    raise
            else:
                pause = _pause(response, request.method)
                if not left or pause is None:
                    return response
                wait = max(wait, pause)
            await asyncio.sleep(wait)
            wait *= 2
        raise AssertionError("the last try returns or raises")


def _pause(response: OutboundResponse, method: str) -> float | None:
    """Returns how many seconds to wait before trying again, None when the answer stands."""
    said = next((value for name, value in response.headers if name.lower() == "retry-after"), "")
    after = float(said) if said.isdigit() else None
    if response.status in {429, 503} and after is not None:
        return after if after <= MAX_RETRY_AFTER_SECONDS else None
    return 0.0 if response.status in _AWAY and method in _REPEATABLE else None


def build_request(facts: Mapping[str, Any], secrets: Mapping[str, str], timeout_ms: int) -> OutboundRequest:
    """Returns the request of a tool's facts, with its secrets in their places."""

    def fill(text: str) -> str:
        return _SECRET.sub(lambda match: secrets.get(match.group(1), ""), text)

    integration: Mapping[str, Any] = facts.get("integration") or {}
    auth: Mapping[str, Any] = integration.get("auth") or {}
    query = [(name, fill(value)) for name, value in facts.get("query") or ()]
    headers = [(name, fill(value)) for name, value in (*(integration.get("headers") or ()), *facts.get("headers", ()))]
    secret = secrets.get(str(auth.get("secret") or ""), "")
    kind = auth.get("type", "none")
    if kind == "query":
        query.append((str(auth.get("name") or "key"), secret))
    elif kind != "none":
        headers = _replaced(headers, *_credentials(kind, auth, secret))
    body = facts.get("body")
    content = b""
    if body is not None:
        is_text = isinstance(body, str)
        content = (fill(body) if is_text else json.dumps(_filled(body, fill))).encode()
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", "text/plain; charset=utf-8" if is_text else "application/json"))
    url = join_url(fill(str(integration.get("base_url") or "")), fill(str(facts.get("url") or "")), query)
    return OutboundRequest(
        str(facts.get("method") or "GET"), url, tuple(headers), content, timeout_ms, max_bytes=MAX_RESULT_BYTES
    )


def _filled(value: Any, fill: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return fill(value)
    if isinstance(value, Mapping):
        found = cast(Mapping[str, Any], value)
        return {fill(key): _filled(item, fill) for key, item in found.items()}
    return [_filled(item, fill) for item in cast(list[Any], value)] if isinstance(value, list | tuple) else value


def _credentials(kind: str, auth: Mapping[str, Any], secret: str) -> tuple[str, str]:
    if kind == "basic":
        pair = f"{auth.get('username', '')}:{secret}".encode()
        return "Authorization", f"Basic {base64.b64encode(pair).decode()}"
    if kind == "header":
        return str(auth.get("name") or "X-Api-Key"), secret
    return "Authorization", f"Bearer {secret}"


def _replaced(headers: Sequence[tuple[str, str]], name: str, value: str) -> list[tuple[str, str]]:
    return [*(pair for pair in headers if pair[0].lower() != name.lower()), (name, value)]


def join_url(base: str, path: str, query: Sequence[tuple[str, str]]) -> str:
    """Returns an integration's address with a tool's path behind it; a tool never leaves its integration's host."""
    url = path if not base else base.rstrip("/") + "/" + path.lstrip("/") if path else base
    if not query:
        return url
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}"


def read_response(response: OutboundResponse) -> Answer:
    """Returns a response as an answer: JSON where it is, text otherwise."""
    kind = next((value for name, value in response.headers if name.lower() == "content-type"), "")
    found = _CHARSET.search(kind)
    try:
        text = response.body.decode(found.group(1) if found else "utf-8", "replace")
    except LookupError:
        text = response.body.decode("utf-8", "replace")
    result: Any = text
    if "json" in kind or text[:1] in "{[":
        try:
            result = json.loads(text)
        except (ValueError, RecursionError):
            result = text
    answer: dict[str, Any] = {"status": response.status, "result": result}
    if response.truncated:
        answer["truncated"] = True
    if response.status >= 400:
        return {**answer, **failed(f"status_{response.status}", f"the tool answered with status {response.status}")}
    return answer
