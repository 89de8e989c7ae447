"""Who looks at a page, and the request as a page sees it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from greenroom.domain.access import Principal, may
from greenroom.domain.canonical import canonical_json, parse_json
from greenroom.domain.errors import Invalid, Unauthenticated
from greenroom.services.access import SESSION_LIFE, csrf_token
from greenroom.services.desk import Desk
from greenroom.services.guests import Held
from greenroom.services.work import Call
from greenroom.web.forms import Form, check_origin, check_token, mask, read_form

COOKIE: Final = "gr_session"
THEME: Final = "gr_theme"
FLASH: Final = "gr_flash"
TALK: Final = "gr_talk"
THEMES: Final = ("auto", "light", "dark")
MAX_FLASH: Final = 400
MAX_TALK: Final = 120
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


@dataclass
class Visit:
    """One request of a signed-in person; `form` is what they sent, checked to come from our own page."""

    desk: Desk
    request: Request
    who: Principal
    token: str
    call: Call
    form: Form = field(default_factory=Form)

    @cached_property
    def csrf(self) -> str:
        """Returns what the forms of this page carry: the session's token, masked anew for every page."""
        return mask(csrf_token(self.token), self.desk.clock.new_token())

    @property
    def theme(self) -> str:
        """Returns the chosen theme: auto, light or dark."""
        return read_theme(self.request)

    @property
    def in_dialog(self) -> bool:
        """Says whether the answer goes into a part of a page that is open already."""
        return self.request.headers.get("hx-request") == "true"

    def path(self, name: str) -> str:
        """Returns a part of the path."""
        return self.request.path_params[name]

    def query(self, name: str, otherwise: str = "") -> str:
        """Returns a parameter of the address."""
        return self.request.query_params.get(name, otherwise)

    def number(self, name: str) -> int | None:
        """Returns a whole number of the address, None for anything else: the page is shown all the same."""
        return read_number(self.query(name))

    def may(self, permission: str) -> bool:
        """Says whether the person may do something: what they may not is not offered."""
        return may(self.who, permission)


def read_number(text: str) -> int | None:
    """Returns the number from 1 that a text is, None for anything else."""
    return int(text) if _NUMBER.fullmatch(text) else None


async def find_visit(request: Request, desk: Desk) -> Visit:
    """Returns the visit of a request. Raises Unauthenticated, and NotAllowed for a form that is not ours."""
    token = request.cookies.get(COOKIE)
    who = await desk.access.find_session(token) if token else None
    if token is None or who is None:
        raise Unauthenticated("no_session", "Sign in first: you are not, or your session is over.")
    visit = Visit(desk, request, who, token, Call(who, desk.clock.new_id("request")))
    if request.method not in ("GET", "HEAD"):
        check_origin(request)
        visit.form = await read_form(request)
        check_token(request, visit.form, csrf_token(token))
    return visit


def keep_session(reply: Response, request: Request, token: str) -> None:
    """Puts a new session into the browser."""
    _set(reply, request, COOKIE, token, int(SESSION_LIFE.total_seconds()))


def end_session(reply: Response, request: Request) -> None:
    """Takes the session out of the browser."""
    _set(reply, request, COOKIE, "", 0)


def keep_theme(reply: Response, request: Request, theme: str) -> None:
    """Keeps the chosen theme for a year."""
    _set(reply, request, THEME, theme if theme in THEMES else THEMES[0], 365 * 86_400)


def read_theme(request: Request) -> str:
    """Returns the theme that the browser keeps."""
    kept = request.cookies.get(THEME, "")
    return kept if kept in THEMES else THEMES[0]


def keep_talk(reply: Response, request: Request, held: Held) -> None:
    """Keeps which conversation a guest holds, for the address of their link alone."""
    _set(reply, request, TALK, f"{held.id}.{held.secret}", 86_400, request.url.path)


def read_talk(request: Request) -> Held | None:
    """Returns the conversation that a guest's browser keeps."""
    id_, _, secret = request.cookies.get(TALK, "")[:MAX_TALK].partition(".")
    return Held(id_, secret) if id_ and secret else None


def keep_flash(reply: Response, request: Request, text: str, tone: str = "good", **more: str) -> None:
    """Lets the next page say what was done."""
    cut = text if len(text) <= MAX_FLASH else text[: MAX_FLASH - 1] + "…"
    data = base64.urlsafe_b64encode(canonical_json({"text": cut, "tone": tone, **more})).decode()
    _set(reply, request, FLASH, data, 60)


def take_flash(request: Request) -> Mapping[str, Any] | None:
    """Returns what the page before left to be said, None when there is nothing (or nothing sound)."""
    kept = request.cookies.get(FLASH, "")
    if not kept:
        return None
    try:
        found = parse_json(base64.urlsafe_b64decode(kept.encode()))
    except (binascii.Error, ValueError, Invalid):
        return None
    sound = isinstance(found, dict) and isinstance(found.get("text"), str) and found.get("tone") in ("good", "bad")
    return found if sound else None


def _set(reply: Response, request: Request, name: str, value: str, life: int, path: str = "/") -> None:
    # A browser says how it came; between it and us may be a proxy that speaks plain HTTP.
    secure = "https" in (request.url.scheme, request.headers.get("origin", "").partition(":")[0])
    reply.set_cookie(name, value, max_age=life, httponly=True, samesite="lax", secure=secure, path=path)
