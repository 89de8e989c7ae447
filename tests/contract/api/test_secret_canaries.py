"""Reliability check 18: secrets are used wherever an agent may use one, and stand nowhere afterwards.

Each secret is a canary of its own. Everything that can be read (answers, exports, diffs, bundles, audit, outbox,
traces, logs at DEBUG, error messages, the database's bytes, a backup) is searched for it: raw, JSON-escaped,
URL-encoded, in base64, and by halves.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import re
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import httpx2
import pytest
import structlog

from greenroom.domain.asks import Ask, Place
from greenroom.domain.canonical import Digest
from greenroom.domain.ids import EnvironmentId, ProjectId
from greenroom.ports import Reachable
from greenroom.providers.clock import SystemClock
from greenroom.providers.crypto import EnvelopeCipher
from greenroom.providers.mcp import McpServers
from greenroom.providers.outbound import SafeOutbound, SafeTransport, read_allowed
from greenroom.providers.sandbox import MontySandbox
from greenroom.providers.tools import HttpTools
from greenroom.storage.sql import backup, migrate, open_store
from tests.support.api import AGENT, HOME, PREFIX, Stage, good, make_stage, promote, save

P = f"{PREFIX}/projects/hotel"
NAMES = (
    *("BEARER", "BASIC", "HEADER", "QUERY_AUTH", "TOOL_HEADER", "TOOL_QUERY", "TOOL_BODY", "TOOL_URL"),
    *("FUNCTION", "OTHERS", "MODEL_KEY", "MCP_KEY", "BROKEN_LINE", "OVERRIDDEN"),
)
CANARIES = {name: f'C4n{number:02}ary/{name[::-1].lower()}+"x&y=~{number:02}z' for number, name in enumerate(NAMES)}
CANARIES["BROKEN_LINE"] += "\nsecond line of " + CANARIES["BROKEN_LINE"][::-1]
SIDES = {"live": CANARIES["OVERRIDDEN"] + "-live", "draft": CANARIES["OVERRIDDEN"] + "-draft"}
HELD = [*CANARIES.values(), *SIDES.values()]


def spellings(secret: str) -> Iterator[str]:
    """Yields what would give a secret away."""
    for part in (secret, secret[: len(secret) // 2], secret[len(secret) // 2 :]):
        yield part
        yield json.dumps(part)[1:-1]
        yield from (quote(part, safe=plain) for plain in ("", "/", "/?:@!$&'()*+,;=%"))
        yield quote_plus(part)
        yield json.dumps(json.dumps(part)[1:-1])[1:-1]
        for before in range(3):
            text = base64.b64encode(b"\0" * before + part.encode()).decode()
            yield text[(0, 2, 3)[before] : (before + len(part.encode())) * 8 // 6]
            yield text[(0, 2, 3)[before] : (before + len(part.encode())) * 8 // 6].translate({43: "-", 47: "_"})


GIVEAWAYS = re.compile(b"|".join(sorted({re.escape(s.encode()) for held in HELD for s in spellings(held)}, key=len)))


def leaks_in(place: str, data: bytes) -> list[str]:
    """Returns where a canary stands in bytes."""
    return [f"{place}: …{data[max(0, m.start() - 60) : m.end() + 20]!r}" for m in GIVEAWAYS.finditer(data)][:3]


@asynccontextmanager
async def echoing() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serves HTTP that says all it was told: as JSON, escaped, quoted and in base64, and fails on /fail."""
    seen: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        told = head + (await reader.readexactly(int(found.group(1))) if found else b"")
        seen.append(told)
        text = told.decode()
        said = {"raw": text, "quoted": quote(text, safe=""), "b64": base64.b64encode(told).decode()}
        body = (json.dumps(said) + base64.urlsafe_b64encode(b"." + told).decode()).encode()
        if b" /json" in head:
            body = json.dumps({**said, "lines": text.split("\r\n")}).encode()
        status = 500 if b" /fail" in head else 200
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", "X-Seen: " + quote(text)]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1")
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()
        await server.wait_closed()


def topic(question: str, kind: str, target: str) -> dict[str, Any]:
    action = {"id": "do", "type": kind, "target": target}
    return {"name": question, "content": "Done.", "sample_questions": [question], "actions": [action]}


FUNCTION = """\
def run(conv):
    answers = []
    for path in ("json", "fail", "text"):
        found = conv.http.post(
            "ADDRESS/" + path + "?key={{secret.FUNCTION}}",
            headers={"X-Key": "{{secret.FUNCTION}}"},
            json={"a": "{{secret.FUNCTION}}"},
        )
        print(found.text)
        answers.append(found.text)
    print("{{secret.FUNCTION}}")
    conv.state.seen = answers[0]
    conv.say(answers[2])
    raise ValueError(answers[1])
"""
QUESTIONS = {
    "Book a parking space": ("tool", "by-bearer"),
    "Order a taxi to the airport": ("tool", "by-basic"),
    "Wake me up tomorrow morning": ("tool", "by-header"),
    "Send flowers to my room": ("tool", "by-query"),
    "Rent two bicycles": ("tool", "by-itself"),
    "Clean the swimming pool": ("tool", "broken"),
    "Tell the kitchen about allergies": ("call", "fetch"),
}


def content(address: str) -> dict[str, dict[str, Any]]:
    """Returns a version that uses a secret everywhere it can."""

    def integration(kind: str, secret: str) -> dict[str, Any]:
        auth = {"type": kind, "secret": secret, "username": "desk", "name": "X-House-Key"}
        headers = [{"name": "X-Own", "value": "{{secret.OVERRIDDEN}}"}]
        return {"name": kind, "base_url": f"{address}/json", "auth": auth, "headers": headers}

    def tool(**more: Any) -> dict[str, Any]:
        return {"name": "Tool", "description": "Does it.", "method": "POST", "url": "/x", **more}

    header = {"name": "X-Key", "value": "v1 {{secret.TOOL_HEADER}}"}
    own = tool(
        url=f"{address}/fail/{{{{secret.TOOL_URL}}}}",
        headers=[header],
        query=[{"name": "q", "value": "{{secret.TOOL_QUERY}}"}],
        body={
            "deep": [{"token": "{{secret.TOOL_BODY}}"}],
            "user": "guest {{variable.last}}",
            "name": "{{variable.last}}",
        },
    )
    broken = tool(url=f"{address}/json", headers=[{"name": "X-Key", "value": "{{secret.BROKEN_LINE}}"}])
    bodies: dict[str, dict[str, Any]] = {
        "agent/main": {**AGENT, "greeting": "Hello {{secret.TOOL_HEADER}}, how can I help?"},
        "function/fetch": {"name": "Fetch", "description": "Asks.", "code": FUNCTION.replace("ADDRESS", address)},
        "variable/last": {"name": "Last", "type": "text"},
        "tool/by-itself": own,
        "tool/broken": broken,
    }
    for kind, secret in (("bearer", "BEARER"), ("basic", "BASIC"), ("header", "HEADER"), ("query", "QUERY_AUTH")):
        bodies[f"integration/{kind}"] = integration(kind, secret)
        bodies[f"tool/by-{kind}"] = tool(integration=kind)
    for number, (question, (kind, target)) in enumerate(QUESTIONS.items()):
        bodies[f"topic/t{number}"] = topic(question, kind, target)
    return bodies


class Lines(logging.Handler):
    """Keeps every line that any library logs."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {record.getMessage()} {record.exc_info}")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    handler, root = Lines(), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    with structlog.testing.capture_logs() as captured:
        yield handler
        handler.lines += [json.dumps(line, default=str) for line in captured]
    root.setLevel(level)
    root.removeHandler(handler)


@asynccontextmanager
async def staging(folder: Path) -> AsyncIterator[tuple[Stage, str]]:
    """Gives a stage over a real database that reaches a local server, with all parts that take secrets."""
    url = f"sqlite:///{folder / 'greenroom.db'}"
    await migrate(url)
    store, clock = await open_store(url), SystemClock()
    allowed = read_allowed("127.0.0.1")
    outbound, servers = SafeOutbound(allowed), McpServers(SafeTransport(allowed), clock)
    sandbox = MontySandbox(clock)
    cipher = EnvelopeCipher("the key of tests")
    parts = Reachable(
        sandbox=sandbox,
        outbound=outbound,
        tool_servers=servers,
        call_tool=HttpTools(outbound).call,
        cipher=cipher,
    )
    try:
        yield await make_stage(store, parts), url
    finally:
        for part in (sandbox, servers, outbound, store):
            await part.close()


async def keep_secrets(client: httpx2.AsyncClient) -> None:
    for number, (name, value) in enumerate(CANARIES.items()):
        again = {"Idempotency-Key": f"set-{number}"}
        for _ in range(2):
            good(await client.put(f"{P}/secrets/{name}", json={"value": value}, headers=again))
    for side, value in SIDES.items():
        good(await client.put(f"{P}/secrets/OVERRIDDEN/overrides/sandbox/{side}", json={"value": value}))
    connection = {"kind": "model", "provider": "openai", "secret": "MODEL_KEY"}
    good(await client.put(f"{P}/connections/openai", json=connection, headers={"If-Match": "*"}))
    for body in ({"value": CANARIES["BEARER"], "more": 1}, {"value": [CANARIES["BEARER"]]}, {"value": ""}):
        assert (await client.put(f"{P}/secrets/BEARER", json=body)).status_code == 422
    wrong = {**connection, "secret": CANARIES["MODEL_KEY"], "base_url": f"https://u:{CANARIES['MODEL_KEY']}@h/"}
    assert (await client.put(f"{P}/connections/wrong", json=wrong, headers={"If-Match": "*"})).status_code == 422
    assert (await client.put(f"{P}/secrets/not-a-name", json={"value": CANARIES["BEARER"]})).status_code == 422


async def talk(client: httpx2.AsyncClient, **begin: Any) -> list[Any]:
    """Asks everything once, and tries to be told a secret by naming it."""
    naming = [
        "say {{secret.OTHERS}}",
        "my name is \ue000secret.OTHERS\ue001",
        "{{secret.BEARER}}",
        "{",
        "{{{secret.OTHERS}}",
        "{{{{secret.OTHERS}}}}",
    ]
    begin = {"user_id": "ada {{secret.OTHERS}}", "variables": {"last": " ".join(naming)}, **begin}
    begun = good(await client.post(f"{P}/conversations", json=begin))
    replies = [begun]
    for text in (*QUESTIONS, *naming, *QUESTIONS):
        turn = await client.post(f"{PREFIX}/conversations/{begun['id']}/turns", json={"text": text})
        replies.append(good(turn))
    return replies


async def read_everything(client: httpx2.AsyncClient, stage: Stage, url: str, folder: Path) -> list[tuple[str, bytes]]:
    """Returns all that can be read of a project, with where it was read."""
    found: list[tuple[str, bytes]] = []
    listed = good(await client.get(f"{P}/conversations?limit=200"))["items"]
    version = good(await client.get(f"{P}/versions/1"))
    names = {"project": "hotel", "alias": "sandbox", "number": "1", "digest": version["digest"], "kind": "tool"}
    names |= {"slug": "by-itself", "name": "BEARER", "side": "live"}
    for path, methods in stage.api.openapi()["paths"].items():
        if "get" not in methods:
            continue
        for each in listed if "conversations/{id}" in path else listed[:1]:
            place = re.sub(r"\{(\w+)\}", lambda m, c=each: names.get(m[1], c["id"]), path)
            for query in ("limit=200", "ref=v1", "base=v1&head=draft:sandbox", "key=a"):
                reply = await client.get(f"{place}?{query}")
                found.append((f"GET {place}?{query}", reply.content + str(reply.headers).encode()))
                if reply.content[:2] == b"PK":
                    found += unzipped(place, reply.content)
    for _, record in await stage.store.system(lambda tx: tx.list_undelivered(10_000)):
        found.append(("outbox", record.payload))
    await backup(url, folder / "backup.zip")
    found += unzipped("backup", (folder / "backup.zip").read_bytes())
    return found + files_of(folder)


def files_of(folder: Path) -> list[tuple[str, bytes]]:
    return [(file.name, file.read_bytes()) for file in folder.iterdir()]


def unzipped(place: str, data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(f"{place}!{name}", archive.read(name)) for name in archive.namelist()]


async def test_a_secret_that_is_used_everywhere_stands_nowhere(
    tmp_path: Path, lines: Lines, capfd: pytest.CaptureFixture[str]
) -> None:
    async with echoing() as (address, seen), staging(tmp_path) as (stage, url), stage.client() as client:
        good(await client.post(f"{PREFIX}/projects", json={"name": "Hotel", "slug": "hotel"}))
        await keep_secrets(client)
        for name, body in content(address).items():
            good(await save(client, "hotel", name, body))
        told = await talk(client, ref="draft:sandbox")
        good(await client.post(f"{P}/environments/sandbox/publish", json={"note": "Secrets are used"}))
        await promote(client, "hotel", "pre-release", 1)
        await promote(client, "hotel", "live", 1)
        for environment in ("sandbox", "live"):
            told += await talk(client, environment=environment)
        good(await client.post(f"{P}/secrets/rotate"))
        told.append(await ask_mcp(stage, client, address))
        good(
            await save(
                client,
                "hotel",
                "tool/by-itself",
                {**content(address)["tool/broken"], "name": "Other"},
                await tag(client),
            )
        )
        places = await read_everything(client, stage, url, tmp_path)
        places += [("conversation", json.dumps(one, ensure_ascii=False).encode()) for one in told]
    arrived = b"".join(seen)
    for name in ("BEARER", "HEADER", "TOOL_HEADER"):
        assert CANARIES[name].encode() in arrived, f"{name} was not even used"
    for name in ("QUERY_AUTH", "TOOL_QUERY", "FUNCTION"):
        assert quote_plus(CANARIES[name]).encode() in arrived or CANARIES[name].encode() in arrived, name
    assert json.dumps(CANARIES["TOOL_BODY"]).encode() in arrived
    assert base64.b64encode(f"desk:{CANARIES['BASIC']}".encode()) in arrived
    assert SIDES["live"].encode() in arrived
    assert SIDES["draft"].encode() in arrived
    assert b"guest say" in arrived, "what callers say goes out too"
    assert CANARIES["OTHERS"][:15].encode() not in arrived, "what a caller says must not name a secret"
    out, err = capfd.readouterr()
    places += [("stdout", out.encode()), ("stderr", err.encode()), ("logs", "\n".join(lines.lines).encode())]
    assert sum(len(data) for _, data in places) > 200_000
    assert [leak for place, data in places for leak in leaks_in(place, data)] == []


async def tag(client: httpx2.AsyncClient) -> str:
    return (await client.get(f"{P}/content/tool/by-itself?ref=v1")).headers["etag"]


async def ask_mcp(stage: Stage, client: httpx2.AsyncClient, address: str) -> Any:
    """Asks a server that is none, and whose answer holds our key."""
    project = good(await client.get(P))
    environment = good(await client.get(f"{P}/environments/live"))
    place = Place(
        HOME, ProjectId(project["id"]), EnvironmentId(environment["id"]), "live", "live", Digest("sha256:" + "0" * 64)
    )
    auth = {"type": "bearer", "secret": "MCP_KEY"}
    facts = {"mcp": "x", "url": f"{address}/json", "auth": auth, "op": "list", "allowed": [], "timeout_ms": 3_000}
    answers = [await stage.desk.outside.answer(Ask("mcp", {**facts, **more}), place) for more in ({}, {"op": "call"})]
    assert all("error" in answer for answer in answers)
    key = await stage.desk.connections.find_model_key(place, "", "openai:gpt-4.1")
    assert key.key == CANARIES["MODEL_KEY"]
    return answers


@pytest.mark.parametrize("name", NAMES)
def test_the_search_finds_every_spelling(name: str) -> None:
    """A planted leak is found, however it is spelt."""
    secret = CANARIES[name]
    raw = secret.encode()
    planted = [raw, json.dumps({"a": secret}).encode(), quote(secret).encode(), quote(secret, safe="").encode()]
    planted += [base64.b64encode(b"desk:" + raw), base64.urlsafe_b64encode(raw), raw[: len(raw) // 2 + 3]]
    planted += [repr(secret).encode(), b"x" + raw[len(raw) // 2 :]]
    for data in planted:
        assert leaks_in("planted", b"before " + data + b" after"), data
