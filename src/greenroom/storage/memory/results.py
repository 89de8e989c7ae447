"""Counting conversations of a memory store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import fmean
from typing import Any

from greenroom.domain.conversations import Conversation, Outcome, Turn
from greenroom.domain.ids import ProjectId
from greenroom.domain.intervals import UnitSums, sum_up
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
from greenroom.storage.memory.tables import Rows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ResultReading:
    """The part of `ports.Reading` that counts conversations."""

    _rows: Rows

    def count_outcomes(
        self, project: ProjectId, where: Slice, bucket_seconds: int | None = None
    ) -> Sequence[OutcomeCount]:
        found: dict[tuple[Group, Outcome, bool], list[int]] = {}
        for each in self._slice(project, where):
            sums = found.setdefault((_group(each, bucket_seconds), each.outcome, _over(each, where)), [0, 0, 0])
            for at, more in enumerate((1, int(self._moved(each)), max(each.turns - 1, 0))):
                sums[at] += more
        return tuple(
            OutcomeCount(*key, *sums) for key, sums in sorted(found.items(), key=lambda one: _order(one[0][0]))
        )

    def count_scores(
        self, project: ProjectId, where: Slice, scores: Scores, bucket_seconds: int | None = None
    ) -> Sequence[ScoreCount]:
        found: dict[Group, list[float]] = {}
        for each, score in self._scored(project, where, scores):
            found.setdefault(_group(each, bucket_seconds), []).append(score)
        return tuple(ScoreCount(group, len(all_), sum(all_)) for group, all_ in sorted(found.items(), key=_first_order))

    def sum_arms(
        self, project: ProjectId, where: Slice, arms: Sequence[ArmScope], measures: Sequence[Outcome | None]
    ) -> Sequence[Sequence[ArmSums]]:
        whole = list(self._slice(project, where))
        each = [[c for c in whole if arm.holds(c.environment, c.started_version)] for arm in arms]
        return tuple(tuple(self._sum_arm(mine, where, measure) for mine in each) for measure in measures)

    def _sum_arm(self, mine: Sequence[Conversation], where: Slice, measure: Outcome | None) -> ArmSums:
        units: dict[str, list[float]] = {}
        for each in mine:
            if _over(each, where):
                hit = settle(each.outcome, over=True) == measure
                value = max(each.turns - 1, 0) if measure is None else int(hit)
                units.setdefault(_key(each), []).append(float(value))
        return ArmSums(len(mine), len(set(map(_key, mine))), sum(map(self._moved, mine)), sum_up(units.values()))

    def sum_scores(
        self, project: ProjectId, where: Slice, arms: Sequence[ArmScope], scores: Scores
    ) -> Sequence[UnitSums]:
        found: list[UnitSums] = []
        for arm in arms:
            units: dict[str, list[float]] = {}
            for each, score in self._scored(project, where, scores):
                if arm.holds(each.environment, each.started_version):
                    units.setdefault(_key(each), []).append(score)
            found.append(sum_up(units.values()))
        return tuple(found)

    def list_latencies(self, project: ProjectId, where: Slice, limit: int) -> Sequence[Latency]:
        found: list[Latency] = []
        seen = 0
        latest = sorted(self._slice(project, where), key=lambda c: (c.started_at, c.id), reverse=True)
        for each in latest:
            for turn in sorted(self._turns(each), key=lambda one: -one.index):
                if turn.index < 1 or turn.version is None or turn.version != each.started_version:
                    continue
                if seen >= limit:
                    return tuple(found)
                seen += 1
                times: Mapping[str, Any] = turn.trace.get("latency_ms", {})
                if isinstance(ms := times.get("total"), int | float):
                    found.append(Latency(_group(each, None), each.id, _key(each), float(ms)))
        return tuple(found)

    def _slice(self, project: ProjectId, where: Slice) -> Iterator[Conversation]:
        for each in self._rows.conversations.rows():
            if (
                each.project == project
                and each.origin == "public"
                and where.since <= each.started_at < where.until
                and where.environment in {None, each.environment}
                and where.version in {None, each.started_version}
                and where.channel in {None, each.channel}
                and where.entry in {None, each.entry.get("by")}
                and each.entry.get("by") not in where.without
            ):
                yield each

    def _scored(self, project: ProjectId, where: Slice, scores: Scores) -> Iterator[tuple[Conversation, float]]:
        by_conversation: dict[str, list[float]] = {}
        for (whose, noun, key), record in self._rows.records.items():
            mine = whose == project and noun == scores.noun and scores.owner in {None, record.owner}
            if mine and "score" in record.body:
                id_ = record.owner if scores.owner is None else key[len(scores.owner) + 1 :]
                by_conversation.setdefault(id_, []).append(_share(record.body))
        for each in self._slice(project, where):
            if each.id in by_conversation:
                yield each, fmean(by_conversation[each.id])

    def _turns(self, conversation: Conversation) -> Iterator[Turn]:
        return (turn for (whose, _), turn in self._rows.turns.items() if whose == conversation.id)

    def _moved(self, conversation: Conversation) -> bool:
        if conversation.pinned or conversation.started_version is None:
            return False
        moves = any(
            where == conversation.environment
            and seq > conversation.started_seq
            and release.in_flight.policy != "finish"
            and release.at <= conversation.last_at
            for (where, seq), release in self._rows.releases.items()
        )
        return moves and any(t.version not in {None, conversation.started_version} for t in self._turns(conversation))


def _group(conversation: Conversation, bucket_seconds: int | None) -> Group:
    at = None
    if bucket_seconds is not None:
        width = timedelta(seconds=bucket_seconds)
        at = conversation.started_at - (conversation.started_at - _EPOCH) % width
    return Group(conversation.environment, conversation.started_version, conversation.channel, at)


def _order(group: Group) -> tuple[str, int, str, datetime]:
    return (group.environment, group.version or 0, group.channel, group.at or _EPOCH)


def _first_order(one: tuple[Group, Any]) -> tuple[str, int, str, datetime]:
    return _order(one[0])


def _over(conversation: Conversation, where: Slice) -> bool:
    idle = where.idle_before.get(conversation.channel)
    closed = conversation.ended_at is not None or conversation.environment in where.closed
    return closed or (idle is not None and conversation.last_at < idle)


def _key(conversation: Conversation) -> str:
    return conversation.sticky_key or conversation.id


def _share(body: Mapping[str, Any]) -> float:
    score = float(body["score"])
    return {"stars": (score - 1) / 4, "thumbs": (score + 1) / 2}.get(body.get("scale", ""), score)
