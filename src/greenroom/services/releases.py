"""Promote and roll back: an existing version is put where it answers. Nothing is rebuilt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from greenroom.domain.environments import Environment, choose_stable, full_arm
from greenroom.domain.errors import Fault, Missing, Refused, Stale
from greenroom.domain.events import Event
from greenroom.domain.ids import ReleaseId
from greenroom.domain.projects import Project
from greenroom.domain.promotion import (
    Caution,
    check_acknowledged,
    check_confirmed,
    check_sequence,
    decide_in_flight,
    decide_promotion,
)
from greenroom.domain.readiness import Item, cautions_of, check_ready
from greenroom.domain.releases import InFlight, Operation, Release, choose_pop
from greenroom.domain.versions import Version
from greenroom.ports import Reading, Writing
from greenroom.services.comparisons import BodyReader, compare_states, versions_between
from greenroom.services.environments import ReleaseView, count_running, find_beneath, is_public
from greenroom.services.plans import Plan, PolicyChoice, PromoteRequest, RollbackRequest
from greenroom.services.programs import Programs
from greenroom.services.readiness import Readiness
from greenroom.services.states import State, load_environment, load_project, load_served, load_snapshot, load_version
from greenroom.services.versions import view_versions
from greenroom.services.work import Call, Work

EVENT_OF: dict[Operation, str] = {
    "publish": "release.published",
    "promote": "release.promoted",
    "hotfix": "release.hotfixed",
    "rollback": "release.rolled_back",
    "clone": "release.cloned",
    "merge": "release.merged",
}
PERMISSION_OF: dict[Operation, str] = {
    "publish": "releases.publish",
    "promote": "releases.promote",
    "hotfix": "releases.hotfix",
    "rollback": "releases.roll_back",
    "clone": "environments.manage",
    "merge": "merges.make",
}
RETRIES = 3


@dataclass(frozen=True, slots=True)
class Decided:
    """A release that may happen, as it was decided on one view of the store."""

    project: Project
    environment: Environment
    operation: Operation
    version: Version
    beneath: int | None
    takes_back: Sequence[int]
    in_flight: InFlight
    cautions: Sequence[Caution]
    readiness: Sequence[Item] = ()


class Releases:
    """The verbs that change what an environment serves."""

    def __init__(self, work: Work, programs: Programs, readiness: Readiness) -> None:
        self._work = work
        self._programs = programs
        self._readiness = readiness

    async def plan_promotion(self, call: Call, slug: str, alias: str, request: PromoteRequest) -> Plan:
        """Returns what `promote` would do. Refuses what it would refuse, but for what the caller must restate."""
        return await self._work.read(
            call, lambda tx: self._plan(tx, self._decide_promotion(tx, call, slug, alias, request, dry_run=True))
        )

    async def promote(self, call: Call, slug: str, alias: str, request: PromoteRequest) -> ReleaseView:
        """Releases an existing version in an environment (R11, R12).

        Raises Missing or Stale for the sequence and the confirmation, Refused `skips_a_step`,
        `already_served`, `not_ready` or `warnings_unacknowledged`, NotAllowed, NotFound.
        """
        decided = await self._work.read(call, lambda tx: self._decide_promotion(tx, call, slug, alias, request))
        reason = (request.hotfix or "").strip() or request.note
        return await self._carry_out(call, decided, reason)

    async def plan_rollback(self, call: Call, slug: str, alias: str, request: RollbackRequest) -> Plan:
        """Returns what `roll_back` would do."""
        return await self._work.read(
            call, lambda tx: self._plan(tx, self._decide_rollback(tx, call, slug, alias, request, dry_run=True))
        )

    async def roll_back(self, call: Call, slug: str, alias: str, request: RollbackRequest) -> ReleaseView:
        """Puts back a version that the environment served before (R13). No gate stops it, no draft is touched.

        Raises Missing without `to` and `expected_seq`, Stale for an old sequence, Refused `nothing_beneath`,
        `never_served` or `already_served`.
        """
        for attempt in range(RETRIES):
            decided = await self._work.read(call, lambda tx: self._decide_rollback(tx, call, slug, alias, request))
            try:
                return await self._carry_out(call, decided, request.reason)
            except Stale:
                if request.expected_seq is not None or attempt == RETRIES - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _decide_promotion(
        self, tx: Reading, call: Call, slug: str, alias: str, request: PromoteRequest, *, dry_run: bool = False
    ) -> Decided:
        call.need("releases.promote")
        project = load_project(tx, slug)
        target = load_environment(tx, project, alias)
        # First: to whoever lost a race, what the winner released is no refusal but news.
        check_sequence(target, request.expected_seq, required=False)
        version = load_version(tx, project, request.version)
        source = tx.find_environment(project.id, target.promotes_from) if target.promotes_from else None
        operation = decide_promotion(
            target,
            source,
            version,
            served_in_source=source is not None and tx.was_full_arm(source.id, version.number),
            served_in_target=tx.was_full_arm(target.id, version.number),
            hotfix=bool((request.hotfix or "").strip()),
        )
        call.need(PERMISSION_OF[operation])
        check_sequence(target, request.expected_seq, required=not dry_run)
        public = is_public(tx, project, target)
        snapshot = load_snapshot(tx, version.digest)
        items = self._readiness.find_items(tx, call, project, target, snapshot, BodyReader(tx), version)
        # No gate blocks what was served here before (R13): there it is told, and asks for nothing.
        gated = operation != "rollback"
        cautions = [*_cautions(version, operation), *cautions_of(items, must_acknowledge=public and gated)]
        if not dry_run:
            if gated:
                check_ready(target.alias, items)
            if public:
                check_confirmed("version", request.confirm_version, version.number, "/confirm/version")
            check_acknowledged(cautions, request.acknowledged)
        decided = self._decided(tx, project, target, operation, version, request.in_flight, cautions)
        return replace(decided, readiness=items)

    def _decide_rollback(
        self, tx: Reading, call: Call, slug: str, alias: str, request: RollbackRequest, *, dry_run: bool = False
    ) -> Decided:
        call.need("releases.roll_back")
        project = load_project(tx, slug)
        environment = load_environment(tx, project, alias)
        if request.to is None and request.expected_seq is None and not dry_run:
            raise Missing(
                "expected_seq_required",
                "say which version to go back to (`to`), or which sequence you saw (`expected_seq`)",
                errors=[Fault("/to", "give this"), Fault("/expected_seq", "or this")],
                extra={"seq": environment.seq},
            )
        check_sequence(environment, request.expected_seq, required=False)
        top = tx.find_release(environment.id, environment.seq) if environment.seq else None
        number = request.to if request.to is not None else find_beneath(tx, top)
        if number is None:
            raise Refused("nothing_beneath", f"{alias} served nothing before; there is nothing to go back to")
        version = load_version(tx, project, number)
        if choose_stable(environment.arms) == number:
            raise Refused("already_served", f"{alias} serves v{number} already")
        if not tx.was_full_arm(environment.id, number):
            raise Refused(
                "never_served",
                f"{alias} never served v{number}, so it cannot roll back to it; promote it instead",
                errors=[Fault("/to", f"{alias} never served v{number}")],
            )
        # Said in the plan; never a gate (R13).
        cautions = [replace(c, must_acknowledge=False) for c in _cautions(version, "publish")]
        return self._decided(tx, project, environment, "rollback", version, request.in_flight, cautions)

    def _decided(
        self,
        tx: Reading,
        project: Project,
        environment: Environment,
        operation: Operation,
        version: Version,
        choice: PolicyChoice,
        cautions: Sequence[Caution],
    ) -> Decided:
        top = tx.find_release(environment.id, environment.seq) if environment.seq else None
        beneath: int | None = top.seq if top else None
        takes_back: Sequence[int] = ()
        if operation == "rollback" and top is not None:
            beneath, takes_back = _pop(tx, top, version.number)
        in_flight = decide_in_flight(operation, choice.policy, choice.drain_until, self._work.clock.now())
        return Decided(project, environment, operation, version, beneath, takes_back, in_flight, cautions)

    def _plan(self, tx: Reading, decided: Decided) -> Plan:
        environment, project = decided.environment, decided.project
        served = load_served(tx, project, environment)
        head = State(f"v{decided.version.number}", load_snapshot(tx, decided.version.digest), decided.version.number)
        included = versions_between(tx, project, served.version, decided.version.number)
        beneath = tx.find_release(environment.id, decided.beneath) if decided.beneath else None
        return Plan(
            operation=decided.operation,
            project=project,
            environment=environment,
            public=is_public(tx, project, environment),
            version=decided.version.number,
            digest=decided.version.digest,
            compared=compare_states(tx, project, served, head, self._work.kinds),
            included=view_versions(tx, project, [load_version(tx, project, n) for n in included]),
            cautions=decided.cautions,
            running=count_running(tx, environment, self._work.clock.now()),
            policy=decided.in_flight.policy,
            brings_back=beneath.version if beneath else None,
            takes_back=decided.takes_back,
            readiness=decided.readiness,
        )

    async def _carry_out(self, call: Call, decided: Decided, reason: str) -> ReleaseView:
        await self._programs.load(call.workspace, decided.version.digest)

        def work(tx: Writing) -> ReleaseView:
            environment = decided.environment
            release = record_release(
                self._work,
                tx,
                call,
                decided.project,
                environment,
                operation=decided.operation,
                version=decided.version.number,
                in_flight=decided.in_flight,
                beneath=decided.beneath,
                reason=reason,
                takes_back=decided.takes_back,
            )
            return ReleaseView(release, environment.alias)

        return await self._work.change(call, work)


def record_release(
    work: Work,
    tx: Writing,
    call: Call,
    project: Project,
    environment: Environment,
    *,
    operation: Operation,
    version: int,
    in_flight: InFlight,
    beneath: int | None,
    reason: str,
    takes_back: Sequence[int] = (),
) -> Release:
    """Switches what is served and writes the release and its event, all in the caller's transaction (R15).

    Raises Stale `stale_sequence` when the environment is no longer at the sequence that was decided on.
    """
    arms = full_arm(version)
    if not tx.swap_served(environment.id, environment.seq, arms):
        present = tx.find_environment(project.id, environment.id)
        check_sequence(present or environment, environment.seq, required=True)
        raise Stale("stale_sequence", f"{environment.alias} moved on; look again, then repeat")
    release = Release(
        id=ReleaseId(work.clock.new_id("release")),
        environment=environment.id,
        seq=environment.seq + 1,
        operation=operation,
        from_arms=environment.arms,
        to_arms=arms,
        in_flight=in_flight,
        actor=call.principal.id,
        at=work.clock.now(),
        reason=reason,
        beneath=beneath,
        takes_back=tuple(takes_back),
    )
    tx.insert_release(release)
    tx.append(_event(work, call, project, release))
    return release


def _event(work: Work, call: Call, project: Project, release: Release) -> Event:
    return work.event(
        call,
        EVENT_OF[release.operation],
        project=project.id,
        environment=release.environment,
        subject=f"v{release.version}",
        data={
            "release": release.id,
            "seq": release.seq,
            "from": choose_stable(release.from_arms),
            "to": release.version,
            "reason": release.reason,
            "in_flight": release.in_flight.policy,
            "takes_back": list(release.takes_back),
        },
    )


def _pop(tx: Reading, top: Release, target: int) -> tuple[int | None, Sequence[int]]:
    def load(seq: int) -> Release:
        found = tx.find_release(top.environment, seq)
        assert found is not None, "the stack names releases that exist"
        return found

    return choose_pop(top, target, load)


def _cautions(version: Version, operation: Operation) -> list[Caution]:
    cautions: list[Caution] = []
    if version.mark == "bad":
        cautions.append(
            Caution("version_marked_bad", f"v{version.number} is marked as known bad", must_acknowledge=True)
        )
    if operation == "hotfix":
        cautions.append(Caution("skips_a_step", f"v{version.number} has not been through the step before"))
    if operation == "rollback":
        cautions.append(Caution("is_a_rollback", f"v{version.number} was served here before: this is a rollback"))
    return cautions
