"""Arms side by side: the same comparison on the page of traffic and on that of results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from greenroom.domain.errors import GreenroomError
from greenroom.domain.results import EVALUATION, ArmName, Comparison, Row
from greenroom.services.result_rows import Question
from greenroom.services.results import Contest
from greenroom.services.splits import SplitView
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.measures import MOST_EVALUATIONS, SHOWN, Measure, lay_out
from greenroom.web.periods import DAYS
from greenroom.web.session import Visit
from greenroom.web.shell import Place, Shell

LONGEST = timedelta(days=DAYS[-1])


@dataclass(frozen=True)
class Arm:
    """An arm as it heads its column; `weight` is its share in hundredths of a percent, None where it has none."""

    name: str
    place: Place | None
    version: int | None
    weight: int | None = None


@dataclass(frozen=True)
class Contested:
    """A comparison as a page shows it. `since_change` says that it begins where the split was last changed."""

    arms: Sequence[Arm]
    lines: Sequence[Measure]
    comparisons: Sequence[Comparison]
    since: datetime | None
    days: int
    refusal: Refusal = field(default_factory=Refusal)

    @property
    def mismatch(self) -> Comparison | None:
        """Returns the comparison whose arms had callers in a proportion that chance does not explain."""
        return next((one for one in self.comparisons if one.ratio.mismatch), None)

    @property
    def lacking(self) -> bool:
        """Says that nothing may be said of any measure yet."""
        return bool(self.lines) and all(v.lack for line in self.lines for v in line.verdicts)

    @property
    def notes(self) -> list[str]:
        """Returns what all the comparisons note, each once."""
        return list(dict.fromkeys(note for one in self.comparisons for note in one.notes))


async def compare_shares(visit: Visit, shell: Shell, view: SplitView) -> Contested | None:
    """Returns how the shares of a split do, None where there are not two that somebody is led to.

    It begins with the last change of the split unless the address names so many days: weights that changed in between
    make arms that are not alike.
    """
    names = {share.environment: view.aliases.get(share.environment, "") for share in view.split.shares}
    led = [share for share in view.split.shares if share.weight and names[share.environment]]
    default = shell.live.environment.id if shell.live else ""
    led.sort(key=lambda share: share.environment != default)
    if len(led) < 2 or view.split.changed_at is None:
        return None
    now = visit.desk.clock.now()
    asked = visit.number("days")
    days = asked if asked in DAYS else 0
    since = now - timedelta(days=days) if days else max(view.split.changed_at, now - LONGEST)
    arms = [Arm(names[s.environment], shell.place(names[s.environment]), None, s.weight) for s in led]
    asked_arms = tuple(ArmName(arm.place.name if arm.place else arm.name, arm.name, None) for arm in arms)
    return await contest(visit, arms, Contest(asked_arms, since=since), days)


async def contest(visit: Visit, arms: Sequence[Arm], asked: Contest, days: int) -> Contested:
    """Returns a comparison by all measures that are shown, with the arms' latencies."""
    slug, call, desk = visit.path("slug"), visit.call, visit.desk
    try:
        evaluations = await desk.evaluations.list(call, slug)
        wanted = (*SHOWN, *(EVALUATION + each.evaluation.name for each in evaluations[:MOST_EVALUATIONS]))
        comparisons = await desk.results.compare_all(call, slug, asked, wanted)
        rows = [await _row(visit, asked, name) for name in asked.arms]
    except GreenroomError as wrong:
        return Contested(arms, (), (), asked.since, days, refusal_of(wrong))
    return Contested(arms, lay_out(comparisons, rows), comparisons, asked.since, days)


async def _row(visit: Visit, asked: Contest, arm: ArmName) -> Row | None:
    """Returns one arm's row with its latency percentiles."""
    question = Question(
        by=(),
        metrics=("latency",),
        since=asked.since,
        until=asked.until,
        environment=arm.environment,
        version=arm.version,
        channel=asked.channel,
    )
    table = await visit.desk.results.load(visit.call, visit.path("slug"), question)
    return table.rows[0] if table.rows else None
