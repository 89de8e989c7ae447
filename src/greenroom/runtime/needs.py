"""What an entity needs of the place it runs in: secrets, addresses, connections, documents, numbers.

Only what differs by environment or belongs to the project; what a version holds itself is checked when it is
published. Everything is read off one body, so what was found for a body's digest holds for ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from greenroom.domain.entities import Address, Body
from greenroom.domain.numbers import find_e164
from greenroom.domain.readiness import Need
from greenroom.domain.references import walk_texts
from greenroom.runtime import bodies
from greenroom.runtime.compiling.calls import secrets_in

_SECRET = re.compile(r"\{\{\s*secret\.([A-Z][A-Z0-9_]{0,63})\s*\}\}")
_ATTRIBUTE = re.compile(r"\{\{\s*variant\.([A-Za-z0-9_-]+)\s*\}\}")
_NOT_RUN: Mapping[str, tuple[str, ...]] = {"test_set": ("",), "settings": ("/imported_files", "/imported")}
"""Texts that no conversation uses."""


def find_needs(address: Address, body: Body) -> tuple[Need, ...]:
    """Returns what an entity needs. Never raises for what its body holds."""
    found = [*_secrets(address, body)]
    own = _OF_KIND.get(address.kind)
    if own is not None:
        found += own(address, bodies.mapping(body))
    return tuple(found)


def _secrets(address: Address, body: Body) -> Iterator[Need]:
    spared = _NOT_RUN.get(address.kind, ())
    for pointer, text in walk_texts(body):
        if any(pointer.startswith(each) for each in spared):
            continue
        if address.kind == "function" and pointer == "/code":
            names = sorted(secrets_in(text))
        else:
            names = list(dict.fromkeys(_SECRET.findall(text))) if "{{" in text else []
        yield from (Need("secret", address, pointer, name) for name in names)
    auth = bodies.mapping(body.get("auth"))
    secret = bodies.text(auth, "secret")
    if secret and (bodies.text(auth, "type") or "none") != "none":
        yield Need("secret", address, "/auth/secret", secret)


def _by_environment(
    address: Address, body: Mapping[str, Any], field: str, fields: str, name: str, *, always: bool
) -> Iterator[Need]:
    """Yields the need of a value of its own where none holds everywhere; `always`, if none is given at all as well."""
    own = {alias: value for alias, value in bodies.table(body, fields).items() if value}
    if not bodies.text(body, field) and (own or always):
        yield Need("value", address, f"/{field}", name, frozenset(own))


def _integration(address: Address, body: Mapping[str, Any]) -> Iterator[Need]:
    yield from _by_environment(address, body, "base_url", "base_urls", "base URL", always=True)


def _mcp(address: Address, body: Mapping[str, Any]) -> Iterator[Need]:
    yield from _by_environment(address, body, "url", "urls", "URL", always=True)


def _sms(address: Address, body: Mapping[str, Any]) -> Iterator[Need]:
    # Without any sender the channel's own is used.
    yield from _by_environment(address, body, "sender", "senders", "sender", always=False)


def _handoff(address: Address, body: Mapping[str, Any]) -> Iterator[Need]:
    if (bodies.text(body, "method") or "refer") not in ("refer", "invite"):
        return
    value = bodies.text(bodies.mapping(body.get("destination")), "value")
    yield Need("destination", address, "/destination/value", value.strip())
    yield from (Need("site", address, "/destination/value", name) for name in _ATTRIBUTE.findall(value))


def _variant(address: Address, body: Mapping[str, Any]) -> Iterator[Need]:
    rows = bodies.objects(body, "rows")
    # What another row leaves empty comes from the default one.
    default = next((row for row in rows if row.get("default") is True), rows[0] if rows else {})
    values = bodies.table(default, "values")
    for name in bodies.texts(body, "attributes"):
        if not values.get(name, "").strip():
            yield Need("gap", address, "/rows", name)
    for at, row in enumerate(rows):
        for index, number in enumerate(bodies.texts(row, "numbers")):
            yield Need("number", address, f"/rows/{at}/numbers/{index}", find_e164(number) or number)


def _agent(address: Address, body: Mapping[str, Any]) -> Iterator[Need]:
    model = bodies.mapping(body.get("model"))
    provider = bodies.text(model, "provider") or "local"
    if provider != "local":
        whose = provider.partition(":")[0].strip().lower()
        yield Need("model", address, "/model", bodies.text(model, "connection"), provider=whose)


def _knowledge(address: Address, body: Mapping[str, Any]) -> Iterator[Need]:
    if not bodies.flag(body, "enabled", True):
        return
    source = bodies.mapping(body.get("source"))
    sort = bodies.text(source, "type") or "upload"
    if sort != "upload":
        yield Need(
            "source", address, "/source", str(bodies.whole(bodies.mapping(body.get("refresh")), "every_hours") or "")
        )
    if sort == "connection":
        yield Need("connection", address, "/source/connection", bodies.text(source, "connection"))
    for index, listed in enumerate(bodies.objects(body, "documents")):
        if not bodies.text(listed, "pinned"):
            yield Need("document", address, f"/documents/{index}", bodies.text(listed, "document"))


_OF_KIND: Mapping[str, Callable[[Address, Mapping[str, Any]], Iterator[Need]]] = {
    "integration": _integration,
    "mcp": _mcp,
    "sms": _sms,
    "handoff": _handoff,
    "variant": _variant,
    "agent": _agent,
    "knowledge": _knowledge,
}
