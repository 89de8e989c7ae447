"""Complete snapshots by digest on the network; whoever has one has it for ever."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Final

from fastapi import Header, Path
from starlette.responses import Response

from greenroom.api.asking import Given, ProjectPath
from greenroom.api.bundle_cache import CACHEABLE, bundle_bytes
from greenroom.api.etags import matches, quote_tag
from greenroom.api.nouns import Noun
from greenroom.api.writes import JSON
from greenroom.domain.canonical import Digest
from greenroom.domain.errors import NotFound
from greenroom.wire.bundles import BundleOut

NOUN: Final = Noun("bundles")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_RESPONSES = {"responses": {"304": {"description": "The reader has it already."}}}


@NOUN.verb("GET", "/projects/{project}/bundles/{digest}", "load", BundleOut, extra=_RESPONSES)
async def load(
    ask: Given,
    project: ProjectPath,
    digest: Annotated[str, Path(max_length=80, description="sha256: and 64 hex digits.")],
    if_none_match: Annotated[str | None, Header(alias="If-None-Match", description="ETags the reader has.")] = None,
) -> Response:
    """Returns the complete, immutable snapshot with a digest, which is also its strong ETag."""
    if not _DIGEST.fullmatch(digest):
        raise NotFound("snapshot_not_found", f"there is no snapshot {digest}")
    workspace = ask.call.workspace
    ready = ask.door.bundles.find(workspace, digest)
    if ready is not None:
        data = ready.data
        await ask.desk.projects.load(ask.call, project)
    else:
        bundle = await ask.desk.content.load_bundle(ask.call, project, Digest(digest))
        data = await asyncio.to_thread(bundle_bytes, bundle, Digest(digest))
        ask.door.bundles.keep(workspace, digest, data)
    headers = {"cache-control": CACHEABLE, "etag": quote_tag(digest)}
    if matches(if_none_match, digest):
        return Response(None, 304, headers)
    return Response(data, 200, headers, JSON)
