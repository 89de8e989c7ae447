"""The policy between environments: what may be released where, and what the caller must have said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from greenroom.domain.environments import Environment, choose_stable
from greenroom.domain.errors import Fault, Invalid, Missing, Refused, Stale
from greenroom.domain.releases import DEFAULT_POLICY, InFlight, Operation, Policy
from greenroom.domain.versions import Version

MAX_DRAIN = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Caution:
    """Something the caller should know, and must acknowledge by code where `must_acknowledge`."""

    code: str
    message: str
    must_acknowledge: bool = False


def check_sequence(environment: Environment, expected_seq: int | None, required: bool) -> None:
    """Refuses a release that did not see what is served (R12, R15).

    Raises Missing `expected_seq_required` or Stale `stale_sequence`.
    """
    if expected_seq is None:
        if required:
            raise Missing(
                "expected_seq_required",
                f"say which sequence of {environment.alias} you saw (it is {environment.seq} now)",
                errors=[Fault("/expected_seq", "is required here")],
                extra={"seq": environment.seq},
            )
        return
    if expected_seq != environment.seq:
        raise Stale(
            "stale_sequence",
            f"{environment.alias} is at sequence {environment.seq}, not {expected_seq}; look again, then repeat",
            errors=[Fault("/expected_seq", f"is {expected_seq}, but {environment.seq} is current")],
            extra={"seq": environment.seq, "version": choose_stable(environment.arms)},
        )


def check_confirmed(what: str, confirmed: int | str | None, actual: int | str, pointer: str) -> None:
    """Refuses a public release whose subject the caller did not restate (R12).

    Raises Missing `confirmation_required` or Stale `stale_confirmation`.
    """
    if confirmed is None:
        raise Missing(
            "confirmation_required",
            f"this changes what the public hears; confirm it by restating the {what} ({actual})",
            errors=[Fault(pointer, f"restate the {what}", "confirmation_required")],
            extra={what: actual},
        )
    if confirmed != actual:
        raise Stale(
            "stale_confirmation",
            f"you confirmed {what} {confirmed}, but it is {actual} that would be released",
            errors=[Fault(pointer, f"is {confirmed}, but {actual} would be released")],
            extra={what: actual},
        )


def check_acknowledged(warnings: Sequence[Caution], acknowledged: Sequence[str]) -> None:
    """Refuses while a warning that must be acknowledged is not. Raises Refused `warnings_unacknowledged`."""
    open_ = [w for w in warnings if w.must_acknowledge and w.code not in acknowledged]
    if open_:
        raise Refused(
            "warnings_unacknowledged",
            "; ".join(w.message for w in open_),
            errors=[Fault("/acknowledged", w.message, w.code, f"add '{w.code}'") for w in open_],
        )


def decide_promotion(
    target: Environment,
    source: Environment | None,
    version: Version,
    *,
    served_in_source: bool,
    served_in_target: bool,
    hotfix: bool,
) -> Operation:
    """Decides what releasing an existing version in `target` is (R11, R13).

    A version that the target served before comes back as a rollback. One that was the full arm of the
    step before is promoted; one that was published in the target itself without a release, too. Anything
    else skips a step: a hotfix when asked for, else Refused `skips_a_step`. Raises Refused
    `already_served` when it is what the target serves now.
    """
    name = f"v{version.number}"
    if choose_stable(target.arms) == version.number:
        raise Refused("already_served", f"{target.alias} serves {name} already")
    if served_in_target:
        return "rollback"
    if version.published_in == target.id or served_in_source:
        return "promote"
    if hotfix:
        return "hotfix"
    step = source.alias if source else None
    detail = (
        f"{name} has not been served by {step}, the step before {target.alias}; "
        f"promote it to {step} first, or release it as a hotfix with a reason"
        if step
        else f"{target.alias} has no step before it, and {name} was not published there; use a hotfix with a reason"
    )
    raise Refused("skips_a_step", detail, errors=[Fault("/version", detail)], extra={"step_before": step})


def decide_in_flight(
    operation: Operation, policy: Policy | None, drain_until: datetime | None, now: datetime
) -> InFlight:
    """Returns the in-flight policy of a release, the operation's default where none is given (R14).

    Raises Invalid when `drain` lacks a deadline in the next 30 days, or another policy has one.
    """
    chosen = policy or DEFAULT_POLICY[operation]
    if chosen != "drain":
        if drain_until is not None:
            raise _bad_drain("only `drain` takes a deadline")
        return InFlight(chosen)
    if drain_until is None:
        raise _bad_drain("`drain` needs a deadline: the time when running conversations switch")
    if not now < drain_until <= now + MAX_DRAIN:
        raise _bad_drain(f"the deadline must lie in the next {MAX_DRAIN.days} days")
    return InFlight("drain", drain_until)


def _bad_drain(message: str) -> Invalid:
    return Invalid("invalid_in_flight", message, errors=[Fault("/drain_until", message)])
