"""Readiness: whether the place a version is about to be released in has what the version needs (R27).

A missing secret blocks. Everything else is a warning, which must be acknowledged where the public comes in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from greenroom.domain.entities import Address
from greenroom.domain.errors import Fault, Refused
from greenroom.domain.promotion import Caution

Level = Literal["blocked", "warning", "ok"]
What = Literal["secret", "value", "destination", "site", "gap", "model", "connection", "document", "source", "number"]
MOST_NAMED = 5
"""So many of the same sort are named in a sentence."""


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that an entity needs of the place it runs in.

    `name` is a secret, a connection, a document, a number, an attribute of the sites, or what a value is in words.
    `where` are the environments that have a value of their own, where there is none for the rest.
    """

    what: What
    address: Address
    pointer: str
    name: str
    where: frozenset[str] = frozenset()
    provider: str = ""
    """Whose model an agent answers with."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was looked at, and what to do about it."""

    code: str
    level: Level
    message: str
    fix: str = ""
    address: Address | None = None
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What is known of an environment and its project, as far as a version's needs ask for it."""

    alias: str
    missing_secrets: frozenset[str] = frozenset()
    connections: Mapping[str, str] = field(default_factory=dict[str, str])
    """The name of the secret of each connection, by slug; '' where it has a value there or needs none."""
    model_connections: Mapping[str, str] = field(default_factory=dict[str, str])
    """The connection that is used for a provider's models when an agent names none, by provider."""
    documents: frozenset[str] = frozenset()
    changed_documents: tuple[str, ...] = ()
    """Those that are no longer as they were when the version was published."""
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """What is wrong with the last sync of each source, by slug; '' where nothing is."""
    numbers: frozenset[str] | None = None
    """The project's numbers, None where it keeps none here."""


def decide_readiness(needs: Sequence[Need], target: Target) -> tuple[Item, ...]:
    """Decides what is wanting in a place, what blocks first; of what is as it should be, one item for each sort."""
    found = [
        *_look_at_secrets(needs, target),
        *_look_at_values(needs, target),
        *_look_at_destinations(needs),
        *_look_at_connections(needs, target),
        *_look_at_knowledge(needs, target),
        *_look_at_numbers(needs, target),
    ]
    order: Mapping[Level, int] = {"blocked": 0, "warning": 1, "ok": 2}
    return tuple(sorted(found, key=lambda item: order[item.level]))


def is_ready(items: Iterable[Item]) -> bool:
    """Says whether nothing blocks."""
    return all(item.level != "blocked" for item in items)


def check_ready(alias: str, items: Sequence[Item]) -> None:
    """Refuses a release that something blocks. Raises Refused `not_ready` with a fault for each."""
    blocking = [item for item in items if item.level == "blocked"]
    if blocking:
        faults = [Fault(_pointer(item), item.message, item.code, item.fix) for item in blocking]
        raise Refused(
            "not_ready", f"{alias} is not ready: {'; '.join(item.message for item in blocking)}", errors=faults
        )


def cautions_of(items: Iterable[Item], *, must_acknowledge: bool) -> tuple[Caution, ...]:
    """Returns the warnings as a release tells them."""
    return tuple(Caution(item.code, item.message, must_acknowledge) for item in items if item.level == "warning")


def _pointer(item: Item) -> str:
    return f"/{item.address}{item.pointer}" if item.address else item.pointer


def _look_at_secrets(needs: Sequence[Need], target: Target) -> Iterable[Item]:
    users: dict[str, list[Need]] = {}
    for need in needs:
        if need.what == "secret":
            users.setdefault(need.name, []).append(need)
    for need in needs:
        slug = _connection_of(need, target)
        if slug and target.connections.get(slug):
            users.setdefault(target.connections[slug], []).append(need)
    missing = {name: used for name, used in sorted(users.items()) if _lacks(name, used, target)}
    for name, used in missing.items():
        by = say_names([str(need.address) for need in used])
        message = f"the secret {name}, which {by} needs, has no value in {target.alias}"
        where = f"`secrets override {name} --env {target.alias} --side live`"
        fix = f"set it: `secrets set {name}` for the whole project, or {where} there alone"
        yield Item("secret_missing", "blocked", message, fix, used[0].address, used[0].pointer)
    if users and not missing:
        yield Item("secrets_set", "ok", f"{_count(len(users), 'secret')} that it needs have a value in {target.alias}")


def _lacks(name: str, used: Sequence[Need], target: Target) -> bool:
    return name in target.missing_secrets or any(need.what != "secret" for need in used)


def _look_at_values(needs: Sequence[Need], target: Target) -> Iterable[Item]:
    asked = [need for need in needs if need.what == "value"]
    missing = [need for need in asked if target.alias not in need.where]
    for need in missing:
        message = f"{need.address} has no {need.name} for {target.alias}, and none that holds everywhere"
        fix = f"give {need.address} a {need.name} for {target.alias}, or one that holds where no other does"
        yield Item("value_missing", "warning", message, fix, need.address, need.pointer)
    if asked and not missing:
        yield Item("values_set", "ok", f"values that differ by environment are there for {target.alias}")


def _look_at_destinations(needs: Sequence[Need]) -> Iterable[Item]:
    asked = [need for need in needs if need.what == "destination"]
    gaps = {need.name: need for need in needs if need.what == "gap"}
    missing = [need for need in asked if not need.name]
    for need in missing:
        message, fix = f"{need.address} has nowhere to go to", "give it a number, a SIP URI, a queue or a URL"
        yield Item("destination_missing", "warning", message, fix, need.address, need.pointer)
    for need in needs:
        gap = gaps.get(need.name) if need.what == "site" else None
        if gap is not None:
            missing.append(need)
            message = f"{need.address} goes to the {need.name} of a site, and the default one of {gap.address} has none"
            fix = f"give the default site of {gap.address} a {need.name}"
            yield Item("destination_missing", "warning", message, fix, need.address, need.pointer)
    if asked and not missing:
        yield Item("destinations_set", "ok", f"{_count(len(asked), 'hand-off')} have somewhere to go to")


def _connection_of(need: Need, target: Target) -> str:
    if need.what == "model":
        return need.name or target.model_connections.get(need.provider, "")
    return ""


def _look_at_connections(needs: Sequence[Need], target: Target) -> Iterable[Item]:
    asked = [need for need in needs if need.what in ("model", "connection")]
    missing: list[Need] = []
    for need in asked:
        slug = _connection_of(need, target) if need.what == "model" else need.name
        if slug not in target.connections:
            missing.append(need)
            what = f"the connection '{need.name}', which the project does not have"
            if not need.name:
                what = f"{need.provider}, to which the project has no connection"
            message = f"{need.address} uses {what}"
            fix = f"make it: `connections set {need.name or need.provider}`"
            yield Item("connection_missing", "warning", message, fix, need.address, need.pointer)
    if asked and not missing:
        yield Item("connections_made", "ok", "the connections that it uses are there")


def _look_at_knowledge(needs: Sequence[Need], target: Target) -> Iterable[Item]:
    fine = True
    listed: dict[Address, list[Need]] = {}
    for need in needs:
        if need.what == "document" and need.name not in target.documents:
            listed.setdefault(need.address, []).append(need)
    for address, lost in listed.items():
        fine = False
        message = f"{address} lists documents that are not there: {say_names([need.name for need in lost])}"
        yield Item(
            "document_missing", "warning", message, "add them, or take them off the list", address, lost[0].pointer
        )
    if target.changed_documents:
        fine = False
        message = f"documents changed since it was published: {say_names(target.changed_documents)}"
        yield Item("documents_changed", "warning", message, "test it again, or pin what must not change")
    for need in needs:
        if need.what == "source" and target.sources.get(need.address.slug):
            fine = False
            message = f"{need.address} {target.sources[need.address.slug]}"
            fix = f"read it: `knowledge sync {need.address.slug}`"
            yield Item("source_unsynced", "warning", message, fix, need.address, need.pointer)
    if fine and any(need.what in ("document", "source") for need in needs):
        yield Item("knowledge_current", "ok", "its documents are there, unchanged, and its sources were read")


def _look_at_numbers(needs: Sequence[Need], target: Target) -> Iterable[Item]:
    if target.numbers is None:
        return
    asked = [need for need in needs if need.what == "number"]
    missing = [need for need in asked if need.name not in target.numbers]
    if missing:
        message = f"{missing[0].address} names numbers that the project does not have: "
        message += say_names([need.name for need in missing])
        fix = "add them: `numbers add`"
        yield Item("number_missing", "warning", message, fix, missing[0].address, missing[0].pointer)
    elif asked:
        yield Item("numbers_known", "ok", f"{_count(len(asked), 'number')} of its sites are the project's")


def say_names(names: Sequence[str]) -> str:
    """Returns names in a row, each once, the rest of many counted."""
    known = list(dict.fromkeys(names))
    rest = f" and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
    return ", ".join(known[:MOST_NAMED]) + rest


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
