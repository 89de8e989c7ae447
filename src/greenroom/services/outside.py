"""What a running agent reaches, carried out: each ask goes to its port, with the secrets of its place.

Secrets are filled in on the way out only, and are masked in every answer before the engine sees it. Never
raises: what fails is an answer with an error, and so is what this installation has no part for.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import structlog

from greenroom.domain.asks import Answer, Ask, Place, Streamer, failed
from greenroom.domain.errors import GreenroomError
from greenroom.domain.hiding import hide_secrets
from greenroom.ports import Clock, ModelKey, Outbound, OutboundRequest, Reachable

Finding = Callable[[Mapping[str, Any], Place], Awaitable[Answer]]
SecretsOf = Callable[[Place, Collection[str]], Awaitable[Mapping[str, str]]]
KeysOf = Callable[[Place, str, str], Awaitable[ModelKey]]
MAX_TEXT = 64_000
_SECRET = re.compile(r"\{\{\s*secret\.([A-Z][A-Z0-9_]{0,63})\s*\}\}")
_log = structlog.get_logger("greenroom.outside")


class Reaching:
    """The outside of all conversations of a desk."""

    def __init__(
        self,
        clock: Clock,
        reachable: Reachable,
        *,
        secrets: SecretsOf,
        model_keys: KeysOf,
        knowledge: Finding,
        tables: Finding,
    ) -> None:
        self._clock = clock
        self._parts = reachable
        self._secrets = secrets
        self._model_keys = model_keys
        self._tables = tables
        self._knowledge = knowledge
        self._do: Mapping[str, Callable[..., Awaitable[Answer]]] = {
            "function": self._function,
            "tool": self._tool,
            "mcp": self._mcp,
            "model": self._model,
        }

    def confine(self, outbound: Outbound, tables: Finding) -> Reaching:
        """Returns this outside with another way out for functions and other tables: what a test may reach."""
        return Reaching(
            self._clock,
            replace(self._parts, outbound=outbound),
            secrets=self._secrets,
            model_keys=self._model_keys,
            knowledge=self._knowledge,
            tables=tables,
        )

    async def answer(self, ask: Ask, place: Place, stream: Streamer | None = None) -> Answer:
        """Carries one ask out."""
        begun = self._clock.monotonic_ms()
        try:
            answer = await self._carry_out(ask, place, stream)
        except GreenroomError as wrong:
            answer = failed(wrong.code, wrong.detail)
        except Exception as wrong:  # noqa: BLE001  a caller on the phone must get an answer whatever breaks
            _log.error("ask_failed", to=ask.to, error=type(wrong).__name__)
            answer = failed("broken", f"it broke with {type(wrong).__name__}; the server's log says more")
        return {**answer, "ms": round(self._clock.monotonic_ms() - begun, 3)}

    async def _carry_out(self, ask: Ask, place: Place, stream: Streamer | None) -> Answer:
        if ask.to == "knowledge":
            return await self._knowledge(ask.facts, place)
        if ask.to == "table":
            return await self._tables(ask.facts, place)
        names = names_in(ask.facts) if ask.to != "model" else frozenset[str]()
        secrets = await self._secrets(place, names) if names else {}
        missing = sorted(names - secrets.keys())
        if missing and ask.to != "function":
            message = f"there is no value for the secret {missing[0]} in {place.alias} ({place.side})"
            return failed("secret_missing", message)
        answer = await self._do[ask.to](ask.facts, place, secrets, stream)
        return hide_secrets(answer, secrets.values())

    async def _function(
        self, facts: Mapping[str, Any], place: Place, secrets: Mapping[str, str], _: Streamer | None
    ) -> Answer:
        if self._parts.sandbox is None:
            return _absent("a sandbox for functions")
        reach = FunctionReach(self._parts.outbound, self._tables, place, secrets)
        return await self._parts.sandbox.run({**facts, "secrets": []}, reach)

    async def _tool(
        self, facts: Mapping[str, Any], place: Place, secrets: Mapping[str, str], _: Streamer | None
    ) -> Answer:
        if self._parts.call_tool is None:
            return _absent("a way out for tools")
        return await self._parts.call_tool(facts, secrets)

    async def _mcp(
        self, facts: Mapping[str, Any], place: Place, secrets: Mapping[str, str], _: Streamer | None
    ) -> Answer:
        if self._parts.tool_servers is None:
            return _absent("a client for MCP servers")
        filled = {**facts, "url": fill_secrets(facts.get("url", ""), secrets)}
        return await self._parts.tool_servers.answer(filled, sign_in(facts.get("auth", {}), secrets))

    async def _model(
        self, facts: Mapping[str, Any], place: Place, secrets: Mapping[str, str], stream: Streamer | None
    ) -> Answer:
        if self._parts.models is None:
            return _absent("a client for models")
        key = await self._model_keys(place, str(facts.get("connection", "")), str(facts.get("provider", "")))
        answer = await self._parts.models.answer(facts, key, stream)
        return hide_secrets(answer, [key.key] if key.key else [])


class FunctionReach:
    """What one function may reach while it runs: HTTP with the secrets that its own code names, and tables."""

    def __init__(self, outbound: Outbound | None, tables: Finding, place: Place, secrets: Mapping[str, str]) -> None:
        self._outbound = outbound
        self._tables = tables
        self._place = place
        self._values = secrets

    async def http(self, request: Mapping[str, Any]) -> Answer:
        """Makes a request; a secret that has no value here is an error, not an empty text."""
        if self._outbound is None:
            return _absent("a way out")
        missing = sorted(names_in(request) - self._values.keys())
        if missing:
            message = f"the secret {missing[0]} has no value here, or the function's code does not name it"
            return failed("secret_missing", message)
        try:
            response = await self._outbound.fetch(_request(request, self._values))
        except GreenroomError as wrong:
            return hide_secrets(failed(wrong.code, wrong.detail), self._values.values())
        text = response.body.decode("utf-8", "replace")
        answer = {"status": response.status, "headers": {n.lower(): v for n, v in response.headers}, "text": text}
        hidden = hide_secrets(answer, self._values.values(), cut=response.truncated)
        return {**hidden, "text": hidden["text"][:MAX_TEXT]}

    async def table(self, facts: Mapping[str, Any]) -> Answer:
        """Reads or writes a data table of the project."""
        return await self._tables(facts, self._place)


def _request(request: Mapping[str, Any], secrets: Mapping[str, str]) -> OutboundRequest:
    filled: Mapping[str, Any] = fill_secrets(request, secrets)
    headers = [(str(name), str(value)) for name, value in dict(filled.get("headers") or {}).items()]
    body = filled.get("body") or ""
    if filled.get("json") is not None:
        body = json.dumps(filled["json"])
        headers.append(("content-type", "application/json"))
    return OutboundRequest(
        str(filled.get("method", "GET")).upper(),
        str(filled.get("url", "")),
        tuple(headers),
        str(body).encode(),
        int(filled.get("timeout_ms") or 10_000),
    )


def _absent(what: str) -> Answer:
    return failed("not_available", f"this installation has no part for that: {what}")


def names_in(value: Any) -> frozenset[str]:
    """Returns the names of all secrets that a JSON value mentions, in texts or as an `auth`'s `secret`."""
    if isinstance(value, str):
        return frozenset(_SECRET.findall(value)) if "{{" in value else frozenset()
    if isinstance(value, Mapping):
        auth = value.get("auth")
        own = auth.get("secret") if isinstance(auth, Mapping) and auth.get("type", "none") != "none" else ""
        named = value["secrets"] if isinstance(value.get("secrets"), list) else []
        inner = (names_in(item) for key, item in value.items() if key not in {"code", "modules"})
        return frozenset(named).union([own] if own else [], *inner)
    if isinstance(value, list | tuple):
        return frozenset[str]().union(*map(names_in, value))
    return frozenset()


def fill_secrets(value: Any, secrets: Mapping[str, str]) -> Any:
    """Returns a JSON value with its secrets in their places."""
    if isinstance(value, str):
        return _SECRET.sub(lambda match: secrets.get(match.group(1), ""), value)
    if isinstance(value, Mapping):
        return {key: fill_secrets(item, secrets) for key, item in value.items()}
    return [fill_secrets(item, secrets) for item in value] if isinstance(value, list | tuple) else value


def sign_in(auth: Mapping[str, Any], secrets: Mapping[str, str]) -> Mapping[str, str]:
    """Returns the headers that prove who we are."""
    value = secrets.get(str(auth.get("secret", "")), "")
    kind = auth.get("type", "none")
    if kind == "bearer":
        return {"Authorization": f"Bearer {value}"}
    if kind == "basic":
        pair = f"{auth.get('username', '')}:{value}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {str(auth.get("name") or "X-Api-Key"): value} if kind == "header" else {}
