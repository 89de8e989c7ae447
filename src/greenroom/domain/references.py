"""Who mentions whom: `{{kind.slug}}` in text and typed links in fields, in one index."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from greenroom.domain.entities import Address
from greenroom.domain.errors import Fault
from greenroom.domain.kind import Mention

PLACEHOLDER = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\.([A-Za-z0-9][A-Za-z0-9_-]*)(?:\s[^{}]*)?\}\}")
"""`{{kind.slug}}`, with arguments after a space: `{{component.greeting name="Ada"}}`."""

SINGLE_ENTITY_KINDS: Mapping[str, str] = {"variant": "default"}
"""Kinds whose placeholder names a field of their only entity: `{{variant.address}}`."""

UNVERSIONED = frozenset({"secret"})
"""Placeholder heads that name project data; readiness checks them, not references."""


def find_mentions_in_text(text: str, pointer: str) -> tuple[Mention, ...]:
    """Returns the entities that a text names, in the order of their first mention."""
    found: dict[Address, Mention] = {}
    for match in PLACEHOLDER.finditer(text):
        head, slug = match.group(1), match.group(2)
        if head in UNVERSIONED:
            continue
        address = Address(head, SINGLE_ENTITY_KINDS.get(head, slug))
        found.setdefault(address, Mention(pointer, address))
    return tuple(found.values())


def walk_texts(value: Any, pointer: str = "") -> Iterable[tuple[str, str]]:
    """Yields every text in a JSON value with its pointer."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, Mapping):
        for key, item in cast(Mapping[Any, Any], value).items():
            step = str(key).replace("~", "~0").replace("/", "~1")
            yield from walk_texts(item, f"{pointer}/{step}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(cast(Sequence[Any], value)):
            yield from walk_texts(item, f"{pointer}/{index}")


@dataclass(frozen=True, slots=True)
class Link:
    """A mention with the entity that makes it."""

    source: Address
    mention: Mention


def check_links(
    links: Iterable[Link], exists: Callable[[Address], bool], kinds: frozenset[str]
) -> tuple[tuple[Fault, ...], tuple[Fault, ...]]:
    """Returns the dangling links as (errors, warnings); both name source and target."""
    errors: list[Fault] = []
    warnings: list[Fault] = []
    for link in links:
        target = link.mention.target
        if exists(target):
            continue
        if target.kind in kinds:
            message = f"{link.source} names {target}, which does not exist"
            hint = f"create {target}, or take the mention out of {link.source}"
        else:
            message = f"{link.source} names {target}, but there is no kind '{target.kind}'"
            hint = f"kinds are: {', '.join(sorted(kinds))}"
        fault = Fault(f"/{link.source}{link.mention.pointer}", message, "dangling_reference", hint)
        (warnings if link.mention.optional else errors).append(fault)
    return tuple(errors), tuple(warnings)
