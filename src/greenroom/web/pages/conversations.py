"""The conversations that were held: list with filters and views, detail, tags and notes, replay."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.conversations import CHANNELS, OUTCOMES
from greenroom.domain.errors import GreenroomError, NotAllowed, NotFound
from greenroom.services.conversations import ConversationView
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.pages.chats import load_talk
from greenroom.web.session import Visit, read_number
from greenroom.web.shell import load_shell

PAGE = 50
TURNS = 200
VERSIONS = 30
ORIGINS = ("public", "test", "replay")
VIEWS: Final[tuple[tuple[str, str], ...]] = (
    ("What callers said today", "origin=public&since=today"),
    ("Not answered", "origin=public&outcome=no_match"),
    ("Handed over", "origin=public&outcome=handed_off"),
    ("Errors", "outcome=error"),
    ("Test chats", "origin=test"),
)
"""Views that are there from the start: each is an address, as everybody's own views are."""


class ConversationPages:
    """The pages of conversations."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/conversations"
        return [
            self._door.route(base, self.list),
            self._door.route(base + "/{id}", self.conversation, self.review),
            self._door.route(base + "/{id}/replay", write=self.replay),
        ]

    async def list(self, visit: Visit) -> Response:
        """Shows conversations, latest first, as the filter wants them."""
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "Conversations", "conversations")
        wanted, refusal, found = read_filter(visit), Refusal(), list[ConversationView]()
        try:
            found = list(
                await self._desk.conversations.list(
                    visit.call,
                    slug,
                    visit.query("before") or None,
                    PAGE,
                    version=read_number(wanted["version"]),
                    since=read_day(wanted["since"], self._desk.clock.now()),
                    until=read_day(wanted["until"], self._desk.clock.now(), end=True),
                    **{name: wanted[name] or None for name in _TEXTS},
                )
            )
        except GreenroomError as wrong:
            refusal = refusal_of(wrong)
        kept = {name: value for name, value in wanted.items() if value}
        return self._door.page(
            shell,
            "conversations/list.html",
            found=found,
            more=found[-1].conversation.id if len(found) == PAGE else "",
            wanted=wanted,
            kept=urlencode(kept),
            filtered=bool(kept),
            view=visit.query("view").strip()[:60],
            views=VIEWS,
            tags=[record.key for record in await self._desk.transcripts.list_tags(visit.call, slug, None, 100)],
            channels=CHANNELS,
            origins=ORIGINS,
            outcomes=OUTCOMES,
            refusal=refusal,
        )

    async def conversation(self, visit: Visit) -> Response:
        """Shows a conversation whole."""
        return await self._conversation(visit, Refusal())

    async def review(self, visit: Visit) -> Response:
        """Adds or takes away a tag, writes a note, ends the conversation, or erases what was said."""
        form, id_ = visit.form, visit.path("id")
        await load_talk(visit, id_, 0)
        reviews = self._desk.transcripts
        try:
            if form.has("untag"):
                await reviews.remove_tag(visit.call, id_, form.text("untag"))
            elif form.has("tag"):
                await reviews.add_tag(visit.call, id_, form.text("tag"))
            elif form.has("note"):
                await reviews.add_note(visit.call, id_, form.text("note"))
            elif form.has("score"):
                score = 1 if form.text("score") == "up" else -1
                turn = form.number("turn")
                await reviews.rate(visit.call, id_, score, scale="thumbs", comment=form.text("comment"), turn=turn)
            elif form.has("end"):
                await self._desk.conversations.end(visit.call, id_)
            elif form.has("erase"):
                await self._desk.erasures.erase(visit.call, id_)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._conversation(visit, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{visit.path('slug')}/conversations/{id_}")

    async def _conversation(self, visit: Visit, refusal: Refusal) -> Response:
        slug = visit.path("slug")
        after = visit.number("after") or -1
        view, turns = await load_talk(visit, visit.path("id"), TURNS, after)
        shell = await load_shell(visit, slug, "Conversation", "conversations", alias=view.alias, names=True)
        review = await self._desk.transcripts.load(visit.call, view.conversation.id)
        return self._door.page(
            shell,
            "conversations/conversation.html",
            422 if refusal else 200,
            view=view,
            turns=turns,
            earlier=max(after - TURNS, 0) if after >= 0 else None,
            later=turns[-1].turn.index if turns and turns[-1].turn.index < view.conversation.turns - 1 else None,
            review=review,
            versions=await self._desk.versions.list(visit.call, slug, None, VERSIONS),
            refusal=refusal,
        )

    async def replay(self, visit: Visit) -> Response:
        """Plays a conversation again on another state, and shows what would be said now."""
        await load_talk(visit, visit.path("id"), 1)
        ref = visit.form.text("ref").strip()
        try:
            turns = await self._desk.replays.replay(visit.call, visit.path("id"), ref or None)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._conversation(visit, refusal_of(wrong))
        shell = await load_shell(visit, visit.path("slug"), "Replay", "conversations")
        return self._door.page(shell, "conversations/replay.html", 200, turns=turns, id=visit.path("id"), ref=ref)


_TEXTS: Final = ("environment", "channel", "text", "topic", "tag", "origin", "outcome")


def read_filter(visit: Visit) -> Mapping[str, str]:
    """Returns what an address asks for; what makes no sense is left out."""
    wanted = {name: visit.query(name).strip()[:200] for name in (*_TEXTS, "since", "until", "version")}
    for name, known in (("origin", ORIGINS), ("outcome", OUTCOMES)):
        wanted[name] = wanted[name] if wanted[name] in known else ""
    for name in ("since", "until"):
        wanted[name] = wanted[name] if read_day(wanted[name], visit.desk.clock.now()) else ""
    wanted["version"] = str(read_number(wanted["version"].removeprefix("v")) or "")
    return wanted


def read_day(text: str, now: datetime, *, end: bool = False) -> datetime | None:
    """Returns the beginning of a day (`2026-05-01`, or `today`) in UTC, or its `end`; None for anything else."""
    try:
        day = now.astimezone(UTC).date() if text == "today" else date.fromisoformat(text)
    except ValueError:
        return None
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return begin + timedelta(days=1) if end else begin
