"""Who is editing now: a heartbeat for each person and environment, forgotten after a minute. No event: it is a look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenroom.domain.entities import parse_address
from greenroom.domain.environments import Environment
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.records import Record
from greenroom.ports import Reading, Writing
from greenroom.services.states import load_editable, load_project
from greenroom.services.work import Call, Work

NOUN = "presence"
SEEN_FOR = timedelta(seconds=60)
MOST = 200


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody who edits in an environment: what they have open ('' for nothing in particular), and since when."""

    id: str
    entity: str
    seen_at: datetime


def list_present(tx: Reading, environment: Environment, now: datetime) -> Sequence[Present]:
    """Returns who said within the last minute that they are editing in an environment, by id."""
    return [
        Present(str(record.body["who"]), str(record.body["entity"]), record.changed_at)
        for record in _list(tx, environment)
        if now - record.changed_at <= SEEN_FOR
    ]


def forget_present(tx: Writing, environment: Environment) -> None:
    """Forgets everybody who was editing in an environment, which is deleted."""
    while found := _list(tx, environment):
        for record in found:
            tx.delete_record(environment.project, NOUN, record.key)


class Presence:
    """The verb of being there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def announce(self, call: Call, slug: str, alias: str, entity: str) -> Sequence[Present]:
        """Says that the caller is editing, and returns everybody who is. Raises Invalid, Refused `not_editable`."""
        call.need("drafts.edit")
        _check_entity(entity)

        def work(tx: Writing) -> Sequence[Present]:
            environment = load_editable(tx, load_project(tx, slug), alias)
            now, who = self._work.clock.now(), call.principal.id
            for record in _list(tx, environment):
                if now - record.changed_at > SEEN_FOR:
                    tx.delete_record(environment.project, NOUN, record.key)
            key = f"{environment.id}:{who}"
            body = {"who": who, "entity": entity}
            tx.put_record(Record(environment.project, NOUN, key, now, now, body, owner=environment.id))
            return list_present(tx, environment, now)

        return await self._work.change(call, work)


def _list(tx: Reading, environment: Environment) -> Sequence[Record]:
    return tx.list_records(environment.project, NOUN, owner=environment.id, limit=MOST)


def _check_entity(entity: str) -> None:
    if not entity:
        return
    try:
        parse_address(entity)
    except Invalid as wrong:
        raise Invalid(wrong.code, wrong.detail, errors=[Fault("/entity", wrong.detail, wrong.code)]) from None
