"""What turns asked of the outside: one record for each call of a function, tool, server, model, table or search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from greenroom.domain.asks import Answer
from greenroom.domain.conversations import Conversation
from greenroom.domain.errors import NotFound
from greenroom.domain.ids import ConversationId, ProjectId
from greenroom.domain.records import Record, clean_text, cut_json
from greenroom.ports import Reading
from greenroom.services.states import load_project
from greenroom.services.work import Call, Work

NOUN = "execution"
MAX_BYTES = 4_096
"""What one call was given, and what it answered, each at most; longer values are cut."""
SCANNED = 2_000
"""A page of a narrowed list looks at so many records at most; it may then be short, with a cursor."""
_NAMES = ("provider", "query")
"""What a call is named by where it is not by what it asked: a model, a search."""
_UNKEPT = frozenset({"code", "modules", "conv", "secrets", "sources", "messages", "instructions", "tools"})


def executions_of(
    conversation: Conversation, index: int, asks: Sequence[Mapping[str, Any]], now: datetime
) -> Sequence[Record]:
    """Returns the records of a turn's calls; put them in the turn's transaction.

    `asks` are those of `runtime.engine.Recorded`: personal data is masked in them already.
    """
    place = f"{int(now.timestamp() * 1000):012}:{conversation.id}:{index:06}"
    return [
        Record(
            conversation.project,
            NOUN,
            f"{place}:{number:03}",
            now,
            now,
            _body_of(conversation.id, index, ask),
            owner=conversation.id,
        )
        for number, ask in enumerate(asks)
    ]


def _body_of(conversation: str, index: int, ask: Mapping[str, Any]) -> dict[str, Any]:
    facts: Mapping[str, Any] = ask.get("facts", {})
    answer: Answer = ask.get("answer", {})
    name = next((str(facts[key]) for key in (ask.get("to", ""), *_NAMES) if facts.get(key)), "")
    kept = {key: value for key, value in facts.items() if key not in _UNKEPT}
    error: Mapping[str, Any] | None = answer.get("error")
    return {
        "conversation": conversation,
        "turn": index,
        "kind": str(ask.get("to", "")),
        "name": clean_text(name, 200),
        "failed": error is not None,
        "error": None if error is None else {key: clean_text(error.get(key, ""), 500) for key in ("code", "message")},
        "ms": round(float(answer.get("ms") or 0), 3),
        "facts": cut_json(kept, MAX_BYTES),
        "answer": cut_json({key: value for key, value in answer.items() if key not in {"ms", "error"}}, MAX_BYTES),
    }


class Executions:
    """The verbs of looking at calls."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def list(
        self,
        call: Call,
        slug: str,
        before: str | None,
        limit: int,
        *,
        conversation: str | None = None,
        kind: str | None = None,
        failed: bool | None = None,
    ) -> tuple[Sequence[Record], str | None]:
        """Returns calls, newest first, and where to go on (None at the end). Raises NotFound."""
        call.need("conversations.read")

        def work(tx: Reading) -> tuple[Sequence[Record], str | None]:
            project = load_project(tx, slug)
            if conversation is not None:
                _check_conversation(tx, project.id, conversation)
            return _scan(tx, project.id, before, limit, conversation, kind, failed)

        return await self._work.read(call, work)


def _scan(
    tx: Reading,
    project: ProjectId,
    before: str | None,
    limit: int,
    owner: str | None,
    kind: str | None,
    failed: bool | None,
) -> tuple[Sequence[Record], str | None]:
    found: list[Record] = []
    seen = 0
    while seen < SCANNED:
        portion = tx.list_records(project, NOUN, owner=owner, after=before, limit=limit + 1, newest_first=True)
        for record in portion:
            body = record.body
            if (kind is None or body["kind"] == kind) and (failed is None or body["failed"] is failed):
                if len(found) == limit:
                    return found, found[-1].key
                found.append(record)
        if len(portion) <= limit:
            return found, None
        seen += len(portion)
        before = portion[-1].key
    return found, before


def _check_conversation(tx: Reading, project: ProjectId, id_: str) -> None:
    found = tx.find_conversation(ConversationId(id_))
    if found is None or found.project != project:
        raise NotFound("conversation_not_found", f"there is no conversation '{id_[:80]}' in this project")
