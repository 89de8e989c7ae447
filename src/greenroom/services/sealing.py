"""What a person said as it was, sealed apart from the masked transcript (R36), and kept no longer than allowed.

A sealed input, a conversation's state and a user's variables can be opened only with the key of the installation
and only as what they were sealed as: each is bound to its conversation, turn or user.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from greenroom.domain.canonical import digest_of_bytes
from greenroom.domain.conversations import Conversation
from greenroom.domain.errors import Conflict, Refused
from greenroom.domain.ids import ProjectId
from greenroom.domain.records import Record
from greenroom.ports import Cipher, Clock, Reading, Store, System, Writing

RAW = "raw"
USER = "user"
CALLER = "caller"
_SEALED = "sealed"
_PORTION = 500


@dataclass(frozen=True, slots=True)
class Opened:
    """One turn's raw input: what was heard, what the outside answered, when."""

    index: int
    heard: Any
    answers: Sequence[Mapping[str, Any]]
    now: str


def seal_turn(cipher: Cipher, conversation: Conversation, index: int, raw: Mapping[str, Any]) -> Record:
    """Returns the record of a turn's raw input `{heard, answers, now}`; put it in the turn's transaction."""
    at = _read_time(str(raw.get("now", "")), conversation.last_at)
    text = zlib.compress(_to_bytes({"index": index, **raw}))
    return Record(
        conversation.project,
        RAW,
        f"{_place_of(at)}:{conversation.id}:{index:06}",
        at,
        at,
        owner=conversation.id,
        data=cipher.seal(text, _about_turn(conversation.id, index)),
    )


def open_turns(cipher: Cipher, tx: Reading, conversation: Conversation) -> Sequence[Opened]:
    """Returns the raw inputs of a conversation, rising.

    Raises Refused `raw_input_gone` when they were erased, or are older than what is kept.
    """
    found: list[Opened] = []
    after: str | None = None
    while portion := tx.list_records(conversation.project, RAW, owner=conversation.id, after=after, limit=_PORTION):
        found += [_open_turn(cipher, conversation, record) for record in portion]
        after = portion[-1].key
    if len(found) < conversation.turns - 1:
        why = "was erased" if conversation.erased_at is not None else "is not kept any more"
        detail = f"what the user said in {conversation.id} {why}; it cannot be replayed word for word"
        raise Refused("raw_input_gone", detail)
    return sorted(found, key=lambda opened: opened.index)


def seal_state(cipher: Cipher, conversation: str, state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns a conversation's state as it is stored: its variables are personal."""
    text = zlib.compress(_to_bytes(state), 1)
    return {_SEALED: base64.b64encode(cipher.seal(text, f"state of {conversation}")).decode()}


def open_state(cipher: Cipher, conversation: str, stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the state that `seal_state` was given; one from before there was a seal as it is."""
    if set(stored) != {_SEALED}:
        return stored
    sealed = base64.b64decode(stored[_SEALED])
    return json.loads(zlib.decompress(cipher.open(sealed, f"state of {conversation}")))


def reseal_state(cipher: Cipher, conversation: str, stored: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Returns a stored state sealed with the present key, None where it is already, or never was sealed."""
    if set(stored) != {_SEALED} or cipher.is_current(base64.b64decode(stored[_SEALED])):
        return None
    return seal_state(cipher, conversation, open_state(cipher, conversation, stored))


def save_user(
    cipher: Cipher, tx: Writing, project: ProjectId, user: str, variables: Mapping[str, Any], now: datetime
) -> None:
    """Keeps a user's variables, in the turn's transaction. Raises Conflict when two turns of one user meet."""
    if not user or not variables:
        return
    key = _user_key(user)
    before = tx.find_record(project, USER, key)
    if before is not None and _open_user(cipher, before) == dict(variables):
        return
    revision = 0 if before is None else before.revision
    sealed = cipher.seal(_to_bytes({"user": user, "variables": dict(variables)}), f"user {key}")
    begun = now if before is None else before.at
    record = Record(project, USER, key, begun, now, revision=revision + 1, data=sealed)
    if not tx.put_record(record, revision):
        raise Conflict("turn_race", "another conversation of this user came first; read it and repeat")


def load_user(cipher: Cipher, tx: Reading, project: ProjectId, user: str) -> Mapping[str, Any]:
    """Returns the variables kept of a user, nothing for an unknown one."""
    found = tx.find_record(project, USER, _user_key(user)) if user else None
    return {} if found is None else _open_user(cipher, found)


def forget_user(tx: Writing, project: ProjectId, user: str) -> bool:
    """Removes what is kept of a user."""
    return bool(user) and tx.delete_record(project, USER, _user_key(user))


def caller_of(conversation: Conversation, caller: str) -> Record | None:
    """Returns the record by which a caller's conversations are found, where the sticky key does not say so."""
    if not caller or caller == conversation.sticky_key:
        return None
    begun = conversation.started_at
    return Record(conversation.project, CALLER, conversation.id, begun, begun, owner=_user_key(caller))


def list_of_caller(tx: Reading, project: ProjectId, caller: str, after: str | None, limit: int) -> Sequence[str]:
    """Returns ids of conversations that `caller_of` noted, rising."""
    found = tx.list_records(project, CALLER, owner=_user_key(caller), after=after, limit=limit)
    return [record.key for record in found]


class Retention:
    """Forgets raw inputs whose time is over."""

    def __init__(self, store: Store, clock: Clock, days: int = 30) -> None:
        self._store = store
        self._clock = clock
        self._days = days

    async def forget_raw(self) -> int:
        """Removes raw inputs older than what is kept, in every workspace; returns how many."""
        border = _place_of(self._clock.now() - timedelta(days=self._days))
        gone = 0
        for workspace in await self._store.system(_list_workspaces):
            for project in await self._store.read(workspace, _list_projects):
                while count := await self._store.write(workspace, lambda tx, p=project: _forget(tx, p, border)):
                    gone += count
        return gone


def _list_workspaces(tx: System) -> Sequence[Any]:
    return tx.list_workspaces()


def _list_projects(tx: Reading) -> Sequence[ProjectId]:
    found: list[ProjectId] = []
    after = ""
    while portion := tx.list_projects(after, _PORTION):
        found += [project.id for project in portion]
        after = portion[-1].slug
    return found


def _forget(tx: Writing, project: ProjectId, border: str) -> int:
    old = [record.key for record in tx.list_records(project, RAW, limit=_PORTION) if record.key < border]
    return sum(tx.delete_record(project, RAW, key) for key in old)


def _open_turn(cipher: Cipher, conversation: Conversation, record: Record) -> Opened:
    index = _index_of(record)
    raw = json.loads(zlib.decompress(cipher.open(record.data, _about_turn(conversation.id, index))))
    return Opened(index, raw.get("heard"), raw.get("answers", []), raw.get("now", ""))


def _open_user(cipher: Cipher, record: Record) -> dict[str, Any]:
    return dict(json.loads(cipher.open(record.data, about_user_of(record)))["variables"])


def _to_bytes(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), default=dict).encode()


def _user_key(user: str) -> str:
    """Returns a key that every database can hold, whatever a caller calls the user."""
    return digest_of_bytes(user.encode("utf-8", "surrogatepass"))


def about_turn_of(record: Record) -> str:
    """Returns what the record of a raw input is bound to."""
    return _about_turn(record.owner, _index_of(record))


def about_user_of(record: Record) -> str:
    """Returns what the record of a user's variables is bound to."""
    return f"user {record.key}"


def _index_of(record: Record) -> int:
    return int(record.key.rpartition(":")[2])


def _about_turn(conversation: str, index: int) -> str:
    return f"turn {index} of {conversation}"


def _place_of(moment: datetime) -> str:
    return f"{int(moment.timestamp() * 1000):012}"


def _read_time(text: str, otherwise: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
