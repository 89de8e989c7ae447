"""Erasure on the network: of one conversation, or of all that a person said."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from greenroom.api.asking import Given, IdPath, ProjectPath
from greenroom.api.nouns import Noun
from greenroom.domain.conversations import Conversation
from greenroom.services.erasures import Erasure
from greenroom.wire.transcripts import ErasedOut, ErasureIn, ErasureOut

NOUN: Final = Noun("erasures")


@NOUN.verb("POST", "/conversations/{id}/erase", "erase", ErasedOut)
async def erase(ask: Given, id: IdPath) -> Response:  # noqa: A002 - the API's word
    """Erases what was said in a conversation, for ever; it ends if it goes on."""
    return await ask.write(lambda call: ask.desk.erasures.erase(call, id), erased_out)


@NOUN.verb("POST", "/projects/{project}/erasures", "erase_person", ErasureOut)
async def erase_person(ask: Given, project: ProjectPath, body: ErasureIn) -> Response:
    """Erases for ever all conversations of a user or caller, and what is kept of the user."""
    return await ask.write(
        lambda call: ask.desk.erasures.erase_person(call, project, user_id=body.user_id, caller=body.caller),
        erasure_out,
    )


def erased_out(conversation: Conversation) -> ErasedOut:
    """Returns an erased conversation as it is sent."""
    assert conversation.erased_at is not None, "it was just erased"
    return ErasedOut(id=conversation.id, turns=conversation.turns, erased_at=conversation.erased_at)


def erasure_out(done: Erasure) -> ErasureOut:
    """Returns the erasure of a person as it is sent."""
    return ErasureOut(conversations=done.conversations, user=done.user)
