"""Readiness: what a version needs, held against what an environment and its project have (R27).

What an entity needs is read off its body once for each digest and kept, so that the second look at a large project
costs what changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenroom.domain.asks import Place
from greenroom.domain.canonical import Digest
from greenroom.domain.connections import choose_connection
from greenroom.domain.entities import Address
from greenroom.domain.environments import Environment, choose_stable
from greenroom.domain.errors import Refused
from greenroom.domain.ids import ProjectId
from greenroom.domain.knowledge import changed_since, pins_of
from greenroom.domain.projects import Project
from greenroom.domain.readiness import Item, Need, Target, decide_readiness, is_ready
from greenroom.domain.versions import Snapshot, Version
from greenroom.ports import Reading
from greenroom.runtime.needs import find_needs
from greenroom.services.comparisons import BodyReader
from greenroom.services.connections import list_connections
from greenroom.services.knowledge_contents import find_document, load_digests, load_knowledge
from greenroom.services.knowledge_sources import STATE, state_of
from greenroom.services.numbers import list_numbers
from greenroom.services.secrets import Secrets
from greenroom.services.states import load_environment, load_project, load_snapshot, load_version
from greenroom.services.work import Call, Work

MOST_KEPT = 200_000
"""Bodies whose needs are kept; over that all are forgotten and found again."""
FEW = 200
"""So many documents are looked up one by one."""
LATE = 2
"""A source is overdue after so many times the hours it should be read in."""


@dataclass(frozen=True, slots=True)
class ReadinessView:
    """Whether an environment is ready for a version, and everything that was looked at."""

    environment: Environment
    version: int
    items: Sequence[Item]

    @property
    def ready(self) -> bool:
        """Says whether nothing blocks."""
        return is_ready(self.items)


class Readiness:
    """The verb of looking whether a version could be released somewhere."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._needs: dict[tuple[Address, Digest], tuple[Need, ...]] = {}

    async def check(self, call: Call, slug: str, alias: str, number: int | None = None) -> ReadinessView:
        """Returns how ready an environment is for a version: by default what the step before it serves, else its own.

        Raises NotFound, Refused `nothing_to_check` where there is no such version.
        """
        call.need("secrets.read")

        def work(tx: Reading) -> ReadinessView:
            project = load_project(tx, slug)
            environment = load_environment(tx, project, alias)
            wanted = number if number is not None else _choose_version(tx, project, environment)
            version = load_version(tx, project, wanted)
            snapshot = load_snapshot(tx, version.digest)
            items = self.find_items(tx, call, project, environment, snapshot, BodyReader(tx), version)
            return ReadinessView(environment, version.number, items)

        return await self._work.read(call, work)

    def find_items(
        self,
        tx: Reading,
        call: Call,
        project: Project,
        environment: Environment,
        snapshot: Snapshot,
        reader: BodyReader,
        version: Version | None = None,
    ) -> Sequence[Item]:
        """Returns what an environment has and lacks for a snapshot, which is a version's or about to become one's."""
        needs = self._find_needs(snapshot, reader)
        if not needs:
            return ()
        place = Place(call.workspace, project.id, environment.id, environment.alias, "live", snapshot.digest)
        return decide_readiness(needs, _look(tx, project, place, needs, version, self._work.clock.now()))

    def _find_needs(self, snapshot: Snapshot, reader: BodyReader) -> Sequence[Need]:
        if len(self._needs) > MOST_KEPT:
            self._needs.clear()
        kept = {pair: self._needs.get(pair) for pair in snapshot.items()}
        unknown = [pair for pair, needs in kept.items() if needs is None]
        reader.fetch({digest for _, digest in unknown})
        fresh = {pair: self._needs_of(*pair, reader) for pair in unknown}
        self._needs.update(fresh)
        found = [need for pair, needs in kept.items() for need in (fresh[pair] if needs is None else needs)]
        return sorted(found, key=lambda need: (need.address, need.pointer))

    def _needs_of(self, address: Address, digest: Digest, reader: BodyReader) -> tuple[Need, ...]:
        kind = self._work.kinds.get(address.kind)
        body = reader(address, digest)
        return find_needs(address, kind.upgrade(body) if kind else body)


def _choose_version(tx: Reading, project: Project, environment: Environment) -> int:
    source = tx.find_environment(project.id, environment.promotes_from) if environment.promotes_from else None
    found = choose_stable(source.arms) if source else choose_stable(environment.arms)
    if found is None:
        where = source.alias if source else environment.alias
        raise Refused("nothing_to_check", f"{where} serves nothing yet; say which version is meant")
    return found


def _look(
    tx: Reading, project: Project, place: Place, needs: Sequence[Need], version: Version | None, now: datetime
) -> Target:
    """Returns what the place has, read as far as the needs ask for it."""

    def named(*what: str) -> set[str]:
        return {need.name for need in needs if need.what in what}

    documents = named("document")
    connections, models = _look_at_connections(tx, project, place, needs)
    return Target(
        place.alias,
        frozenset(Secrets.find_missing(tx, place, named("secret"))),
        connections,
        models,
        _present(tx, project.id, documents),
        _changed(tx, project, version) if version is not None and documents else (),
        {need.address.slug: _say_sync(tx, project.id, need, now) for need in needs if need.what == "source"},
        (frozenset(each.e164 for each in list_numbers(tx, project.id)) or None) if named("number") else None,
    )


def _look_at_connections(
    tx: Reading, project: Project, place: Place, needs: Sequence[Need]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    if not any(need.what in ("model", "connection") for need in needs):
        return {}, {}
    known = list_connections(tx, project)
    missing = Secrets.find_missing(tx, place, {each.secret for each in known if each.secret})
    providers = {need.provider for need in needs if need.what == "model"}
    chosen = {provider: choose_connection(known, provider) for provider in providers}
    return (
        {each.slug: each.secret if each.secret in missing else "" for each in known},
        {provider: connection.slug for provider, connection in chosen.items() if connection is not None},
    )


def _present(tx: Reading, project: ProjectId, wanted: Collection[str]) -> frozenset[str]:
    if len(wanted) > FEW:
        return frozenset(load_digests(tx, project))
    return frozenset(each for each in wanted if find_document(tx, project, each) is not None)


def _changed(tx: Reading, project: Project, version: Version) -> tuple[str, ...]:
    """Returns the listed documents that are there and no longer as they were at publishing."""
    if not version.documents:
        return ()
    pins = pins_of(load_knowledge(tx, load_snapshot(tx, version.digest)))
    found = changed_since(version.documents, load_digests(tx, project.id), pins)
    return tuple(each.document for each in found if each.now)


def _say_sync(tx: Reading, project: ProjectId, need: Need, now: datetime) -> str:
    state = state_of(tx.find_record(project, STATE, need.address.slug), now)
    if state is None:
        return "was never read"
    if state.state == "running":
        return "is being read just now"
    if state.state != "finished" or state.finished_at is None:
        return f"could not be read the last time ({state.state})"
    hours = int(need.name or 0)
    if hours and now - state.finished_at > timedelta(hours=hours * LATE):
        return f"should be read every {hours} hours, and was last read on {state.finished_at:%Y-%m-%d %H:%M}"
    return ""
