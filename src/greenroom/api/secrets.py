"""Secrets on the network."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Path
from starlette.responses import Response

from greenroom.api.asking import AliasPath, Given, ProjectPath, reply
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut_page, make_cursor, read_text_cursor
from greenroom.domain.secrets import Secret
from greenroom.services.resealing import Rotation
from greenroom.wire.model import Page
from greenroom.wire.secrets import OverrideOut, RotatedOut, SecretIn, SecretOut

NOUN: Final = Noun("secrets")
NamePath = Annotated[str, Path(min_length=1, max_length=80, description="Name of the secret, such as BOOKING_KEY.")]
SidePath = Annotated[str, Path(min_length=1, max_length=20, description="live (its traffic) or draft (its tests).")]


@NOUN.verb("GET", "/projects/{project}/secrets", "list", Page[SecretOut])
async def list_(ask: Given, project: ProjectPath, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Response:
    """Lists secrets by name and where each has a value; never a value."""
    found = await ask.desk.secrets.list(ask.call, project)
    return reply(cut_page("secrets", found, cursor, limit, lambda secret: secret.name, secret_out))


@NOUN.verb("PUT", "/projects/{project}/secrets/{name}", "set", SecretOut)
async def set_(ask: Given, project: ProjectPath, name: NamePath, body: SecretIn) -> Response:
    """Sets a secret's value for the whole project."""
    return await ask.write(lambda call: ask.desk.secrets.set(call, project, name, body.value), secret_out, private=True)


@NOUN.verb("DELETE", "/projects/{project}/secrets/{name}", "unset", None, 204)
async def unset(ask: Given, project: ProjectPath, name: NamePath) -> Response:
    """Removes a secret with all its overrides."""
    return await ask.write(lambda call: ask.desk.secrets.unset(call, project, name), lambda _: None, status=204)


@NOUN.verb("PUT", "/projects/{project}/secrets/{name}/overrides/{alias}/{side}", "override", SecretOut)
async def override(
    ask: Given, project: ProjectPath, name: NamePath, alias: AliasPath, side: SidePath, body: SecretIn
) -> Response:
    """Sets another value for one environment's traffic, or for tests of its drafts."""
    return await ask.write(
        lambda call: ask.desk.secrets.set(call, project, name, body.value, alias, side), secret_out, private=True
    )


@NOUN.verb("DELETE", "/projects/{project}/secrets/{name}/overrides/{alias}/{side}", "restore", None, 204)
async def restore(ask: Given, project: ProjectPath, name: NamePath, alias: AliasPath, side: SidePath) -> Response:
    """Removes an override: the project's value holds there again."""
    return await ask.write(
        lambda call: ask.desk.secrets.unset(call, project, name, alias, side), lambda _: None, status=204
    )


@NOUN.verb("POST", "/projects/{project}/secrets/rotate", "rotate", RotatedOut)
async def rotate(ask: Given, project: ProjectPath, cursor: Cursor = None) -> Response:
    """Seals a portion of all that is sealed anew with the server's present key; repeat with `next_cursor`."""
    place = read_text_cursor("rotation", cursor)
    return await ask.write(lambda call: ask.desk.secrets.rotate(call, project, place), rotated_out)


def rotated_out(done: Rotation) -> RotatedOut:
    """Returns a portion of a rotation as it is sent."""
    anew = done.anew
    following = None if done.cursor is None else make_cursor("rotation", done.cursor)
    return RotatedOut(
        rotated=anew.get("values", 0),
        turns=anew.get("turns", 0),
        users=anew.get("users", 0),
        conversations=anew.get("conversations", 0),
        unopened=done.unopened,
        next_cursor=following,
    )


def secret_out(secret: Secret) -> SecretOut:
    """Returns a secret as it is sent."""
    overrides = [
        OverrideOut(environment=each.alias, side=each.side, set_at=each.set_at, set_by=each.set_by)
        for each in secret.overrides
    ]
    return SecretOut(name=secret.name, set_at=secret.set_at, set_by=secret.set_by, overrides=overrides)
