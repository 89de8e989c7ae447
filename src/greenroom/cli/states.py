"""What the server has at a ref: digests, revisions, bodies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from greenroom.domain.canonical import Digest
from greenroom.domain.entities import Address, freeze_body, parse_address
from greenroom.domain.errors import GreenroomError, Invalid, NotFound
from greenroom.domain.refs import DraftRef, parse_ref
from greenroom.kinds import KINDS
from greenroom.sdk import Client
from greenroom.wire.archives import unpack
from greenroom.wire.checkouts import Pulled, digest_of_base
from greenroom.wire.folder import from_files

PAGE = 200
TRIES = 4
LARGEST = 1 << 30
"""Bytes of a body that is only compared: the limits are the server's."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells one state of a ref from another: its digest, and whose draft it is."""

    digest: str
    owner: str = ""


@dataclass(frozen=True, slots=True)
class ServerState:
    """A state whole. The digest is that of these entities, which no ref need have named at one time."""

    ref: str
    digest: str
    entities: Mapping[Address, Pulled]


def load_mark(client: Client, project: str, ref: str) -> Mark:
    """Returns what a ref names now, in one request. Raises NotFound, Invalid for a bad ref."""
    named = parse_ref(ref)
    if isinstance(named, DraftRef) and named.owner is None:
        draft = client.drafts.load(project, named.alias)
        return Mark(draft.digest, draft.owner)
    found = client.versions.compare(project, ref, ref)
    return Mark(found.head.digest, (named.owner or "") if isinstance(named, DraftRef) else "")


def load_revisions(client: Client, project: str, ref: str) -> dict[Address, Digest]:
    """Returns every entity's revision at a ref; a request for each 200."""
    for left in reversed(range(TRIES)):
        try:
            listed = client.content.list(project, ref=ref, limit=PAGE)
            return {parse_address(entity.address): Digest(entity.revision) for entity in listed}
        except Invalid as wrong:
            if wrong.code != "invalid_cursor" or not left:  # somebody removed the entity where a page began
                raise
    raise AssertionError("the last try returns or raises")


def load_state(client: Client, project: str, ref: str) -> ServerState:
    """Returns every entity at a ref, each body with its own revision, whatever is saved meanwhile.

    Costs the list and one export; what was written with an older schema, or changed between the two, is loaded
    by itself.
    """
    revisions = load_revisions(client, project, ref)
    for address in revisions:
        if address.kind not in KINDS:
            raise Invalid("unknown_kind", f"the server has {address}, a kind that is not known here; update Greenroom")
    bodies = from_files(unpack(client.projects.export(project, ref=ref)), KINDS)
    entities: dict[Address, Pulled] = {}
    for address, revision in revisions.items():
        body = bodies.get(address)
        if body is not None and freeze_body(body, LARGEST).digest == revision:
            entities[address] = Pulled(revision, body)
            continue
        found = load_entity(client, project, ref, address)
        if found is not None:
            entities[address] = found
    return ServerState(ref, digest_of_base(entities), entities)


def load_entity(client: Client, project: str, ref: str, address: Address) -> Pulled | None:
    """Returns one entity at a ref, None where it is gone."""
    try:
        found = client.content.load(project, str(address), ref=ref)
    except NotFound:
        return None
    try:
        return Pulled(Digest(found.revision), KINDS[address.kind].complete(found.body))
    except GreenroomError as wrong:
        detail = f"the server's {address} cannot be read here ({wrong.detail}); update Greenroom"
        raise Invalid("unreadable_entity", detail) from None
