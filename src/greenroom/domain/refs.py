"""The grammar of refs, the names of states: `v12`, `live~1`, `draft:sandbox@member`, `sha256:…`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from greenroom.domain.canonical import Digest
from greenroom.domain.errors import Fault, Invalid

ALIAS = re.compile(r"[a-z][a-z0-9-]{0,39}")
RESERVED_ALIASES = frozenset({"draft", "default", "conversation", "sha256"})

_VERSION = re.compile(r"v([1-9][0-9]{0,8})")
_VERSION_LIKE = re.compile(r"v[0-9]+")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SERVED = re.compile(r"([a-z][a-z0-9-]{0,39})(:next|~[1-9][0-9]{0,3})?")
_DRAFT = re.compile(r"draft:([a-z][a-z0-9-]{0,39})(?:@([A-Za-z0-9_]{1,60}))?")
_CONVERSATION = re.compile(r"conversation:([A-Za-z0-9_]{1,60})")

FORMS = "v12, live, live:next, live~1, draft:sandbox, draft:sandbox@member, conversation:<id>, sha256:<64 hex>"


@dataclass(frozen=True, slots=True)
class VersionRef:
    """`v12`"""

    number: int


@dataclass(frozen=True, slots=True)
class ServedRef:
    """`live`, `live:next` (incoming arm of a rollout), `live~1` (what a rollback would bring back)."""

    alias: str
    incoming: bool = False
    back: int = 0


@dataclass(frozen=True, slots=True)
class DraftRef:
    """`draft:sandbox`: the caller's own (or the shared one); `@member`: somebody's, with permission."""

    alias: str
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class ConversationRef:
    """`conversation:<id>`: the version that would answer that conversation's next turn."""

    conversation: str


@dataclass(frozen=True, slots=True)
class DigestRef:
    """`sha256:…`: a snapshot by its digest."""

    digest: Digest


Ref = VersionRef | ServedRef | DraftRef | ConversationRef | DigestRef


def parse_ref(text: str) -> Ref:
    """Returns the ref that a text names. Raises Invalid `invalid_ref`; whether it exists is not asked here."""
    if match := _VERSION.fullmatch(text):
        return VersionRef(int(match.group(1)))
    if _DIGEST.fullmatch(text):
        return DigestRef(Digest(text))
    match = _DRAFT.fullmatch(text)
    if match and _is_alias(match.group(1)):
        return DraftRef(match.group(1), match.group(2))
    if match := _CONVERSATION.fullmatch(text):
        return ConversationRef(match.group(1))
    match = _SERVED.fullmatch(text)
    if match and _is_alias(match.group(1)):
        suffix = match.group(2) or ""
        return ServedRef(match.group(1), suffix == ":next", int(suffix[1:]) if suffix.startswith("~") else 0)
    raise Invalid("invalid_ref", f"'{text[:120]}' is not a ref; forms are: {FORMS}", errors=[Fault("", "not a ref")])


def check_alias(alias: str, pointer: str = "/alias") -> str:
    """Returns the alias when it may name an environment. Raises Invalid `invalid_alias`."""
    if _is_alias(alias):
        return alias
    message = (
        f"'{alias[:80]}' cannot be an alias: 1 to 40 of a-z, 0-9 and -, beginning with a letter, "
        f"and not v<digits> or one of {', '.join(sorted(RESERVED_ALIASES))}"
    )
    raise Invalid("invalid_alias", message, errors=[Fault(pointer, message)])


def _is_alias(text: str) -> bool:
    return bool(ALIAS.fullmatch(text)) and text not in RESERVED_ALIASES and not _VERSION_LIKE.fullmatch(text)
