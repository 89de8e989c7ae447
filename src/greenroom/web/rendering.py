"""How a page is drawn: the templates, what they may call, and the addresses of what they load."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from pygments.lexers.python import PythonLexer
from pygments.token import STANDARD_TYPES
from starlette.requests import Request
from starlette.responses import Response

from greenroom.domain.errors import NotFound
from greenroom.web.icons import icon
from greenroom.web.navigation import NAVIGATION

STATIC: Final = Path(__file__).parent / "static"
FOREVER: Final = "public, max-age=31536000, immutable"
MAX_HIGHLIGHTED: Final = 40_000
"""Characters of code that are coloured; more are shown plain."""


@dataclass(frozen=True)
class Asset:
    """A file that pages load, with its compressed form and the hash that its address carries."""

    data: bytes
    packed: bytes
    media: str
    mark: str


class Assets:
    """The files that pages load, read once. An address carries the hash, so a browser may keep it for ever."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._known = {str(path.relative_to(folder)): _read(path) for path in folder.rglob("*") if path.is_file()}

    def address(self, name: str) -> str:
        """Returns where a file is. Raises KeyError for one that is not there."""
        return f"/static/{name}?v={self._known[name].mark}"

    async def serve(self, request: Request) -> Response:
        """Returns a file, compressed where the browser takes that. Raises NotFound."""
        asset = self._known.get(request.path_params["name"])
        if asset is None:
            raise NotFound("page_not_found", f"There is no page {request.url.path[:200]}.")
        current = request.query_params.get("v") == asset.mark
        headers = {"cache-control": FOREVER if current else "no-cache", "vary": "accept-encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(asset.packed, 200, {**headers, "content-encoding": "gzip"}, asset.media)
        return Response(asset.data, 200, headers, asset.media)


def _read(path: Path) -> Asset:
    data = path.read_bytes()
    media = mimetypes.guess_type(path.name)[0] or "text/plain"
    return Asset(data, gzip.compress(data, 9, mtime=0), media, hashlib.sha256(data).hexdigest()[:12])


def make_templates(assets: Assets) -> Environment:
    """Returns the templates; every value in them is escaped, and an unknown name is an error."""
    templates = Environment(
        loader=PackageLoader("greenroom.web"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals.update(icon=icon, asset=assets.address, navigation=NAVIGATION)
    templates.filters.update(
        moment=moment, plural=plural, device=device, python=highlight, short=short, words=words, first_up=first_up
    )
    return templates


def moment(when: datetime | str) -> Markup:
    """Returns a time as people read it: in UTC, until a script puts it into the viewer's zone; exact on hover."""
    at = datetime.fromisoformat(when) if isinstance(when, str) else when
    at = at.astimezone(UTC)
    exact = at.strftime("%Y-%m-%d %H:%M:%S UTC")
    shown = at.strftime("%d %b %Y, %H:%M UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(), exact, shown)


def plural(count: int, one: str, many: str = "") -> str:
    """Returns `1 change`, `2,345 changes`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


BROWSERS: Final = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
SYSTEMS: Final = {"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "Mac OS": "Mac"}


def device(said: str) -> str:
    """Returns what a browser says of itself as people call it: `Firefox on Linux`."""
    browser = next((name for mark, name in BROWSERS.items() if mark in said), "A browser")
    system = next((name for mark, name in SYSTEMS.items() if mark in said), "")
    system = system or ("Linux" if "Linux" in said else "")
    return f"{browser} on {system}" if system else browser


def short(digest: str) -> str:
    """Returns a digest as people compare it: its first 12 digits."""
    return str(digest).removeprefix("sha256:")[:12]


def first_up(text: str) -> str:
    """Returns a text with a capital first letter and the rest as it is: `SMS messages`."""
    return text[:1].upper() + text[1:]


def words(name: str) -> str:
    """Returns a name of ours as words: `release_manager` as `release manager`."""
    return str(name).replace("_", " ")


_LEXER: Final = PythonLexer(stripnl=False, ensurenl=False)


def highlight(code: str) -> Markup:
    """Returns Python code with its parts in spans, everything escaped."""
    if len(code) > MAX_HIGHLIGHTED:
        return escape(code)
    parts: list[Markup] = []
    for token, text in _LEXER.get_tokens(code):
        name = next((STANDARD_TYPES[each] for each in reversed(token.split()) if each in STANDARD_TYPES), "")
        parts.append(Markup('<span class="{}">{}</span>').format(name, text) if name else escape(text))
    return Markup("").join(parts)
