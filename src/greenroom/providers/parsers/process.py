"""Reads files in a process of its own, which has limited memory, no secrets, and is killed when it takes too long."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any

from greenroom.domain.errors import Fault, Invalid, Unavailable
from greenroom.ports import Parsed
from greenroom.providers.parsers.decoding import choose_format
from greenroom.providers.parsers.formats import parse_now
from greenroom.providers.parsers.limits import MAX_BYTES
from greenroom.providers.parsers.worker import SIZE

SECONDS = 30.0
JOBS = 200
"""After so many files a process gives way to a new one: what parsers leak goes with it."""
HARMLESS = frozenset({"text", "markdown"})
SMALL = 256 * 1024


class SafeParser:
    """`ports.Parser`. One file at a time; the process begins with the first one that needs it."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._jobs = 0

    async def parse(self, data: bytes, mime: str, name: str) -> Parsed:
        """Returns what a file holds. Raises Invalid for what cannot be read, Unavailable without a process."""
        if len(data) > MAX_BYTES or (len(data) <= SMALL and _is_harmless(data, mime, name)):
            return await asyncio.to_thread(parse_now, data, mime, name)
        async with self._lock:
            answer = await self._ask(data, mime, name)
        if "code" in answer:
            errors = [Fault(*fault) for fault in answer["errors"]]
            raise Invalid(answer["code"], answer["detail"], errors=errors)
        links = tuple(answer["links"])
        return Parsed(answer["title"], answer["text"], links, answer["canonical"], answer["noindex"])

    async def close(self) -> None:
        """Ends the process."""
        async with self._lock:
            await self._stop()

    async def _ask(self, data: bytes, mime: str, name: str) -> dict[str, Any]:
        process = await self._start()
        try:
            async with asyncio.timeout(self._seconds):
                return await _converse(process, data, mime, name)
        except TimeoutError:
            await self._stop()
            message = f"'{name[:200]}' took more than {self._seconds:.0f} seconds to read; split it, or save it anew"
            raise Invalid("document_too_slow", message) from None
        except (OSError, asyncio.IncompleteReadError, ValueError):
            await self._stop()
            message = f"'{name[:200]}' cannot be read: it takes more memory than a file may; split it, or save it anew"
            raise Invalid("unreadable_document", message) from None
        except BaseException:
            # Cancelled in the middle of an answer: the next one must not read what is left of it.
            await self._stop()
            raise

    async def _start(self) -> asyncio.subprocess.Process:
        if self._jobs >= JOBS or (self._process is not None and self._process.returncode is not None):
            await self._stop()
        if self._process is None:
            pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
            command = (sys.executable, "-I", "-m", "greenroom.providers.parsers.worker")
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *command, stdin=pipe, stdout=pipe, stderr=nowhere, env={}, limit=2**20
                )
            except OSError as wrong:
                raise Unavailable("no_parser", f"the process that reads files cannot be started: {wrong}") from None
            self._jobs = 0
        self._jobs += 1
        return self._process

    async def _stop(self) -> None:
        process, self._process, self._jobs = self._process, None, 0
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()


async def _converse(process: asyncio.subprocess.Process, data: bytes, mime: str, name: str) -> dict[str, Any]:
    assert process.stdin is not None, "it was started with pipes"
    assert process.stdout is not None, "it was started with pipes"
    head = json.dumps({"mime": mime, "name": name}).encode()
    process.stdin.write(SIZE.pack(len(head)) + head + SIZE.pack(len(data)) + data)
    await process.stdin.drain()
    size = SIZE.unpack(await process.stdout.readexactly(SIZE.size))[0]
    return json.loads(await process.stdout.readexactly(size))


def _is_harmless(data: bytes, mime: str, name: str) -> bool:
    try:
        return choose_format(data, mime, name) in HARMLESS
    except Invalid:
        return True
