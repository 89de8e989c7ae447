"""What a ref names: the snapshot, and the version or draft it belongs to. Changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from greenroom.domain.access import Principal, require
from greenroom.domain.canonical import Digest
from greenroom.domain.conversations import Conversation
from greenroom.domain.drafts import SHARED, Draft, DraftChange, owner_of_draft, snapshot_of_draft
from greenroom.domain.entities import Address, Body, parse_body
from greenroom.domain.environments import Environment, choose_stable
from greenroom.domain.errors import Fault, Invalid, NotFound, Refused
from greenroom.domain.ids import ConversationId, PrincipalId
from greenroom.domain.projects import Project
from greenroom.domain.refs import ConversationRef, DigestRef, DraftRef, Ref, ServedRef, VersionRef, parse_ref
from greenroom.domain.releases import Release, choose_answering
from greenroom.domain.versions import EMPTY_SNAPSHOT, Snapshot, Version
from greenroom.ports import Reading, Writing


@dataclass(frozen=True, slots=True)
class State:
    """A state of a project: its snapshot, the version where it is one, and the environment it was named by."""

    ref: str
    snapshot: Snapshot
    version: int | None = None
    environment: Environment | None = None
    draft: Draft | None = None

    @property
    def digest(self) -> Digest:
        """Returns the snapshot's digest."""
        return self.snapshot.digest


def load_project(tx: Reading, slug: str) -> Project:
    """Returns the project with a slug or id. Raises NotFound."""
    found = tx.find_project(slug)
    if found is None:
        raise NotFound("project_not_found", f"there is no project '{slug[:80]}' here")
    return found


def hold_project(tx: Writing, slug: str) -> Project:
    """Returns a project that nobody else changes, nor its environments, until this transaction ends.

    What decides on them and writes begins with it. Raises NotFound.
    """
    tx.hold_project(load_project(tx, slug).id)
    return load_project(tx, slug)


def load_environment(tx: Reading, project: Project, alias: str, *, ever: bool = False) -> Environment:
    """Returns the environment with an alias; `ever` finds a deleted one too.

    Raises NotFound that lists the aliases there are.
    """
    found = tx.find_environment(project.id, alias)
    if found is not None and found.deleted_at is not None and not ever:
        detail = f"the environment '{alias[:80]}' of {project.slug} was deleted on {found.deleted_at:%Y-%m-%d}"
        raise NotFound("environment_deleted", detail)
    if found is None:
        aliases = ", ".join(e.alias for e in tx.list_environments(project.id))
        raise NotFound("environment_not_found", f"{project.slug} has no environment '{alias[:80]}'; it has: {aliases}")
    return found


def load_editable(tx: Reading, project: Project, alias: str) -> Environment:
    """Returns an environment that has drafts. Raises Refused `not_editable`."""
    environment = load_environment(tx, project, alias)
    if not environment.editable:
        editable = ", ".join(e.alias for e in tx.list_environments(project.id) if e.editable)
        raise Refused(
            "not_editable",
            f"{environment.alias} has no drafts: versions come to it by promotion. Edit in: {editable}",
        )
    return environment


def find_draft(tx: Reading, environment: Environment, who: Principal) -> Draft | None:
    """Returns the open draft that somebody edits in an environment: their own, or the shared one (R6)."""
    return tx.find_draft(environment.id, owner_of_draft(environment, who.id))


def load_context_environment(tx: Reading, project: Project) -> Environment:
    """Returns the first editable environment: the context of a test of a bare version or digest."""
    environments = tx.list_environments(project.id)
    return next((e for e in environments if e.editable), environments[0])


def load_version(tx: Reading, project: Project, number: int) -> Version:
    """Returns a version. Raises NotFound."""
    found = tx.find_version(project.id, number)
    if found is None:
        raise NotFound("version_not_found", f"{project.slug} has no version v{number}")
    return found


def load_snapshot(tx: Reading, digest: Digest) -> Snapshot:
    """Returns a stored snapshot. Raises NotFound."""
    if digest == EMPTY_SNAPSHOT.digest:
        return EMPTY_SNAPSHOT
    found = tx.find_snapshot(digest)
    if found is None:
        raise NotFound("snapshot_not_found", f"there is no snapshot {digest}")
    return found


def load_served(tx: Reading, project: Project, environment: Environment) -> State:
    """Returns what an environment serves; the empty state before its first release."""
    number = choose_stable(environment.arms)
    if number is None:
        return State(environment.alias, EMPTY_SNAPSHOT, None, environment)
    version = load_version(tx, project, number)
    return State(environment.alias, load_snapshot(tx, version.digest), number, environment)


def load_draft_snapshot(tx: Reading, draft: Draft) -> tuple[Snapshot, Mapping[Address, DraftChange]]:
    """Returns what a draft would publish if nothing moved, and its changes."""
    changes = tx.load_draft_changes(draft.id)
    return snapshot_of_draft(load_snapshot(tx, draft.base_digest), changes), changes


def load_bodies(tx: Reading, snapshot: Mapping[Address, Digest], addresses: Iterable[Address]) -> dict[Address, Body]:
    """Returns the bodies that a snapshot has at the given addresses."""
    wanted = {address: snapshot[address] for address in addresses}
    stored = tx.load_bodies(set(wanted.values()))
    return {address: parse_body(stored[digest]) for address, digest in wanted.items()}


def parse_ref_at(text: str, pointer: str) -> Ref:
    """Returns the ref a text names. Raises Invalid that points at `pointer`."""
    try:
        return parse_ref(text)
    except Invalid as wrong:
        raise Invalid(wrong.code, wrong.detail, errors=[type(f)(pointer, f.message) for f in wrong.errors]) from None


def load_state(tx: Reading, project: Project, ref: str, who: Principal, now: datetime, pointer: str = "/ref") -> State:
    """Returns the state a ref names. Raises Invalid `invalid_ref`, or NotFound for what does not exist."""
    match parse_ref_at(ref, pointer):
        case VersionRef(number):
            version = load_version(tx, project, number)
            return State(ref, load_snapshot(tx, version.digest), number)
        case ServedRef() as served:
            return _served_state(tx, project, ref, served)
        case DraftRef(alias, owner):
            if owner not in {None, SHARED} and load_environment(tx, project, alias).draft_mode == "shared":
                message = f"the editors of {alias} share one draft: name it draft:{alias}, without @{owner}"
                raise Invalid("draft_is_shared", message, errors=[Fault(pointer, message)])
            return _draft_state(tx, project, ref, alias, owner, who)
        case ConversationRef(id_):
            return _conversation_state(tx, project, ref, ConversationId(id_), now)
        case DigestRef(digest):
            return State(ref, load_snapshot(tx, digest))


def _served_state(tx: Reading, project: Project, ref: str, wanted: ServedRef) -> State:
    environment = load_environment(tx, project, wanted.alias)
    if wanted.incoming:
        raise NotFound("no_rollout", f"no rollout is running in {environment.alias}, so {ref} names nothing")
    if choose_stable(environment.arms) is None:
        raise NotFound("nothing_served", f"{environment.alias} serves nothing yet")
    if wanted.back == 0:
        served = load_served(tx, project, environment)
        return State(ref, served.snapshot, served.version, environment)
    release: Release | None = tx.find_release(environment.id, environment.seq)
    for _ in range(wanted.back):
        release = (
            tx.find_release(environment.id, release.beneath)
            if release is not None and release.beneath is not None
            else None
        )
    if release is None:
        raise NotFound("nothing_beneath", f"nothing was served before: {ref} names nothing")
    version = load_version(tx, project, release.version)
    return State(ref, load_snapshot(tx, version.digest), version.number, environment)


def _draft_state(tx: Reading, project: Project, ref: str, alias: str, owner: str | None, who: Principal) -> State:
    environment = load_environment(tx, project, alias)
    if not environment.editable:
        raise NotFound("draft_not_found", f"{alias} has no drafts, so {ref} names nothing")
    mine = owner_of_draft(environment, who.id)
    whose = PrincipalId(owner) if owner else mine
    if whose != mine:
        require(who, "drafts.read_others")
    draft = tx.find_draft(environment.id, whose)
    if draft is None:
        if whose != mine:
            raise NotFound("draft_not_found", f"{owner} has no draft of {alias}")
        served = load_served(tx, project, environment)
        return State(ref, served.snapshot, None, environment)
    snapshot, _ = load_draft_snapshot(tx, draft)
    return State(ref, snapshot, None, environment, draft)


def _conversation_state(tx: Reading, project: Project, ref: str, id_: ConversationId, now: datetime) -> State:
    conversation = tx.find_conversation(id_)
    if conversation is None or conversation.project != project.id:
        raise NotFound("conversation_not_found", f"{project.slug} has no conversation '{id_}'")
    version, digest = load_answering(tx, project, conversation, now)
    return State(ref, load_snapshot(tx, digest), version)


def load_answering(
    tx: Reading, project: Project, conversation: Conversation, now: datetime, environment: Environment | None = None
) -> tuple[int | None, Digest]:
    """Returns the version (None: a draft or digest) and the digest that answer the next turn (R14).

    The conversation's environment, where it is at hand, spares most turns a query: nothing was released since.
    """
    unmoved = environment is not None and environment.seq == conversation.started_seq
    if unmoved or conversation.pinned or conversation.started_version is None:
        return conversation.started_version, conversation.started_digest
    later = tx.list_releases_after(conversation.environment, conversation.started_seq)
    number = choose_answering(conversation.started_version, conversation.slot, later, now)
    if number == conversation.started_version:
        return number, conversation.started_digest
    return number, load_version(tx, project, number).digest


def known_addresses(snapshot: Snapshot, kinds: Collection[str]) -> list[Address]:
    """Returns a snapshot's addresses by kind (in the order given), then by slug."""
    by_kind: dict[str, list[Address]] = {}
    for address in snapshot:
        by_kind.setdefault(address.kind, []).append(address)
    others = sorted(by_kind.keys() - set(kinds))
    return [address for kind in [*kinds, *others] for address in sorted(by_kind.get(kind, ()), key=attrgetter("slug"))]
