"""What tests of project-wide data share: a project with a version, and conversations to hang data on."""

from __future__ import annotations

from datetime import UTC, datetime

from greenroom.domain.conversations import Conversation
from greenroom.domain.ids import ConversationId
from greenroom.runtime.turn import Heard
from greenroom.services.keeping import Beginning
from greenroom.services.publishing import PublishRequest
from tests.unit.services.story import CHECKOUT, Story, topic

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


async def make_hotel(story: Story) -> None:
    """Makes the project `hotel` with one version in its sandbox."""
    await story.make_project()
    await story.save(CHECKOUT, topic("Until noon."))
    request = PublishRequest("Late check-out was added")
    await story.desk.publishing.publish(story.call(), "hotel", "sandbox", request)


async def talk(story: Story, *said: str, user: str | None = None, caller: str = "") -> Conversation:
    """Holds a conversation with the hotel."""
    begin = Beginning(environment="sandbox", user_id=user, caller=caller)
    view, _ = await story.desk.conversations.start(story.call(), "hotel", begin)
    for text in said:
        await story.desk.conversations.take_turn(story.call(), view.conversation.id, Heard(text))
    return await load(story, view.conversation.id)


async def load(story: Story, id_: str) -> Conversation:
    """Reads a conversation as it is now."""
    found = await story.desk.store.read(story.owner.workspace, lambda tx: tx.find_conversation(ConversationId(id_)))
    assert found is not None
    return found
