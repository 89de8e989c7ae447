"""A test made from a conversation: its turns with what came of them, to be ticked, and a test set to put it in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import Fault, GreenroomError, Invalid, NotAllowed, NotFound
from greenroom.services.made_tests import SuggestedTest, WantedTest
from greenroom.web.door import Door
from greenroom.web.entries import read_entry, say_entry
from greenroom.web.forms import Form, Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import Shell, load_shell


class MadeTestPages:
    """The page that makes a test."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [self._door.route("/projects/{slug}/conversations/{id}/test", self.ask, self.make)]

    async def ask(self, visit: Visit) -> Response:
        """Shows a conversation as a test."""
        return await self._ask(visit, Refusal())

    async def make(self, visit: Visit) -> Response:
        """Adds the test to a draft, and opens it there."""
        slug, alias = visit.path("slug"), visit.form.text("environment")
        suggested = await self._suggest(visit, alias)
        try:
            wanted = read_wanted(visit.form, suggested, alias)
            made = await self._desk.made_tests.make(visit.call, slug, wanted)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._ask(visit, refusal_of(wrong))
        path = f"/projects/{slug}/build/{made.address}?environment={alias}&at=/cases/{made.index}"
        return self._door.go(visit, path, f"The test is in {made.address} of your draft. Run it from Tests.")

    async def _ask(self, visit: Visit, refusal: Refusal) -> Response:
        visit.call.need("drafts.edit")
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "Make a test", "conversations")
        alias = visit.form.text("environment") or visit.query("environment") or _first(shell)
        suggested = await self._suggest(visit, alias)
        return self._door.page(
            shell,
            "conversations/test.html",
            422 if refusal else 200,
            suggested=suggested,
            alias=alias,
            refusal=refusal,
            form=visit.form,
            typed=bool(visit.form.pairs),
            say=say_entry,
        )

    async def _suggest(self, visit: Visit, alias: str) -> SuggestedTest:
        suggested = await self._desk.made_tests.suggest(visit.call, visit.path("id"), alias)
        project = await self._desk.projects.load(visit.call, visit.path("slug"))
        if suggested.conversation.project != project.project.id:
            raise NotFound("conversation_not_found", f"there is no conversation '{visit.path('id')[:80]}' here")
        return suggested


def read_wanted(form: Form, suggested: SuggestedTest, alias: str) -> WantedTest:
    """Returns the test that a form says. Raises Invalid for what cannot be read."""
    faults: list[Fault] = []
    turns: list[Mapping[str, Any]] = []
    for turn in suggested.turns:
        if not form.has(f"turn:{turn.index}"):
            continue
        said = form.text(f"say:{turn.index}").strip()
        expect = {key: value for key, value in turn.expect.items() if form.has(f"expect:{turn.index}:{key}")}
        contains = form.text(f"contains:{turn.index}").strip()
        if contains:
            expect["contains"] = read_entry(contains, f"/turns/{len(turns)}", faults)
        heard = {"event": turn.event} if turn.event and not said else {"say": said}
        turns.append({**heard, **({"expect": expect} if expect else {})})
    if faults:
        raise Invalid("invalid_test", faults[0].message, errors=faults)
    tags = [tag.strip() for tag in form.text("tags").split(",") if tag.strip()]
    mocks = suggested.mocks if form.has("mock_time") else {}
    channel = suggested.conversation.channel
    chosen = form.text("test_set")
    return WantedTest(alias, channel, chosen, form.text("set_name"), form.text("name"), turns, tags, mocks)


def _first(shell: Shell) -> str:
    if not shell.editable:
        raise NotFound("nothing_editable", "this project has no environment that is edited")
    return shell.editable[0].alias
