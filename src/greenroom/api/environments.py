"""Environments on the network: what each serves, and what a rollback would bring back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from starlette.responses import Response

from greenroom.api.asking import AliasPath, Given, ProjectPath, reply
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut_page
from greenroom.domain.environments import Arm
from greenroom.services.environments import EnvironmentView
from greenroom.wire.environments import ArmOut, EnvironmentOut, RunningOut, ServedOut
from greenroom.wire.model import Page

NOUN: Final = Noun("environments")


@NOUN.verb("GET", "/projects/{project}/environments", "list", Page[EnvironmentOut])
async def list_(ask: Given, project: ProjectPath, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Response:
    """Lists a project's environments by position."""
    found = await ask.desk.environments.list(ask.call, project)
    names = await ask.desk.history.load_names(ask.call)
    return reply(
        cut_page(
            "environments", found, cursor, limit, lambda v: v.environment.alias, lambda v: environment_out(v, names)
        )
    )


@NOUN.verb("GET", "/projects/{project}/environments/{alias}", "load", EnvironmentOut)
async def load(ask: Given, project: ProjectPath, alias: AliasPath) -> Response:
    """Loads one environment by alias."""
    view = await ask.desk.environments.load(ask.call, project, alias)
    return reply(environment_out(view, await ask.desk.history.load_names(ask.call)))


def environment_out(view: EnvironmentView, names: Mapping[str, str]) -> EnvironmentOut:
    """Returns an environment as it is sent."""
    environment = view.environment
    return EnvironmentOut(
        id=environment.id,
        alias=environment.alias,
        name=environment.name,
        position=environment.position,
        editable=environment.editable,
        internal=environment.internal,
        public=view.public,
        default_entry=view.default_entry,
        promotes_from=view.promotes_from,
        draft_mode=environment.draft_mode,
        seq=environment.seq,
        salt=environment.salt,
        serves=_served_out(view, names),
        arms=arms_out(environment.arms),
        rollback_to=view.rollback_to,
        running=running_out(view.running),
        draft_changes=view.draft_changes,
    )


def arms_out(arms: Sequence[Arm]) -> list[ArmOut]:
    """Returns arms as they are sent."""
    return [ArmOut(version=arm.version, slots=list(arm.slots)) for arm in arms]


def running_out(running: Mapping[int, int]) -> list[RunningOut]:
    """Returns counts of running conversations as they are sent."""
    return [RunningOut(version=version, conversations=count) for version, count in running.items()]


def _served_out(view: EnvironmentView, names: Mapping[str, str]) -> ServedOut | None:
    release = view.release
    if release is None or view.digest is None:
        return None
    return ServedOut(
        version=release.version,
        digest=view.digest,
        since=release.at,
        by=release.actor,
        by_name=names.get(release.actor, ""),
        operation=release.operation,
    )
