"""Merges: one environment's work brought into another, also as a preview."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from greenroom.sdk.exchange import Call, Reply, as_model, fill, path_of, write_call
from greenroom.sdk.verb import Noun, S_co, Verb
from greenroom.wire.drafts import ResolutionIn
from greenroom.wire.merges import MergeIn, MergeOut, MergePlanOut


class Merges(Noun[S_co]):
    """Merging environments. `ours` is the target, `theirs` the source."""

    @Verb
    def make(
        self,
        project: str,
        source: str,
        target: str,
        *,
        note: str,
        details: str | None = None,
        strategy: str | None = None,
        resolutions: Sequence[ResolutionIn] = (),
        delete_source: bool | None = None,
        expected_seq: int | None = None,
        expected_source_seq: int | None = None,
        confirm: str | None = None,
        acknowledged: Sequence[str] = (),
        in_flight: str | None = None,
        drain_until: datetime | str | None = None,
        dry_run: bool = False,
    ) -> Call[MergeOut | MergePlanOut]:
        """Merges `source` into `target`; `confirm` is the digest that a preview (`dry_run`) showed."""
        body = fill(
            MergeIn,
            source=source,
            target=target,
            note=note,
            details=details,
            strategy=strategy,
            resolutions=[*resolutions] or None,
            delete_source=delete_source,
            expected_seq=expected_seq,
            expected_source_seq=expected_source_seq,
            confirm={"digest": confirm} if confirm is not None else None,
            acknowledged=[*acknowledged] or None,
            in_flight=in_flight,
            drain_until=drain_until,
        )
        read: Callable[[Reply], MergeOut | MergePlanOut] = as_model(MergePlanOut) if dry_run else as_model(MergeOut)
        path = path_of("projects", project, "merges")
        return write_call("POST", read, path, body=body, query={"dry_run": dry_run})
