"""Old aliases go on answering, and every answer by one says so: since when, and what to use instead (RFC 9745).

Only projects that were migrated have such aliases; for all others this is one look into the pointer table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

import structlog

from greenroom.api.asking import Ask
from greenroom.api.guard import TOLD
from greenroom.domain.environments import Deprecated

QUERIES: Final = frozenset({"environment", "env", "ref", "base", "head", "move_to", "arms"})
FIELDS: Final = ("environment", "ref", "clone_from", "promotes_from", "sets_from")
MERGE_FIELDS: Final = ("source", "target")
ENTITIES: Final = frozenset({"drafts.save"})
"""What is sent there is an entity: nothing in it is a place to ask."""
_PLACE: Final = re.compile(r"(^|,)(draft:)?([a-z][a-z0-9-]{0,39})(?=$|[,:~@])")

Headers = tuple[tuple[bytes, bytes], ...]
Known = Mapping[str, Deprecated]
_log = structlog.get_logger("greenroom.api")


async def tell(ask: Ask, path: str, body: Any = None) -> None:
    """Leaves headers for a request that names a deprecated alias, wherever it does, and notes the use.

    `path` is that of the operation, with its names in braces.
    """
    given = dict(ask.request.path_params)
    slug: str | None = given.get("project")
    known = ask.desk.traffic.find_deprecated(ask.call.workspace, slug) if slug is not None else {}
    if not known or slug is None:
        return
    used: list[str] = []
    if "alias" in given:
        given["alias"] = swap(given["alias"], known, used)
    query = swap_query(ask.request.url.query, known, used)
    root = str(ask.request.scope.get("root_path", ""))
    if not used:
        # Only the body names it: what comes after it is then the environment, not another path.
        for text in _texts_of(ask.operation, body):
            swap(text, known, used)
        if not used:
            return
        path, query = f"{path.partition('{')[0]}{{project}}/environments/{{alias}}", ""
        given["alias"] = known[used[0]].successor
    quoted = {name: quote(str(value), safe="", errors="replace") for name, value in given.items()}
    ask.request.scope["state"][TOLD] = say_headers(used[0], known, root + path.format_map(quoted), query)
    for alias in used:
        await _note(ask, slug, alias)


def say_headers(alias: str, known: Known, path: str, query: str) -> Headers:
    """Returns the headers of an answer by a deprecated alias; path and query are those of its successor."""
    found = known[alias]
    target = f"{path}?{query}" if query else path
    link = f'<{target}>; rel="successor-version"; title="use {found.successor} instead of {alias}"'
    return (b"deprecation", b"@%d" % int(found.since.timestamp())), (b"link", link.encode("ascii"))


def swap_query(query: str, known: Known, used: list[str]) -> str:
    """Returns a query with successors in place of deprecated aliases, which are added to `used`."""
    pairs = parse_qsl(query, keep_blank_values=True)
    swapped = [(name, swap(text, known, used) if name in QUERIES else text) for name, text in pairs]
    return urlencode(swapped, errors="replace")


def swap(text: str, known: Known, used: list[str]) -> str:
    """Returns refs or arms with successors in place of deprecated aliases, which are added to `used`."""

    def replace(found: re.Match[str]) -> str:
        alias = found.group(3)
        if alias not in known:
            return found.group(0)
        if alias not in used:
            used.append(alias)
        return f"{found.group(1)}{found.group(2) or ''}{known[alias].successor}"

    return _PLACE.sub(replace, text)


def _texts_of(operation: str, body: Any) -> Iterator[str]:
    """Yields what a body says of places."""
    if not isinstance(body, Mapping) or operation in ENTITIES:
        return
    fields: Mapping[str, Any] = body
    merges = operation.startswith("merges.")
    for name in (*FIELDS, *(MERGE_FIELDS if merges else ())):
        text = fields.get(name)
        if isinstance(text, str):
            yield text
    shares = fields.get("shares")
    for share in shares if isinstance(shares, list) else ():
        if isinstance(share, Mapping) and isinstance(text := share.get("environment"), str):
            yield text


async def _note(ask: Ask, slug: str, alias: str) -> None:
    try:
        await ask.desk.migrations.note_use(ask.call, slug, alias)
    except Exception as wrong:  # noqa: BLE001 - whoever asked for something else gets that all the same
        _log.warning("use_not_noted", alias=alias, error=str(wrong))
