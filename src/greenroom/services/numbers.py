"""Telephone numbers: added, assigned, ruled by SIP headers, removed; and where a call leads (R34).

A record's key is the number as E.164 has it, its owner the environment's id, '' for the default entry. A number
belongs to one project of the workspace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from greenroom.domain.environments import Environment
from greenroom.domain.errors import Conflict, Fault, Invalid, Missing, NotFound, Refused, Stale
from greenroom.domain.ids import ProjectId
from greenroom.domain.numbers import (
    Match,
    Number,
    SipRule,
    Way,
    check_number,
    decide_entry,
    find_e164,
    is_test_number,
    read_e164,
)
from greenroom.domain.projects import Project
from greenroom.domain.records import Record
from greenroom.ports import Reading, Writing
from greenroom.services.states import load_environment, load_project, load_version
from greenroom.services.work import Call, Work

NOUN = "number"
MOST = 5_000
"""Numbers of one project."""


@dataclass(frozen=True, slots=True)
class WantedRule:
    """A SIP rule as a caller writes it: its environment by alias, its version by number."""

    header: str
    match: Match
    values: tuple[str, ...]
    environment: str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class NumberChange:
    """What is to be changed of a number; None leaves it. `environment` is an alias, '' the default entry."""

    environment: str | None = None
    label: str | None = None
    rules: Sequence[WantedRule] | None = None


@dataclass(frozen=True, slots=True)
class NumberView:
    """A number with its environment's alias, '' for the default entry; `aliases` are those of the rules' ones, by id.

    The public can come in by it unless its environment is internal: then it is a test number.
    """

    number: Number
    alias: str
    aliases: Mapping[str, str]
    public: bool
    revision: int
    created_at: datetime
    changed_at: datetime
    changed_by: str


class Numbers:
    """The verbs of numbers."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def list(self, call: Call, slug: str, after: str | None, limit: int) -> Sequence[NumberView]:
        """Returns a project's numbers, rising."""
        call.need("projects.read")

        def work(tx: Reading) -> Sequence[NumberView]:
            project = load_project(tx, slug)
            places = _environments(tx, project)
            return [_view(record, places) for record in tx.list_records(project.id, NOUN, after=after, limit=limit)]

        return await self._work.read(call, work)

    async def load(self, call: Call, slug: str, written: str) -> NumberView:
        """Returns a number. Raises NotFound, Invalid for what is no number."""
        call.need("projects.read")

        def work(tx: Reading) -> NumberView:
            project = load_project(tx, slug)
            return _view(_load(tx, project, written), _environments(tx, project))

        return await self._work.read(call, work)

    async def add(self, call: Call, slug: str, written: str, wanted: NumberChange) -> NumberView:
        """Adds a number to a project. Raises Invalid, NotFound, Conflict `number_taken`, Refused `too_many_numbers`."""
        call.need("numbers.manage")
        e164 = read_e164(written)
        now = self._work.clock.now()

        def work(tx: Writing) -> NumberView:
            project = load_project(tx, slug)
            _check_free(tx, project, e164)
            if tx.count_records(project.id, NOUN) >= MOST:
                raise Refused("too_many_numbers", f"a project has at most {MOST:,} numbers")
            number = _changed(tx, project, Number(e164), wanted)
            record = _record(project, number, now, now, call.principal.id, 1)
            if not tx.put_record(record, 0):
                raise _taken(e164, project.slug)
            return self._written(tx, call, project, record, "number.added")

        return await self._work.change(call, work)

    async def change(self, call: Call, slug: str, written: str, wanted: NumberChange, seen: str | None) -> NumberView:
        """Assigns a number elsewhere, or changes its rules or label. Raises Invalid, NotFound, Missing, Stale."""
        call.need("numbers.manage")
        now = self._work.clock.now()

        def work(tx: Writing) -> NumberView:
            project = load_project(tx, slug)
            before = _load(tx, project, written)
            _check_seen(before, seen)
            number = _changed(tx, project, number_of(before), wanted)
            record = _record(project, number, before.at, now, call.principal.id, before.revision + 1)
            if not tx.put_record(record, before.revision):
                raise _stale(before)
            return self._written(tx, call, project, record, "number.changed")

        return await self._work.change(call, work)

    async def remove(self, call: Call, slug: str, written: str, seen: str | None) -> None:
        """Takes a number out of its project: whoever calls it then is refused. Raises NotFound, Missing, Stale."""
        call.need("numbers.manage")

        def work(tx: Writing) -> None:
            project = load_project(tx, slug)
            before = _load(tx, project, written)
            _check_seen(before, seen)
            tx.delete_record(project.id, NOUN, before.key)
            tx.append(
                self._work.event(
                    call, "number.removed", project=project.id, environment=before.owner, subject=before.key
                )
            )

        await self._work.change(call, work)

    def _written(self, tx: Writing, call: Call, project: Project, record: Record, action: str) -> NumberView:
        view = _view(record, _environments(tx, project))
        data = {"leads_to": view.alias or "the default entry", "rules": len(view.number.rules), "public": view.public}
        tx.append(
            self._work.event(call, action, project=project.id, environment=record.owner, subject=record.key, data=data)
        )
        # Writers of two projects that add one number wait for one another in the chain: here the second sees the first.
        _check_free(tx, project, record.key, itself=True)
        return view


def find_way(tx: Reading, project: Project, called: str, sip_headers: Mapping[str, str]) -> Way:
    """Returns where a call of a number leads. Raises Refused `number_unknown`, and as `decide_entry` does."""
    e164 = find_e164(called)
    record = tx.find_record(project.id, NOUN, e164) if e164 else None
    if record is None:
        known = f"{project.slug} has no number '{called[:40]}'"
        message = f"{known}; add it with `numbers add`, or say which environment is meant"
        raise Refused("number_unknown", message, errors=[Fault("/called", message)])
    return decide_entry(number_of(record), sip_headers, _environments(tx, project))


def entry_of(called: str, way: Way) -> dict[str, Any]:
    """Returns how a conversation came in by a number, for ever: the business's number, never the caller's."""
    return {"by": "number", "number": find_e164(called) or "", "rule": way.rule}


def list_numbers(tx: Reading, project: ProjectId) -> Sequence[Number]:
    """Returns all numbers of a project."""
    return [number_of(record) for record in tx.list_records(project, NOUN, limit=MOST)]


def leads_into(tx: Reading, project: ProjectId, environment: str) -> bool:
    """Says whether a number is assigned to an environment, or a rule of one may lead there."""
    if tx.list_records(project, NOUN, owner=environment, limit=1):
        return True
    return bool(tx.list_records(project, NOUN, containing=(environment,), limit=1))


def number_of(record: Record) -> Number:
    """Returns the number that a record holds."""
    rules = tuple(
        SipRule(rule["header"], rule["match"], tuple(rule["values"]), rule["environment"], rule["version"])
        for rule in record.body["sip_rules"]
    )
    return Number(record.key, record.body["label"], record.owner, rules)


def _record(project: Project, number: Number, at: datetime, now: datetime, by: str, revision: int) -> Record:
    rules = [
        {
            "header": rule.header,
            "match": rule.match,
            "values": list(rule.values),
            "environment": rule.environment,
            "version": rule.version,
        }
        for rule in number.rules
    ]
    body = {"label": number.label, "sip_rules": rules, "by": by}
    return Record(project.id, NOUN, number.e164, at, now, body, number.environment, revision)


def _changed(tx: Reading, project: Project, number: Number, wanted: NumberChange) -> Number:
    """Returns a number with what is wanted of it, checked whole: an old rule may not fit a new environment."""
    if wanted.environment is not None:
        where = load_environment(tx, project, wanted.environment).id if wanted.environment else ""
        number = replace(number, environment=where)
    if wanted.label is not None:
        number = replace(number, label=wanted.label.strip())
    if wanted.rules is not None:
        rules = tuple(_rule(tx, project, index, rule) for index, rule in enumerate(wanted.rules))
        number = replace(number, rules=rules)
    check_number(number, _environments(tx, project))
    return number


def _rule(tx: Reading, project: Project, index: int, wanted: WantedRule) -> SipRule:
    environment = ""
    try:
        if wanted.environment is not None:
            environment = load_environment(tx, project, wanted.environment).id
        if wanted.version is not None:
            load_version(tx, project, wanted.version)
    except NotFound as unknown:
        what = "environment" if wanted.environment is not None and not environment else "version"
        fault = Fault(f"/sip_rules/{index}/then/{what}", unknown.detail, unknown.code)
        raise Invalid("invalid_number", unknown.detail, errors=[fault]) from None
    return SipRule(wanted.header, wanted.match, wanted.values, environment, wanted.version)


def _environments(tx: Reading, project: Project) -> Mapping[str, Environment]:
    return {str(each.id): each for each in tx.list_environments(project.id)}


def _view(record: Record, places: Mapping[str, Environment]) -> NumberView:
    number = number_of(record)
    own = places.get(number.environment)
    led = {rule.environment for rule in number.rules if rule.environment}
    return NumberView(
        number,
        own.alias if own else number.environment,
        {each: places[each].alias if each in places else each for each in led},
        not is_test_number(number, places),
        record.revision,
        record.at,
        record.changed_at,
        str(record.body["by"]),
    )


def _load(tx: Reading, project: Project, written: str) -> Record:
    e164 = find_e164(written)
    found = tx.find_record(project.id, NOUN, e164) if e164 else None
    if found is None:
        detail = f"{project.slug} has no number '{written[:40]}'; `numbers list` shows those it has"
        raise NotFound("number_not_found", detail)
    return found


def _check_free(tx: Reading, project: Project, e164: str, *, itself: bool = False) -> None:
    for record in tx.find_records_anywhere(NOUN, e164):
        if record.project != project.id or not itself:
            owner = tx.find_project(record.project)
            raise _taken(e164, owner.slug if owner else record.project)


def _taken(e164: str, slug: str) -> Conflict:
    message = (
        f"{e164} is a number of the project {slug} already; a number belongs to one project: remove it there first"
    )
    return Conflict("number_taken", message, errors=[Fault("/number", message)])


def _check_seen(record: Record, seen: str | None) -> None:
    if seen is None:
        message = f"send If-Match: the revision of {record.key} that you saw, in quotes (it is {record.revision} now)"
        raise Missing("precondition_required", message, errors=[Fault("/If-Match", message)])
    if seen != str(record.revision):
        raise _stale(record)


def _stale(record: Record) -> Stale:
    detail = f"{record.key} is at revision {record.revision}, not what you saw; look at it and repeat"
    return Stale("stale_revision", detail, extra={"revision": record.revision})
