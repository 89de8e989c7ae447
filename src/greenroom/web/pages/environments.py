"""Environments: the pipeline as lanes, the versions beneath it, and what each place served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.splits import format_weight
from greenroom.services.environments import ReleaseView
from greenroom.web.door import Door
from greenroom.web.session import Visit
from greenroom.web.shell import Place, Shell, load_shell

PAGE = 50
NUMBERS = 1_000


@dataclass(frozen=True)
class Incoming:
    """How traffic comes in to environments: shares in words by id, numbers by alias.

    `more` says that the project has more numbers than the `limit` that are looked at.
    """

    shares: Mapping[str, str]
    numbers: Mapping[str, Sequence[str]]
    more: bool
    limit: int = NUMBERS


class EnvironmentPages:
    """The pages of environments."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/environments"
        return [
            self._door.route(base, self.all),
            self._door.route(base + "/{alias}", self.one),
        ]

    async def all(self, visit: Visit) -> Response:
        """Shows the lanes, and every version beneath them."""
        shell = await load_shell(visit, visit.path("slug"), "Environments", "environments", names=True)
        incoming = await self._incoming(visit, shell) if visit.query("show") == "table" else None
        return await self._versions(visit, shell, None, incoming)

    async def one(self, visit: Visit) -> Response:
        """Shows one environment: the versions it served, or its releases."""
        slug, alias = visit.path("slug"), visit.path("alias")
        shell = await load_shell(visit, slug, "", "environments", alias=alias, names=True)
        assert shell.here is not None, "an unknown alias was refused"
        shell = _titled(shell, shell.here)
        if visit.query("show") == "releases":
            releases = await self._desk.environments.list_releases(
                visit.call, slug, alias, visit.number("before"), PAGE
            )
            return self._door.page(
                shell, "environments/releases.html", releases=releases, more=_more(releases), tab="releases"
            )
        return await self._versions(visit, shell, shell.here)

    async def _incoming(self, visit: Visit, shell: Shell) -> Incoming:
        slug, default = visit.path("slug"), shell.live.alias if shell.live else ""
        split = (await self._desk.splits.load(visit.call, slug)).split
        numbers = await self._desk.numbers.list(visit.call, slug, None, NUMBERS + 1)
        by_alias: dict[str, list[str]] = {}
        for view in numbers[:NUMBERS]:
            by_alias.setdefault(view.alias or default, []).append(view.number.e164)
        shares = {str(share.environment): format_weight(share.weight) for share in split.shares}
        return Incoming(shares, by_alias, len(numbers) > NUMBERS)

    async def _versions(
        self, visit: Visit, shell: Shell, place: Place | None, incoming: Incoming | None = None
    ) -> Response:
        tag, author = visit.query("tag"), visit.query("author")
        versions = await self._desk.versions.list(
            visit.call,
            visit.path("slug"),
            visit.number("before"),
            PAGE,
            environment=place.alias if place else None,
            tag=tag or None,
            author=author or None,
        )
        more = versions[-1].version.number if len(versions) == PAGE else 0
        room = await self._desk.environment_changes.load_room(visit.call, visit.path("slug"))
        return self._door.page(
            shell,
            "environments/environments.html",
            place=place,
            versions=versions,
            more=more,
            tag=tag,
            author=author,
            tab="versions",
            traffic=incoming,
            advice="" if place else room.advice,
            notes={view.version.number: view.version.note for view in versions},
        )


def _titled(shell: Shell, place: Place) -> Shell:
    return Shell(
        shell.visit,
        place.name,
        shell.section,
        shell.project,
        shell.places,
        place,
        flash=shell.flash,
        names=shell.names,
    )


def _more(releases: Sequence[ReleaseView]) -> int:
    return releases[-1].release.seq if len(releases) == PAGE else 0
