"""Testers: named people who are led to one environment, whatever the split says (R23).

A record's key is the hash of who it is, its owner the environment. Nothing kept here says who somebody is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from greenroom.domain.environments import Environment
from greenroom.domain.errors import NotFound, Refused
from greenroom.domain.ids import ProjectId, WorkspaceId
from greenroom.domain.projects import Project
from greenroom.domain.records import Record
from greenroom.domain.testers import (
    PERSON_KINDS,
    PersonKind,
    Tester,
    check_label,
    hash_person,
    mask_person,
    read_person,
)
from greenroom.ports import Reading, Writing
from greenroom.services.states import load_environment, load_project
from greenroom.services.work import Call, Work

NOUN = "tester"
MOST = 1_000
"""Testers of one project."""


@dataclass(frozen=True, slots=True)
class TesterView:
    """A tester with the alias of where they are led; '' where that was deleted."""

    tester: Tester
    alias: str


class Testers:
    """The verbs of testers."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def list(
        self, call: Call, slug: str, after: str | None, limit: int, environment: str | None = None
    ) -> Sequence[TesterView]:
        """Returns testers by id, masked; `environment` keeps one environment's."""
        call.need("testers.read")

        def work(tx: Reading) -> Sequence[TesterView]:
            project = load_project(tx, slug)
            owner = None if environment is None else load_environment(tx, project, environment).id
            found = tx.list_records(project.id, NOUN, owner=owner, after=after, limit=limit)
            aliases = {str(e.id): e.alias for e in tx.list_environments(project.id)}
            return [TesterView(_read(record), aliases.get(record.owner, "")) for record in found]

        return await self._work.read(call, work)

    async def add(
        self, call: Call, slug: str, alias: str, *, user_id: str | None, caller: str | None, label: str = ""
    ) -> TesterView:
        """Leads a user or a caller to an environment, from the next conversation on; internal ones too.

        Somebody who is a tester already is led to the new place. Raises Invalid, NotFound, Refused.
        """
        call.need("testers.manage")
        kind, value = read_person(user_id, caller)
        check_label(label)
        now = self._work.clock.now()

        def work(tx: Writing) -> TesterView:
            project = load_project(tx, slug)
            environment = load_environment(tx, project, alias)
            key = hash_person(call.workspace, project.id, kind, value)
            if tx.find_record(project.id, NOUN, key) is None and tx.count_records(project.id, NOUN) >= MOST:
                raise Refused("too_many_testers", f"a project has at most {MOST:,} testers; remove those who are done")
            body = {"kind": kind, "shown": mask_person(value), "label": label.strip(), "by": str(call.principal.id)}
            record = Record(project.id, NOUN, key, now, now, body, environment.id)
            tx.put_record(record)
            self._append(tx, call, project, "tester.added", record)
            return TesterView(_read(record), environment.alias)

        return await self._work.change(call, work)

    async def remove(self, call: Call, slug: str, id_: str) -> None:
        """Leads somebody by the split again. Raises NotFound."""
        call.need("testers.manage")

        def work(tx: Writing) -> None:
            project = load_project(tx, slug)
            found = tx.find_record(project.id, NOUN, id_)
            if found is None:
                message = f"{project.slug} has no tester '{id_[:80]}'; `testers list` shows them"
                raise NotFound("tester_not_found", message)
            tx.delete_record(project.id, NOUN, id_)
            self._append(tx, call, project, "tester.removed", found)

        await self._work.change(call, work)

    def _append(self, tx: Writing, call: Call, project: Project, action: str, record: Record) -> None:
        # What is shown of somebody is still of them; the chain can never forget it, so it gets the kind alone.
        data = {"who": "a user" if record.body["kind"] == "user_id" else "a caller"}
        tx.append(
            self._work.event(
                call, action, project=project.id, environment=record.owner, subject=record.key[:12], data=data
            )
        )


def find_tester(
    tx: Reading, workspace: WorkspaceId, project: Project, user_id: str | None, caller: str | None
) -> tuple[Tester, Environment] | None:
    """Returns whom a user id, else a caller, makes a tester, and where they are led; nobody to a deleted place."""
    for kind, value in zip(PERSON_KINDS, (user_id, caller), strict=True):
        record = tx.find_record(project.id, NOUN, hash_person(workspace, project.id, kind, value)) if value else None
        environment = None if record is None else tx.find_environment(project.id, record.owner)
        if record is not None and environment is not None and environment.deleted_at is None:
            return _read(record), environment
    return None


def load_places(tx: Reading, project: ProjectId) -> Mapping[str, str]:
    """Returns the environment's id of every tester of a project, by hash."""
    return {record.key: record.owner for record in tx.list_records(project, NOUN, limit=MOST)}


def forget_tester(tx: Writing, workspace: WorkspaceId, project: ProjectId, kind: PersonKind, value: str) -> bool:
    """Takes somebody off the testers, as their erasure must; says whether they were one."""
    return tx.delete_record(project, NOUN, hash_person(workspace, project, kind, value))


def _read(record: Record) -> Tester:
    body = record.body
    return Tester(
        record.key,
        body["kind"],
        str(body["shown"]),
        str(body["label"]),
        record.owner,
        record.changed_at,
        str(body["by"]),
    )
