"""The demo project: a hotel's agent in three versions, with conversations and a history to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from greenroom.domain.access import Principal
from greenroom.domain.errors import NotFound
from greenroom.runtime.turn import Heard
from greenroom.services.conversations import Beginning
from greenroom.services.desk import Desk
from greenroom.services.plans import PromoteRequest, PublishRequest
from greenroom.services.work import Call
from greenroom.wire.archives import pack

SLUG = "hotel"
NOTES = (
    "First agent of both hotels: stay, table and travel questions, hand-off to the front desk",
    "Late check-out until 2 pm, free for members; dogs cost £12 a night",
    "[FEATURE] Offer a text message after late check-out; steadier voice; at most two pets to a room",
)
TALK = (
    ("Can I check out late?", "Do you allow dogs?", "thanks, bye"),
    ("What time is breakfast?", "Where can I park my car?"),
    ("How much is a pet?", "I would like to speak to a person"),
)


async def make_demo(desk: Desk, owner: Principal, versions: Sequence[Mapping[str, bytes]]) -> bool:
    """Makes the demo project from three folders, and says whether it did: an existing one is left alone."""
    call = Call(owner, "demo")
    try:
        await desk.projects.load(call, SLUG)
    except NotFound:
        pass
    else:
        return False
    await desk.projects.create(call, "Larkspur Hotels", SLUG, "pipeline")
    steps = (("pre-release", "live"), ("pre-release", "live"), ("pre-release",))
    for files, note, aliases in zip(versions, NOTES, steps, strict=True):
        await desk.imports.import_folder(call, SLUG, pack(files), "greenroom")
        published = await desk.publishing.publish(call, SLUG, "sandbox", PublishRequest(note))
        number = published.version.version.number
        for alias in aliases:
            seq = (await desk.environments.load(call, SLUG, alias)).environment.seq
            await desk.releases.promote(call, SLUG, alias, PromoteRequest(number, seq, number))
        await _talk(desk, call)
    return True


async def _talk(desk: Desk, call: Call) -> None:
    for index, questions in enumerate(TALK):
        begun, _ = await desk.conversations.start(call, SLUG, Beginning(user_id=f"guest-{index}", channel="chat"))
        for question in questions:
            turn = await desk.conversations.take_turn(call, begun.conversation.id, Heard(question))
            if turn.ended:
                break
