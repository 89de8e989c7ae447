"""Test chats on any state: on a page of their own, and in a panel beside every page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.conversations import CHANNELS
from greenroom.domain.errors import Fault, GreenroomError, Invalid, NotAllowed, NotFound
from greenroom.services.conversations import Beginning, ConversationView, Heard
from greenroom.web.door import Door
from greenroom.web.forms import Form, Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import Shell, load_shell
from greenroom.web.traces import TracedTurn, trace

TURNS = 200
MAX_HEARD = 4_000
VERSIONS = 30
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


class ChatPages:
    """The pages of test chats."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/chat"
        return [self._door.route(base, self.chat, self.start), self._door.route(base + "/{id}", self.talk, self.say)]

    async def chat(self, visit: Visit) -> Response:
        """Asks what to talk to."""
        return await self._ask(visit, Refusal())

    async def start(self, visit: Visit) -> Response:
        """Begins a test chat and greets."""
        slug = visit.path("slug")
        try:
            begun, _ = await self._desk.conversations.start(visit.call, slug, read_beginning(visit.form))
        except GreenroomError as wrong:
            return await self._ask(visit, refusal_of(wrong))
        if in_panel(visit):
            return await self._talk(visit, begun.conversation.id, Refusal())
        return self._door.go(visit, f"/projects/{slug}/chat/{begun.conversation.id}")

    async def _ask(self, visit: Visit, refusal: Refusal) -> Response:
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "Test chat", "chat")
        ref = visit.form.text("ref") or visit.query("ref") or first_ref(shell)
        versions = await self._desk.versions.list(visit.call, slug, None, VERSIONS)
        draw = self._door.part if in_panel(visit) else self._door.page
        # What is drawn into a part of a page must arrive: a refusal stands inside it.
        return draw(
            shell,
            "conversations/_panel.html" if in_panel(visit) else "conversations/chat.html",
            422 if refusal and not in_panel(visit) else 200,
            ref=ref,
            versions=versions,
            refusal=refusal,
            channels=CHANNELS,
            view=None,
            turns=(),
            panel=in_panel(visit),
        )

    async def talk(self, visit: Visit) -> Response:
        """Shows a test chat with the trace of each turn."""
        return await self._talk(visit, visit.path("id"), Refusal())

    async def say(self, visit: Visit) -> Response:
        """Takes a turn."""
        text = visit.form.text("text").strip()[:MAX_HEARD]
        heard = Heard(event="silence") if visit.form.has("silence") else Heard(text)
        refusal = Refusal()
        if text or visit.form.has("silence"):
            await load_talk(visit, visit.path("id"), 0)
            try:
                await self._desk.conversations.take_turn(visit.call, visit.path("id"), heard)
            except (NotFound, NotAllowed):
                raise
            except GreenroomError as wrong:
                refusal = refusal_of(wrong)
        if refusal or visit.in_dialog:
            return await self._talk(visit, visit.path("id"), refusal)
        return self._door.go(visit, f"/projects/{visit.path('slug')}/chat/{visit.path('id')}#last")

    async def _talk(self, visit: Visit, id_: str, refusal: Refusal) -> Response:
        view, turns = await load_talk(visit, id_, TURNS)
        shell = await load_shell(visit, visit.path("slug"), "Test chat", "chat", alias=view.alias)
        whole = "conversations/_panel.html" if in_panel(visit) else "conversations/_talk.html"
        template = whole if visit.in_dialog else "conversations/chat.html"
        draw = self._door.part if visit.in_dialog else self._door.page
        return draw(
            shell,
            template,
            409 if refusal and not visit.in_dialog else 200,
            view=view,
            turns=turns,
            refusal=refusal,
            ref=view.conversation.ref or view.alias,
            versions=(),
            channels=CHANNELS,
            panel=in_panel(visit),
        )


def in_panel(visit: Visit) -> bool:
    """Says whether the answer goes into the panel beside a page."""
    return visit.in_dialog and visit.query("panel") == "1"


def read_beginning(form: Form) -> Beginning:
    """Returns how a test chat begins. Raises Invalid with what cannot be read."""
    faults: list[Fault] = []
    headers: dict[str, str] = {}
    for line in form.text("sip_headers").split("\n"):
        name, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon or not _HEADER.fullmatch(name.strip()):
            faults.append(Fault("/sip_headers", f"'{line.strip()[:60]}' is not a header; write X-Guest: gold"))
        headers[name.strip()] = value.strip()
    now: datetime | None = None
    if form.text("now").strip():
        try:
            now = datetime.fromisoformat(form.text("now").strip()).replace(tzinfo=UTC)
        except ValueError:
            faults.append(Fault("/now", "is not a time; write 2026-05-01T22:30"))
    if faults:
        raise Invalid("invalid_beginning", faults[0].message, errors=faults)
    return Beginning(
        ref=form.text("ref").strip() or "live",
        channel=form.text("channel", "chat"),
        user_id=form.text("user").strip() or None,
        caller=form.text("caller").strip(),
        called=form.text("called").strip(),
        variant=form.text("variant").strip(),
        language=form.text("language").strip(),
        sip_headers=headers,
        now=now,
    )


def first_ref(shell: Shell) -> str:
    """Returns what is most worth testing: a draft with changes, else what is served."""
    edited = next((place for place in shell.editable if place.view.draft_changes), None)
    if edited is not None:
        return f"draft:{edited.alias}"
    served = [place.alias for place in shell.places if place.version is not None]
    return served[0] if served else "draft:" + (shell.editable[0].alias if shell.editable else "sandbox")


async def load_talk(
    visit: Visit, id_: str, limit: int, after: int | None = None
) -> tuple[ConversationView, Sequence[TracedTurn]]:
    """Returns a conversation of the project that the address names, with turns after an index, else its last ones.

    Raises NotFound for another project's.
    """
    desk, most = visit.desk.conversations, max(limit, 1)
    if after is None:
        view, turns = await desk.load_last(visit.call, id_, most)
    else:
        view, turns = await desk.load(visit.call, id_, after, most)
    project = await visit.desk.projects.load(visit.call, visit.path("slug"))
    if view.conversation.project != project.project.id:
        raise NotFound("conversation_not_found", f"there is no conversation '{id_[:80]}' here")
    return view, [trace(turn) for turn in turns]
