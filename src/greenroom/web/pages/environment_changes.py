"""Environments come and change: made empty or as a clone, renamed, given an alias, set up differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.drafts import SHARED
from greenroom.domain.environments import DraftMode, Environment, revision_of_settings
from greenroom.domain.errors import GreenroomError, NotAllowed
from greenroom.services.environment_changes import Created, EnvironmentChange, NewEnvironment
from greenroom.web.door import Door
from greenroom.web.forms import Form, Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import Shell, load_shell

MODES = ("private", "shared")
VERSIONS = 50


@dataclass(frozen=True)
class Settings:
    """What the form of an environment says: what was typed, or what is so now."""

    name: str = ""
    alias: str = ""
    origin: str = ""
    editable: bool = True
    internal: bool = False
    draft_mode: str = "private"
    promotes_from: str = ""


class EnvironmentChangePages:
    """The dialogs that make and change environments."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}"
        return [
            # Not beneath /environments: there every word may be an alias.
            self._door.route(base + "/new-environment", self.ask, self.create),
            self._door.route(base + "/environments/{alias}/change", self.ask_change, self.change),
        ]

    async def ask(self, visit: Visit) -> Response:
        """Asks for a new environment; the address may say what it begins with."""
        return await self._ask(visit, Refusal())

    async def create(self, visit: Visit) -> Response:
        """Makes an environment and goes to it."""
        slug, typed = visit.path("slug"), _read(visit.form)
        wanted = NewEnvironment(
            name=typed.name,
            alias=typed.alias or None,
            clone_from=typed.origin or None,
            editable=typed.editable,
            internal=typed.internal,
            promotes_from=typed.promotes_from or None,
            draft_mode=_mode(typed.draft_mode),
        )
        try:
            made = await self._desk.environment_changes.create(visit.call, slug, wanted)
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            return await self._ask(visit, refusal_of(wrong))
        await self._door.catch_up()
        return self._door.go(visit, f"/projects/{slug}/environments/{made.view.environment.alias}", _say(made))

    async def _ask(self, visit: Visit, refusal: Refusal) -> Response:
        slug = visit.path("slug")
        visit.call.need("environments.manage")
        shell = await load_shell(visit, slug, "New environment", "environments", names=True)
        usual = shell.editable[0].environment.draft_mode if shell.editable else "private"
        typed = _read(visit.form) if visit.form.pairs else Settings(origin=visit.query("from"), draft_mode=usual)
        return self._door.sheet(
            shell,
            "environments/_new.html",
            422 if refusal else 200,
            typed=typed,
            refusal=refusal,
            room=await self._desk.environment_changes.load_room(visit.call, slug),
            versions=await self._desk.versions.list(visit.call, slug, None, VERSIONS),
        )

    async def ask_change(self, visit: Visit) -> Response:
        """Asks what is to change of an environment."""
        return await self._ask_change(visit, Refusal())

    async def change(self, visit: Visit) -> Response:
        """Changes what an environment is called or is; what it serves stays."""
        slug, alias, typed = visit.path("slug"), visit.path("alias"), _read(visit.form)
        wanted = EnvironmentChange(
            name=typed.name,
            add_alias=typed.alias or None,
            draft_mode=_mode(typed.draft_mode),
            editable=typed.editable,
            internal=typed.internal,
            promotes_from=typed.promotes_from,
        )
        try:
            seen = visit.form.text("revision") or None
            done = await self._desk.environment_changes.change(visit.call, slug, alias, wanted, seen)
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            return await self._ask_change(visit, refusal_of(wrong), wrong)
        await self._door.catch_up()
        environment = done.environment
        also = f" It answers as {typed.alias}, too." if typed.alias else ""
        said = f"{environment.name} is changed.{also} What it serves is as before."
        return self._door.go(visit, f"/projects/{slug}/environments/{environment.alias}", said)

    async def _ask_change(self, visit: Visit, refusal: Refusal, wrong: GreenroomError | None = None) -> Response:
        visit.call.need("environments.manage")
        slug, alias = visit.path("slug"), visit.path("alias")
        shell = await load_shell(visit, slug, "Change", "environments", alias=alias, names=True)
        assert shell.here is not None, "an unknown alias was refused"
        now = _settings(shell.here.environment, shell.here.view.promotes_from)
        owners: list[str] = list(wrong.extra.get("owners", ())) if wrong else []
        return self._door.sheet(
            shell,
            "environments/_change.html",
            422 if refusal else 200,
            place=shell.here,
            now=now,
            typed=_read(visit.form) if visit.form.pairs else now,
            revision=revision_of_settings(shell.here.environment),
            aliases=await self._list_aliases(visit, shell),
            owners=["all editors" if owner == SHARED else shell.name_of(owner) for owner in owners],
            refusal=refusal,
        )

    async def _list_aliases(self, visit: Visit, shell: Shell) -> list[str]:
        assert shell.here is not None, "an unknown alias was refused"
        found = await self._desk.migrations.list_aliases(visit.call, visit.path("slug"))
        here = shell.here.environment
        return [view.alias for view in found if view.environment.id == here.id and view.alias != here.alias]


def _read(form: Form) -> Settings:
    return Settings(
        name=form.text("name"),
        alias=form.text("alias").strip(),
        origin=form.text("origin").strip(),
        editable=form.has("editable"),
        internal=form.has("internal"),
        draft_mode=form.text("draft_mode"),
        promotes_from=form.text("promotes_from").strip(),
    )


def _settings(environment: Environment, promotes_from: str | None) -> Settings:
    return Settings(
        name=environment.name,
        editable=environment.editable,
        internal=environment.internal,
        draft_mode=environment.draft_mode,
        promotes_from=promotes_from or "",
    )


def _mode(text: str) -> DraftMode | None:
    return cast(DraftMode, text) if text in MODES else None


def _say(made: Created) -> str:
    """Returns what was made and what came along, in a few sentences."""
    view = made.view
    serves = f"It serves v{view.release.version}." if view.release else "It serves nothing yet."
    copied = [
        f"{count} {one if count == 1 else one + 's'}"
        for count, one in ((made.copied_changes, "draft change"), (made.copied_secrets, "secret override"))
        if count
    ]
    along = f" {' and '.join(copied)} came along." if copied else ""
    advice = f" {made.advice[:1].upper()}{made.advice[1:]}." if made.advice else ""
    return f"{view.environment.name} is made. {serves}{along}{advice}"
