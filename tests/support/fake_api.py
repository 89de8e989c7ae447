"""A server that answers what a test told it to, and remembers what it was asked."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl

import httpx2

from greenroom.wire.content import StateOut
from greenroom.wire.environments import EnvironmentOut, ServedOut
from greenroom.wire.releases import PlanOut, PublishOut, ReleaseOut
from greenroom.wire.versions import ComparisonOut, VersionOut

Answer = httpx2.Response | Exception | Callable[[httpx2.Request], httpx2.Response]

NOON = datetime(2026, 8, 22, 12, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: httpx2.Headers
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class FakeApi:
    """Answers by method and path; several answers for one are given in turn, the last one for ever."""

    asked: list[Asked] = field(default_factory=list)
    answers: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)

    def on(self, method: str, path: str, *answers: Any, status: int = 200) -> None:
        self.answers[method, "/api/v1" + path] = [as_answer(answer, status) for answer in answers]

    def refuse(self, method: str, path: str, status: int, family: str, code: str, detail: str, **more: Any) -> None:
        self.on(method, path, problem(status, family, code, detail, **more))

    def transport(self) -> httpx2.MockTransport:
        return httpx2.MockTransport(self._answer)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        query = dict(parse_qsl(request.url.query.decode()))
        self.asked.append(Asked(request.method, path, query, request.headers, request.content))
        answers = self.answers.get((request.method, path))
        if answers is None:
            return problem(404, "not_found", "not_found", f"the test has no answer for {request.method} {path}")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx2.Response) else answer(request)

    def sent(self, method: str, path_end: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.method == method and asked.path.endswith(path_end)]


def as_answer(answer: Any, status: int) -> Answer:
    if isinstance(answer, httpx2.Response | Exception):
        return answer
    if callable(answer):
        return cast("Answer", answer)
    if isinstance(answer, bytes):
        return lambda _request: httpx2.Response(status, content=answer)
    text = answer.model_dump_json() if hasattr(answer, "model_dump_json") else json.dumps(answer)
    return lambda _request: httpx2.Response(status, content=text, headers={"content-type": "application/json"})


def problem(status: int, family: str, code: str, detail: str, **more: Any) -> httpx2.Response:
    body = {"title": code, "status": status, "family": family, "code": code, "detail": detail, "errors": [], **more}
    return httpx2.Response(status, json=body, headers={"content-type": "application/problem+json"})


def page(*items: Any, next_cursor: str | None = None) -> dict[str, Any]:
    return {"items": [json.loads(item.model_dump_json()) for item in items], "next_cursor": next_cursor}


def environment(alias: str, seq: int = 4, version: int | None = 1, **more: Any) -> EnvironmentOut:
    serves = ServedOut(version=version, digest=DIGEST, since=NOON, by="key_1", operation="promote") if version else None
    fields: dict[str, Any] = {
        "id": f"env_{alias}",
        "alias": alias,
        "name": alias.title(),
        "position": 1,
        "editable": alias == "sandbox",
        "internal": alias != "live",
        "public": alias == "live",
        "default_entry": alias == "live",
        "promotes_from": None,
        "draft_mode": "private",
        "seq": seq,
        "salt": "salt",
        "serves": serves,
        "arms": [],
        "rollback_to": None,
        "running": [],
    }
    return EnvironmentOut(**{**fields, **more})


def version(number: int = 1, **more: Any) -> VersionOut:
    fields: dict[str, Any] = {
        "number": number,
        "ref": f"v{number}",
        "digest": DIGEST,
        "note": "Late checkout now costs 20 euros",
        "details": "",
        "tags": [],
        "author": "key_1",
        "created_at": NOON,
        "parents": [],
        "published_in": "sandbox",
    }
    return VersionOut(**{**fields, **more})


def release(alias: str = "live", number: int = 1, operation: str = "promote", seq: int = 5) -> ReleaseOut:
    return ReleaseOut(
        id="rel_1",
        environment=alias,
        seq=seq,
        operation=operation,
        version=number,
        from_version=None,
        arms=[],
        from_arms=[],
        in_flight="finish",
        drain_until=None,
        actor="key_1",
        at=NOON,
        reason="",
        takes_back=[],
    )


def published(alias: str = "sandbox") -> PublishOut:
    return PublishOut(version=version(), release=release(alias, operation="publish"))


def comparison(*changes: Any) -> ComparisonOut:
    return ComparisonOut(
        base=StateOut(ref="live", digest=DIGEST, version=1, entities=3),
        head=StateOut(ref="draft:sandbox", digest=DIGEST, entities=3),
        summary="Late checkout text changed",
        changes=list(changes),
        counts={},
        unchanged_kinds=["rule"],
        unchanged="No rule changes.",
        checklist=[],
    )


def plan(operation: str = "promote", alias: str = "live", confirmation: str = "version", **more: Any) -> PlanOut:
    fields: dict[str, Any] = {
        "operation": operation,
        "environment": alias,
        "public": alias == "live",
        "version": None if operation == "publish" else 1,
        "from_version": None,
        "digest": DIGEST,
        "expected_seq": 4,
        "confirmation": confirmation,
        "comparison": comparison(),
        "versions_included": [],
        "in_flight": "finish",
        "rollback_would_bring_back": None,
    }
    return PlanOut(**{**fields, **more})


class StillClock:
    """A clock that never waits, and whose keys can be foretold."""

    def __init__(self) -> None:
        self.waited_ms: list[int] = []
        self.keys = 0

    def new_key(self) -> str:
        self.keys += 1
        return f"key-{self.keys}"

    def wait(self, ms: int) -> None:
        self.waited_ms.append(ms)

    async def wait_async(self, ms: int) -> None:
        self.waited_ms.append(ms)
