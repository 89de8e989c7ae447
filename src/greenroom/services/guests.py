"""Guests: people without an account who try an environment by a share link (R23).

A guest may hold conversations that they began by their link, and nothing else: not even read what others said by it.
Who they are is a secret that their browser keeps, and the conversation its hash.
"""

from __future__ import annotations

import hmac
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
from greenroom.services.keys import hash_token
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
class Held:
    """What a guest's browser keeps: which conversation they hold, and the secret by which it is theirs."""

    id: str
    secret: str


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

    async def begin(self, guest: Guest, before: Held | None) -> Held:
        """Begins a conversation and greets; a guest who held one `before` stays the same user.

        Raises Refused `nothing_served`, LimitReached `rate_limited`.
        """
        self._count(guest.link)
        secret = before.secret if before is not None else self._work.clock.new_token()
        begin = Beginning(channel="chat", share_link=guest.token, user_id=_user_of(secret))
        view, _ = await self._conversations.start(guest.call, guest.project, begin)
        return Held(view.conversation.id, secret)

    async def say(self, guest: Guest, held: Held | None, text: str) -> None:
        """Takes a turn. Raises NotFound, Refused `conversation_ended`, LimitReached `rate_limited`."""
        if held is None:
            raise NotFound("conversation_not_found", "your browser keeps no conversation by this link; begin a new one")
        await self.load(guest, held)
        self._count(guest.link)
        await self._conversations.take_turn(guest.call, held.id, Heard(text))

    async def load(self, guest: Guest, held: Held) -> Talk:
        """Returns a conversation that the guest began by their link, with its last turns. Raises NotFound."""
        talk = Talk(*await self._conversations.load_last(guest.call, held.id, SHOWN))
        conversation = talk.view.conversation
        came = (conversation.entry.get("by"), conversation.entry.get("link"))
        mine = hmac.compare_digest(conversation.sticky_key.encode(), _user_of(held.secret).encode())
        if came != ("share_link", guest.link.id) or not mine:
            raise NotFound("conversation_not_found", "you began no such conversation by this link; begin a new one")
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


def _user_of(secret: str) -> str:
    """Returns the user id of whoever has the secret; it does not lead back to it."""
    return f"guest-{hash_token(secret)[:40]}"
