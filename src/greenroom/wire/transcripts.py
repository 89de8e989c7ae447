"""What people make of conversations, and erasure, on the network."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from greenroom.wire.model import In, Moment, Out


class TagIn(In):
    """A tag for a conversation."""

    tag: str = Field(min_length=1, max_length=80)


class NoteIn(In):
    """A note for colleagues."""

    text: str = Field(min_length=1, max_length=4_000)


class FeedbackIn(In):
    """How a conversation, or one turn of it, was found: -1, 0, 1 (`thumbs`) or 1 to 5 (`stars`)."""

    score: int = Field(ge=-1, le=5)
    scale: Literal["thumbs", "stars"] | None = None
    comment: str = Field("", max_length=4_000)
    turn: int | None = Field(None, ge=0, le=2**31 - 1)


class TagOut(Out):
    """A tag and how many conversations have it."""

    tag: str
    count: int


class NoteOut(Out):
    """A note."""

    id: str
    text: str
    author: str
    at: Moment


class FeedbackOut(Out):
    """Feedback. `turn` is null where it is on the whole conversation."""

    id: str
    score: int
    scale: str
    comment: str
    turn: int | None
    author: str
    at: Moment


class ReviewOut(Out):
    """What people made of one conversation."""

    conversation: str
    tags: list[str]
    notes: list[NoteOut]
    feedback: list[FeedbackOut]


class ErasureIn(In):
    """Whose data to erase: a user's, or a caller's."""

    user_id: str | None = Field(None, min_length=1, max_length=200)
    caller: str | None = Field(None, min_length=1, max_length=100)


class ErasureOut(Out):
    """What was erased of a person. `user` says that variables were kept of them."""

    conversations: int
    user: bool


class ErasedOut(Out):
    """A conversation whose words were erased."""

    id: str
    turns: int
    erased_at: Moment
