"""Checkpoints on the network: a draft saved under a name without publishing, and loaded back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import Path
from starlette.responses import Response

from greenroom.api.asking import AliasPath, Given, ProjectPath, reply
from greenroom.api.drafts import loaded_out
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, page_of, read_text_cursor
from greenroom.domain.checkpoints import Checkpoint
from greenroom.wire.checkpoints import CheckpointIn, CheckpointLoadIn, CheckpointOut
from greenroom.wire.drafts import LoadedOut
from greenroom.wire.model import Page

NOUN: Final = Noun("checkpoints")
_CHECKPOINTS = "/projects/{project}/environments/{alias}/draft/checkpoints"
CheckpointPath = Annotated[str, Path(min_length=1, max_length=80, description="The checkpoint's id.")]


@NOUN.verb("POST", _CHECKPOINTS, "save", CheckpointOut, 201)
async def save(ask: Given, project: ProjectPath, alias: AliasPath, body: CheckpointIn) -> Response:
    """Keeps what the draft changes under a name; nothing is published, and the draft stays as it is."""
    names = await ask.desk.history.load_names(ask.call)
    return await ask.write(
        lambda call: ask.desk.checkpoints.save(call, project, alias, body.name, body.revision),
        lambda made: checkpoint_out(made, names),
        status=201,
    )


@NOUN.verb("GET", _CHECKPOINTS, "list", Page[CheckpointOut])
async def list_(
    ask: Given, project: ProjectPath, alias: AliasPath, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Response:
    """Lists the checkpoints of the draft that the caller edits, newest first."""
    before = read_text_cursor("checkpoints", cursor)
    found = await ask.desk.checkpoints.list(ask.call, project, alias, before, limit + 1)
    names = await ask.desk.history.load_names(ask.call)
    return reply(page_of("checkpoints", found, limit, lambda c: c.id, lambda c: checkpoint_out(c, names)))


@NOUN.verb("POST", _CHECKPOINTS + "/{checkpoint}/load", "load", LoadedOut)
async def load(
    ask: Given, project: ProjectPath, alias: AliasPath, checkpoint: CheckpointPath, body: CheckpointLoadIn
) -> Response:
    """Makes the draft what a checkpoint holds; a draft with changes that it replaces can be restored."""
    names = await ask.desk.history.load_names(ask.call)
    return await ask.write(
        lambda call: ask.desk.checkpoints.load(call, project, alias, checkpoint, body.revision),
        lambda done: loaded_out(done, names),
    )


@NOUN.verb("DELETE", _CHECKPOINTS + "/{checkpoint}", "remove", None, 204)
async def remove(ask: Given, project: ProjectPath, alias: AliasPath, checkpoint: CheckpointPath) -> Response:
    """Removes a checkpoint; drafts and versions stay as they are."""
    return await ask.write(
        lambda call: ask.desk.checkpoints.remove(call, project, alias, checkpoint), lambda _: None, status=204
    )


def checkpoint_out(found: Checkpoint, names: Mapping[str, str]) -> CheckpointOut:
    """Returns a checkpoint as it is sent."""
    return CheckpointOut(
        id=found.id,
        name=found.name,
        by=found.by,
        by_name=names.get(found.by, ""),
        at=found.at,
        base_version=found.base_version,
        changes=len(found.changes),
        addresses=[str(change.address) for change in found.changes],
        digest=found.digest,
    )
