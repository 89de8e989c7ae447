"""Drafts: load, save and remove single entities, load other states, discard, restore, rebase, say who is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from greenroom.domain.entities import parse_address
from greenroom.sdk.exchange import Call, as_model, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.drafts import (
    DiscardedOut,
    DiscardIn,
    DiscardOut,
    DraftOut,
    LoadedOut,
    LoadIn,
    PresenceIn,
    PresenceOut,
    RebaseIn,
    RebaseOut,
    ResolutionIn,
    RestoreIn,
    SavedOut,
)
from greenroom.wire.model import Page


def _path(project: str, environment: str, *rest: str) -> str:
    return path_of("projects", project, "environments", environment, "draft", *rest)


def _entity_path(project: str, environment: str, address: str) -> str:
    at = parse_address(address)
    return _path(project, environment, at.kind, at.slug)


def _if_match(revision: str | None) -> dict[str, str]:
    return {"If-Match": revision if revision == "*" else f'"{revision}"'} if revision is not None else {}


class Drafts(Noun[S_co]):
    """The working state of an environment: the caller's own, or the one that all its editors share."""

    @Verb
    def load(self, project: str, environment: str) -> Call[DraftOut]:
        """Loads the caller's draft; one that was never begun is empty."""
        return read_call(as_model(DraftOut), _path(project, environment))

    @Verb
    def save(
        self, project: str, environment: str, address: str, body: Mapping[str, Any], *, if_match: str | None
    ) -> Call[SavedOut]:
        """Saves one entity; `if_match` is the revision that was read, `*` to create."""
        path = _entity_path(project, environment, address)
        return write_call("PUT", as_model(SavedOut), path, body=body, headers=_if_match(if_match))

    @Verb
    def remove(self, project: str, environment: str, address: str, *, if_match: str | None) -> Call[SavedOut]:
        """Removes one entity; `if_match` is the revision that was read."""
        path = _entity_path(project, environment, address)
        return write_call("DELETE", as_model(SavedOut), path, headers=_if_match(if_match))

    @Verb
    def discard(self, project: str, environment: str, *, revision: int) -> Call[DiscardOut]:
        """Discards the draft whose revision the caller saw. What it held is kept, out of sight."""
        body = fill(DiscardIn, revision=revision)
        return write_call("POST", as_model(DiscardOut), _path(project, environment, "discard"), body=body)

    @ListVerb
    def list_discarded(
        self, project: str, environment: str, *, cursor: str | None = None, limit: int | None = None
    ) -> Call[Page[DiscardedOut]]:
        """Lists the drafts that were discarded in the last 30 days, last discarded first."""
        path = _path(project, environment, "discarded")
        return read_call(as_model(Page[DiscardedOut]), path, {"cursor": cursor, "limit": limit})

    @Verb
    def restore(
        self, project: str, environment: str, discarded: str, *, revision: int | None = None
    ) -> Call[LoadedOut]:
        """Brings a discarded draft's changes back, if the present draft changes other things."""
        body = fill(RestoreIn, discarded_id=discarded, revision=revision)
        return write_call("POST", as_model(LoadedOut), _path(project, environment, "restore"), body=body)

    @Verb
    def load_ref(
        self, project: str, environment: str, ref: str, *, revision: int, only: Sequence[str] = ()
    ) -> Call[LoadedOut]:
        """Makes the draft what a ref holds, or takes the entities `only` from there; `revision` is the draft's."""
        body = fill(LoadIn, ref=ref, only=[*only] or None, revision=revision)
        return write_call("POST", as_model(LoadedOut), _path(project, environment, "load"), body=body)

    @Verb
    def announce(self, project: str, environment: str, *, entity: str | None = None) -> Call[PresenceOut]:
        """Says that the caller is editing, for a minute, and returns everybody who is."""
        body = fill(PresenceIn, entity=entity)
        return write_call("POST", as_model(PresenceOut), _path(project, environment, "presence"), body=body)

    @Verb
    def rebase(
        self,
        project: str,
        environment: str,
        *,
        resolutions: Sequence[ResolutionIn] = (),
        taken_back: str | None = None,
        revision: int | None = None,
    ) -> Call[RebaseOut]:
        """Brings the draft onto what its environment serves now; `revision` is what the caller saw of it."""
        body = fill(RebaseIn, resolutions=[*resolutions] or None, taken_back=taken_back, revision=revision)
        return write_call("POST", as_model(RebaseOut), _path(project, environment, "rebase"), body=body)
