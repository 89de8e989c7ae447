"""Any state, or some things of it, into a draft: what is overwritten is said before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.changes import Change
from greenroom.domain.entities import Address, parse_address
from greenroom.domain.errors import Fault, GreenroomError, Invalid, NotAllowed, NotFound
from greenroom.services.comparisons import Compared
from greenroom.services.drafts import DraftView
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell

SHOWN = 300
"""So many differing entities are listed to choose from."""
VERSIONS = 100
ALL, SOME = "all", "some"


@dataclass(frozen=True)
class Choice:
    """One thing that differs between the draft and the state: whose change loading it overwrites, if anybody's."""

    change: Change
    overwrites: str
    ticked: bool


class DraftLoadPages:
    """The dialog that loads into a draft."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [self._door.route("/projects/{slug}/environments/{alias}/load", self.ask, self.load)]

    async def ask(self, visit: Visit) -> Response:
        """Asks for a state, then says what loading it changes and overwrites."""
        only = [text for text in visit.request.query_params.getlist("only") if text]
        return await self._ask(
            visit, visit.query("ref").strip(), only, SOME if only else visit.query("what"), Refusal()
        )

    async def load(self, visit: Visit) -> Response:
        """Loads what was chosen; the draft that makes room can be restored."""
        slug, alias, form = visit.path("slug"), visit.path("alias"), visit.form
        ref, only, what = form.text("ref").strip(), form.all("only"), form.text("what")
        try:
            chosen = _addresses(only) if what == SOME else None
            seen = form.number("revision") or 0
            done = await self._desk.draft_loads.load_ref(visit.call, slug, alias, ref, chosen, seen)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._ask(visit, ref, only, what, refusal_of(wrong))
        count = "1 thing is" if len(done.changes) == 1 else f"{len(done.changes)} things are"
        said = f"{count} in the draft now as {ref} has it." if done.changes else f"The draft was just like {ref}."
        if done.discarded:
            said += " What it held before is under Discarded drafts for 30 days."
        said = " ".join([said, *done.warnings])
        return self._door.go(visit, f"/projects/{slug}/build?environment={alias}", said)

    async def _ask(self, visit: Visit, ref: str, only: Sequence[str], what: str, refusal: Refusal) -> Response:
        slug, alias = visit.path("slug"), visit.path("alias")
        shell = await load_shell(visit, slug, "Load into the draft", "build", alias=alias, names=True)
        draft = await self._desk.drafts.load(visit.call, slug, alias)
        compared: Compared | None = None
        if ref:
            try:
                compared = await self._desk.comparisons.compare(visit.call, slug, f"draft:{alias}", ref)
            except (NotFound, Invalid) as wrong:
                refusal = refusal or refusal_of(wrong)
        # What an environment serves may be another version when the form comes back: its number stays the same.
        pinned = f"v{compared.head.version}" if compared and compared.head.version else ref
        versions = await self._desk.versions.list(visit.call, slug, None, VERSIONS)
        return self._door.sheet(
            shell,
            "drafts/_load.html",
            422 if refusal else 200,
            place=shell.here,
            draft=draft,
            ref=ref,
            pinned=pinned,
            what=what or ALL,
            only=only,
            compared=compared,
            choices=_choices(compared, draft, only, {**shell.names, visit.who.id: "you"})[:SHOWN] if compared else [],
            versions=[view.version for view in versions],
            refusal=refusal,
            kinds=self._desk.kinds,
        )


def _choices(compared: Compared, draft: DraftView, only: Sequence[str], names: Mapping[str, str]) -> list[Choice]:
    """Returns what differs, what was asked for first, then what would be overwritten."""
    mine = {change.address: change.by or draft.owner for change in draft.changes}
    found = [
        Choice(change, names.get(mine[change.address], "somebody") if change.address in mine else "", ticked)
        for change in compared.comparison.changes
        for ticked in [str(change.address) in only]
    ]
    return sorted(found, key=lambda choice: (not choice.ticked, not choice.overwrites))


def _addresses(only: Sequence[str]) -> list[Address]:
    if not only:
        message = "tick what is to be loaded, or load everything"
        raise Invalid("nothing_chosen", message, errors=[Fault("/only", message)])
    return [parse_address(text) for text in only]
