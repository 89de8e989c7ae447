"""Guests: people without an account who try an environment by a share link (R23).

A guest may hold conversations that their link began, and nothing else: not even read what others said by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from greenroom.domain.access import Principal
from greenroom.domain.errors import LimitReached, NotFound
from greenroom.domain.ids import PrincipalId
from greenroom.domain.share_links import ShareLink
from greenroom.ports import Reading
from greenroom.runtime.turn import Heard
from greenroom.services.conversations import Beginning, Conversations, ConversationView, TurnView
from greenroom.services.share_links import load_linked
from greenroom.services.states import load_project
from greenroom.services.traffic import Traffic
from greenroom.services.work import Call, Work

BURST: Final = 60
EVERY_MS: Final = 500.0
"""So many inputs at once by one link, then one each time: whoever has it must not spend a model's budget."""
MOST_METERED: Final = 10_000
SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who came by a link, and where it leads."""

    call: Call
    token: str
    link: ShareLink
    project: str
    """The id of the project; `name` and `environment` are what a guest reads of it."""
    name: str
    environment: str


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation that a guest holds, with its last turns."""

    view: ConversationView
    turns: Sequence[TurnView]


class Guests:
    """The verbs of guests."""

    def __init__(self, work: Work, traffic: Traffic, conversations: Conversations) -> None:
        self._work = work
        self._traffic = traffic
        self._conversations = conversations
        self._free_at: dict[str, float] = {}
        """When the inputs by each link will all have been paid for, in this process."""

    async def welcome(self, token: str) -> Guest:
        """Returns who comes by a link. Raises NotFound, Refused `share_link_over`."""
        place = self._traffic.find_linked(token)
        if place is None:
            detail = "this link leads nowhere; look whether it was copied whole, or ask for a new one"
            raise NotFound("share_link_not_found", detail)
        workspace, project_id = place
        clock = self._work.clock

        def work(tx: Reading) -> Guest:
            project = load_project(tx, project_id)
            link, environment = load_linked(tx, project, token, clock.now())
            who = Principal(PrincipalId(link.id), workspace, "Guest", "viewer")
            call = Call(who, clock.new_id("request"))
            return Guest(call, token, link, project.id, project.name, environment.name)

        return await self._work.store.read(workspace, work)

    async def begin(self, guest: Guest) -> ConversationView:
        """Begins a conversation and greets. Raises Refused `nothing_served`, LimitReached `rate_limited`."""
        self._count(guest.link)
        begin = Beginning(channel="chat", share_link=guest.token)
        view, _ = await self._conversations.start(guest.call, guest.project, begin)
        return view

    async def say(self, guest: Guest, id_: str, text: str) -> None:
        """Takes a turn. Raises NotFound, Refused `conversation_ended`, LimitReached `rate_limited`."""
        await self.load(guest, id_)
        self._count(guest.link)
        await self._conversations.take_turn(guest.call, id_, Heard(text))

    async def load(self, guest: Guest, id_: str) -> Talk:
        """Returns a conversation that the guest's link began, with its last turns. Raises NotFound for any other."""
        talk = Talk(*await self._conversations.load_last(guest.call, id_, SHOWN))
        entry = talk.view.conversation.entry
        if entry.get("by") != "share_link" or entry.get("link") != guest.link.id:
            raise NotFound("conversation_not_found", "this link began no such conversation; begin a new one")
        return talk

    def _count(self, link: ShareLink) -> None:
        now = self._work.clock.monotonic_ms()
        begins = max(self._free_at.get(link.id, now), now)
        wait = begins - now - (BURST - 1) * EVERY_MS
        if wait > 0:
            seconds = int(wait / 1000) + 1
            detail = f"too much is said by this link just now; wait {seconds} seconds"
            raise LimitReached("rate_limited", detail, extra={"retry_after": seconds})
        if len(self._free_at) >= MOST_METERED:
            self._free_at = {id_: at for id_, at in self._free_at.items() if at > now}
        self._free_at[link.id] = begins + EVERY_MS
