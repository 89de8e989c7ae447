"""A project kept as a folder: what was pulled last, what of it changed here, and what a push would send.

Pure: the bytes of files in, plans out. The base is what folder and server last had in common.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, cast

from greenroom.domain.body_diffs import is_same_meaning
from greenroom.domain.canonical import Digest, canonical_json, parse_json
from greenroom.domain.changes import Operation
from greenroom.domain.entities import Address, Body, freeze_body, parse_address
from greenroom.domain.errors import Fault, GreenroomError, Invalid
from greenroom.domain.kind import Registry
from greenroom.domain.versions import snapshot_of
from greenroom.wire.conflicts import find_marks
from greenroom.wire.folder import FolderContents, address_of, read_folder, to_files

STATE_FORMAT = 1
CONFLICT = "conflict_stands"


@dataclass(frozen=True, slots=True)
class Pulled:
    """An entity as the server had it: its revision, and its body as the present schema writes it."""

    revision: Digest
    body: Body


Base = Mapping[Address, Pulled]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a folder comes from. `owner` is whose draft `ref` named, where it named one.

    Never holds a key. `server` is told to people only: nothing is sent there for being named here.
    """

    project: str
    project_id: str
    environment: str
    ref: str
    server: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What this folder last put into a draft that is not its ref: address → revision, None for removed."""

    environment: str
    owner: str
    revisions: Mapping[Address, Digest | None] = field(default_factory=dict[Address, "Digest | None"])


@dataclass(frozen=True, slots=True)
class Local:
    """The folder as it is: its files, and what can be read of them."""

    files: Mapping[str, bytes]
    contents: FolderContents

    @property
    def entities(self) -> Mapping[Address, Body]:
        """Returns the sound entities."""
        return self.contents.entities

    @property
    def unread(self) -> frozenset[Address]:
        """Returns the entities with a file that cannot be read or that holds a conflict."""
        return self.contents.unread

    @property
    def conflicts(self) -> tuple[Fault, ...]:
        """Returns where conflict marks stand."""
        return tuple(fault for fault in self.contents.faults if fault.code == CONFLICT)

    @property
    def unreadable(self) -> tuple[Fault, ...]:
        """Returns everything else that is wrong with the files."""
        return tuple(fault for fault in self.contents.faults if fault.code != CONFLICT)


@dataclass(frozen=True, slots=True)
class LocalChange:
    """An entity that is not here as it was pulled."""

    address: Address
    op: Operation


def dump_origin(origin: Origin) -> bytes:
    """Returns the state file of a folder."""
    return (json.dumps({"format": STATE_FORMAT, **asdict(origin)}, indent=2, ensure_ascii=False) + "\n").encode()


def load_origin(data: bytes, path: str) -> Origin:
    """Returns what a state file says. Raises Invalid `invalid_state` for one that is not ours."""
    try:
        found = parse_json(data)
        if found["format"] != STATE_FORMAT:
            raise Invalid("state_too_new", f"{path} was written by another version of Greenroom; update it")
        named = {each.name: found[each.name] for each in fields(Origin) if each.name in found}
        if not all(isinstance(value, str) for value in named.values()):
            raise TypeError
        return Origin(**named)
    except (Invalid, KeyError, TypeError) as wrong:
        if isinstance(wrong, Invalid) and wrong.code == "state_too_new":
            raise
        hint = "settle it as git left it, or write it anew with `greenroom init`"
        fault = Fault(f"{path}:1", "this is not the state of a folder", "invalid_state", hint)
        raise Invalid("invalid_state", f"{path} is not the state of a folder", errors=[fault]) from None


def entry_of(address: Address, pulled: Pulled) -> dict[str, Any]:
    """Returns one entity of the base as it is kept."""
    return {"address": str(address), "revision": pulled.revision, "body": dict(pulled.body)}


def dump_base(base: Base) -> bytes:
    """Returns the base, one entity in a line, so that git merges it by entity."""
    return b"".join(canonical_json(entry_of(address, base[address])) + b"\n" for address in sorted(base))


def load_base(data: bytes, kinds: Registry) -> dict[Address, Pulled]:
    """Returns the base. Lines that say nothing clear are left out: what has no base is never overwritten."""
    found: dict[Address, Pulled] = {}
    unclear: set[Address] = set()
    for line in data.splitlines():
        entry = read_entry(line, kinds)
        if entry is None:
            continue
        address, pulled = entry
        if address in found and found[address] != pulled:
            unclear.add(address)
        found[address] = pulled
    return {address: pulled for address, pulled in found.items() if address not in unclear}


def read_entry(line: bytes, kinds: Registry) -> tuple[Address, Pulled] | None:
    """Returns an entity of the base from its line, None for anything else."""
    try:
        value = parse_json(line)
        address, revision = parse_address(value["address"]), value["revision"]
        body = kinds[address.kind].complete(value["body"])
    except (GreenroomError, KeyError, TypeError, AttributeError):
        return None
    return (address, Pulled(Digest(revision), body)) if isinstance(revision, str) else None


def dump_pushed(pushed: Pushed) -> bytes:
    """Returns the record of what was put into a draft."""
    revisions = {str(address): revision for address, revision in sorted(pushed.revisions.items())}
    return canonical_json({"environment": pushed.environment, "owner": pushed.owner, "revisions": revisions}) + b"\n"


def load_pushed(data: bytes, environment: str, owner: str | None) -> Pushed:
    """Returns what was put into this draft; nothing where the record is of another one, or of none.

    Without an owner, whoever's draft of the environment it was.
    """
    revisions: dict[Address, Digest | None] = {}
    try:
        found = parse_json(data)
        if found["environment"] == environment and owner in (None, found["owner"]):
            for text, revision in cast(Mapping[str, Any], found["revisions"]).items():
                revisions[parse_address(text)] = None if revision is None else Digest(str(revision))
    except (GreenroomError, KeyError, TypeError, AttributeError):
        revisions = {}
    return Pushed(environment, owner or "", revisions)


def digest_of_base(base: Base) -> Digest:
    """Returns the digest of the state that the base is; a ref with another one has something to pull."""
    return snapshot_of({address: pulled.revision for address, pulled in base.items()}).digest


def read_local(files: Mapping[str, bytes], base: Base, kinds: Registry, links: Sequence[str] = ()) -> Local:
    """Returns what a folder holds; `links` are paths that were not read, because they are symbolic links."""
    marked = [fault for path in files for fault in _conflict(path, files[path], base, kinds)]
    places = {fault.pointer.rpartition(":")[0] for fault in marked}
    standing = frozenset(address for path in places if (address := address_of(path, kinds)))
    readable = {path: data for path, data in files.items() if address_of(path, kinds) not in standing}
    contents = read_folder(readable, kinds)
    linked = [
        Fault(f"{path}:1", "this is a link; links are neither read nor followed", "link", "put the file itself here")
        for path in links
    ]
    unread = {*standing, *contents.unread, *(a for path in links if (a := address_of(path, kinds)))}
    faults = sorted((*marked, *linked, *contents.faults), key=_place)
    entities = {address: body for address, body in contents.entities.items() if address not in unread}
    return Local(files, FolderContents(entities, tuple(faults), frozenset(unread), contents.read))


def _place(fault: Fault) -> tuple[str, int]:
    path, _, line = fault.pointer.rpartition(":")
    return path, int(line) if line.isdigit() else 0


def _conflict(path: str, data: bytes, base: Base, kinds: Registry) -> Iterator[Fault]:
    address = address_of(path, kinds)
    if address is None or (b"<<<<<<<" not in data and b">>>>>>>" not in data):
        return
    pulled = base.get(address)
    # Code may hold such lines in earnest: what the server sent is no conflict.
    if pulled is not None and to_files({address: pulled.body}, kinds).get(path) == data:
        return
    hint = "keep one side or write a third one, and take out the lines with <<<<<<<, ======= and >>>>>>>"
    for line in find_marks(data.decode(errors="replace")):
        yield Fault(f"{path}:{line}", "a conflict stands here", CONFLICT, hint)


def is_same_entity(address: Address, one: Body | None, other: Body | None, kinds: Registry) -> bool:
    """Says whether two bodies of an entity mean the same; None for one that does not exist."""
    if one is None or other is None:
        return one is other
    return is_same_meaning(one, other, kinds[address.kind].shape)


def body_at(base: Base, address: Address) -> Body | None:
    """Returns the body that was pulled, if any."""
    pulled = base.get(address)
    return None if pulled is None else pulled.body


def find_changes(base: Base, local: Local, kinds: Registry) -> list[LocalChange]:
    """Returns what was changed here since the base, by kind and slug. What cannot be read is not judged."""
    found: list[LocalChange] = []
    for address in _in_order((base.keys() | local.entities.keys()) - local.unread, kinds):
        before, after = body_at(base, address), local.entities.get(address)
        if not is_same_entity(address, before, after, kinds):
            op: Operation = "added" if before is None else "removed" if after is None else "edited"
            found.append(LocalChange(address, op))
    return found


def _in_order(addresses: set[Address], kinds: Registry) -> list[Address]:
    rank = {name: place for place, name in enumerate(kinds)}
    return sorted(addresses, key=lambda address: (rank.get(address.kind, len(rank)), address.slug))


@dataclass(frozen=True, slots=True)
class PushStep:
    """One entity to send; `body` None removes it. `if_match` is the revision that the draft has, `*` for none."""

    address: Address
    op: Operation
    if_match: str
    body: Body | None


@dataclass(frozen=True, slots=True)
class PushPlan:
    """What a push would do.

    `present` are changes that the draft has already; `moved` were changed both here and there, so nothing may be
    sent; `elsewhere` differ in the draft from the base, without a change here: a pull brings them.
    """

    steps: tuple[PushStep, ...]
    present: Mapping[Address, Digest | None]
    moved: tuple[Address, ...]
    elsewhere: tuple[Address, ...]


def plan_push(
    base: Base,
    pushed: Pushed,
    local: Local,
    revisions: Mapping[Address, Digest],
    kinds: Registry,
    unpublished: Collection[Address] = (),
) -> PushPlan:
    """Returns what is to be sent to a draft with these revisions. Removals come last.

    `unpublished` is what the draft itself changes: there, what this folder once sent and took back since is put back.
    """
    steps: list[PushStep] = []
    present: dict[Address, Digest | None] = {}
    moved: list[Address] = []
    changes = find_changes(base, local, kinds)
    for change in changes:
        address, body = change.address, local.entities.get(change.address)
        there = revisions.get(address)
        known = base[address].revision if address in base else None
        if there == (None if body is None else freeze_body(body).digest):
            present[address] = there
        elif there == known or (address in pushed.revisions and there == pushed.revisions[address]):
            steps.append(PushStep(address, _op(there, body), "*" if there is None else there, body))
        else:
            moved.append(address)
    changed = {change.address for change in changes}
    others = {
        address
        for address in (revisions.keys() | base.keys()) - changed
        if revisions.get(address) != (base[address].revision if address in base else None)
    }
    for address in _in_order(others & set(unpublished) - local.unread, kinds):
        there = revisions.get(address)
        if address in pushed.revisions and there == pushed.revisions[address]:
            body = local.entities.get(address)
            steps.append(PushStep(address, _op(there, body), "*" if there is None else there, body))
            others.discard(address)
    steps.sort(key=lambda step: step.body is None)
    return PushPlan(tuple(steps), present, tuple(moved), tuple(_in_order(others, kinds)))


def _op(there: Digest | None, body: Body | None) -> Operation:
    return "added" if there is None else "removed" if body is None else "edited"


Mode = Literal["added", "updated", "removed", "merged", "conflict", "left"]
"""What a pull does to an entity of the folder; `left`: it changed on the server, but cannot be read here."""
