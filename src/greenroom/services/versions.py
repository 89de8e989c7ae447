"""Versions: listed, read, marked known good or bad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from greenroom.domain.environments import choose_stable
from greenroom.domain.knowledge import Difference, changed_since, pins_of
from greenroom.domain.projects import Project
from greenroom.domain.versions import Mark, Version
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
            return replace(view, changed_documents=_find_changed(tx, project, version))

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
