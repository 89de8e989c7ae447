"""What feeds share: JSON from somebody's API, with the patience it asks for; and a folder of the server's own."""

from __future__ import annotations

import asyncio
import json
import mimetypes
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from greenroom.domain.errors import Invalid, Refused, Unavailable
from greenroom.ports import FeedAccess, Found, Outbound, OutboundRequest

TRIES = 5
LONGEST_WAIT = 60.0
MAX_BYTES = 10_000_000
_BUSY = frozenset({429, 502, 503, 504})
MAX_FILES = 10_000
MAX_FILE_BYTES = 25 * 1024 * 1024


async def fetch_json(outbound: Outbound, request: OutboundRequest, whose: str) -> Mapping[str, Any]:
    """Returns a JSON object. Waits while the API is busy (429, 503), as it says or longer each time.

    Raises Refused `feed_refused` for a wrong key, Invalid `feed_not_understood`, Unavailable `feed_failed`.
    """
    response = await outbound.fetch(request)
    for attempt in range(TRIES - 1):
        if response.status not in _BUSY:
            break
        said = next((value for name, value in response.headers if name.lower() == "retry-after"), "")
        await asyncio.sleep(read_wait(said, attempt))
        response = await outbound.fetch(request)
    if response.status in _BUSY:
        raise Unavailable("feed_failed", f"{whose} is too busy (status {response.status}); sync again later")
    if response.status in {401, 403}:
        raise Refused("feed_refused", f"{whose} does not let us in (status {response.status}); look at the key")
    if response.status >= 400:
        raise Invalid("feed_not_understood", f"{whose} answered with status {response.status}; look at its address")
    if response.truncated:
        raise Invalid("feed_not_understood", f"{whose} answered with more than {MAX_BYTES:,} bytes at once")
    try:
        read = json.loads(response.body)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise Invalid("feed_not_understood", f"{whose} did not answer with a JSON object; look at its address")
    return read


def read_wait(said: str, attempt: int) -> float:
    """Returns how many seconds to wait: those of a Retry-After header, else longer each time."""
    try:
        return max(0.0, min(float(said.strip()), LONGEST_WAIT))
    except ValueError:
        return float(2**attempt)


class FolderFeed:
    """Files beneath one folder of the server. Without one, there is nothing to read."""

    def __init__(self, root: Path | None) -> None:
        self._root = root.resolve() if root is not None else None

    async def read(self, access: FeedAccess, wanted: str) -> AsyncIterator[Found]:
        """Yields files by path; `wanted` is a folder beneath the root. Links that lead out are not followed."""
        if self._root is None:
            message = "this server reads no folders; an operator can name one in GREENROOM_KNOWLEDGE_DIR"
            raise Refused("no_knowledge_folder", message)
        for path in await asyncio.to_thread(self._find, self._root, wanted):
            data = await asyncio.to_thread(path.read_bytes)
            name = path.relative_to(self._root).as_posix()
            yield Found(name, "", f"folder:{name}", mimetypes.guess_type(name)[0] or "", data)

    @staticmethod
    def _find(root: Path, wanted: str) -> list[Path]:
        start = (root / wanted.strip("/ ")).resolve()
        if not start.is_relative_to(root) or not start.is_dir():
            raise Invalid("no_such_folder", f"there is no folder '{wanted[:200]}' in the server's knowledge folder")
        found: list[Path] = []
        for path in sorted(start.rglob("*")):
            hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
            if hidden or not path.is_file() or not path.resolve().is_relative_to(root):
                continue
            if path.stat().st_size <= MAX_FILE_BYTES:
                found.append(path)
            if len(found) > MAX_FILES:
                raise Invalid("too_many_files", f"the folder holds more than {MAX_FILES:,} files; name one beneath it")
        return found
