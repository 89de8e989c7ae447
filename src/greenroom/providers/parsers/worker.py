"""A process that reads files for `process.SafeParser`, and may be killed at any time. It has no way out."""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
from typing import Any, BinaryIO

from greenroom.domain.errors import Invalid
from greenroom.providers.parsers.formats import parse_now

MAX_MEMORY = 1536 * 1024 * 1024
SIZE = struct.Struct(">Q")


def work(source: BinaryIO, target: BinaryIO) -> None:
    """Answers requests until the end of input: a length, a JSON header, a length, the file; back, a length and JSON."""
    while True:
        head = _read(source)
        if head is None:
            return
        data = _read(source)
        if data is None:
            return
        facts = json.loads(head)
        answer = json.dumps(_answer(data, facts["mime"], facts["name"])).encode()
        target.write(SIZE.pack(len(answer)) + answer)
        target.flush()


def _read(source: BinaryIO) -> bytes | None:
    size = source.read(SIZE.size)
    return source.read(SIZE.unpack(size)[0]) if len(size) == SIZE.size else None


def _answer(data: bytes, mime: str, name: str) -> dict[str, Any]:
    try:
        found = parse_now(data, mime, name)
    except Invalid as wrong:
        faults = [[f.pointer, f.message, f.code, f.hint] for f in wrong.errors]
        return {"code": wrong.code, "detail": wrong.detail, "errors": faults}
    return {
        "title": found.title,
        "text": found.text,
        "links": found.links,
        "canonical": found.canonical,
        "noindex": found.noindex,
    }


def main() -> None:
    """Runs the process: nothing that a parser prints reaches the answers."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(answers, "wb") as target:
        work(sys.stdin.buffer, target)


if __name__ == "__main__":
    main()
