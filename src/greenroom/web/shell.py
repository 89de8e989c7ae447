"""What surrounds every page of a project: its environments with their colours, what is Live, where one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from greenroom.domain.environments import Environment
from greenroom.domain.projects import Project
from greenroom.services.environments import EnvironmentView
from greenroom.web.session import Visit, take_flash

TONES: Final = ("violet", "teal", "blue", "pink", "olive", "slate", "cyan", "brown", "indigo")
"""Colours of environments that are neither the default entry nor the first place to edit."""


@dataclass(frozen=True)
class Place:
    """An environment as every page shows it: its name, its colour, its icon, what it serves."""

    view: EnvironmentView
    tone: str
    icon: str

    @property
    def environment(self) -> Environment:
        """Returns the environment."""
        return self.view.environment

    @property
    def alias(self) -> str:
        """Returns its primary alias."""
        return self.view.environment.alias

    @property
    def name(self) -> str:
        """Returns its name."""
        return self.view.environment.name

    @property
    def version(self) -> int | None:
        """Returns the version that it serves, None before the first release."""
        return self.view.release.version if self.view.release else None

    @property
    def shared(self) -> bool:
        """Says whether all its editors share one draft."""
        return self.view.environment.draft_mode == "shared"

    @property
    def draft_name(self) -> str:
        """Returns what the draft is called that the visitor edits here."""
        return f"{'the shared' if self.shared else 'your'} draft of {self.name}"


@dataclass(frozen=True)
class Shell:
    """What the layout of a page draws around it.

    `here` is the environment that the page is about; `ref` the state shown, where it is another one.
    """

    visit: Visit
    title: str
    section: str = ""
    project: Project | None = None
    places: Sequence[Place] = ()
    here: Place | None = None
    ref: str = ""
    flash: Mapping[str, Any] | None = None
    names: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def base(self) -> str:
        """Returns where the project's pages are."""
        return f"/projects/{self.project.slug}" if self.project else ""

    @property
    def live(self) -> Place | None:
        """Returns the environment of the default entry: what the public hears."""
        return next((place for place in self.places if place.view.default_entry), None)

    @property
    def editable(self) -> Sequence[Place]:
        """Returns the environments that have drafts."""
        return [place for place in self.places if place.environment.editable]

    @property
    def drafting(self) -> Place | None:
        """Returns the environment whose draft is meant here: this one, else the first that is edited."""
        if self.here is not None and self.here.environment.editable:
            return self.here
        return next(iter(self.editable), None)

    def place(self, alias: str) -> Place | None:
        """Returns the environment with an alias."""
        return next((place for place in self.places if place.alias == alias), None)

    def name_of(self, principal: str) -> str:
        """Returns somebody's name."""
        return self.names.get(principal, "") or principal


def draw_places(views: Sequence[EnvironmentView]) -> list[Place]:
    """Returns environments with colours that tell them apart, the default entry's always the same."""
    places: list[Place] = []
    spare = 0
    edited = False
    for view in views:
        if view.default_entry:
            tone, icon = "live", "live"
        elif view.environment.editable and not edited:
            tone, icon, edited = "sand", "sandbox", True
        else:
            tone = TONES[spare % len(TONES)]
            icon = "live" if view.public else "branch" if view.environment.editable else "gate"
            spare += 1
        places.append(Place(view, tone, icon))
    return places


async def load_shell(
    visit: Visit, slug: str, title: str, section: str, *, alias: str = "", ref: str = "", names: bool = False
) -> Shell:
    """Returns what surrounds a page of a project. Raises NotFound, for an unknown alias too."""
    desk = visit.desk
    project = (await desk.projects.load(visit.call, slug)).project
    views = await desk.environments.list(visit.call, slug)
    places = draw_places(views)
    named = alias or ref.removeprefix("draft:").partition("~")[0]
    here = next((place for place in places if place.alias == named), None)
    if alias and here is None:
        # One of its further aliases: they go on leading there for ever.
        found = (await desk.environments.load(visit.call, slug, alias)).environment.id
        here = next((place for place in places if place.environment.id == found), None)
    known = await desk.history.load_names(visit.call) if names else {}
    return Shell(visit, title, section, project, places, here, ref, take_flash(visit.request), known)


def plain_shell(visit: Visit, title: str) -> Shell:
    """Returns what surrounds a page outside any project."""
    return Shell(visit, title, flash=take_flash(visit.request))
