"""What is counted of conversations, by the database: a hundred thousand of them never leave it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from greenroom.domain.conversations import Outcome
from greenroom.domain.ids import ProjectId
from greenroom.domain.intervals import UnitSums
from greenroom.domain.results import ArmScope, ArmSums, Latency, OutcomeCount, ScoreCount, Scores, Slice


class Measuring(Protocol):
    """Counts of public conversations; tests and replays are never among them.

    `bucket_seconds` cuts time into buckets of that length since 1970 in UTC; None leaves it whole.
    """

    def count_outcomes(
        self, project: ProjectId, where: Slice, bucket_seconds: int | None = None
    ) -> Sequence[OutcomeCount]: ...

    def count_scores(
        self, project: ProjectId, where: Slice, scores: Scores, bucket_seconds: int | None = None
    ) -> Sequence[ScoreCount]:
        """Counts scored conversations; one that was scored more than once counts with its mean."""
        ...

    def sum_arms(
        self, project: ProjectId, where: Slice, arms: Sequence[ArmScope], measures: Sequence[Outcome | None]
    ) -> Sequence[Sequence[ArmSums]]:
        """Sums each arm by traffic key, for each measure: whether a conversation that is over came to an outcome, or
        its turns (None). Costs as much as one of them.

        No conversation may be in two arms. A traffic key that was erased counts for itself.
        """
        ...

    def sum_scores(
        self, project: ProjectId, where: Slice, arms: Sequence[ArmScope], scores: Scores
    ) -> Sequence[UnitSums]:
        """Sums each arm's scores by traffic key."""
        ...

    def list_latencies(self, project: ProjectId, where: Slice, limit: int) -> Sequence[Latency]:
        """Returns how long turns took that the version a conversation began with answered, latest conversation first.

        Greetings are not among them. Costs as much as reading so many turns.
        """
        ...
