"""JSON is read strictly: no trap that readers would see differently, each refused with its place."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from greenroom.api.bodies import Limit, check_media_type, parse_strictly, read_body
from greenroom.domain.errors import GreenroomError, Invalid, LimitReached

MEGABYTE = 1024 * 1024

TRAPS = [
    (b"", "body_missing", ""),
    (b"{", "invalid_json", ""),
    (b"nonsense", "invalid_json", ""),
    (b'{"a": NaN}', "invalid_json", ""),
    (b'{"a": Infinity}', "invalid_json", ""),
    (b'{"a": 1e999}', "invalid_json", ""),
    (b"\xff\xfe{\x00}\x00", "invalid_json", ""),
    (b'{"a": "\xe4"}', "invalid_json", ""),
    (b"\xef\xbb\xbf{}", "invalid_json", ""),
    (b'{"a": "\\ud800"}', "invalid_json", ""),
    (b"[" * 10_000, "invalid_json", ""),
    (b"[" * 65 + b"]" * 65, "nested_too_deep", "/0" * 64),
    (b'{"a": {"b": 1, "c": [1, {"d": 1, "d": 2}]}}', "duplicate_name", "/a/c/1/d"),
    (b'{"a/b": {"x": 1, "\\u0078": 2}}', "duplicate_name", "/a~1b/x"),
    (b'{"n": [1, 2, 9007199254740993]}', "number_too_large", "/n/2"),
    (b'{"n": -123456789012345678901234567890}', "number_too_large", "/n"),
    (b'{"n": ' + b"1" * 5000 + b"}", "invalid_json", ""),
    (b'{"t": ["ok", "a\\u0000b"]}', "text_not_storable", "/t/1"),
]


@pytest.mark.parametrize("data, code, pointer", TRAPS, ids=[f"{t[1]}-{n}" for n, t in enumerate(TRAPS)])
def test_a_trap_is_refused_with_its_place(data: bytes, code: str, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_strictly(data)
    assert refused.value.code == code
    assert [fault.pointer for fault in refused.value.errors] == [pointer]


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": "say \\"{[,:\\" twice", "b": ["}", "]"], "c": {"a": 1}}',
        b'{"n": [9007199254740992, -1, 1.5e10, 0.1, 12345678901234567890.5]}',
        b'{"t": "a\\\\u0000 is a text about it"}',
        b"[" * 64 + b"]" * 64,
        b'"just text"',
    ],
)
def test_sound_json_is_read_as_it_is(data: bytes) -> None:
    assert parse_strictly(data) == json.loads(data)


@pytest.mark.parametrize(
    "data, pointer",
    [
        (b"[" + b"1," * 20 + b"1]", "/9"),
        (b'{"a": [' + b'"",' * 20 + b'""]}', "/a/7"),
        (b'{"a": {' + b",".join(b'"%d": true' % n for n in range(20)) + b"}}", "/a/3"),
        (b"[" + b"{}," * 20 + b"{}]", ""),
    ],
)
def test_more_values_than_anybody_writes_are_too_many(data: bytes, pointer: str) -> None:
    with pytest.raises(LimitReached) as refused:
        parse_strictly(data, 10)
    assert refused.value.code == "too_many_values"
    assert [fault.pointer for fault in refused.value.errors] == [pointer]
    assert parse_strictly(data, 100) == json.loads(data)


def test_brackets_in_a_text_are_no_values() -> None:
    assert parse_strictly(b'{"code": "' + b"[{" * 100 + b'"}', 10) == {"code": "[{" * 100}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=4)
    ),
    max_leaves=30,
)


@given(VALUES, st.booleans())
def test_whatever_json_can_say_is_read(value: object, ascii_only: bool) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert parse_strictly(data) == value


@given(st.binary(max_size=200) | st.text(alphabet='{}[]":,\\u0 1e-ad', max_size=60).map(str.encode))
def test_whatever_comes_is_read_as_json_has_it_or_refused(data: bytes) -> None:
    try:
        value = parse_strictly(data)
    except Invalid:
        return
    assert json.loads(data) == value


BOMBS = [
    b'{"a":' * 100_000,
    b"[" * MEGABYTE,
    b"[" + b"1," * (MEGABYTE // 2 - 2) + b"1]",
    b"{" + b",".join(b'"%d":1' % n for n in range(100_000)) + b"}",
    b'["' + b"\\n" * (MEGABYTE // 2 - 4) + b'"]',
    b"[" + b"9" * (MEGABYTE - 2) + b"]",
    b"[" + b'"",' * (MEGABYTE // 3 - 2) + b'""]',
]


@pytest.mark.parametrize("data", BOMBS, ids=range(len(BOMBS)))
async def test_a_megabyte_of_anything_keeps_nobody_waiting(data: bytes) -> None:
    worst = 0.0
    done = asyncio.Event()

    async def watch() -> None:
        nonlocal worst
        while not done.is_set():
            begun = time.perf_counter()
            await asyncio.sleep(0.001)
            worst = max(worst, time.perf_counter() - begun)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.01)
    begun = time.perf_counter()
    with suppress(GreenroomError):
        await asyncio.to_thread(parse_strictly, data)
    spent = time.perf_counter() - begun
    done.set()
    await watching
    # Checks 37: refused within a second, stalls below 50 ms. Wide enough for a busy machine, far below a hang.
    assert spent < 5, spent
    assert worst < 0.5, worst


def request_of(chunks: list[bytes], headers: dict[str, str], pause: float = 0.0) -> Request:
    pending: AsyncIterator[dict[str, object]]

    async def pieces() -> AsyncIterator[dict[str, object]]:
        for chunk in chunks:
            await asyncio.sleep(pause)
            yield {"type": "http.request", "body": chunk, "more_body": True}
        yield {"type": "http.request", "body": b"", "more_body": False}

    pending = pieces()

    async def receive() -> dict[str, object]:
        return await anext(pending)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": raw, "path": "/", "query_string": b""}, receive)


@pytest.mark.parametrize(
    "chunks, headers",
    [
        ([], {"content-length": "11"}),
        ([b"12345678901"], {"content-length": "1"}),
        ([b"123456", b"78901"], {}),
        ([], {"content-length": "9" * 400}),
    ],
)
async def test_a_large_body_is_refused_whatever_its_headers_say(chunks: list[bytes], headers: dict[str, str]) -> None:
    with pytest.raises(LimitReached) as refused:
        await read_body(request_of(chunks, headers), Limit(10, 5))
    assert refused.value.code == "request_too_large"


async def test_a_body_is_read_whole_up_to_its_limit() -> None:
    assert await read_body(request_of([b"12345", b"67890"], {"content-length": "10"}), Limit(10, 5)) == b"1234567890"


async def test_a_body_that_drips_is_not_waited_for() -> None:
    with pytest.raises(LimitReached) as refused:
        await read_body(request_of([b"1"] * 100, {}, pause=0.05), Limit(1000, 0.1))
    assert refused.value.code == "body_too_slow"


@pytest.mark.parametrize(
    "header, accepted",
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ('Application/JSON; charset="UTF-8"', True),
        ("application/merge-patch+json", True),
        ("application/json; charset=latin-1", False),
        ("application/json; charset=utf-16", False),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=x", False),
        ("", False),
    ],
)
def test_only_json_is_taken_for_json(header: str, accepted: bool) -> None:
    if accepted:
        check_media_type(header)
        return
    with pytest.raises(GreenroomError) as refused:
        check_media_type(header)
    assert refused.value.code == "unsupported_media_type"
