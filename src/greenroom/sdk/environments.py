"""Environments: made, cloned, changed, deleted; what each serves, and what a rollback would bring back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from greenroom.sdk.exchange import Call, as_model, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.environments import (
    AliasOut,
    CreatedOut,
    DeletionOut,
    EnvironmentChangeIn,
    EnvironmentIn,
    EnvironmentOut,
)
from greenroom.wire.model import Page


class Environments(Noun[S_co]):
    """The environments of a project."""

    @ListVerb
    def list(self, project: str, *, cursor: str | None = None, limit: int | None = None) -> Call[Page[EnvironmentOut]]:
        """Lists environments by position."""
        query = {"cursor": cursor, "limit": limit}
        return read_call(as_model(Page[EnvironmentOut]), path_of("projects", project, "environments"), query)

    @Verb
    def load(self, project: str, environment: str) -> Call[EnvironmentOut]:
        """Loads one environment by alias."""
        return read_call(as_model(EnvironmentOut), path_of("projects", project, "environments", environment))

    @Verb
    def create(
        self,
        project: str,
        name: str,
        *,
        alias: str | None = None,
        clone_from: str | None = None,
        include_draft: bool | None = None,
        editable: bool | None = None,
        internal: bool | None = None,
        promotes_from: str | None = None,
        draft_mode: str | None = None,
    ) -> Call[CreatedOut]:
        """Makes an environment: empty, or a clone of a ref that names a version."""
        body = fill(
            EnvironmentIn,
            name=name,
            alias=alias,
            clone_from=clone_from,
            include_draft=include_draft,
            editable=editable,
            internal=internal,
            promotes_from=promotes_from,
            draft_mode=draft_mode,
        )
        return write_call("POST", as_model(CreatedOut), path_of("projects", project, "environments"), body=body)

    @Verb
    def change(
        self,
        project: str,
        environment: str,
        *,
        if_match: str | None,
        name: str | None = None,
        add_alias: str | None = None,
        draft_mode: str | None = None,
        editable: bool | None = None,
        internal: bool | None = None,
        promotes_from: str | None = None,
    ) -> Call[EnvironmentOut]:
        """Changes settings; `if_match` is the `revision` that was read."""
        body = fill(
            EnvironmentChangeIn,
            name=name,
            add_alias=add_alias,
            draft_mode=draft_mode,
            editable=editable,
            internal=internal,
            promotes_from=promotes_from,
        )
        headers = {"If-Match": f'"{if_match}"'} if if_match is not None else {}
        path = path_of("projects", project, "environments", environment)
        return write_call("PATCH", as_model(EnvironmentOut), path, body=body, headers=headers)

    @Verb
    def delete(
        self,
        project: str,
        environment: str,
        *,
        expected_seq: int | None = None,
        move_to: str | None = None,
        confirm: int | None = None,
        in_flight: str | None = None,
        drain_until: datetime | str | None = None,
        acknowledged: Sequence[str] = (),
        dry_run: bool = False,
    ) -> Call[DeletionOut]:
        """Deletes an environment; `confirm` is the version that `move_to` serves, where the public will hear it."""
        query = {
            "expected_seq": expected_seq,
            "move_to": move_to,
            "confirm": confirm,
            "in_flight": in_flight,
            "drain_until": drain_until.isoformat() if isinstance(drain_until, datetime) else drain_until,
            "acknowledged": [*acknowledged] or None,
            "dry_run": dry_run,
        }
        path = path_of("projects", project, "environments", environment)
        return write_call("DELETE", as_model(DeletionOut), path, query=query)

    @ListVerb
    def list_aliases(
        self, project: str, *, cursor: str | None = None, limit: int | None = None
    ) -> Call[Page[AliasOut]]:
        """Lists every alias that answers, and who still calls deprecated ones."""
        query = {"cursor": cursor, "limit": limit}
        return read_call(as_model(Page[AliasOut]), path_of("projects", project, "aliases"), query)
