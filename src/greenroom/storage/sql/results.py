"""Counting conversations, on either database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Float, and_, bindparam, case, exists, func, literal, not_, or_, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from greenroom.domain.conversations import OUTCOMES, Outcome
from greenroom.domain.ids import ProjectId
from greenroom.domain.intervals import UnitSums
from greenroom.domain.results import (
    ArmScope,
    ArmSums,
    Group,
    Latency,
    OutcomeCount,
    ScoreCount,
    Scores,
    Slice,
    settle,
)
from greenroom.storage.packing import pack, unpack
from greenroom.storage.sql import rows as r
from greenroom.storage.sql import tables as t
from greenroom.storage.sql.work import WORKSPACE, Work

c, turn, rec, rel = t.conversations.c, t.turns.c, t.records.c, t.releases.c

_KEY = case((c.sticky_key == "", c.id), else_=c.sticky_key)
_TURNS = case((c.turns > 0, c.turns - 1), else_=0)
_MOVING = (
    select(func.min(rel.at).label("first"))
    .join(t.environments, and_(t.environments.c.workspace == rel.workspace, t.environments.c.id == rel.environment))
    .where(
        rel.workspace == WORKSPACE,
        t.environments.c.project == bindparam("w_project"),
        rel.policy != "finish",
        rel.at >= bindparam("w_since"),
    )
)
_MOVABLE = exists().where(
    rel.workspace == WORKSPACE,
    rel.environment == c.environment,
    rel.seq > c.started_seq,
    rel.policy != "finish",
    rel.at <= c.last_at,
)
_ANSWERED_ELSEWHERE = exists().where(
    turn.workspace == WORKSPACE, turn.conversation == c.id, turn.version != c.started_version
)


class _Score(FunctionElement[float]):
    """The number `score` in a record's body."""

    type = Float()
    inherit_cache = True


@compiles(_Score, "sqlite")
def _score_in_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_extract({compiler.process(element.clauses, **options)}, '$.score')"


@compiles(_Score, "postgresql")
def _score_in_postgres(element: Any, compiler: Any, **options: Any) -> str:
    # Not as JSON, of which PostgreSQL reads nothing where any text holds an escaped U+0000. In canonical JSON a quote
    # inside a text is escaped, so that this finds a name and never what somebody wrote.
    body = compiler.process(element.clauses, **options)
    return f"CAST(substring({body} from '\"score\":([-+.0-9eE]+)') AS double precision)"


_SCORE = _Score(rec.body)
_SHARE = case(
    (rec.body.contains('"scale":"stars"', autoescape=True), (_SCORE - 1.0) / 4.0),
    (rec.body.contains('"scale":"thumbs"', autoescape=True), (_SCORE + 1.0) / 2.0),
    else_=_SCORE * 1.0,
)


class ResultReading:
    """The part of `ports.Reading` that counts conversations."""

    _work: Work

    def count_outcomes(
        self, project: ProjectId, where: Slice, bucket_seconds: int | None = None
    ) -> Sequence[OutcomeCount]:
        by = [*_group(bucket_seconds), c.outcome, _over(where).label("over")]
        counted = [
            func.count().label("found"),
            func.sum(self._moved(project, where)).label("moved"),
            func.sum(_TURNS).label("turned"),
        ]
        query = _narrow(select(*by, *counted), where).group_by(*by).order_by(*by)
        return tuple(
            OutcomeCount(
                _read_group(row),
                row["outcome"],
                bool(row["over"]),
                int(row["found"]),
                int(row["moved"]),
                int(row["turned"]),
            )
            for row in self._work.all(query, w_project=project)
        )

    def count_scores(
        self, project: ProjectId, where: Slice, scores: Scores, bucket_seconds: int | None = None
    ) -> Sequence[ScoreCount]:
        group = _group(bucket_seconds)
        each = _scored(group, where, scores).subquery()
        by = [each.c[column.name] for column in group]
        query = select(*by, func.count().label("found"), func.sum(each.c.value).label("total"))
        rows = self._work.all(query.group_by(*by).order_by(*by), w_project=project)
        return tuple(ScoreCount(_read_group(row), int(row["found"]), float(row["total"])) for row in rows)

    def sum_arms(
        self, project: ProjectId, where: Slice, arms: Sequence[ArmScope], measures: Sequence[Outcome | None]
    ) -> Sequence[Sequence[ArmSums]]:
        over = _over(where)
        facts = (
            _arm(arms).label("arm"),
            _KEY.label("key"),
            over.label("n"),
            *((_value(measure) * over).label(f"y{number}") for number, measure in enumerate(measures)),
            self._moved(project, where).label("moved"),
        )
        each = _narrow(select(*facts), where).where(or_(*map(_in_arm, arms))).subquery()
        counts = (func.count().label("found"), func.sum(each.c.moved).label("moved"))
        query = _by_unit(each, len(measures), *counts)
        found = {row["arm"]: row for row in self._work.all(query, w_project=project)}

        def read(arm: int, measure: int) -> ArmSums:
            row = found.get(arm)
            if row is None:
                return ArmSums()
            return ArmSums(int(row["found"]), int(row["keys"]), int(row["moved"]), _read_sums(row, measure))

        return tuple(tuple(read(arm, each) for arm in range(len(arms))) for each in range(len(measures)))

    def sum_scores(
        self, project: ProjectId, where: Slice, arms: Sequence[ArmScope], scores: Scores
    ) -> Sequence[UnitSums]:
        facts = [_arm(arms).label("arm"), _KEY.label("key"), literal(1).label("n")]
        scored = _scored(facts, where, scores).where(or_(*map(_in_arm, arms))).subquery()
        each = select(scored.c.arm, scored.c.key, scored.c.n, scored.c.value.label("y0")).subquery()
        found = {row["arm"]: row for row in self._work.all(_by_unit(each, 1), w_project=project)}
        return tuple(_read_sums(found[number]) if number in found else UnitSums() for number in range(len(arms)))

    def list_latencies(self, project: ProjectId, where: Slice, limit: int) -> Sequence[Latency]:
        facts = select(*_group(None), c.id, _KEY.label("key"), turn.content)
        taken = and_(
            turn.workspace == WORKSPACE,
            turn.conversation == c.id,
            turn.position > 0,
            turn.version == c.started_version,
        )
        query = (
            _narrow(facts, where).join(t.turns, taken).order_by(c.started_at.desc(), c.id.desc(), turn.position.desc())
        )
        found: list[Latency] = []
        for row in self._work.all(query.limit(max(limit, 0)), w_project=project):
            ms = unpack(row["content"])["trace"].get("latency_ms", {}).get("total")
            if isinstance(ms, int | float):
                found.append(Latency(_read_group(row), row["id"], row["key"], float(ms)))
        return tuple(found)

    def _moved(self, project: ProjectId, where: Slice) -> ColumnElement[int]:
        """Returns whether a conversation was moved; few releases move any, which spares most of the looking."""
        row = self._work.first(_MOVING, w_project=project, w_since=r.to_us(where.since))
        if row is None or row["first"] is None:
            return literal(0)
        moved = and_(c.last_at >= row["first"], c.ref.is_(None), _MOVABLE, _ANSWERED_ELSEWHERE)
        return case((moved, 1), else_=0)


def _value(measure: Outcome | None) -> ColumnElement[int]:
    """Returns what a measure sees in a conversation: its turns, or 1 where it came to the outcome."""
    if measure is None:
        return _TURNS
    alike = [name for name in OUTCOMES if settle(name, over=True) == measure]
    return case((c.outcome.in_(alike), 1), else_=0)


def _by_unit(each: Any, measures: int, *counts: ColumnElement[int]) -> Any:
    """Returns the SELECT that sums rows of (arm, key, n, y0, y1, …) by key, and those by arm."""
    ys = [f"y{number}" for number in range(measures)]
    summed = [func.sum(each.c[name]).label(name) for name in ("n", *ys)]
    unit = select(each.c.arm, *counts, *summed).group_by(each.c.arm, each.c.key).subquery()
    n = unit.c.n * 1.0
    sums = [
        func.sum(case((unit.c.n > 0, 1), else_=0)).label("units"),
        func.sum(n).label("count"),
        func.sum(n * n).label("count_squares"),
    ]
    for name in ys:
        y = unit.c[name] * 1.0
        sums += [
            func.sum(y).label(f"{name}_total"),
            func.sum(y * y).label(f"{name}_squares"),
            func.sum(n * y).label(f"{name}_cross"),
        ]
    kept = [func.sum(unit.c[count.name]).label(count.name) for count in counts]
    return select(unit.c.arm, func.count().label("keys"), *kept, *sums).group_by(unit.c.arm)


def _read_sums(row: r.Row, measure: int = 0) -> UnitSums:
    total, squares, cross = (float(row[f"y{measure}_{name}"]) for name in ("total", "squares", "cross"))
    return UnitSums(int(row["units"]), float(row["count"]), total, squares, cross, float(row["count_squares"]))


def _in_arm(arm: ArmScope) -> ColumnElement[bool]:
    parts = [] if arm.environment is None else [c.environment == arm.environment]
    if arm.version is not None:
        parts.append(c.started_version == arm.version)
    return and_(true(), *parts)


def _arm(arms: Sequence[ArmScope]) -> ColumnElement[int]:
    return case(*((_in_arm(arm), literal(number)) for number, arm in enumerate(arms)))


def _group(bucket_seconds: int | None) -> list[ColumnElement[Any]]:
    group: list[ColumnElement[Any]] = [c.environment, c.started_version, c.channel]
    if bucket_seconds is not None:
        width = literal(bucket_seconds * 1_000_000, literal_execute=True)
        # Whole numbers divide to whole numbers on both databases; these are never negative.
        group.append((c.started_at - c.started_at % width).label("bucket"))
    return group


def _read_group(row: r.Row) -> Group:
    bucket = row.get("bucket")
    at = None if bucket is None else r.from_us(int(bucket))
    return Group(row["environment"], row["started_version"], row["channel"], at)


def _over(where: Slice) -> ColumnElement[int]:
    idle = [and_(c.channel == channel, c.last_at < r.to_us(at)) for channel, at in where.idle_before.items()]
    closed = [c.environment.in_(sorted(where.closed))] if where.closed else []
    return case((or_(c.ended_at.is_not(None), *idle, *closed), 1), else_=0)


def _narrow(query: Any, where: Slice) -> Any:
    """Returns a SELECT over the conversations of a slice. (Its type names every column, so no signature holds it.)"""
    query = query.select_from(t.conversations).where(
        c.workspace == WORKSPACE,
        c.project == bindparam("w_project"),
        c.origin == "public",
        c.started_at >= r.to_us(where.since),
        c.started_at < r.to_us(where.until),
    )
    if where.environment is not None:
        query = query.where(c.environment == where.environment)
    if where.version is not None:
        query = query.where(c.started_version == where.version)
    if where.channel is not None:
        query = query.where(c.channel == where.channel)
    if where.entry is not None:
        query = query.where(_came_by(where.entry))
    for entry in where.without:
        query = query.where(not_(_came_by(entry)))
    return query


def _came_by(entry: str) -> ColumnElement[bool]:
    return c.entry.contains(f'"by":{pack(entry).decode()}', autoescape=True)


def _scored(facts: Sequence[ColumnElement[Any]], where: Slice, scores: Scores) -> Any:
    """Returns the SELECT of facts of scored conversations and the `value` of each, the mean where there are several."""
    whose = rec.owner if scores.owner is None else func.substr(rec.key, len(scores.owner) + 2)
    mine = [
        rec.workspace == WORKSPACE,
        rec.project == bindparam("w_project"),
        rec.noun == scores.noun,
        whose == c.id,
        _SCORE.is_not(None),
    ]
    if scores.owner is not None:
        # One record for each conversation: nothing to take a mean of. The key is said both ways round, so that an index
        # leads from either table to the other: without statistics, SQLite may begin with the one or the other.
        mine += [rec.owner == scores.owner, rec.key == literal(f"{scores.owner}/").concat(c.id)]
        return _narrow(select(*facts, _SHARE.label("value")), where).join(t.records, and_(*mine))
    query = _narrow(select(*facts, func.avg(_SHARE).label("value")), where).join(t.records, and_(*mine))
    return query.group_by(c.environment, c.started_version, c.channel, c.started_at, c.sticky_key, c.id)
