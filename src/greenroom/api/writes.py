"""How a write runs: once for each Idempotency-Key, with its answer recorded in the same transaction."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar
from urllib.parse import parse_qsl

import structlog
from starlette.requests import Request
from starlette.responses import Response

from greenroom.api.caller import Caller
from greenroom.api.seals import seal, unseal
from greenroom.domain.errors import Conflict, Fault, GreenroomError, Invalid
from greenroom.services.desk import Desk
from greenroom.services.work import Call, Idempotency
from greenroom.wire.model import Out

T = TypeVar("T")

KEY_HEADER: Final = "idempotency-key"
REPLAYED_HEADER: Final = "idempotency-replayed"
JSON: Final = "application/json"
_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
_log = structlog.get_logger("greenroom.api")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: a status, bytes, and whether they were said before."""

    status: int
    body: bytes
    replayed: bool = False

    def to_response(self, tag: Callable[[bytes], str | None] | None = None) -> Response:
        """Returns the response; `tag` reads an ETag off the body."""
        headers = {REPLAYED_HEADER: "true"} if self.replayed else {}
        found = tag(self.body) if tag is not None else None
        if found is not None:
            headers["etag"] = found
        return Response(self.body or None, self.status, headers, JSON if self.body else None)


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """How a verb's result is answered. `secret` answers are remembered sealed; `moves` says that the pointer
    table must show the change before it is answered; of a `private` request not even a plain hash is kept."""

    convert: Callable[[T], Out | None]
    status: int = 200
    secret: bool = False
    moves: bool = False
    private: bool = False

    def render(self, result: T) -> bytes:
        """Returns the answer's body."""
        out = self.convert(result)
        return b"" if out is None else out.model_dump_json().encode()


@dataclass(slots=True)
class Write(Generic[T]):
    """One write on its way: looked up, carried out, or answered as its twin was."""

    desk: Desk
    caller: Caller
    call: Call
    form: Form[T]
    _rendered: tuple[Any, bytes] | None = field(default=None, init=False)

    @classmethod
    def of(cls, desk: Desk, caller: Caller, call: Call, request: Request, operation: str, form: Form[T]) -> Write[T]:
        """Returns the write that a request asks for. Raises Invalid `invalid_header` for a key that is none."""
        write = cls(desk, caller, call, form)
        idempotency = read_key(request, operation, caller.credential if form.private else "")
        if idempotency is not None:
            write.call = replace(call, idempotency=idempotency, render=write._render)
        return write

    async def run(self, verb: Callable[[Call], Awaitable[T]]) -> Answer:
        """Returns the answer: the verb's, or the one that the same request had before."""
        answer = await self.find_answer()
        if answer is not None:
            return answer
        try:
            result = await verb(self.call)
        except GreenroomError as wrong:
            return await self.answer_of_twin(wrong)
        return await self.finish(result)

    async def find_answer(self) -> Answer | None:
        """Returns the answer of an earlier request with this key. Raises Conflict where that was another one."""
        found = await self.desk.work.find_answer(self.call)
        if found is None:
            return None
        body: bytes | None = found.body
        if self.form.secret:
            body = unseal(found.body, self.caller.credential)
        if body is None:
            raise Conflict(
                "answer_sealed",
                "this was done already; the secret in its answer opens only for the key or session that asked",
            )
        return Answer(found.status, body, replayed=True)

    async def answer_of_twin(self, wrong: GreenroomError) -> Answer:
        """Returns what a twin that was faster was answered; raises `wrong` again where there is none.

        A twin's commit is what most often makes the second one fail: its draft is gone, its sequence moved on.
        """
        try:
            answer = await self.find_answer()
        except Conflict:
            raise
        except GreenroomError:
            answer = None
        if answer is None:
            raise wrong
        return answer

    async def finish(self, result: T) -> Answer:
        """Returns the answer of a verb that is committed."""
        if self.form.moves:
            await self._catch_up()
        if self._rendered is not None and self._rendered[0] is result:
            return Answer(self.form.status, self._rendered[1])
        return Answer(self.form.status, self.form.render(result))

    async def _catch_up(self) -> None:
        try:
            await self.desk.traffic.refresh()
        except Exception as wrong:  # noqa: BLE001 - it is committed; the table follows within a second anyway
            _log.warning("refresh_failed", error=str(wrong))

    def _render(self, result: T) -> tuple[int, bytes]:
        body = self.form.render(result)
        self._rendered = (result, body)
        if self.form.secret:
            body = seal(body, self.caller.credential, self.desk.clock.new_token())
        return self.form.status, body


def read_key(request: Request, operation: str, credential: str = "") -> Idempotency | None:
    """Returns the idempotency of a request whose body was read, None without a key.

    The key counts for one caller and one operation on one path. The same request is the same query (in any
    order), precondition and body bytes. With a credential the hash is keyed with it: nobody who reads the database
    can try values until one fits.
    """
    key = request.headers.get(KEY_HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        message = "must be 1 to 255 printable ASCII characters"
        raise Invalid("invalid_header", f"Idempotency-Key {message}", errors=[Fault("/Idempotency-Key", message)])
    query = sorted(parse_qsl(request.url.query, keep_blank_values=True))
    seen = f"{query!r}\n{request.headers.get('if-match', '')}\n{request.state.body_hash}"
    # Paths are hashed because they may be long and a database's keys may not.
    path = hashlib.sha256(request.url.path.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    raw = seen.encode("utf-8", "surrogatepass")
    hashed = hmac.new(credential.encode(), raw, hashlib.sha256) if credential else hashlib.sha256(raw)
    return Idempotency(key, f"{operation}:{path}", hashed.hexdigest())
