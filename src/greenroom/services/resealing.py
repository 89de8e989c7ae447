"""Everything that is sealed, sealed anew with the server's present key: in portions, and harmless to repeat.

What is written meanwhile is sealed with the present key already, and is left as it is; so is what nobody can open,
which is counted. What needed a former key before a rotation came to its end needs it no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from greenroom.domain.conversations import Conversation
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.ids import ConversationId, ProjectId, WorkspaceId
from greenroom.domain.records import Record
from greenroom.ports import Cipher, ConversationFilter, Writing
from greenroom.services import sealing

PORTION = 500
"""So many sealed things are looked at in one transaction."""
SECRET = "secret"  # noqa: S105 - the name of a noun
Came = Literal["anew", "current", "unopened", "gone"]


@dataclass(frozen=True, slots=True)
class Rotation:
    """What one portion came to, by stage; `cursor` is where to go on, None when everything was looked at."""

    anew: Mapping[str, int] = field(default_factory=dict[str, int])
    unopened: int = 0
    """Sealed with a key that this server was not given, or changed by somebody: nobody can open it."""
    cursor: str | None = None


Work = Callable[[], Came]
Stage = Callable[[str, int], Sequence[tuple[str, Work]]]
"""Lists a portion of one sort of sealed things, by key: each with what seals it anew."""


def reseal(cipher: Cipher, tx: Writing, workspace: WorkspaceId, project: ProjectId, cursor: str | None) -> Rotation:
    """Seals the next portion of a project anew. Raises Invalid `invalid_cursor`."""
    stages = _stages(cipher, tx, workspace, project)
    names = list(stages)
    name, _, after = (cursor or f"{names[0]}:").partition(":")
    if name not in stages:
        message = "this is not a cursor of a rotation; begin again without one"
        raise Invalid("invalid_cursor", message, errors=[Fault("/cursor", message)])
    left, anew, unopened = PORTION, dict.fromkeys(names, 0), 0
    for stage in names[names.index(name) :]:
        asked = left
        portion = stages[stage](after, asked)
        for after, carry_out in portion:  # noqa: B007 - where to go on
            came = carry_out()
            anew[stage] += came == "anew"
            unopened += came == "unopened"
        left -= len(portion)
        if len(portion) == asked:
            return Rotation(anew, unopened, f"{stage}:{after}")
        after = ""
    return Rotation(anew, unopened)


def _stages(cipher: Cipher, tx: Writing, workspace: WorkspaceId, project: ProjectId) -> dict[str, Stage]:
    def records(noun: str, about: Callable[[Record], str]) -> Stage:
        def find(after: str, limit: int) -> Sequence[tuple[str, Work]]:
            found = tx.list_records(project, noun, after=after or None, limit=limit)
            return [(each.key, lambda r=each: _reseal_record(cipher, tx, r, about(r))) for each in found]

        return find

    def conversations(after: str, limit: int) -> Sequence[tuple[str, Work]]:
        found = tx.list_conversations(project, ConversationFilter(), ConversationId(after) if after else None, limit)
        return [(each.id, lambda c=each: _reseal_state(cipher, tx, c)) for each in found]

    return {
        "values": records(SECRET, lambda record: f"{workspace}/{project}/{record.key}"),
        "turns": records(sealing.RAW, sealing.about_turn_of),
        "users": records(sealing.USER, sealing.about_user_of),
        "conversations": conversations,
    }


def _reseal_record(cipher: Cipher, tx: Writing, record: Record, about: str) -> Came:
    if cipher.is_current(record.data):
        return "current"
    try:
        sealed = cipher.seal(cipher.open(record.data, about), about)
    except Invalid:
        return "unopened"
    # One that was set anew or erased since it was read stays so.
    return "anew" if tx.put_record(replace(record, data=sealed), record.revision) else "gone"


def _reseal_state(cipher: Cipher, tx: Writing, conversation: Conversation) -> Came:
    try:
        state = sealing.reseal_state(cipher, conversation.id, conversation.state)
    except Invalid:
        return "unopened"
    if state is None:
        return "current"
    return "anew" if tx.swap_state(conversation.id, conversation.state, state) else "gone"
