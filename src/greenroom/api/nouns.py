"""How the API is put together: nouns declare their verbs, each verb is one operation of the OpenAPI document."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from fastapi import FastAPI
from fastapi._compat import ModelField
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from greenroom.api import deprecations
from greenroom.api.asking import Ask, Door
from greenroom.api.bodies import JSON_LIMIT, Limit, is_large, keep_body, read_body, read_json
from greenroom.api.caller import SAFE_METHODS, find_caller
from greenroom.domain.errors import Fault, Invalid, NotFound
from greenroom.services.work import Call

PREFIX: Final = "/api/v1"
Endpoint = Callable[..., Awaitable[Response]]
E = TypeVar("E", bound=Endpoint)


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb at one path. `raw` operations take bytes up to a limit instead of JSON; `open` ones take anybody."""

    noun: str
    verb: str
    method: str
    path: str
    endpoint: Endpoint
    reply: Any
    status: int = 200
    json: Limit = JSON_LIMIT
    raw: Limit | None = None
    open: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def id(self) -> str:
        """Returns `noun.verb`."""
        return f"{self.noun}.{self.verb}"


@dataclass(slots=True)
class Noun:
    """The operations of one noun, in the order in which they are documented."""

    name: str
    prefix: str = PREFIX
    operations: list[Operation] = field(default_factory=list[Operation])

    def verb(
        self, method: str, path: str, verb: str, reply: Any = None, status: int = 200, **more: Any
    ) -> Callable[[E], E]:
        """Declares the function beneath as an operation; `reply` is the shape of its answer."""

        def declare(endpoint: E) -> E:
            self.operations.append(
                Operation(self.name, verb, method, self.prefix + path, endpoint, reply, status, **more)
            )
            return endpoint

        return declare

    def add_to(self, app: FastAPI) -> None:
        """Adds the operations to an application."""
        for one in self.operations:
            text = inspect.getdoc(one.endpoint) or ""
            summary, _, description = text.partition("\n")
            app.router.add_api_route(
                one.path,
                one.endpoint,
                methods=[one.method],
                response_model=one.reply,
                status_code=one.status,
                tags=[self.name],
                operation_id=one.id,
                name=one.id,
                summary=summary.rstrip("."),
                description=description.strip() or summary,
                openapi_extra={**one.extra, "x-open": one.open},
                route_class_override=_route_class(one),
            )


def _route_class(operation: Operation) -> type[APIRoute]:
    """Returns a route that decides who asks before it reads what they sent, and reads no more than it must."""

    class Route(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()
            shape = self.body_field

            async def answer(request: Request) -> Response:
                door: Door = request.app.state.door
                _refuse_unstorable(request)
                if not operation.open:
                    caller = await find_caller(request, door.desk)
                    call = Call(caller.principal, request.state.request_id)
                    request.state.ask = Ask(door, caller, call, request, operation.id)
                    await deprecations.tell(request.state.ask, operation.path)
                if operation.raw is not None:
                    await keep_body(request, await read_body(request, operation.raw))
                elif shape is not None:
                    value = await read_json(request, operation.json)
                    if is_large(request):
                        await asyncio.to_thread(_check_shape, shape, value)
                    if not operation.open:
                        await deprecations.tell(request.state.ask, operation.path, value)
                elif operation.method not in SAFE_METHODS:
                    await keep_body(request, await read_body(request, operation.json))
                return await handle(request)

            return answer

    return Route


def _check_shape(shape: ModelField, value: Any) -> None:
    """Refuses a large body of the wrong shape here, in a thread, before FastAPI does so on the event loop."""
    _, findings = shape.validate(value, {}, loc=("body",))
    if findings:
        raise RequestValidationError(findings)


def _refuse_unstorable(request: Request) -> None:
    """Refuses what no database can be asked for: names with U+0000."""
    if "\0" in request.url.path or "\0" in request.scope["path"]:
        raise NotFound("path_not_found", "names here hold no U+0000")
    if "%00" in request.url.query:
        for name, value in request.query_params.multi_items():
            if "\0" in name or "\0" in value:
                pointer = f"/{name[:80]}".replace("\0", "")
                raise Invalid("text_not_storable", "text may not hold U+0000", errors=[Fault(pointer, "holds U+0000")])
