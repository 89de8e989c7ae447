"""The web chat's look, as the version that an environment serves has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from greenroom.domain.canonical import Digest
from greenroom.domain.environments import choose_arm
from greenroom.domain.errors import NotFound, Refused
from greenroom.ports import Reading
from greenroom.services.programs import Programs
from greenroom.services.states import load_environment, load_project, load_version
from greenroom.services.work import Call, Work


@dataclass(frozen=True, slots=True)
class WidgetView:
    """A widget and the version it belongs to."""

    slug: str
    environment: str
    version: int
    greeting: str
    look: Mapping[str, Any]


class Widgets:
    """The verb of widgets."""

    def __init__(self, work: Work, programs: Programs) -> None:
        self._work = work
        self._programs = programs

    async def load(self, call: Call, slug: str, name: str, alias: str | None = None) -> WidgetView:
        """Returns a widget as an environment (or the default entry) serves it. Raises NotFound, Refused."""
        call.need("resolve.read")

        def work(tx: Reading) -> tuple[str, int, Digest]:
            project = load_project(tx, slug)
            environment = load_environment(tx, project, alias or project.default_environment)
            arm = choose_arm(environment.arms, 0)
            if arm is None:
                raise Refused("nothing_served", f"{environment.alias} serves nothing yet; release a version first")
            version = load_version(tx, project, arm.version)
            return environment.alias, version.number, version.digest

        served, version, digest = await self._work.read(call, work)
        program = await self._programs.load(call.workspace, digest)
        plan = program.leads.widgets.get(name)
        if plan is None:
            known = ", ".join(program.leads.widgets) or "none"
            raise NotFound("widget_not_found", f"v{version} in {served} has no widget '{name[:80]}'; it has: {known}")
        return WidgetView(name, served, version, plan.greeting, plan.look)
