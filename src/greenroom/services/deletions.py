"""An environment is deleted: what depends on it is listed, and moved where that is asked for (R16, R20)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from greenroom.domain.canonical import canonical_json, parse_json
from greenroom.domain.environments import Dependant, Environment, check_dependants, choose_stable
from greenroom.domain.errors import Fault, Invalid, Refused
from greenroom.domain.projects import Project
from greenroom.domain.promotion import (
    Caution,
    check_acknowledged,
    check_confirmed,
    check_sequence,
    decide_in_flight,
)
from greenroom.domain.records import Record
from greenroom.domain.releases import InFlight
from greenroom.domain.splits import format_weight
from greenroom.ports import Reading, Writing
from greenroom.services.drafts import Drafts
from greenroom.services.environments import count_running, is_public
from greenroom.services.numbers import NOUN as NUMBER
from greenroom.services.numbers import check_handover, hand_over, list_affected
from greenroom.services.plans import PolicyChoice
from greenroom.services.presence import forget_present
from greenroom.services.splits import KEY, find_share, name_environments, return_share, say_change
from greenroom.services.states import hold_project, load_environment, load_project
from greenroom.services.work import Call, Work

MOVABLE_NOUNS = {NUMBER: "number", "tester": "tester", "share_link": "share link"}
"""Records that belong to an environment and can lead to another one."""
_LISTED = 50
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class DeletionRequest:
    """What a caller says when deleting an environment. `confirm_version` is what `move_to` serves, where public."""

    expected_seq: int | None = None
    move_to: str | None = None
    confirm_version: int | None = None
    in_flight: PolicyChoice = field(default_factory=PolicyChoice)
    acknowledged: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deletion does or did: what goes where, and until when conversations go on."""

    environment: Environment
    target: Environment | None
    moved: Sequence[Dependant]
    left: Sequence[Dependant]
    in_flight: InFlight | None
    ends_at: datetime | None
    cautions: Sequence[Caution]


class Deletions:
    """The verbs of ending an environment."""

    def __init__(self, work: Work, drafts: Drafts) -> None:
        self._work = work
        self._drafts = drafts

    async def plan(self, call: Call, slug: str, alias: str, request: DeletionRequest) -> Deletion:
        """Returns what `delete` would do; what would make it refuse is in `left`."""
        call.need("environments.manage")

        def work(tx: Reading) -> Deletion:
            project = load_project(tx, slug)
            return self.decide(tx, project, load_environment(tx, project, alias), request, dry_run=True)

        return await self._work.read(call, work)

    async def delete(self, call: Call, slug: str, alias: str, request: DeletionRequest) -> Deletion:
        """Deletes an environment; its releases, conversations and aliases stay in the records.

        Raises Refused `environment_in_use` with what depends on it, Missing and Stale for the sequence and the
        confirmation, Refused `warnings_unacknowledged` while a draft would be put away.
        """
        call.need("environments.manage")

        def work(tx: Writing) -> Deletion:
            project = hold_project(tx, slug)
            decided = self.decide(tx, project, load_environment(tx, project, alias), request)
            self.carry_out(tx, call, project, decided)
            return decided

        return await self._work.change(call, work)

    def decide(
        self,
        tx: Reading,
        project: Project,
        environment: Environment,
        request: DeletionRequest,
        *,
        dry_run: bool = False,
        merging: bool = False,
    ) -> Deletion:
        """Decides a deletion inside a transaction.

        A merge does so too: it is confirmed by its digest, and gives the target something to serve.
        """
        check_sequence(environment, request.expected_seq, required=not dry_run)
        target = _find_target(tx, project, environment, request.move_to, will_serve=merging)
        if target is not None:
            check_handover(tx, project, environment, target)
        in_flight = _decide_policy(request.in_flight, self._work.clock.now())
        settled = in_flight is not None or target is not None
        dependants = find_dependants(tx, project, environment, self._work.clock.now())
        left = [d for d in dependants if not (_is_settled(d, settled) if not d.movable else target is not None)]
        moved = [d for d in dependants if d not in left]
        cautions = _cautions(tx, environment)
        if not dry_run:
            check_dependants(environment.alias, left, moving=False)
            check_acknowledged(cautions, request.acknowledged)
            if target is not None and is_public(tx, project, environment) and not merging:
                served = choose_stable(target.arms)
                check_confirmed("version", request.confirm_version, served or 0, "/confirm/version")
        chosen = in_flight or InFlight("finish")
        ends_at = {"finish": None, "switch": self._work.clock.now(), "drain": chosen.drain_until}[chosen.policy]
        return Deletion(environment, target, moved, left, in_flight, ends_at, cautions)

    def carry_out(self, tx: Writing, call: Call, project: Project, decided: Deletion) -> None:
        """Moves what is to be moved, puts drafts away and marks the environment as deleted."""
        environment, target = decided.environment, decided.target
        if target is not None:
            self._hand_over(tx, call, project, environment, target)
        for draft in tx.list_open_drafts(environment.id):
            self._drafts.close(tx, draft, "discarded")
        forget_present(tx, environment)
        gone = replace(
            environment,
            deleted_at=self._work.clock.now(),
            conversations_end_at=decided.ends_at,
            editable=False,
        )
        tx.update_environment(gone)
        tx.append(
            self._work.event(
                call,
                "environment.deleted",
                project=project.id,
                environment=environment.id,
                subject=environment.alias,
                data={
                    "moved_to": target.alias if target else None,
                    # How many, not whose: labels are written by people, and the chain never forgets.
                    "moved": {d.what: sum(o.count for o in decided.moved if o.what == d.what) for d in decided.moved},
                    "conversations_end_at": decided.ends_at.isoformat() if decided.ends_at else None,
                },
            )
        )

    def _hand_over(
        self, tx: Writing, call: Call, project: Project, environment: Environment, target: Environment
    ) -> None:
        hand_over(tx, project, environment, target, self._work.clock.now())
        for noun in sorted(MOVABLE_NOUNS.keys() - {NUMBER}):
            for record in list_owned(tx, project, noun, environment):
                tx.put_record(_lead_to(record, environment, target, self._work.clock.now()))
        for other in tx.list_environments(project.id):
            if other.promotes_from == environment.id:
                step = None if other.id == target.id else target.id
                tx.update_environment(replace(other, promotes_from=step))
        if project.default_environment == environment.id:
            project = replace(project, default_environment=target.id)
            tx.update_project(project)
        now, note = self._work.clock.now(), f"{environment.alias} was deleted"
        change = return_share(tx, call, project, environment, target, note, now)
        if change is not None:
            aliases = name_environments(tx, project, {**change.weights_before, target.id: 0})
            data = say_change(change, aliases)
            tx.append(self._work.event(call, "split.changed", project=project.id, subject=KEY, data=data))


def find_dependants(tx: Reading, project: Project, environment: Environment, now: datetime) -> list[Dependant]:
    """Returns everything that depends on an environment, with what can be done about it."""
    found: list[Dependant] = []
    if project.default_environment == environment.id:
        found.append(Dependant("default entry", project.slug, True, "name with move_to where it goes instead"))
    share = find_share(tx, project, environment)
    if share is not None:
        remedy = "name with move_to where its share goes, or take it out of the split"
        found.append(Dependant("split share", format_weight(share.weight), True, remedy))
    for noun, said in MOVABLE_NOUNS.items():
        records = list_owned(tx, project, noun, environment)
        names = ", ".join(str(r.body.get("label") or r.key) for r in records[:_LISTED])
        if records:
            found.append(Dependant(said, names, True, f"name with move_to where it goes: {said}", len(records)))
    _, ruled = list_affected(tx, project.id, environment.id)
    if ruled:
        names = ", ".join(record.key for record in ruled[:_LISTED])
        remedy = "name with move_to where they lead instead, or change the rules"
        found.append(Dependant("rules of numbers", names, True, remedy, len(ruled)))
    for other in tx.list_environments(project.id):
        if other.promotes_from == environment.id:
            found.append(Dependant("promotion to", other.alias, True, "name with move_to the step before it"))
    for record in tx.list_records(project.id, "schedule", owner=environment.id, limit=_LISTED):
        found.append(Dependant("schedule", record.key, False, "cancel the schedule"))
    running = sum(count_running(tx, environment, now).values())
    if running:
        remedy = "say with in_flight what becomes of them: finish, switch or drain"
        found.append(Dependant("running conversations", "", False, remedy, running))
    return found


def list_owned(tx: Reading, project: Project, noun: str, environment: Environment) -> list[Record]:
    """Returns a noun's records that lead to an environment: as their owner, or, in a number's rules, by name."""
    owned = {r.key: r for r in tx.list_records(project.id, noun, owner=environment.id, limit=_MOST)}
    named = tx.list_records(project.id, noun, containing=(environment.id,), limit=_MOST)
    return [*owned.values(), *(record for record in named if record.key not in owned)]


def _lead_to(record: Record, source: Environment, target: Environment, now: datetime) -> Record:
    """Returns a record that leads to the target wherever it led to the source."""
    body = parse_json(canonical_json(record.body).replace(source.id.encode(), target.id.encode()))
    owner = target.id if record.owner == source.id else record.owner
    return replace(record, owner=owner, body=body, changed_at=now, revision=record.revision + 1)


def _is_settled(dependant: Dependant, settled: bool) -> bool:
    return dependant.what == "running conversations" and settled


def _find_target(
    tx: Reading, project: Project, environment: Environment, alias: str | None, *, will_serve: bool
) -> Environment | None:
    if alias is None:
        return None
    target = load_environment(tx, project, alias)
    if target.id == environment.id:
        message = f"{alias} is the environment that is to be deleted; name another one"
        raise Invalid("moves_to_itself", message, errors=[Fault("/move_to", message)])
    if is_public(tx, project, environment) and target.internal:
        message = f"{alias} is internal and takes no public traffic; name an environment that may"
        raise Refused("target_is_internal", message, errors=[Fault("/move_to", message)])
    if is_public(tx, project, environment) and choose_stable(target.arms) is None and not will_serve:
        message = f"{alias} serves nothing yet, so nobody could be sent there"
        raise Refused("nothing_served", message, errors=[Fault("/move_to", message)])
    _check_circle(tx, project, environment, target)
    return target


def _check_circle(tx: Reading, project: Project, environment: Environment, target: Environment) -> None:
    """Refuses to put the target before an environment that it comes after. Raises Refused `circular_promotion`."""
    steps: list[Environment] = []
    step = _find_step(tx, project, target)
    while step is not None and step.id != environment.id:
        steps.append(step)
        step = _find_step(tx, project, step)
    circular = [s.alias for s in steps if s.promotes_from == environment.id]
    if circular:
        message = (
            f"{target.alias} comes after {circular[0]}, which is promoted to from {environment.alias}, so it cannot "
            f"come before it as well; end or change promotes_from of {circular[0]} first"
        )
        raise Refused("circular_promotion", message, errors=[Fault("/move_to", message)])


def _find_step(tx: Reading, project: Project, environment: Environment) -> Environment | None:
    return tx.find_environment(project.id, environment.promotes_from) if environment.promotes_from else None


def _decide_policy(choice: PolicyChoice, now: datetime) -> InFlight | None:
    if choice.policy is None and choice.drain_until is None:
        return None
    return decide_in_flight("merge", choice.policy, choice.drain_until, now)


def _cautions(tx: Reading, environment: Environment) -> list[Caution]:
    drafts = [d for d in tx.list_open_drafts(environment.id) if tx.load_draft_changes(d.id)]
    if not drafts:
        return []
    count = sum(len(tx.load_draft_changes(d.id)) for d in drafts)
    what = "1 draft" if len(drafts) == 1 else f"{len(drafts)} drafts"
    changes = "1 unpublished change" if count == 1 else f"{count} unpublished changes"
    message = f"{what} of {environment.alias} with {changes} {'goes' if len(drafts) == 1 else 'go'} with it"
    return [Caution("drafts_discarded", message, must_acknowledge=True)]
