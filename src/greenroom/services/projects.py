"""Projects: made from a template, listed, renamed, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from greenroom.domain.environments import TEMPLATES, Environment, TemplateName
from greenroom.domain.errors import Conflict, Fault
from greenroom.domain.ids import EnvironmentId, ProjectId
from greenroom.domain.projects import Project, check_project_slug, suggest_project_slug
from greenroom.ports import Reading, Writing
from greenroom.services.states import hold_project, load_project
from greenroom.services.work import Call, Work


@dataclass(frozen=True, slots=True)
class ProjectView:
    """A project and the alias of its default entry."""

    project: Project
    default_alias: str


class Projects:
    """The verbs of projects."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def create(self, call: Call, name: str, slug: str | None, template: TemplateName) -> ProjectView:
        """Makes a project with its template's environments.

        Raises Invalid for a bad slug, Conflict `slug_taken`.
        """
        call.need("projects.create")
        chosen = check_project_slug(slug if slug is not None else suggest_project_slug(name))
        project, environments, default = self._draw_up(name.strip(), chosen, template)

        def work(tx: Writing) -> ProjectView:
            if not tx.insert_project(project, environments):
                detail = f"a project '{chosen}' exists already; choose another slug"
                raise Conflict("slug_taken", detail, errors=[Fault("/slug", detail)])
            tx.append(
                self._work.event(
                    call,
                    "project.created",
                    project=project.id,
                    subject=chosen,
                    data={"template": template, "environments": [e.alias for e in environments]},
                )
            )
            return ProjectView(project, default)

        return await self._work.change(call, work)

    def _draw_up(self, name: str, slug: str, template: TemplateName) -> tuple[Project, Sequence[Environment], str]:
        clock = self._work.clock
        plans = TEMPLATES[template].environments
        ids = {plan.alias: EnvironmentId(clock.new_id("environment")) for plan in plans}
        project_id = ProjectId(clock.new_id("project"))
        environments = [
            Environment(
                id=ids[plan.alias],
                project=project_id,
                alias=plan.alias,
                name=plan.name,
                position=position,
                editable=plan.editable,
                internal=plan.internal,
                promotes_from=ids[plan.promotes_from] if plan.promotes_from else None,
                draft_mode=TEMPLATES[template].draft_mode,
                salt=clock.new_token()[:16],
            )
            for position, plan in enumerate(plans)
        ]
        default = next(plan.alias for plan in plans if plan.default_entry)
        project = Project(project_id, slug, name, template, ids[default], clock.now())
        return project, environments, default

    async def list(self, call: Call, after: str, limit: int) -> Sequence[ProjectView]:
        """Returns projects by slug."""
        call.need("projects.read")
        return await self._work.read(
            call, lambda tx: [self._view(tx, project) for project in tx.list_projects(after, limit)]
        )

    async def load(self, call: Call, slug: str) -> ProjectView:
        """Returns one project. Raises NotFound."""
        call.need("projects.read")
        return await self._work.read(call, lambda tx: self._view(tx, load_project(tx, slug)))

    async def rename(self, call: Call, slug: str, name: str) -> ProjectView:
        """Changes a project's display name; its slug stays."""
        call.need("projects.change")

        def work(tx: Writing) -> ProjectView:
            project = replace(hold_project(tx, slug), name=name.strip())
            tx.update_project(project)
            tx.append(self._work.event(call, "project.renamed", project=project.id, subject=project.slug))
            return self._view(tx, project)

        return await self._work.change(call, work)

    async def delete(self, call: Call, slug: str) -> None:
        """Deletes a project with its versions, releases and conversations; the audit keeps its history."""
        call.need("projects.delete")

        def work(tx: Writing) -> None:
            project = load_project(tx, slug)
            tx.delete_project(project.id)
            tx.append(self._work.event(call, "project.deleted", project=project.id, subject=project.slug))

        await self._work.change(call, work)

    @staticmethod
    def _view(tx: Reading, project: Project) -> ProjectView:
        default = tx.find_environment(project.id, project.default_environment)
        return ProjectView(project, default.alias if default else "")
