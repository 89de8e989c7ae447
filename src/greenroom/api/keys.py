"""API keys on the network, and who the caller is."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from greenroom.api.asking import Given, IdPath, reply
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut_page
from greenroom.domain.access import PERMISSIONS, ApiKey, Principal, may
from greenroom.services.keys import NewKey
from greenroom.wire.history import ApiKeyIn, ApiKeyOut, MeOut, NewApiKeyOut
from greenroom.wire.model import Page

NOUN: Final = Noun("keys")
ME_NOUN: Final = Noun("me")


@NOUN.verb("POST", "/api-keys", "create", NewApiKeyOut, 201)
async def create(ask: Given, body: ApiKeyIn) -> Response:
    """Makes an API key, a person of its own; this answer is the only place where the key is shown."""
    return await ask.write(
        lambda call: ask.desk.keys.create(call, body.name, body.role),
        new_key_out,
        status=201,
        secret=True,
        moves=True,
    )


@NOUN.verb("GET", "/api-keys", "list", Page[ApiKeyOut])
async def list_(ask: Given, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Response:
    """Lists API keys, revoked ones too, without the keys themselves."""
    found = await ask.desk.keys.list(ask.call)
    return reply(cut_page("keys", found, cursor, limit, lambda key: key.id, key_out))


@NOUN.verb("DELETE", "/api-keys/{id}", "revoke", None, 204)
async def revoke(ask: Given, id: IdPath) -> Response:  # noqa: A002 - the API's word
    """Ends an API key, at once and for ever."""
    return await ask.write(lambda call: ask.desk.keys.revoke(call, id), lambda _: None, status=204, moves=True)


@ME_NOUN.verb("GET", "/me", "load", MeOut)
async def me(ask: Given) -> Response:
    """Says who the caller is and what they may do."""
    return reply(me_out(ask.call.principal))


def key_out(key: ApiKey) -> ApiKeyOut:
    """Returns a key's record as it is sent."""
    return ApiKeyOut(
        id=key.id, name=key.name, role=key.role, created_at=key.created_at, revoked=key.revoked_at is not None
    )


def new_key_out(new: NewKey) -> NewApiKeyOut:
    """Returns a key that was just made as it is sent."""
    return NewApiKeyOut(**key_out(new.record).model_dump(), key=new.key)


def me_out(principal: Principal) -> MeOut:
    """Returns who somebody is as it is sent."""
    return MeOut(
        id=principal.id,
        name=principal.name,
        role=principal.role,
        workspace=principal.workspace,
        permissions=[permission for permission in PERMISSIONS if may(principal, permission)],
    )
