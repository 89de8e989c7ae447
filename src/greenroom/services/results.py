"""Results: tables of how conversations went, and comparisons of arms that may be looked at as often as one likes.

Only public conversations are counted, by the environment and version they began with. The store counts; latency alone
is read turn by turn, of so many of the latest as each row may have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from statistics import fmean

from greenroom.domain.conversations import IDLE_LIMITS, Outcome
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.ids import EnvironmentId
from greenroom.domain.intervals import (
    ALPHA,
    RatioCheck,
    UnitSums,
    check_ratio,
    find_difference,
    find_interval,
    sample_of,
    sum_up,
)
from greenroom.domain.projects import Project
from greenroom.domain.results import (
    INVITED,
    ArmName,
    ArmResult,
    ArmScope,
    ArmSums,
    Comparison,
    Latency,
    Metric,
    Row,
    Slice,
    find_lack,
    say_mismatch,
    say_verdict,
)
from greenroom.domain.splits import weights_of
from greenroom.ports import Reading
from greenroom.services.result_rows import STEPS, Question, count_rows, find_metrics, scores_of
from greenroom.services.splits import NOUN as SPLIT
from greenroom.services.splits import find_split
from greenroom.services.states import load_environment, load_project
from greenroom.services.work import Call, Work

DEFAULT_PERIOD = timedelta(days=30)
MAX_BUCKETS = 1_000
MOST_TURNS = 10_000
"""So many turns are read for the latency of one arm."""
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
ANY = "any"


@dataclass(frozen=True, slots=True)
class Table:
    """The answer: rows by environment, version (newest first), channel and time."""

    since: datetime
    until: datetime
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Contest:
    """What a comparison is of. `weights` are the arms' expected proportions; without them the split's, if it is one.

    Arms of the split are compared by what came in by it, unless another `entry` (or `any`) is named. Testers and share
    links count only `with_testers`, or where the `entry` is theirs or any.
    """

    arms: tuple[ArmName, ...]
    metric: str = "containment"
    since: datetime | None = None
    until: datetime | None = None
    channel: str | None = None
    entry: str | None = None
    weights: tuple[float, ...] = ()
    with_testers: bool = False


class Results:
    """The verbs of results."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def load(self, call: Call, slug: str, asked: Question) -> Table:
        """Returns a table of results. Raises Invalid, NotFound."""
        call.need("results.read")
        since, until = self._period(asked.since, asked.until)
        if asked.step is not None and (until - since).total_seconds() / STEPS[asked.step] > MAX_BUCKETS:
            message = (
                f"has at most {MAX_BUCKETS:,} of these steps between from and to; take a longer step, or less time"
            )
            raise Invalid("too_many_buckets", f"a series {message}", errors=[Fault("/interval", message)])

        def work(tx: Reading) -> Table:
            project = load_project(tx, slug)
            environment = _find_environment(tx, project, asked.environment)
            whole = self._slice(tx, project, since, until, asked.channel, with_testers=asked.with_testers)
            where = replace(whole, environment=environment, version=asked.version)
            return Table(since, until, count_rows(tx, project, asked, where))

        return await self._work.read(call, work)

    async def compare(self, call: Call, slug: str, asked: Contest) -> Comparison:
        """Compares arms with the first of them. Raises Invalid `arms_overlap`, `unknown_metric`, NotFound."""
        return (await self.compare_all(call, slug, asked, (asked.metric,)))[0]

    async def compare_all(
        self, call: Call, slug: str, asked: Contest, metrics: Sequence[str] = ()
    ) -> Sequence[Comparison]:
        """Compares arms by several metrics at one moment, by all there are when none is named. Raises as `compare`."""
        call.need("results.read")
        since, until = self._period(asked.since, asked.until)

        def work(tx: Reading) -> Sequence[Comparison]:
            project = load_project(tx, slug)
            invited = asked.with_testers or asked.entry in {*INVITED, ANY}
            whole = self._slice(tx, project, since, until, asked.channel, with_testers=invited)
            arms = [ArmScope(_find_environment(tx, project, arm.environment), arm.version) for arm in asked.arms]
            _check_apart(asked.arms, arms)
            found = find_metrics(tx, project, tuple(metrics))
            look = _Look(tx, project, arms, [metric.outcome for metric in found.values()])
            return [_compare(tx, project, asked, metric, arms, whole, look) for metric in found.values()]

        return await self._work.read(call, work)

    def _period(self, since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
        last = until or self._work.clock.now()
        first = since or max(last, _BEGINNING + DEFAULT_PERIOD) - DEFAULT_PERIOD
        if first >= last:
            message = "must be before to"
            raise Invalid("invalid_period", f"from {message}", errors=[Fault("/from", message)])
        return first, last

    def _slice(
        self,
        tx: Reading,
        project: Project,
        since: datetime,
        until: datetime,
        channel: str | None,
        *,
        with_testers: bool,
    ) -> Slice:
        """Returns the conversations of a time, with what is known now of those that are over."""
        now = self._work.clock.now()
        ever = tx.list_environments(project.id, ever=True)
        return Slice(
            since,
            until,
            channel=channel,
            without=() if with_testers else INVITED,
            closed=frozenset(e.id for e in ever if e.ends_conversations(now)),
            idle_before={channel: now - limit for channel, limit in IDLE_LIMITS.items()},
        )


def _find_environment(tx: Reading, project: Project, alias: str | None) -> EnvironmentId | None:
    """Returns the environment that is meant, a deleted one too: its conversations are still its own."""
    if alias is None:
        return None
    found = tx.find_environment(project.id, alias)
    return found.id if found is not None else load_environment(tx, project, alias).id


def _check_apart(names: Sequence[ArmName], arms: Sequence[ArmScope]) -> None:
    for index, one in enumerate(arms):
        for other in range(index):
            if one.meets(arms[other]):
                message = f"{names[other].text} and {names[index].text} share conversations; arms must be apart"
                raise Invalid("arms_overlap", message, errors=[Fault(f"/arms/{index}", message)])


@dataclass(frozen=True, slots=True)
class _Expected:
    """In which proportion callers should have come, since when, and by which entry alone chance decided it."""

    weights: tuple[float, ...] = ()
    since: datetime | None = None
    entry: str | None = None


def _expect(tx: Reading, project: Project, asked: Contest, arms: Sequence[ArmScope]) -> _Expected:
    """Returns what is expected of arms: what was asked for, else what the split says of its environments."""
    entry = None if asked.entry == ANY else asked.entry
    if asked.weights:
        return _Expected(asked.weights, None, entry)
    split = find_split(tx, project)
    stored = {} if split is None else weights_of(split.shares)
    if split is None or not all(arm.environment in stored and arm.version is None for arm in arms):
        return _Expected((), None, entry)
    weights = tuple(float(stored[arm.environment]) for arm in arms if arm.environment is not None)
    return _Expected(weights, split.changed_at, entry if asked.entry else SPLIT)


def _check_ratio(
    look: _Look, expected: _Expected, whole: Slice, came: Sequence[ArmSums]
) -> tuple[RatioCheck, list[str]]:
    """Checks the arms' traffic keys against what is expected, since the split was last changed."""
    notes: list[str] = []
    if expected.since is not None and expected.since > whole.since:
        when = f"{expected.since:%Y-%m-%d %H:%M} UTC"
        notes.append(f"the split was changed at {when}: the ratio is checked from then on, and you should compare so")
        later = replace(whole, since=min(expected.since, whole.until))
        came = look.sum_arms(later, None)
    return check_ratio([arm.keys for arm in came], expected.weights), notes


class _Look:
    """The arms' sums of one look: what several metrics need is counted once, for every conversation is read for it."""

    def __init__(
        self, tx: Reading, project: Project, arms: Sequence[ArmScope], outcomes: Sequence[Outcome | None]
    ) -> None:
        self._tx = tx
        self._project = project
        self._arms = arms
        self._outcomes = tuple(dict.fromkeys((None, *outcomes)))
        self._known: dict[tuple[datetime, str | None], Mapping[Outcome | None, Sequence[ArmSums]]] = {}

    def sum_arms(self, where: Slice, outcome: Outcome | None) -> Sequence[ArmSums]:
        """Returns the sums of the store for one of the outcomes, or for turns."""
        # Nothing else of a slice differs in one look.
        key = (where.since, where.entry)
        if key not in self._known:
            found = self._tx.sum_arms(self._project.id, where, self._arms, self._outcomes)
            self._known[key] = dict(zip(self._outcomes, found, strict=True))
        return self._known[key][outcome]


def _compare(
    tx: Reading,
    project: Project,
    asked: Contest,
    metric: Metric,
    arms: Sequence[ArmScope],
    whole: Slice,
    look: _Look,
) -> Comparison:
    # So that all the comparisons of one answer together are wrong as seldom as one is.
    alpha = ALPHA / (len(arms) - 1)
    expected = _expect(tx, project, asked, arms)
    whole = replace(whole, entry=expected.entry)
    came = look.sum_arms(whole, metric.outcome)
    measured = _measure(tx, project, metric, arms, whole, came)
    samples = [sample_of(sums) for sums, _ in measured]
    results: list[ArmResult] = []
    lacks: list[str] = []
    for name, arm, sample, (sums, sampled) in zip(asked.arms, came, samples, measured, strict=True):
        result = ArmResult(
            name=name.text,
            conversations=arm.conversations,
            units=sums.units,
            moved=arm.moved,
            n=int(sums.count),
            value=sample.mean if sums.count else None,
            sampled=sampled,
        )
        lack = find_lack(metric, result, sums.total)
        lacks.append(lack)
        results.append(result if lack else replace(result, interval=find_interval(sample, alpha)))
    for index in range(1, len(results)):
        lack = "; ".join(filter(None, (lacks[0], lacks[index])))
        if lack:
            results[index] = replace(results[index], verdict=f"not enough data: {lack}")
            continue
        found = find_difference(samples[0], samples[index], alpha)
        said = say_verdict(metric, results[index].name, found)
        results[index] = replace(results[index], difference=found, verdict=said)
    ratio, notes = _check_ratio(look, expected, whole, came)
    if expected.entry == SPLIT and asked.entry is None:
        notes.append("only conversations that came in by the split are compared: chance assigned no others")
    verdict = "; ".join(each.verdict for each in results[1:])
    if ratio.mismatch:
        verdict = say_mismatch([name.text for name in asked.arms], ratio)
    noted = (*notes, *_notes(results))
    return Comparison(metric, tuple(results), ratio, whole.since, whole.until, 1 - alpha, verdict, noted)


def _notes(results: Sequence[ArmResult]) -> list[str]:
    notes = [
        f"{each.name}: {each.moved:,} of its conversations were answered by another version from some turn on"
        for each in results
        if each.moved
    ]
    if any(each.sampled for each in results):
        notes.append(f"only the latest {MOST_TURNS:,} turns of an arm were looked at, so intervals hold for one look")
    return notes


def _measure(
    tx: Reading,
    project: Project,
    metric: Metric,
    arms: Sequence[ArmScope],
    whole: Slice,
    came: Sequence[ArmSums],
) -> list[tuple[UnitSums, bool]]:
    """Returns each arm's sums by traffic key, and whether only a sample was looked at."""
    if metric.outcome is not None or metric.name == "turns":
        return [(arm.measured, False) for arm in came]
    if metric.name != "latency":
        return [(sums, False) for sums in tx.sum_scores(project.id, whole, arms, scores_of(metric))]
    measured: list[tuple[UnitSums, bool]] = []
    for arm in arms:
        mine = replace(whole, environment=arm.environment, version=arm.version)
        found = tx.list_latencies(project.id, mine, MOST_TURNS)
        measured.append((_sum_latencies(found), len(found) >= MOST_TURNS))
    return measured


def _sum_latencies(found: Sequence[Latency]) -> UnitSums:
    """Returns the sums of conversations' mean latencies: turns of one conversation are slow together."""
    times: dict[tuple[str, str], list[float]] = {}
    for one in found:
        times.setdefault((one.key, one.conversation), []).append(one.ms)
    units: dict[str, list[float]] = {}
    for (key, _), all_ in times.items():
        units.setdefault(key, []).append(fmean(all_))
    return sum_up(units.values())
