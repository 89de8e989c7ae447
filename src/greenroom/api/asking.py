"""What an endpoint is given: who asks, on which desk, and how to answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from greenroom.api.bundle_cache import BundleCache
from greenroom.api.caller import Caller
from greenroom.api.metrics import Metrics
from greenroom.api.paging import MAX_NUMBER
from greenroom.api.writes import JSON, Form, Write
from greenroom.services.desk import Desk
from greenroom.services.work import Call
from greenroom.wire.model import Out

T = TypeVar("T")
_ASK: Final = "ask"


@dataclass(slots=True)
class Door:
    """What all requests of one application share."""

    desk: Desk
    metrics: Metrics
    bundles: BundleCache


@dataclass(slots=True)
class Ask:
    """One request that may be answered: its caller is known, its body is read."""

    door: Door
    caller: Caller
    call: Call
    request: Request
    operation: str

    @property
    def desk(self) -> Desk:
        """Returns the verbs."""
        return self.door.desk

    def begin_write(self, form: Form[T]) -> Write[T]:
        """Returns the write that this request is, not begun yet."""
        return Write.of(self.desk, self.caller, self.call, self.request, self.operation, form)

    async def write(
        self,
        verb: Callable[[Call], Awaitable[T]],
        convert: Callable[[T], Out | None],
        *,
        status: int = 200,
        secret: bool = False,
        moves: bool = False,
        private: bool = False,
        tag: Callable[[bytes], str | None] | None = None,
    ) -> Response:
        """Carries a verb out once for each Idempotency-Key and returns its answer; see `Form` for the rest."""
        answer = await self.begin_write(Form(convert, status, secret, moves, private)).run(verb)
        return answer.to_response(tag)


async def _given(request: Request) -> Ask:
    return request.scope["state"][_ASK]


Given = Annotated[Ask, Depends(_given)]

ProjectPath = Annotated[str, Path(min_length=1, max_length=80, description="Slug or id of the project.")]
AliasPath = Annotated[str, Path(min_length=1, max_length=80, description="Alias or id of the environment.")]
KindPath = Annotated[str, Path(min_length=1, max_length=80, description="Name of the kind.")]
SlugPath = Annotated[str, Path(min_length=1, max_length=120, description="Slug of the entity.")]
IdPath = Annotated[str, Path(min_length=1, max_length=80, description="The id that was given at creation.")]
NumberPath = Annotated[int, Path(ge=1, le=MAX_NUMBER, description="Number of the version.")]


def reply(out: Out, tag: str | None = None, status: int = 200) -> Response:
    """Returns an answer with its ETag, where it has one."""
    headers: dict[str, Any] = {} if tag is None else {"etag": tag}
    return Response(out.model_dump_json(), status, headers, JSON)
