"""Hand-off tickets: opened by turns, assigned and closed by people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from greenroom.domain.conversations import Conversation
from greenroom.domain.errors import Conflict, Fault, Invalid, NotFound
from greenroom.domain.events import Event, format_time
from greenroom.domain.projects import Project
from greenroom.domain.records import Record, clean_json, clean_text
from greenroom.domain.tickets import Status, assign, close
from greenroom.ports import Reading, Writing
from greenroom.services.states import load_project
from greenroom.services.work import Call, Work

NOUN = "ticket"
METHOD = "ticket"
MAX_REASON = 2_000


def tickets_of(
    project: Project, conversation: Conversation, effects: Sequence[Mapping[str, Any]], now: datetime
) -> Sequence[Record]:
    """Returns the tickets that a turn opens; put them in its transaction, and append `opened` of each last.

    `effects` are the recorded ones, in which personal data is masked.
    """
    handed = [e for e in effects if e.get("type") == "handed_off" and e.get("method") == METHOD]
    return [_ticket(project, conversation, effect, number, now) for number, effect in enumerate(handed)]


def _ticket(
    project: Project, conversation: Conversation, effect: Mapping[str, Any], number: int, now: datetime
) -> Record:
    key = key_of(conversation.id) + (f"-{number}" if number else "")
    body = {
        "conversation": conversation.id,
        "environment": conversation.environment,
        "channel": conversation.channel,
        "status": "open",
        "handoff": clean_text(effect.get("handoff", ""), 200),
        "name": clean_text(effect.get("name", ""), 200),
        "reason": clean_text(effect.get("reason", ""), MAX_REASON),
        "destination": clean_json(effect.get("destination", {})),
        "assignee": "",
        "comment": "",
        "closed_by": "",
        "closed_at": None,
    }
    return Record(project.id, NOUN, key, now, now, body, owner="open")


def key_of(conversation: str) -> str:
    """Returns the key of a conversation's ticket; it sorts as the conversation does."""
    return f"tkt_{conversation.partition('_')[2]}"


def opened(work: Work, call: Call, ticket: Record) -> Event:
    """Returns the event of a ticket that a turn opened."""
    return _event(work, call, "ticket.opened", ticket)


class Tickets:
    """The verbs of tickets."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def list(
        self, call: Call, slug: str, before: str | None, limit: int, status: Status | None = None
    ) -> Sequence[Record]:
        """Returns tickets, newest conversation first. Raises NotFound."""
        call.need("conversations.read")

        def work(tx: Reading) -> Sequence[Record]:
            project = load_project(tx, slug)
            return tx.list_records(project.id, NOUN, owner=status, after=before, limit=limit, newest_first=True)

        return await self._work.read(call, work)

    async def load(self, call: Call, slug: str, id_: str) -> Record:
        """Returns a ticket. Raises NotFound."""
        call.need("conversations.read")
        return await self._work.read(call, lambda tx: _load(tx, load_project(tx, slug), id_))

    async def assign(self, call: Call, slug: str, id_: str, to: str) -> Record:
        """Gives an open ticket to somebody ('' to nobody): a member, an API key or a name. Raises Refused, NotFound."""
        name = to.strip()
        _check_text(name, "/assignee", 120)
        return await self._change(call, slug, id_, "ticket.assigned", lambda body: assign(body, name))

    async def close(self, call: Call, slug: str, id_: str, comment: str) -> Record:
        """Closes a ticket with what was done. Raises Refused `ticket_closed`, NotFound."""
        _check_text(comment, "/comment", MAX_REASON)
        now, who = format_time(self._work.clock.now()), call.principal.id
        return await self._change(call, slug, id_, "ticket.closed", lambda body: close(body, comment.strip(), who, now))

    async def _change(
        self, call: Call, slug: str, id_: str, action: str, decide: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    ) -> Record:
        call.need("conversations.review")
        now = self._work.clock.now()

        def work(tx: Writing) -> Record:
            found = _load(tx, load_project(tx, slug), id_)
            body = decide(found.body)
            changed = replace(found, body=body, owner=body["status"], revision=found.revision + 1, changed_at=now)
            if not tx.put_record(changed, found.revision):
                raise Conflict("ticket_race", "somebody else changed this ticket a moment ago; look at it and repeat")
            tx.append(_event(self._work, call, action, changed))
            return changed

        return await self._work.change(call, work)


def _load(tx: Reading, project: Project, id_: str) -> Record:
    found = tx.find_record(project.id, NOUN, id_)
    if found is None:
        raise NotFound("ticket_not_found", f"{project.slug} has no ticket '{id_[:80]}'; `tickets list` shows them")
    return found


def _event(work: Work, call: Call, action: str, ticket: Record) -> Event:
    body = ticket.body
    return work.event(
        call,
        action,
        project=ticket.project,
        environment=body["environment"],
        subject=ticket.key,
        data={"conversation": body["conversation"], "handoff": body["handoff"]},
    )


def _check_text(text: str, pointer: str, most: int) -> None:
    if len(text) > most or "\0" in text:
        message = f"is text of at most {most:,} characters, without U+0000"
        raise Invalid("invalid_text", f"{pointer} {message}", errors=[Fault(pointer, message)])
