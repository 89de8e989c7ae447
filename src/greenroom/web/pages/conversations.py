"""Test chats on any state, and the conversations that were held: list, detail, tags and notes."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.conversations import CHANNELS, OUTCOMES
from greenroom.domain.errors import GreenroomError, NotAllowed, NotFound
from greenroom.services.conversations import ConversationView, Heard
from greenroom.services.keeping import Beginning
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit, read_number
from greenroom.web.shell import Shell, load_shell
from greenroom.web.traces import TracedTurn, trace

PAGE = 50
TURNS = 200
ORIGINS = ("public", "test", "replay")
MAX_HEARD = 4_000


class ConversationPages:
    """The pages of conversations."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}"
        return [
            self._door.route(base + "/chat", self.chat, self.start),
            self._door.route(base + "/chat/{id}", self.talk, self.say),
            self._door.route(base + "/conversations", self.list),
            self._door.route(base + "/conversations/{id}", self.conversation, self.review),
            self._door.route(base + "/conversations/{id}/replay", write=self.replay),
        ]

    async def chat(self, visit: Visit) -> Response:
        """Asks what to talk to."""
        return await self._chat(visit, Refusal())

    async def start(self, visit: Visit) -> Response:
        """Begins a test chat and greets."""
        form, slug = visit.form, visit.path("slug")
        beginning = Beginning(
            ref=form.text("ref").strip() or "live",
            channel=form.text("channel", "chat"),
            user_id=form.text("user").strip() or None,
            caller=form.text("caller").strip(),
            variant=form.text("variant").strip(),
            language=form.text("language").strip(),
        )
        try:
            begun, _ = await self._desk.conversations.start(visit.call, slug, beginning)
        except GreenroomError as wrong:
            return await self._chat(visit, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{slug}/chat/{begun.conversation.id}")

    async def _chat(self, visit: Visit, refusal: Refusal) -> Response:
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "Test chat", "chat")
        ref = visit.form.text("ref") or visit.query("ref") or _first_ref(shell)
        versions = await self._desk.versions.list(visit.call, slug, None, 30)
        status = 422 if refusal else 200
        return self._door.page(
            shell,
            "conversations/chat.html",
            status,
            ref=ref,
            versions=versions,
            refusal=refusal,
            channels=CHANNELS,
            view=None,
            turns=(),
        )

    async def talk(self, visit: Visit) -> Response:
        """Shows a test chat with the trace of each turn."""
        return await self._talk(visit, Refusal())

    async def say(self, visit: Visit) -> Response:
        """Takes a turn."""
        text = visit.form.text("text").strip()[:MAX_HEARD]
        heard = Heard(event="silence") if visit.form.has("silence") else Heard(text)
        refusal = Refusal()
        if text or visit.form.has("silence"):
            await self._load(visit, 0)
            try:
                await self._desk.conversations.take_turn(visit.call, visit.path("id"), heard)
            except (NotFound, NotAllowed):
                raise
            except GreenroomError as wrong:
                refusal = refusal_of(wrong)
        if refusal or visit.in_dialog:
            return await self._talk(visit, refusal)
        return self._door.go(visit, f"/projects/{visit.path('slug')}/chat/{visit.path('id')}#last")

    async def _talk(self, visit: Visit, refusal: Refusal) -> Response:
        view, turns = await self._load(visit, TURNS)
        alias = view.alias
        shell = await load_shell(visit, visit.path("slug"), "Test chat", "chat", alias=alias)
        template = "conversations/_talk.html" if visit.in_dialog else "conversations/chat.html"
        draw = self._door.part if visit.in_dialog else self._door.page
        return draw(
            shell,
            template,
            409 if refusal else 200,
            view=view,
            turns=turns,
            refusal=refusal,
            ref=view.conversation.ref or view.alias,
            versions=await self._desk.versions.list(visit.call, visit.path("slug"), None, 30),
            channels=CHANNELS,
        )

    async def list(self, visit: Visit) -> Response:
        """Shows conversations, latest first, as the filter wants them."""
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "Conversations", "conversations")
        asked = {name: visit.query(name).strip()[:200] for name in ("environment", "channel", "text", "topic", "tag")}
        origin = visit.query("origin") if visit.query("origin") in ORIGINS else ""
        outcome = visit.query("outcome") if visit.query("outcome") in OUTCOMES else ""
        version = read_number(visit.query("version").strip().removeprefix("v"))
        refusal, found = Refusal(), ()
        try:
            found = await self._desk.conversations.list(
                visit.call,
                slug,
                visit.query("before") or None,
                PAGE,
                version=version,
                origin=origin or None,
                outcome=outcome or None,
                environment=asked["environment"] or None,
                channel=asked["channel"] or None,
                text=asked["text"] or None,
                topic=asked["topic"] or None,
                tag=asked["tag"] or None,
            )
        except GreenroomError as wrong:
            refusal = refusal_of(wrong)
        wanted = {**asked, "origin": origin, "outcome": outcome, "version": str(version or "")}
        return self._door.page(
            shell,
            "conversations/list.html",
            found=found,
            more=found[-1].conversation.id if len(found) == PAGE else "",
            wanted=wanted,
            filtered=any(wanted.values()),
            channels=CHANNELS,
            origins=ORIGINS,
            outcomes=OUTCOMES,
            refusal=refusal,
        )

    async def conversation(self, visit: Visit) -> Response:
        """Shows a conversation whole."""
        return await self._conversation(visit, Refusal())

    async def review(self, visit: Visit) -> Response:
        """Adds or takes away a tag, or writes a note."""
        form, id_ = visit.form, visit.path("id")
        await self._load(visit, 0)
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
                await reviews.rate(visit.call, id_, score, scale="thumbs", comment=form.text("comment"))
            elif form.has("erase"):
                await self._desk.erasures.erase(visit.call, id_)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._conversation(visit, refusal_of(wrong))
        return self._door.go(visit, f"/projects/{visit.path('slug')}/conversations/{id_}")

    async def _conversation(self, visit: Visit, refusal: Refusal) -> Response:
        view, turns = await self._load(visit, TURNS)
        shell = await load_shell(
            visit, visit.path("slug"), "Conversation", "conversations", alias=view.alias, names=True
        )
        review = await self._desk.transcripts.load(visit.call, view.conversation.id)
        status = 422 if refusal else 200
        return self._door.page(
            shell, "conversations/conversation.html", status, view=view, turns=turns, review=review, refusal=refusal
        )

    async def replay(self, visit: Visit) -> Response:
        """Plays a conversation again on another state, and shows what would be said now."""
        await self._load(visit, 1)
        ref = visit.form.text("ref").strip()
        try:
            turns = await self._desk.replays.replay(visit.call, visit.path("id"), ref or None)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._conversation(visit, refusal_of(wrong))
        shell = await load_shell(visit, visit.path("slug"), "Replay", "conversations")
        return self._door.page(shell, "conversations/replay.html", 200, turns=turns, id=visit.path("id"), ref=ref)

    async def _load(self, visit: Visit, limit: int) -> tuple[ConversationView, Sequence[TracedTurn]]:
        """Returns a conversation of the project that the address names. Raises NotFound for another's."""
        view, turns = await self._desk.conversations.load(visit.call, visit.path("id"), -1, max(limit, 1))
        project = await self._desk.projects.load(visit.call, visit.path("slug"))
        if view.conversation.project != project.project.id:
            raise NotFound("conversation_not_found", f"there is no conversation '{visit.path('id')[:80]}' here")
        return view, [trace(turn) for turn in turns]


def _first_ref(shell: Shell) -> str:
    """Returns what is most worth testing: a draft with changes, else what is served."""
    edited = next((place for place in shell.editable if place.view.draft_changes), None)
    if edited is not None:
        return f"draft:{edited.alias}"
    served = [place.alias for place in shell.places if place.version is not None]
    return served[0] if served else "draft:" + (shell.editable[0].alias if shell.editable else "sandbox")
