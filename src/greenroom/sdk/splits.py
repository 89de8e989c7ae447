"""The split: load, plan, set, its history, and why a conversation came in where it did."""

from __future__ import annotations

from collections.abc import Mapping

from greenroom.sdk.exchange import Call, as_model, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.model import Page
from greenroom.wire.splits import SplitChangeOut, SplitIn, SplitOut, SplitPlanOut, WhyOut


class Splits(Noun[S_co]):
    """How a project's default entry shares its traffic out."""

    @Verb
    def load(self, project: str) -> Call[SplitOut]:
        """Loads the split, with all that a decision needs."""
        return read_call(as_model(SplitOut), path_of("projects", project, "split"))

    @Verb
    def set(
        self,
        project: str,
        shares: Mapping[str, float],
        *,
        revision: int | None = None,
        sticky_key: str | None = None,
        note: str | None = None,
        restart: bool = False,
        dry_run: bool = False,
    ) -> Call[SplitOut | SplitPlanOut]:
        """Changes the split: percent by alias, 100 in all. `revision` is the one that was read; None for none yet.

        `restart` draws anew who goes where. A dry run says what would move, whatever the revision.
        """
        wanted = [{"environment": alias, "weight": weight} for alias, weight in shares.items()]
        body = fill(SplitIn, shares=wanted, sticky_key=sticky_key, note=note, restart=restart or None)
        path = path_of("projects", project, "split")
        if dry_run:
            return write_call("PUT", as_model(SplitPlanOut), path, body=body, query={"dry_run": True})
        seen = {"If-Match": f'"{revision}"' if revision else "*"}
        return write_call("PUT", as_model(SplitOut), path, body=body, headers=seen)

    @ListVerb
    def list_changes(
        self, project: str, *, cursor: str | None = None, limit: int | None = None
    ) -> Call[Page[SplitChangeOut]]:
        """Lists the changes of the split, newest first."""
        path = path_of("projects", project, "split", "history")
        return read_call(as_model(Page[SplitChangeOut]), path, {"cursor": cursor, "limit": limit})

    @Verb
    def explain(self, conversation: str) -> Call[WhyOut]:
        """Explains why a conversation came in where it did."""
        return read_call(as_model(WhyOut), path_of("conversations", conversation, "why"))
