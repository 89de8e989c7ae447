"""The split of the default entry's traffic: one record, changed by revision, with every change remembered.

A project without the record sends all of its default entry's traffic to its default environment, as revision 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from greenroom.domain.conversations import IDLE_LIMITS
from greenroom.domain.environments import SLOTS, Environment
from greenroom.domain.errors import Fault, Invalid, Missing, NotFound, Refused, Stale
from greenroom.domain.ids import EnvironmentId
from greenroom.domain.projects import Project
from greenroom.domain.records import Record
from greenroom.domain.splits import (
    DEFAULT_POLICY,
    MAX_NOTE,
    Flow,
    Share,
    Split,
    SplitChange,
    StickyPolicy,
    choose_allocation,
    count_moved,
    decide_weights,
    expect_flows,
    parse_weight,
    say_weights,
    weights_of,
)
from greenroom.ports import Reading, Writing
from greenroom.services.states import load_environment, load_project
from greenroom.services.work import Call, Work

NOUN = "split"
KEY = "default"
CHANGE = "split_change"


@dataclass(frozen=True, slots=True)
class ShareRequest:
    """A share as it is asked for: an alias, and percent with at most two decimals."""

    environment: str
    weight: float | str


@dataclass(frozen=True, slots=True)
class SplitRequest:
    """A split as it is asked for, whole. Without a sticky key the present one stays.

    `restart` draws a new salt: every key gets another slot, whatever the weights.
    """

    shares: Sequence[ShareRequest]
    sticky_key: StickyPolicy | None = None
    note: str = ""
    restart: bool = False


@dataclass(frozen=True, slots=True)
class SplitView:
    """A split with the aliases of its environments."""

    split: Split
    aliases: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """What a change would do. `running` are conversations that go on where they are, whatever changes."""

    before: Split
    after: Split
    moved_slots: int
    rekeyed: bool
    """Whether keys are read anew, so that any of them may land elsewhere."""
    running: int
    aliases: Mapping[str, str]
    flows: Sequence[Flow] = ()
    """Who is expected to go where."""


@dataclass(frozen=True, slots=True)
class SplitChangeView:
    """A change with the aliases of its environments, those of deleted ones included."""

    change: SplitChange
    aliases: Mapping[str, str]


class Splits:
    """The verbs of splits."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def load(self, call: Call, slug: str) -> SplitView:
        """Returns the project's split; revision 0 where nobody has set one."""
        call.need("splits.read")

        def work(tx: Reading) -> SplitView:
            project = load_project(tx, slug)
            split = load_split(tx, project)
            return SplitView(split, name_environments(tx, project, weights_of(split.shares)))

        return await self._work.read(call, work)

    async def plan(self, call: Call, slug: str, request: SplitRequest, seen: str | None) -> SplitPlan:
        """Returns what `set` would do. Refuses what it would refuse, but for a revision that is not given."""
        call.need("splits.set")

        def work(tx: Reading) -> SplitPlan:
            project = load_project(tx, slug)
            before = load_split(tx, project)
            if seen is not None:
                self._check_seen(tx, project, before, seen)
            after = self._decide(tx, project, before, request)
            idle = {channel: self._work.clock.now() - limit for channel, limit in IDLE_LIMITS.items()}
            places = {share.environment for share in (*before.shares, *after.shares)}
            running = sum(group.count for place in places for group in tx.count_running(place, idle))
            moved = count_moved(before.shares, after.shares)
            rekeyed = before.revision > 0 and (request.restart or before.sticky_key != after.sticky_key)
            flows = expect_flows(before.shares, after.shares, rekeyed)
            return SplitPlan(before, after, moved, rekeyed, running, name_environments(tx, project, places), flows)

        return await self._work.read(call, work)

    async def set(self, call: Call, slug: str, request: SplitRequest, seen: str | None) -> SplitView:
        """Changes the split whose revision was seen (`*`: there is none yet); running conversations stay (R22).

        Raises Missing, Stale with the present split, Invalid for weights, NotFound, Refused `internal_environment`
        and `nothing_served`.
        """
        call.need("splits.set")
        now, salt = self._work.clock.now(), self._work.clock.new_token()

        def work(tx: Writing) -> SplitView:
            project = load_project(tx, slug)
            before = load_split(tx, project)
            self._check_seen(tx, project, before, seen)
            if request.restart or not before.salt:
                after = replace(before, salt=salt, salted=before.revision + 1)
            else:
                after = before
            after = self._decide(tx, project, after, request)
            change = _put(tx, call, project, before, after, now)
            if change is None:
                raise _stale(before, {})
            aliases = name_environments(tx, project, {**change.weights_before, **weights_of(change.shares)})
            data = say_change(change, aliases)
            action = "split.restarted" if change.restarted else "split.changed"
            tx.append(self._work.event(call, action, project=project.id, subject=KEY, data=data))
            return SplitView(load_split(tx, project), aliases)

        return await self._work.change(call, work)

    async def list_changes(self, call: Call, slug: str, before: int | None, limit: int) -> Sequence[SplitChangeView]:
        """Returns the changes of a split, newest first; `before` is a revision."""
        call.need("splits.read")

        def work(tx: Reading) -> Sequence[SplitChangeView]:
            project = load_project(tx, slug)
            after = None if before is None else _key_of(before)
            found = tx.list_records(project.id, CHANGE, after=after, limit=limit, newest_first=True)
            changes = [_read_change(record) for record in found]
            wanted = {one for c in changes for one in (*c.weights_before, *weights_of(c.shares))}
            aliases = name_environments(tx, project, wanted)
            return [SplitChangeView(change, aliases) for change in changes]

        return await self._work.read(call, work)

    @staticmethod
    def _check_seen(tx: Reading, project: Project, present: Split, seen: str | None) -> None:
        if seen is None:
            message = "send If-Match: the revision of the split that you saw in quotes, or * where there is none yet"
            raise Missing("precondition_required", message, errors=[Fault("/If-Match", message)])
        if seen != ("*" if present.revision == 0 else str(present.revision)):
            raise _stale(present, name_environments(tx, project, weights_of(present.shares)))

    @staticmethod
    def _decide(tx: Reading, project: Project, before: Split, request: SplitRequest) -> Split:
        if len(request.note) > MAX_NOTE or "\0" in request.note:
            message = f"is text of at most {MAX_NOTE} characters, without U+0000"
            raise Invalid("invalid_text", f"/note {message}", errors=[Fault("/note", message)])
        wanted = [
            (_load_place(tx, project, share.environment, f"/shares/{n}/environment").id, share.weight)
            for n, share in enumerate(request.shares)
        ]
        parsed = [(place, parse_weight(weight, f"/shares/{n}/weight")) for n, (place, weight) in enumerate(wanted)]
        weights = decide_weights(parsed, project.default_environment)
        shares = choose_allocation(before.shares, weights)
        return replace(
            before, shares=shares, sticky_key=request.sticky_key or before.sticky_key, note=request.note.strip()
        )


def find_split(tx: Reading, project: Project) -> Split | None:
    """Returns a project's split, None where nobody has set one."""
    record = tx.find_record(project.id, NOUN, KEY)
    return None if record is None else _read(record)


def load_split(tx: Reading, project: Project) -> Split:
    """Returns a project's split; where nobody has set one, all of it to the default environment, without a salt."""
    whole = choose_allocation((), {project.default_environment: SLOTS})
    return find_split(tx, project) or Split("", DEFAULT_POLICY, whole)


def find_share(tx: Reading, project: Project, environment: Environment) -> Share | None:
    """Returns an environment's share, also one of 0 %; None where it has none or nobody has set a split."""
    split = find_split(tx, project)
    return None if split is None else split.find_share(environment.id)


def return_share(
    tx: Writing, call: Call, project: Project, source: Environment, target: Environment, note: str, now: datetime
) -> SplitChange | None:
    """Gives all slots of a source's share to a target, which is or becomes a share, and remembers the change.

    None where the source has no share. The caller appends the event, for which `say_change` has the data. Raises
    Refused for the default entry's environment and for a target that no share may lead to, and Stale.
    """
    before = find_split(tx, project)
    share = None if before is None else before.find_share(source.id)
    if before is None or share is None or source.id == target.id:
        return None
    if source.id == project.default_environment:
        message = f"{source.alias} is the default entry's environment and keeps its share; choose another default first"
        raise Refused("default_entry", message)
    _check_place(target, "/target")
    weights = weights_of(before.shares)
    returned = weights.pop(source.id)
    weights[target.id] = weights.get(target.id, 0) + returned
    after = replace(before, shares=choose_allocation(before.shares, weights), note=note)
    change = _put(tx, call, project, before, after, now)
    if change is None:
        raise _stale(before, name_environments(tx, project, weights_of(before.shares)))
    return change


def say_change(change: SplitChange, aliases: Mapping[str, str]) -> dict[str, Any]:
    """Returns what an event tells of a change."""
    weights = weights_of(change.shares)
    return {
        "revision": change.revision,
        "from": dict(change.weights_before),
        "to": weights,
        "shares": say_weights(weights, aliases),
        "moved_slots": change.moved_slots,
        "sticky_key": change.sticky_key,
        "note": change.note,
    }


def name_environments(
    tx: Reading, project: Project, ids: Mapping[EnvironmentId, Any] | set[EnvironmentId]
) -> dict[str, str]:
    """Returns the aliases of environments, also of deleted ones."""
    found = {str(id_): tx.find_environment(project.id, id_) for id_ in ids}
    return {id_: environment.alias for id_, environment in found.items() if environment is not None}


def find_change(tx: Reading, project: Project, revision: int) -> SplitChange | None:
    """Returns the change that made a revision."""
    record = tx.find_record(project.id, CHANGE, _key_of(revision))
    return None if record is None else _read_change(record)


def _load_place(tx: Reading, project: Project, alias: str, pointer: str) -> Environment:
    try:
        environment = load_environment(tx, project, alias)
    except NotFound as wrong:
        raise NotFound(wrong.code, wrong.detail, errors=[Fault(pointer, wrong.detail)]) from None
    _check_place(environment, pointer)
    return environment


def _check_place(environment: Environment, pointer: str) -> None:
    """Raises Refused where the public may not be led to."""
    if environment.internal:
        message = f"{environment.alias} is internal: no share can lead the public there; testers and share links can"
        raise Refused("internal_environment", message, errors=[Fault(pointer, message)])
    if not environment.arms:
        message = f"{environment.alias} serves nothing yet; release a version there first"
        raise Refused("nothing_served", message, errors=[Fault(pointer, message)])


def _put(tx: Writing, call: Call, project: Project, before: Split, after: Split, now: datetime) -> SplitChange | None:
    """Keeps a split and its change; None where somebody else was faster."""
    change = SplitChange(
        before.revision + 1,
        now,
        str(call.principal.id),
        after.note,
        after.sticky_key,
        weights_of(before.shares),
        after.shares,
        count_moved(before.shares, after.shares),
        restarted=bool(before.salt) and before.salt != after.salt,
    )
    shares = [
        {"environment": share.environment, "weight": share.weight, "slots": [list(each) for each in share.slots]}
        for share in after.shares
    ]
    body = {
        "salt": after.salt,
        "salted": after.salted,
        "sticky_key": after.sticky_key,
        "shares": shares,
        "note": after.note,
        "by": change.by,
    }
    record = Record(project.id, NOUN, KEY, now, now, body, revision=change.revision)
    if not tx.put_record(record, before.revision):
        return None
    told = {
        "by": change.by,
        "note": change.note,
        "sticky_key": change.sticky_key,
        "from": [{"environment": one, "weight": weight} for one, weight in change.weights_before.items()],
        "to": shares,
        "moved_slots": change.moved_slots,
        "restarted": change.restarted,
    }
    tx.put_record(Record(project.id, CHANGE, _key_of(change.revision), now, now, told))
    return change


def _read(record: Record) -> Split:
    body = record.body
    shares, by = _read_shares(body["shares"]), str(body["by"])
    return Split(
        str(body["salt"]),
        body["sticky_key"],
        shares,
        str(body["note"]),
        by,
        record.revision,
        record.changed_at,
        # Before there were restarts the first salt was the only one.
        int(body.get("salted", 1)),
    )


def _read_change(record: Record) -> SplitChange:
    body = record.body
    before = {EnvironmentId(each["environment"]): int(each["weight"]) for each in body["from"]}
    return SplitChange(
        int(record.key),
        record.at,
        str(body["by"]),
        str(body["note"]),
        body["sticky_key"],
        before,
        _read_shares(body["to"]),
        int(body["moved_slots"]),
        bool(body.get("restarted", False)),
    )


def _read_shares(kept: Sequence[Mapping[str, Any]]) -> tuple[Share, ...]:
    return tuple(
        Share(EnvironmentId(each["environment"]), int(each["weight"]), tuple((a, b) for a, b in each["slots"]))
        for each in kept
    )


def _key_of(revision: int) -> str:
    return f"{revision:010}"


def _stale(present: Split, aliases: Mapping[str, str]) -> Stale:
    now = "nobody has set a split yet" if present.revision == 0 else f"the split is at revision {present.revision}"
    weights = weights_of(present.shares)
    shown = {
        "revision": present.revision,
        "sticky_key": present.sticky_key,
        "shares": [{"environment": aliases.get(one, one), "weight": weight / 100} for one, weight in weights.items()],
    }
    detail = f"{now} ({say_weights(weights, aliases)}), not what you saw; read it again"
    return Stale("stale_revision", detail, extra={"present": shown})
