"""Checkpoints: a draft saved under a name, and loaded back."""

from __future__ import annotations

from greenroom.sdk.exchange import Call, as_model, as_nothing, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.checkpoints import CheckpointIn, CheckpointLoadIn, CheckpointOut
from greenroom.wire.drafts import LoadedOut
from greenroom.wire.model import Page


def _path(project: str, environment: str, *rest: str) -> str:
    return path_of("projects", project, "environments", environment, "draft", "checkpoints", *rest)


class Checkpoints(Noun[S_co]):
    """What a draft held at a moment."""

    @Verb
    def save(self, project: str, environment: str, name: str, *, revision: int | None = None) -> Call[CheckpointOut]:
        """Keeps what the draft changes under a name."""
        body = fill(CheckpointIn, name=name, revision=revision)
        return write_call("POST", as_model(CheckpointOut), _path(project, environment), body=body)

    @ListVerb
    def list(
        self, project: str, environment: str, *, cursor: str | None = None, limit: int | None = None
    ) -> Call[Page[CheckpointOut]]:
        """Lists the draft's checkpoints, newest first."""
        query = {"cursor": cursor, "limit": limit}
        return read_call(as_model(Page[CheckpointOut]), _path(project, environment), query)

    @Verb
    def load(self, project: str, environment: str, checkpoint: str, *, revision: int) -> Call[LoadedOut]:
        """Makes the draft what a checkpoint holds; `revision` is the draft's that the caller saw, 0 for none."""
        body = fill(CheckpointLoadIn, revision=revision)
        path = _path(project, environment, checkpoint, "load")
        return write_call("POST", as_model(LoadedOut), path, body=body)

    @Verb
    def remove(self, project: str, environment: str, checkpoint: str) -> Call[None]:
        """Removes a checkpoint."""
        return write_call("DELETE", as_nothing, _path(project, environment, checkpoint))
