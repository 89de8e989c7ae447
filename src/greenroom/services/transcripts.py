"""What people make of conversations: tags, notes, feedback."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from greenroom.domain.conversations import Conversation
from greenroom.domain.errors import Conflict, Fault, Invalid, LimitReached, NotFound
from greenroom.domain.events import Event
from greenroom.domain.ids import ConversationId, ProjectId
from greenroom.domain.records import Record
from greenroom.ports import Reading, Writing
from greenroom.services.states import load_project
from greenroom.services.work import Call, Work

TAG, NOTE, FEEDBACK = "tag", "note", "feedback"
MAX_TAGS = 50
RETRIES = 20
MAX_TEXT = 4_000
MAX_MARKS = 500
"""So many notes, and so much feedback, one conversation takes."""
_TAG = re.compile(r"\w[\w .:+-]{0,59}")

Scale = Literal["thumbs", "stars"]
SCALES: Mapping[Scale, range] = {"thumbs": range(-1, 2), "stars": range(1, 6)}


@dataclass(frozen=True, slots=True)
class Review:
    """What people made of one conversation."""

    conversation: Conversation
    notes: Sequence[Record]
    feedback: Sequence[Record]


class Transcripts:
    """The verbs of reviewing."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def load(self, call: Call, id_: str) -> Review:
        """Returns what people made of a conversation. Raises NotFound."""
        call.need("conversations.read")
        return await self._work.read(call, lambda tx: _review(tx, load_conversation(tx, id_)))

    async def add_tag(self, call: Call, id_: str, tag: str) -> Review:
        """Tags a conversation; twice is the same as once. Raises Invalid, LimitReached, NotFound."""
        call.need("conversations.review")
        name = read_tag(tag)

        def work(tx: Writing) -> Review:
            conversation = load_conversation(tx, id_)
            if name in conversation.tags:
                return _review(tx, conversation)
            if len(conversation.tags) >= MAX_TAGS:
                detail = f"a conversation has at most {MAX_TAGS} tags; take one away first"
                raise LimitReached("too_many_tags", detail, extra={"limit": MAX_TAGS})
            return self._retag(tx, call, conversation, (*conversation.tags, name), name, 1)

        return await self._persist(call, work)

    async def remove_tag(self, call: Call, id_: str, tag: str) -> Review:
        """Takes a tag away; where there is none, nothing happens. Raises NotFound."""
        call.need("conversations.review")
        name = read_tag(tag)

        def work(tx: Writing) -> Review:
            conversation = load_conversation(tx, id_)
            if name not in conversation.tags:
                return _review(tx, conversation)
            left = tuple(each for each in conversation.tags if each != name)
            return self._retag(tx, call, conversation, left, name, -1)

        return await self._persist(call, work)

    async def list_tags(self, call: Call, slug: str, after: str | None, limit: int) -> Sequence[Record]:
        """Returns the project's tags by name; each record's key is the tag, `count` in its body the conversations."""
        call.need("conversations.read")

        def work(tx: Reading) -> Sequence[Record]:
            return tx.list_records(load_project(tx, slug).id, TAG, after=after, limit=limit)

        return await self._work.read(call, work)

    async def add_note(self, call: Call, id_: str, text: str) -> Record:
        """Adds a note for colleagues. Raises Invalid, NotFound."""
        call.need("conversations.review")
        body = {"text": _read_text(text, "/text", least=1), "author": call.principal.id}
        return await self._add(call, id_, NOTE, body, "conversation.noted")

    async def rate(
        self,
        call: Call,
        id_: str,
        score: int,
        *,
        scale: Scale | None = None,
        comment: str = "",
        turn: int | None = None,
    ) -> Record:
        """Adds feedback on a conversation or one of its turns. Raises Invalid, NotFound."""
        call.need("conversations.review")
        chosen: Scale = scale or ("stars" if score > 1 else "thumbs")
        if score not in SCALES[chosen]:
            message = "is -1, 0 or 1 (scale thumbs), or 1 to 5 (scale stars)"
            raise Invalid("invalid_score", f"/score {message}", errors=[Fault("/score", message)])
        body = {
            "score": score,
            "scale": chosen,
            "comment": _read_text(comment, "/comment"),
            "turn": turn,
            "author": call.principal.id,
        }
        return await self._add(call, id_, FEEDBACK, body, "conversation.rated")

    async def _add(self, call: Call, id_: str, noun: str, body: Mapping[str, Any], action: str) -> Record:
        now = self._work.clock.now()
        key = self._work.clock.new_id(noun)

        def work(tx: Writing) -> Record:
            conversation = load_conversation(tx, id_)
            turn = body.get("turn")
            if turn is not None and not 0 <= turn < conversation.turns:
                message = f"is a turn's index, 0 to {conversation.turns - 1} in this conversation"
                raise Invalid("no_such_turn", f"/turn {message}", errors=[Fault("/turn", message)])
            if tx.count_records(conversation.project, noun, conversation.id) >= MAX_MARKS:
                raise LimitReached("too_many_marks", f"a conversation takes {MAX_MARKS} of these", extra={"limit": 500})
            record = Record(conversation.project, noun, key, now, now, body, conversation.id)
            tx.put_record(record, 0)
            tx.append(self._event(call, conversation, action, {"id": key}))
            return record

        return await self._work.change(call, work)

    async def _persist(self, call: Call, work: Callable[[Writing], Review]) -> Review:
        """Tries again while others use the same tag or conversation."""
        for left in range(RETRIES, -1, -1):
            try:
                return await self._work.change(call, work)
            except Conflict as wrong:
                if wrong.code != "tag_race" or not left:
                    raise
        raise AssertionError("unreachable")

    def _retag(self, tx: Writing, call: Call, before: Conversation, tags: tuple[str, ...], tag: str, by: int) -> Review:
        after = replace(before, tags=tags)
        if not tx.set_tags(before.id, before.tags, tags):
            raise Conflict("tag_race", "somebody else tagged this conversation a moment ago; repeat")
        self._count(tx, before.project, tag, by)
        action = "conversation.tagged" if by > 0 else "conversation.untagged"
        tx.append(self._event(call, after, action, {"tag": tag}))
        return _review(tx, after)

    def _count(self, tx: Writing, project: ProjectId, tag: str, by: int) -> None:
        now = self._work.clock.now()
        found = tx.find_record(project, TAG, tag)
        count = (found.body["count"] if found else 0) + by
        if found is not None and count <= 0:
            done = tx.delete_record(project, TAG, tag)
        else:
            revision = found.revision if found else 0
            begun = found.at if found else now
            record = Record(project, TAG, tag, begun, now, {"count": max(count, 0)}, revision=revision + 1)
            done = tx.put_record(record, revision)
        if not done:
            raise Conflict("tag_race", "somebody else used this tag a moment ago; repeat")

    def _event(self, call: Call, conversation: Conversation, action: str, data: Mapping[str, Any]) -> Event:
        return self._work.event(
            call,
            action,
            project=conversation.project,
            environment=conversation.environment,
            subject=conversation.id,
            data=data,
        )


def load_conversation(tx: Reading, id_: str) -> Conversation:
    """Returns a conversation. Raises NotFound."""
    found = tx.find_conversation(ConversationId(id_))
    if found is None:
        raise NotFound("conversation_not_found", f"there is no conversation '{id_[:80]}'")
    return found


def read_tag(tag: str) -> str:
    """Returns a tag as it is kept: in lower case, with single spaces. Raises Invalid."""
    name = " ".join(tag.split()).lower()
    if not _TAG.fullmatch(name):
        message = "is 1 to 60 letters, digits, spaces and . : + - _, and begins with a letter or digit"
        raise Invalid("invalid_tag", f"/tag {message}", errors=[Fault("/tag", message)])
    return name


def _read_text(text: str, pointer: str, least: int = 0) -> str:
    kept = text.strip()
    if not least <= len(kept) <= MAX_TEXT or "\0" in kept:
        message = f"is text of {least} to {MAX_TEXT:,} characters, without U+0000"
        raise Invalid("invalid_text", f"{pointer} {message}", errors=[Fault(pointer, message)])
    return kept


def _review(tx: Reading, conversation: Conversation) -> Review:
    notes, feedback = (
        tx.list_records(conversation.project, noun, owner=conversation.id, limit=MAX_MARKS) for noun in (NOTE, FEEDBACK)
    )
    by_time = [sorted(found, key=lambda record: record.at) for found in (notes, feedback)]
    return Review(conversation, *by_time)
