"""One piece of behaviour: its address, its body, its limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from greenroom.domain.canonical import Digest, canonical_json, digest_of_bytes, parse_json
from greenroom.domain.errors import Fault, Invalid, LimitReached

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
KIND_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

MAX_BODY_BYTES = 512 * 1024
"""What a body may weigh to be saved or published. Loading allows twice as much (R4)."""
MAX_BODY_BYTES_ON_LOAD = 2 * MAX_BODY_BYTES

Body = Mapping[str, Any]
"""The fields of an entity, with `schema` (the number of the kind's schema it was written with) and `name`."""


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """`kind/slug`: the identity of an entity for ever."""

    kind: str
    slug: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.slug}"


def parse_address(text: str) -> Address:
    """Returns the address that `kind/slug` names. Raises Invalid."""
    kind, slash, slug = text.partition("/")
    if not slash or not KIND_NAME.fullmatch(kind) or not SLUG.fullmatch(slug):
        raise Invalid(
            "invalid_address",
            f"'{text[:120]}' is not an address; write kind/slug, for example topic/late-checkout",
            errors=[Fault("", "slugs are 1 to 80 of a-z, 0-9, - and _, and begin with a letter or digit")],
        )
    return Address(kind, slug)


def slugify(name: str) -> str:
    """Returns the slug that a display name suggests; '' when nothing usable is left."""
    text = re.sub(r"[^a-z0-9_]+", "-", name.strip().lower()).strip("-_")
    return text[:80].rstrip("-_")


@dataclass(frozen=True, slots=True)
class EntityBody:
    """A body in canonical form with its digest. Two equal bodies are one."""

    digest: Digest
    data: bytes


def freeze_body(body: Body, limit: int = MAX_BODY_BYTES) -> EntityBody:
    """Returns the canonical bytes and digest of a body. Raises Invalid, or LimitReached over `limit` bytes."""
    data = canonical_json(body)
    if len(data) > limit:
        raise LimitReached(
            "body_too_large",
            f"the entity is {len(data):,} bytes; at most {limit:,} are allowed",
            extra={"limit": limit, "value": len(data)},
        )
    return EntityBody(digest_of_bytes(data), data)


def parse_body(data: bytes) -> Body:
    """Returns a stored body. Raises Invalid `corrupt_body` when the bytes are not a JSON object."""
    value = parse_json(data)
    if not isinstance(value, dict):
        raise Invalid("corrupt_body", "a stored body is not a JSON object")
    return cast(Body, value)
