"""A project of Development, Staging and Production becomes one of Main and parallel environments (R10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from greenroom.domain.access import Principal
from greenroom.domain.environments import Deprecated, Environment
from greenroom.domain.errors import Refused
from greenroom.domain.ids import PrincipalId, ProjectId
from greenroom.domain.projects import Project
from greenroom.domain.promotion import check_sequence
from greenroom.domain.records import Record
from greenroom.ports import Reading, Writing
from greenroom.services.states import hold_project, load_project
from greenroom.services.work import Call, Work

MAIN = "main"
DEPRECATED = "deprecated_alias"
USE = "alias_use"
NOTED_EVERY = timedelta(hours=1)
"""The use of an alias is written down at most so often for each of its users."""
_MOST = 1_000
_MOST_KNOWN = 10_000


@dataclass(frozen=True, slots=True)
class AliasUse:
    """Who still calls an alias, and when last."""

    principal: str
    last_at: datetime


@dataclass(frozen=True, slots=True)
class AliasView:
    """An alias: what it leads to, and, when it is deprecated, since when, what follows it and who still uses it."""

    alias: str
    environment: Environment
    deprecated_at: datetime | None = None
    successor: str = ""
    uses: Sequence[AliasUse] = ()


@dataclass(frozen=True, slots=True)
class Migration:
    """What a migration does or did: `main` is the environment that becomes Main."""

    project: Project
    main: Environment
    deprecated: Mapping[str, str]
    """Old alias → the alias to use instead."""


class Migrations:
    """The verbs of leaving a legacy template, and of the aliases it leaves behind."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._noted_ms: dict[tuple[PrincipalId, str, str], float] = {}
        """When this process last saw a use written down."""

    async def plan(self, call: Call, slug: str) -> Migration:
        """Returns what `migrate` would do. Raises Refused `not_legacy`."""
        call.need("environments.manage")
        return await self._work.read(call, lambda tx: _decide(tx, load_project(tx, slug)))

    async def migrate(self, call: Call, slug: str, expected_seq: int | None) -> Migration:
        """Makes Production into Main: editable, with drafts for all, its old aliases answering as before.

        Nothing that is served changes. `expected_seq` is Production's. Raises Refused `not_legacy`, Missing, Stale.
        """
        call.need("environments.manage")

        def work(tx: Writing) -> Migration:
            project = hold_project(tx, slug)
            decided = _decide(tx, project)
            check_sequence(decided.main, expected_seq, required=True)
            now = self._work.clock.now()
            tx.insert_alias(project.id, MAIN, decided.main.id)
            main = replace(decided.main, alias=MAIN, name="Main", editable=True, internal=False, draft_mode="shared")
            tx.update_environment(main)
            for alias, successor in decided.deprecated.items():
                tx.put_record(Record(project.id, DEPRECATED, alias, now, now, {"successor": successor}))
            migrated = replace(project, template="parallel")
            tx.update_project(migrated)
            data = {"from": project.template, "to": "parallel", "deprecated": sorted(decided.deprecated)}
            tx.append(
                self._work.event(
                    call,
                    "project.migrated",
                    project=project.id,
                    environment=main.id,
                    subject=project.slug,
                    data=data,
                )
            )
            return replace(decided, project=migrated, main=main)

        return await self._work.change(call, work)

    async def list_aliases(self, call: Call, slug: str) -> Sequence[AliasView]:
        """Returns every alias that answers, with who still uses those that are deprecated."""
        call.need("projects.read")

        def work(tx: Reading) -> Sequence[AliasView]:
            project = load_project(tx, slug)
            environments = {e.id: e for e in tx.list_environments(project.id)}
            aliases = tx.list_aliases(project.id)
            return [
                _view(tx, project, alias, environments[id_])
                for alias, id_ in sorted(aliases.items())
                if id_ in environments
            ]

        return await self._work.read(call, work)

    def has_noted(self, principal: Principal, slug: str, alias: str) -> bool:
        """Says whether a use of an alias was written down within the hour, as far as this process knows."""
        last = self._noted_ms.get((principal.id, slug, alias))
        return last is not None and self._work.clock.monotonic_ms() - last < NOTED_EVERY.total_seconds() * 1_000

    async def note_use(self, call: Call, slug: str, alias: str) -> None:
        """Notes, once an hour, that the caller used a deprecated alias. No event: who reads changes nothing."""
        if self.has_noted(call.principal, slug, alias):
            return
        if len(self._noted_ms) >= _MOST_KNOWN:
            self._noted_ms.clear()
        key = (call.principal.id, slug, alias)
        # Before it is written: whoever asks meanwhile need not write it too.
        self._noted_ms[key] = self._work.clock.monotonic_ms()

        def work(tx: Writing) -> None:
            project = load_project(tx, slug)
            now, name = self._work.clock.now(), f"{alias}/{call.principal.id}"
            old = tx.find_record(project.id, USE, name)
            if old is None or now - old.changed_at >= NOTED_EVERY:
                tx.put_record(Record(project.id, USE, name, old.at if old else now, now, {}, alias))

        try:
            await self._work.store.write(call.workspace, work)
        except BaseException:
            self._noted_ms.pop(key, None)
            raise


def read_deprecated(tx: Reading, project: ProjectId) -> Mapping[str, Deprecated]:
    """Returns the deprecated aliases of a project."""
    records = tx.list_records(project, DEPRECATED, limit=_MOST)
    return {record.key: Deprecated(record.at, str(record.body["successor"])) for record in records}


def _decide(tx: Reading, project: Project) -> Migration:
    if project.template != "legacy":
        raise Refused("not_legacy", f"{project.slug} has the template {project.template}; only a legacy one migrates")
    environments = tx.list_environments(project.id)
    main = next(e for e in environments if e.id == project.default_environment)
    if tx.find_environment(project.id, MAIN) is not None:
        raise Refused("alias_taken", f"{project.slug} has an environment '{MAIN}' already")
    aliases = tx.list_aliases(project.id)
    alive = {e.id for e in environments}
    return Migration(project, main, {alias: MAIN for alias, id_ in sorted(aliases.items()) if id_ in alive})


def _view(tx: Reading, project: Project, alias: str, environment: Environment) -> AliasView:
    record = tx.find_record(project.id, DEPRECATED, alias)
    if record is None:
        return AliasView(alias, environment)
    uses = [
        AliasUse(use.key.partition("/")[2], use.changed_at)
        for use in tx.list_records(project.id, USE, owner=alias, limit=_MOST)
    ]
    return AliasView(alias, environment, record.at, str(record.body["successor"]), uses)
