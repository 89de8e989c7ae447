"""Environments: what each serves, since when, and who is in the middle of a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from greenroom.domain.canonical import Digest
from greenroom.domain.conversations import IDLE_LIMITS
from greenroom.domain.environments import Environment
from greenroom.domain.projects import Project
from greenroom.domain.releases import Release, choose_answering
from greenroom.ports import Reading
from greenroom.services.numbers import leads_into
from greenroom.services.splits import find_share
from greenroom.services.states import find_draft, load_environment, load_project, load_version
from greenroom.services.work import Call, Work

SPLIT = ("split", "default")
"""Noun and key of the record that says which environments share the default entry's traffic."""


@dataclass(frozen=True, slots=True)
class EnvironmentView:
    """An environment with what a person asks of it first."""

    environment: Environment
    public: bool
    default_entry: bool
    promotes_from: str | None
    release: Release | None
    digest: Digest | None
    rollback_to: int | None
    running: Mapping[int, int]
    draft_changes: int


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """A release with its environment's alias."""

    release: Release
    alias: str


class Environments:
    """The verbs of looking at environments."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def list(self, call: Call, slug: str) -> Sequence[EnvironmentView]:
        """Returns a project's environments in their order."""
        call.need("projects.read")

        def work(tx: Reading) -> Sequence[EnvironmentView]:
            project = load_project(tx, slug)
            return [self.view(tx, call, project, e) for e in tx.list_environments(project.id)]

        return await self._work.read(call, work)

    async def load(self, call: Call, slug: str, alias: str) -> EnvironmentView:
        """Returns one environment. Raises NotFound."""
        call.need("projects.read")

        def work(tx: Reading) -> EnvironmentView:
            project = load_project(tx, slug)
            return self.view(tx, call, project, load_environment(tx, project, alias))

        return await self._work.read(call, work)

    async def list_releases(
        self, call: Call, slug: str, alias: str, before: int | None, limit: int
    ) -> Sequence[ReleaseView]:
        """Returns an environment's releases, newest first."""
        call.need("projects.read")

        def work(tx: Reading) -> Sequence[ReleaseView]:
            environment = load_environment(tx, load_project(tx, slug), alias, ever=True)
            return [ReleaseView(r, environment.alias) for r in tx.list_releases(environment.id, before, limit)]

        return await self._work.read(call, work)

    def view(self, tx: Reading, call: Call, project: Project, environment: Environment) -> EnvironmentView:
        """Returns one environment's view inside a transaction."""
        release = tx.find_release(environment.id, environment.seq) if environment.seq else None
        source = tx.find_environment(project.id, environment.promotes_from) if environment.promotes_from else None
        draft = find_draft(tx, environment, call.principal) if environment.editable else None
        return EnvironmentView(
            environment,
            is_public(tx, project, environment),
            project.default_environment == environment.id,
            source.alias if source else None,
            release,
            load_version(tx, project, release.version).digest if release else None,
            find_beneath(tx, release),
            count_running(tx, environment, self._work.clock.now()),
            len(tx.load_draft_changes(draft.id)) if draft else 0,
        )


def is_public(tx: Reading, project: Project, environment: Environment) -> bool:
    """Says whether the public can come in here: by the default entry, a share of the split, or a number."""
    if project.default_environment == environment.id or find_share(tx, project, environment) is not None:
        return True
    # Numbers of an internal environment are for tests.
    return not environment.internal and leads_into(tx, project.id, environment.id)


def find_beneath(tx: Reading, release: Release | None) -> int | None:
    """Returns the version that a rollback would bring back, None when nothing lies beneath."""
    if release is None or release.beneath is None:
        return None
    beneath = tx.find_release(release.environment, release.beneath)
    return beneath.version if beneath else None


def count_running(tx: Reading, environment: Environment, now: datetime) -> dict[int, int]:
    """Returns running conversations by the version that would answer their next turn."""
    groups = tx.count_running(environment.id, {channel: now - limit for channel, limit in IDLE_LIMITS.items()})
    if not groups:
        return {}
    later = tx.list_releases_after(environment.id, min(g.started_seq for g in groups))
    counts: dict[int, int] = {}
    for group in groups:
        version = choose_answering(group.version, group.slot, [r for r in later if r.seq > group.started_seq], now)
        counts[version] = counts.get(version, 0) + group.count
    return dict(sorted(counts.items(), reverse=True))
