"""What a release operation would do, and what it did, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from greenroom.cli import output

if TYPE_CHECKING:
    from greenroom.wire.releases import PlanOut, PublishOut, ReleaseOut, WarningOut

VERBS = {"publish": "publish", "promote": "promote", "rollback": "roll back", "hotfix": "hotfix", "merge": "merge"}
DONE = {
    "publish": "published",
    "promote": "promoted",
    "rollback": "rolled back",
    "hotfix": "released as a hotfix",
    "merge": "merged",
    "clone": "cloned",
}
RUNNING = {
    "finish": "running conversations finish on the version they have",
    "switch": "running conversations switch at their next turn",
    "drain": "running conversations finish until the deadline, then switch",
}


def show(result: PlanOut | PublishOut | ReleaseOut) -> None:
    """Prints a plan or an outcome on stderr, for whoever watches."""
    from greenroom.wire.releases import PlanOut, PublishOut

    if isinstance(result, PlanOut):
        _show_plan(result)
    elif isinstance(result, PublishOut):
        _show_published(result)
    else:
        _show_release(result)


def _show_plan(plan: PlanOut) -> None:
    from greenroom.cli.comparisons import show_short
    from greenroom.cli.readiness import say_blocked

    for line in _plan_lines(plan):
        output.say(line)
    if plan.comparison is not None:
        show_short(plan.comparison)
    say_blocked(plan.readiness)
    _say_warnings([*plan.gates, *plan.warnings])
    if plan.conflicts:
        from greenroom.cli.drafts import show_conflicts

        show_conflicts(plan)


def _plan_lines(plan: PlanOut) -> Iterator[str]:
    what = f"v{plan.version}" if plan.version is not None else _subject(plan)
    serves = f"serves v{plan.from_version}" if plan.from_version else "serves nothing yet"
    public = "public; " if plan.public else ""
    yield f"{VERBS.get(plan.operation, plan.operation)} {what} in {plan.environment} ({public}{serves})"
    yield f"  digest {plan.digest}, sequence {plan.expected_seq}"
    if plan.versions_included:
        yield "  with " + "; ".join(f"{v.ref} {v.note}" for v in plan.versions_included)
    if len(plan.carries) > 1:
        yield "  with edits by " + ", ".join(f"{c.by_name or c.by} ({c.changes})" for c in plan.carries)
    if plan.takes_back:
        yield f"  takes back {_versions(plan.takes_back)}"
    if plan.running:
        groups = ", ".join(f"{group.conversations} on v{group.version}" for group in plan.running)
        yield f"  running: {groups}; {RUNNING.get(plan.in_flight, plan.in_flight)}"
    if plan.rollback_would_bring_back:
        yield f"  a rollback would bring back v{plan.rollback_would_bring_back}"
    if plan.rebased:
        yield "  the environment moved on: your draft is rebased onto it"
    if plan.taken_back:
        choice = plan.taken_back.choice.replace("_", " ")
        yield f"  a rollback took back {_versions(plan.taken_back.versions)}: {choice} (--taken-back)"


def _subject(plan: PlanOut) -> str:
    from greenroom.wire.merges import MergePlanOut

    if not isinstance(plan, MergePlanOut):
        return "your draft"
    base = f"from v{plan.base} on" if plan.base else "which have nothing in common"
    return f"{plan.source} (v{plan.source_version}), {base},"


def _versions(numbers: Sequence[int]) -> str:
    return ", ".join(f"v{number}" for number in numbers)


def _say_warnings(warnings: Sequence[WarningOut]) -> None:
    for warning in warnings:
        must = f"; acknowledge with --ack {warning.code}" if warning.must_acknowledge else ""
        output.say(f"  warning: {warning.message} [{warning.code}]{must}")


def _show_published(done: PublishOut) -> None:
    _say_warnings(done.warnings)
    output.say(f"published {done.version.ref}: {done.version.note}")
    output.say(f"  digest {done.version.digest}")
    if done.release is not None:
        _show_release(done.release)
    else:
        output.say("  no environment serves it yet")


def _show_release(release: ReleaseOut) -> None:
    verb = DONE.get(release.operation, release.operation)
    before = f" (before: v{release.from_version})" if release.from_version else ""
    output.say(f"{release.environment} serves v{release.version}{before}: {verb}, sequence {release.seq}")
    output.say(f"  {RUNNING.get(release.in_flight, release.in_flight)}")
    if release.takes_back:
        output.say(f"  takes back {_versions(release.takes_back)}; they still exist")
