"""Who is asking: an API key, or a browser's session with proof that our own pages sent the request."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request

from greenroom.domain.access import Principal
from greenroom.domain.errors import NotAllowed, Unauthenticated
from greenroom.services.access import csrf_token
from greenroom.services.desk import Desk
from greenroom.services.keys import hash_token

COOKIE: Final = "gr_session"
CSRF_HEADER: Final = "x-greenroom-csrf"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_CREDENTIAL: Final = 512


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and the credential they showed: what seals answers that only they may read again."""

    principal: Principal
    credential: str


async def find_caller(request: Request, desk: Desk) -> Caller:
    """Returns who asks. Reads headers only, so that a stranger's body is never looked at.

    Raises Unauthenticated, and NotAllowed for a session used from another site or without its CSRF token.
    """
    header = request.headers.get("authorization")
    if header is not None:
        key = _bearer_of(header)
        # The table is at most a second old, and of this moment for what was changed through this process.
        known = desk.traffic.find_principal(hash_token(key))
        return Caller(known or await desk.access.identify(key), key)
    token = request.cookies.get(COOKIE)
    if not token or len(token) > MAX_CREDENTIAL:
        raise Unauthenticated("no_credentials", "send an API key: Authorization: Bearer gr_…")
    principal = await desk.access.find_session(token)
    if principal is None:
        raise Unauthenticated("session_ended", "this session is over; sign in again")
    if request.method not in SAFE_METHODS:
        _check_origin(request)
        given = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode(), csrf_token(token).encode()):
            raise NotAllowed("csrf", f"a signed-in browser must send its token in {CSRF_HEADER.title()}")
    return Caller(principal, token)


def _bearer_of(header: str) -> str:
    scheme, _, key = header.partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key or len(key) > MAX_CREDENTIAL or not key.isascii():
        raise Unauthenticated("invalid_credentials", "the Authorization header must be: Bearer <API key>")
    return key


def _check_origin(request: Request) -> None:
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        raise NotAllowed("foreign_origin", "this request was sent by a page of another site, so nothing was done")
    if origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        raise NotAllowed("foreign_origin", "this request was sent by a page of another site, so nothing was done")
