"""Releases: publish, promote, roll back, each also as a dry run that returns the plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from greenroom.sdk.exchange import Call, Reply, as_model, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.drafts import ResolutionIn
from greenroom.wire.model import Out, Page
from greenroom.wire.releases import PlanOut, PromoteIn, PublishIn, PublishOut, ReleaseOut, RollbackIn

M = TypeVar("M", bound=Out)


def _done_or_planned(done: type[M], dry_run: bool) -> Callable[[Reply], M | PlanOut]:
    return as_model(PlanOut) if dry_run else as_model(done)


class Releases(Noun[S_co]):
    """Changes of what an environment serves.

    `expected_seq` is the environment's `seq` that the caller saw; `confirm` restates the subject where the
    environment is public. Both are the caller's to give: no client fills them in.
    """

    @ListVerb
    def list(
        self, project: str, environment: str, *, cursor: str | None = None, limit: int | None = None
    ) -> Call[Page[ReleaseOut]]:
        """Lists an environment's releases, newest first."""
        path = path_of("projects", project, "environments", environment, "releases")
        return read_call(as_model(Page[ReleaseOut]), path, {"cursor": cursor, "limit": limit})

    @Verb
    def publish(
        self,
        project: str,
        environment: str,
        *,
        note: str,
        details: str | None = None,
        release: bool | None = None,
        expected_seq: int | None = None,
        confirm: str | None = None,
        resolutions: Sequence[ResolutionIn] = (),
        taken_back: str | None = None,
        acknowledged: Sequence[str] = (),
        in_flight: str | None = None,
        drain_until: datetime | str | None = None,
        revision: int | None = None,
        dry_run: bool = False,
    ) -> Call[PublishOut | PlanOut]:
        """Publishes the caller's draft; `confirm` is the digest that was reviewed, `revision` the draft's."""
        body = fill(
            PublishIn,
            note=note,
            details=details,
            release=release,
            expected_seq=expected_seq,
            confirm={"digest": confirm} if confirm is not None else None,
            resolutions=[*resolutions] or None,
            taken_back=taken_back,
            acknowledged=[*acknowledged] or None,
            in_flight=in_flight,
            drain_until=drain_until,
            revision=revision,
        )
        path = path_of("projects", project, "environments", environment, "publish")
        read = _done_or_planned(PublishOut, dry_run)
        return write_call("POST", read, path, body=body, query={"dry_run": dry_run})

    @Verb
    def promote(
        self,
        project: str,
        environment: str,
        version: int,
        *,
        expected_seq: int | None = None,
        confirm: int | None = None,
        note: str | None = None,
        hotfix: str | None = None,
        acknowledged: Sequence[str] = (),
        in_flight: str | None = None,
        drain_until: datetime | str | None = None,
        dry_run: bool = False,
    ) -> Call[ReleaseOut | PlanOut]:
        """Releases an existing version; `confirm` restates it, `hotfix` says why a step is skipped."""
        body = fill(
            PromoteIn,
            version=version,
            expected_seq=expected_seq,
            confirm={"version": confirm} if confirm is not None else None,
            note=note,
            hotfix={"reason": hotfix} if hotfix is not None else None,
            acknowledged=[*acknowledged] or None,
            in_flight=in_flight,
            drain_until=drain_until,
        )
        path = path_of("projects", project, "environments", environment, "promote")
        read = _done_or_planned(ReleaseOut, dry_run)
        return write_call("POST", read, path, body=body, query={"dry_run": dry_run})

    @Verb
    def roll_back(
        self,
        project: str,
        environment: str,
        *,
        reason: str,
        to: int | None = None,
        expected_seq: int | None = None,
        in_flight: str | None = None,
        drain_until: datetime | str | None = None,
        dry_run: bool = False,
    ) -> Call[ReleaseOut | PlanOut]:
        """Goes back to `to`, or, given `expected_seq`, to what was served beneath."""
        body = fill(
            RollbackIn,
            reason=reason,
            to=to,
            expected_seq=expected_seq,
            in_flight=in_flight,
            drain_until=drain_until,
        )
        path = path_of("projects", project, "environments", environment, "rollback")
        read = _done_or_planned(ReleaseOut, dry_run)
        return write_call("POST", read, path, body=body, query={"dry_run": dry_run})
