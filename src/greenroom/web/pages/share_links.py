"""Share links: tokens that lead to one environment until they expire or are revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import Fault, GreenroomError, Invalid, NotAllowed
from greenroom.services.share_links import NewShareLink
from greenroom.web.door import Door
from greenroom.web.forms import Form, Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import load_shell

PAGE: Final = 100
SPANS: Final = (1, 7, 14, 30, 90)
USUAL: Final = 7


class ShareLinkPages:
    """The page of share links."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [self._door.route("/projects/{slug}/traffic/share-links", self.list, self.change)]

    async def list(self, visit: Visit) -> Response:
        """Shows links, without their tokens."""
        return await self._list(visit, Refusal())

    async def change(self, visit: Visit) -> Response:
        """Makes a link and shows its token once, or revokes one."""
        slug, form = visit.path("slug"), visit.form
        try:
            if form.has("revoke"):
                await self._desk.share_links.revoke(visit.call, slug, form.text("revoke"))
                await self._door.catch_up()
                here = f"/projects/{slug}/traffic/share-links"
                return self._door.go(
                    visit, here, "The link leads nowhere from now on; conversations begun by it go on."
                )
            until = _read_expiry(form, self._desk.clock.now())
            made = await self._desk.share_links.create(
                visit.call, slug, form.text("environment"), until, form.text("label")
            )
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            return await self._list(visit, refusal_of(wrong))
        await self._door.catch_up()
        return await self._list(visit, Refusal(), made)

    async def _list(self, visit: Visit, refusal: Refusal, made: NewShareLink | None = None) -> Response:
        slug = visit.path("slug")
        shell = await load_shell(visit, slug, "Share links", "traffic", names=True)
        wanted = visit.query("environment") if shell.place(visit.query("environment")) else ""
        before = visit.query("before") or None
        found = await self._desk.share_links.list(visit.call, slug, before, PAGE, wanted or None)
        return self._door.page(
            shell,
            "share_links/list.html",
            422 if refusal else 200,
            links=found,
            more=found[-1].link.id if len(found) == PAGE else "",
            wanted=wanted,
            now=self._desk.clock.now(),
            made=made,
            address=f"{_origin(visit)}/try/{made.token}" if made else "",
            spans=SPANS,
            span=visit.form.number("days") or USUAL,
            form=Form() if made else visit.form,
            refusal=refusal,
        )


def _origin(visit: Visit) -> str:
    """Returns where the browser says that we are: between it and us may be a proxy."""
    return visit.request.headers.get("origin") or str(visit.request.base_url).rstrip("/")


def _read_expiry(form: Form, now: datetime) -> datetime:
    """Returns when a link is to expire: at the time given in UTC, else after so many days. Raises Invalid."""
    text = form.text("until").strip()
    if not text:
        return now + timedelta(days=form.number("days") or USUAL)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = "is a date and a time, such as 2030-05-01T18:00"
        raise Invalid("invalid_expiry", f"the expiry {message}", errors=[Fault("/expires_at", message)]) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
