"""Versions: listed, read, marked known good or bad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from greenroom.domain.drafts import count_carried
from greenroom.domain.environments import choose_stable
from greenroom.domain.knowledge import Difference, changed_since, pins_of
from greenroom.domain.projects import Project
from greenroom.domain.versions import EMPTY_SNAPSHOT, Mark, Version
from greenroom.ports import Reading, Writing
from greenroom.services.knowledge_contents import load_digests, load_knowledge
from greenroom.services.states import load_environment, load_project, load_snapshot, load_version
from greenroom.services.work import Call, Work


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version with the aliases of where it was published and where it is served now."""

    version: Version
    published_in: str
    served_in: Sequence[str]
    changed_documents: Sequence[Difference] = ()
    """Only of a version that is loaded by itself."""
    carries: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many entities each person changed, by id; only of a version that is loaded by itself."""
    was_in: Sequence[str] = ()
    """The environments that serve it or did once, so that they can roll back to it; only of one loaded by itself."""


class Versions:
    """The verbs of versions."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def list(
        self,
        call: Call,
        slug: str,
        before: int | None,
        limit: int,
        *,
        environment: str | None = None,
        tag: str | None = None,
        author: str | None = None,
    ) -> Sequence[VersionView]:
        """Returns versions, newest first; `environment` keeps those it ever served."""
        call.need("projects.read")

        def work(tx: Reading) -> Sequence[VersionView]:
            project = load_project(tx, slug)
            where = load_environment(tx, project, environment, ever=True).id if environment else None
            found = tx.list_versions(
                project.id, before, limit, tag=tag.upper() if tag else None, author=author, environment=where
            )
            return view_versions(tx, project, found)

        return await self._work.read(call, work)

    async def load(self, call: Call, slug: str, number: int) -> VersionView:
        """Returns one version. Raises NotFound."""
        call.need("projects.read")

        def work(tx: Reading) -> VersionView:
            project = load_project(tx, slug)
            version = load_version(tx, project, number)
            view = view_versions(tx, project, [version])[0]
            return replace(
                view,
                changed_documents=_find_changed(tx, project, version),
                carries=_find_carried(tx, project, version),
                was_in=[e.alias for e in tx.list_environments(project.id) if tx.was_full_arm(e.id, number)],
            )

        return await self._work.read(call, work)

    async def mark(self, call: Call, slug: str, number: int, mark: Mark) -> VersionView:
        """Marks a version as known good or bad. Nothing that was published changes."""
        call.need("versions.mark")

        def work(tx: Writing) -> VersionView:
            project = load_project(tx, slug)
            version = load_version(tx, project, number)
            tx.update_mark(project.id, number, mark)
            tx.append(
                self._work.event(
                    call,
                    "version.marked",
                    project=project.id,
                    subject=f"v{number}",
                    data={"from": version.mark, "to": mark},
                )
            )
            return view_versions(tx, project, [replace(version, mark=mark)])[0]

        return await self._work.change(call, work)


def _find_carried(tx: Reading, project: Project, version: Version) -> Mapping[str, int]:
    """Returns whose edits the draft that became a version brought into it; of a merge, nobody's."""
    drafts = tx.list_closed_drafts(version.published_in, None, 1, closed_by=(f"v{version.number}",))
    if not drafts:
        return {}
    parent = load_version(tx, project, version.parents[0]).digest if version.parents else EMPTY_SNAPSHOT.digest
    changes = tx.load_draft_changes(drafts[0].id)
    return count_carried(changes, load_snapshot(tx, parent), load_snapshot(tx, version.digest), version.author)


def _find_changed(tx: Reading, project: Project, version: Version) -> Sequence[Difference]:
    """Returns the listed documents whose content changed since the version was published (R33)."""
    if not version.documents:
        return ()
    pins = pins_of(load_knowledge(tx, load_snapshot(tx, version.digest)))
    return changed_since(version.documents, load_digests(tx, project.id), pins)


def view_versions(tx: Reading, project: Project, versions: Sequence[Version]) -> list[VersionView]:
    """Returns versions with the aliases of their environments."""
    environments = tx.list_environments(project.id, ever=True)
    aliases = {e.id: e.alias for e in environments}
    return [
        VersionView(
            version,
            aliases.get(version.published_in, ""),
            [e.alias for e in environments if choose_stable(e.arms) == version.number and e.deleted_at is None],
        )
        for version in versions
    ]
