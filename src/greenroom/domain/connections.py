"""Connections: where a project's providers are and which secret opens them. No version holds them (R1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from greenroom.domain.canonical import canonical_json
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.secrets import NAME

SLUG = re.compile(r"[a-z][a-z0-9-]{0,59}")
WORD = re.compile(r"[a-z][a-z0-9_-]{0,39}")
BASE_URL = re.compile(r"https?://[^\s/?#@\\]+(/[^\s?#\\]*)?")
MAX_URL = 2_000
MAX_SETTINGS_BYTES = 16_384
MODEL = "model"
_OPENING = re.compile(r"secret|password|passwd|token|api[_-]?key|private[_-]?key|credential", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Connection:
    """One provider as a project reaches it. `kind` is what it is for (model, zendesk, shopify, …), `secret` a name.

    `provider` is whose it is where a kind has several (openai, anthropic); `base_url` where it is not the usual place.
    """

    slug: str
    kind: str
    provider: str = ""
    base_url: str = ""
    secret: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    revision: int = 1
    created_at: datetime | None = None
    changed_at: datetime | None = None
    changed_by: str = ""


def check_connection(wanted: Connection) -> None:
    """Raises Invalid `invalid_connection` with everything that is wrong."""
    faults = [fault for fault in _look(wanted) if fault is not None]
    if faults:
        detail = "; ".join(f"{fault.pointer} {fault.message}" for fault in faults)
        raise Invalid("invalid_connection", detail, errors=faults)


def _look(wanted: Connection) -> Sequence[Fault | None]:
    def fault(is_wrong: bool, pointer: str, message: str) -> Fault | None:
        return Fault(pointer, message) if is_wrong else None

    url = wanted.base_url
    return (
        fault(not SLUG.fullmatch(wanted.slug), "/slug", "must be 1 to 60 of a-z, 0-9 and -, beginning with a letter"),
        fault(not WORD.fullmatch(wanted.kind), "/kind", "must be a word such as model, zendesk or shopify"),
        fault(
            bool(wanted.provider) and not WORD.fullmatch(wanted.provider),
            "/provider",
            "must be a word such as openai, or empty",
        ),
        fault(
            bool(url) and (len(url) > MAX_URL or not BASE_URL.fullmatch(url)),
            "/base_url",
            "must be https://host/path or http://…, without user name, query and spaces",
        ),
        fault(
            bool(wanted.secret) and not NAME.fullmatch(wanted.secret),
            "/secret",
            "must be the name of a secret such as OPENAI_KEY, not its value; set the value as a secret",
        ),
        *_look_at_settings(wanted.settings),
    )


def _look_at_settings(settings: Mapping[str, Any]) -> Sequence[Fault]:
    if len(canonical_json(dict(settings))) > MAX_SETTINGS_BYTES:
        return [Fault("/settings", f"are larger than {MAX_SETTINGS_BYTES:,} bytes")]
    message = (
        "looks like a secret, and settings are shown to every editor; set it as a secret and name that in `secret`"
    )
    return [
        Fault(_pointer(key), message) for key, value in settings.items() if _is_text(value) and _OPENING.search(key)
    ]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _pointer(key: str) -> str:
    return "/settings/" + key[:80].replace("~", "~0").replace("/", "~1")


def provider_of(model: str) -> str:
    """Returns whose a model is: `openai` of `openai:gpt-4.1` and of `openai-responses:gpt-4.1`."""
    return model.partition(":")[0].strip().lower()


def serves(connection: Connection, provider: str) -> bool:
    """Says whether a connection is one to models of a provider; without a provider of its own it is to all."""
    own = connection.provider
    return connection.kind == MODEL and (not own or provider == own or provider.startswith(f"{own}-"))


def choose_connection(connections: Sequence[Connection], provider: str) -> Connection | None:
    """Returns the connection to a provider's models that is used when an agent names none: the first by slug.

    One that says whose it is goes before one that is to all; None when there is neither.
    """
    fitting = sorted((each for each in connections if serves(each, provider)), key=lambda each: each.slug)
    return next((each for each in fitting if each.provider), fitting[0] if fitting else None)
