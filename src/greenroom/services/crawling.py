"""Reads a web site page by page: politely, within limits, and never off its host."""

from __future__ import annotations

import asyncio
import html
import re
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit
from urllib.robotparser import RobotFileParser

from greenroom.domain.errors import GreenroomError, Refused, Unavailable
from greenroom.domain.knowledge import digest_of_text
from greenroom.ports import Outbound, OutboundRequest, OutboundResponse, Parsed, Parser
from greenroom.runtime.patterns import Pattern, compile_pattern

AGENT = "Greenroom"
HEADERS = (("user-agent", f"{AGENT}/1 (+knowledge)"), ("accept", "text/html, application/pdf, text/plain;q=0.8"))
PAGE_BYTES = 5_000_000
PAGE_MS = 20_000
PAUSE_SECONDS = 0.2
LONGEST_PAUSE = 10.0
LONGEST_WAIT = 60.0
TRIES = 3
MAX_SITEMAPS = 20
MAX_URL = 2_000
MAX_HOPS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_QUERIES = 20
"""Addresses of one path that differ in their query alone: more of them are a calendar or a shop's filters."""
MAX_SEGMENTS = 20
MAX_REPEATS = 3
MAX_WAITING = 20_000
FAILURES = 10
"""After so many failures in a row nobody is at home."""
_LOC = re.compile(rb"<loc>\s*(?:<!\[CDATA\[)?\s*([^<\]\s]{1,2000})", re.IGNORECASE)
_READ_TYPES = ("text/html", "application/xhtml", "text/plain", "text/markdown", "application/pdf", "text/csv")
_TRACKING = re.compile(r"utm_\w+|gclid|fbclid|mc_[ce]id|sessionid|phpsessid|jsessionid|sid", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was read."""

    url: str
    title: str
    text: str
    mime: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """A page that was not read. `gone` says that there is none any more; else it may come back."""

    url: str
    message: str
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One page read or not, and how far the crawl is: pages done, and how many there are to its knowledge."""

    page: Page | None
    trouble: Trouble | None
    done: int
    of: int


@dataclass(frozen=True, slots=True)
class Site:
    """What to read."""

    url: str
    max_pages: int = 100
    max_depth: int = 3
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()


@dataclass(slots=True)
class Crawl:
    """One walk over a site. Iterate `steps`, then ask `is_whole`."""

    outbound: Outbound
    parser: Parser
    site: Site
    pause: float = PAUSE_SECONDS
    is_whole: bool = False
    """Whether every page in reach was read: only then is a page that was not seen gone."""
    _robots: dict[str, RobotFileParser] = field(default_factory=dict[str, RobotFileParser])
    """What each origin's robots.txt allows: `www.` in front or another scheme may have another one."""
    _waiting: deque[tuple[str, int]] = field(default_factory=deque[tuple[str, int]])
    _seen: set[str] = field(default_factory=set[str])
    _queries: dict[str, int] = field(default_factory=dict[str, int])
    _texts: set[str] = field(default_factory=set[str])
    _kept: set[str] = field(default_factory=set[str])
    _patterns: tuple[tuple[Pattern, ...], tuple[Pattern, ...]] = ((), ())

    async def steps(self) -> AsyncIterator[Step]:
        """Yields page after page. Raises Invalid for a bad pattern, Unavailable when the site says nothing at all."""
        include, exclude = self.site.include, self.site.exclude
        self._patterns = (tuple(map(compile_pattern, include)), tuple(map(compile_pattern, exclude)))
        start = clean_url(self.site.url)
        await self._read_robots(start)
        self._add(start, 0, first=True)
        for url in await self._read_sitemaps(start):
            self._add(url, 1)
        done = failures = 0
        whole = True
        while self._waiting and done < self.site.max_pages:
            url, depth = self._waiting.popleft()
            page, trouble = await self._visit(url, depth)
            failures = failures + 1 if trouble is not None and not trouble.gone else 0
            whole = whole and failures == 0
            if page is not None or trouble is not None:
                done += page is not None
                yield Step(page, trouble, done, min(done + len(self._waiting), self.site.max_pages))
            if failures >= FAILURES:
                return
            await asyncio.sleep(self.pause if self._waiting else 0)
        self.is_whole = whole and done > 0 and not self._waiting

    async def _visit(self, url: str, depth: int) -> tuple[Page | None, Trouble | None]:
        try:
            response = await self._follow(url)
        except GreenroomError as wrong:
            return None, Trouble(url, wrong.detail)
        if not isinstance(response, OutboundResponse):
            return None, response
        if response.status >= 400:
            gone = response.status in {404, 410}
            return None, Trouble(url, f"answered with status {response.status}", gone)
        final = clean_url(response.url)
        self._seen.add(final)
        mime = type_of(response)
        if not mime.startswith(_READ_TYPES):
            return None, None
        if response.truncated:
            return None, Trouble(url, f"is larger than {PAGE_BYTES:,} bytes", gone=True)
        try:
            parsed = await self.parser.parse(response.body, mime, final)
        except GreenroomError as wrong:
            return None, Trouble(url, wrong.detail, gone=True)
        return self._keep(final, parsed, mime, depth), None

    async def _follow(self, url: str, *, is_map: bool = False) -> OutboundResponse | Trouble | None:
        """Returns what an address leads to, None where it may not be read or was read already.

        Each hop is checked before it is asked for: that it stays on the site, and what its origin's robots.txt says.
        A site's map may be asked for whatever that says of it. Raises Refused, Unavailable.
        """
        here = url
        for _ in range(MAX_HOPS + 1):
            await self._learn_robots(here)
            if not self._may_read(here) and not (is_map and here == url):
                return None
            response = await fetch_politely(self.outbound, here, redirects=None)
            target = next((value for name, value in response.headers if name.lower() == "location"), "")
            if response.status not in REDIRECTS or not target:
                return response
            before, here = here, clean_url(_join(here, target))
            if not self._is_inside(here):
                return Trouble(url, f"leads to another site, {urlsplit(here).hostname or target[:80]}", gone=True)
            if here != before and here in self._seen:
                return None
        raise Refused("too_many_redirects", f"more than {MAX_HOPS} redirects")

    def _keep(self, url: str, parsed: Parsed, mime: str, depth: int) -> Page | None:
        """Queues where a page leads, and returns it unless it is another one over again."""
        for link in parsed.links if depth < self.site.max_depth else ():
            self._add(_join(url, link), depth + 1)
        canonical = clean_url(_join(url, parsed.canonical)) if parsed.canonical else url
        address = canonical if self._is_inside(canonical) else url
        text = digest_of_text(parsed.text)
        if parsed.noindex or address in self._kept or text in self._texts or not self._is_wanted(address):
            return None
        self._seen.add(address)
        self._kept.add(address)
        self._texts.add(text)
        return Page(address, parsed.title, parsed.text, mime)

    def _add(self, link: str, depth: int, *, first: bool = False) -> None:
        url = clean_url(link)
        if not url or url in self._seen or len(self._waiting) >= MAX_WAITING:
            return
        if not (first or (self._is_inside(url) and self._is_passable(url))) or not self._may_read(url):
            return
        path, _, query = url.partition("?")
        if query:
            self._queries[path] = self._queries.get(path, 0) + 1
            if self._queries[path] > MAX_QUERIES:
                return
        if _is_trap(url):
            return
        self._seen.add(url)
        self._waiting.append((url, depth))

    def _is_inside(self, url: str) -> bool:
        here, there = urlsplit(self.site.url), urlsplit(url)
        if there.scheme not in {"http", "https"}:
            return False
        return _plain_host(here.hostname) == _plain_host(there.hostname) and _port(here) == _port(there)

    def _is_passable(self, url: str) -> bool:
        return not any(pattern.found_in(url) for pattern in self._patterns[1])

    def _is_wanted(self, url: str) -> bool:
        include = self._patterns[0]
        return self._is_passable(url) and (not include or any(pattern.found_in(url) for pattern in include))

    def _may_read(self, url: str) -> bool:
        """Says what the robots.txt of an address's origin allows, or the site's, while that one was not read."""
        robots = self._robots.get(_origin(url)) or self._robots[_origin(clean_url(self.site.url))]
        return robots.can_fetch(AGENT, url)

    async def _learn_robots(self, url: str) -> None:
        if _origin(url) not in self._robots:
            await self._read_robots(url)

    async def _read_robots(self, start: str) -> None:
        """Reads robots.txt as RFC 9309 has it: none means all is allowed; one that cannot be read, nothing."""
        response = await fetch_politely(self.outbound, urljoin(start, "/robots.txt"), max_bytes=500_000)
        if response.status >= 500 or response.status == 429:
            status = f"answered with status {response.status}"
            raise Unavailable("site_unavailable", f"{response.url} {status}, so nothing of the site may be read now")
        text = response.body.decode("utf-8", "replace") if response.status < 400 else ""
        robots = self._robots[_origin(start)] = RobotFileParser()
        robots.parse(text.splitlines())
        delay = robots.crawl_delay(AGENT)
        self.pause = max(self.pause, min(float(delay or 0), LONGEST_PAUSE))

    async def _read_sitemaps(self, start: str) -> list[str]:
        """Returns the pages of the site's maps; a site without one is read by its links alone."""
        waiting = deque(self._robots[_origin(start)].site_maps() or [urljoin(start, "/sitemap.xml")])
        found: dict[str, None] = {}
        read: set[str] = set()
        while waiting and len(read) < MAX_SITEMAPS:
            url = clean_url(waiting.popleft())
            if url in read or not self._is_inside(url):
                continue
            read.add(url)
            try:
                response = await self._follow(url, is_map=True)
            except GreenroomError:
                continue
            if not isinstance(response, OutboundResponse) or response.status >= 400:
                continue
            # By pattern and not as XML: nothing to expand, nothing to nest.
            for match in _LOC.finditer(response.body):
                target = html.unescape(match[1].decode("utf-8", "replace"))
                if urlsplit(target).path.endswith(".xml"):
                    waiting.append(target)
                elif len(found) < MAX_WAITING:
                    found[target] = None
        return list(found)


async def fetch_politely(
    outbound: Outbound, url: str, *, max_bytes: int = PAGE_BYTES, redirects: int | None = MAX_HOPS
) -> OutboundResponse:
    """Returns the answer to a GET; waits as long as a server that is busy says, within reason."""
    for attempt in range(TRIES):
        response = await outbound.fetch(
            OutboundRequest("GET", url, HEADERS, timeout_ms=PAGE_MS, max_bytes=max_bytes, redirects=redirects)
        )
        if response.status not in {429, 503} or attempt == TRIES - 1:
            return response
        await asyncio.sleep(wait_of(dict(response.headers), attempt))
    raise AssertionError("the last try returns")


def wait_of(headers: Mapping[str, str], attempt: int) -> float:
    """Returns how many seconds to wait before another try: as the server says, else longer each time."""
    said = next((value.strip() for name, value in headers.items() if name.lower() == "retry-after"), "")
    return min(float(said), LONGEST_WAIT) if said.isdecimal() else 1.0 * 2**attempt


def type_of(response: OutboundResponse) -> str:
    """Returns what a server says that it sends; nothing counts as a page."""
    said = next((value for name, value in response.headers if name.lower() == "content-type"), "")
    return said.strip().lower() or "text/html"


def clean_url(url: str) -> str:
    """Returns an address as it is compared: no fragment, no tracking, no default port; '' for what is none."""
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not host or len(url) > MAX_URL or parts.username is not None:
        return ""
    host = f"[{host}]" if ":" in host else host
    where = host if port in (None, 80 if parts.scheme == "http" else 443) else f"{host}:{port}"
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.fullmatch(pair[0])]
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    return urlunsplit((parts.scheme, where, path, urlencode(sorted(query)), ""))


def _join(base: str, link: str) -> str:
    try:
        return urljoin(base, link)
    except ValueError:
        return ""


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _plain_host(host: str | None) -> str:
    return (host or "").rstrip(".").removeprefix("www.")


def _port(parts: object) -> int:
    port: int | None = getattr(parts, "port", None)
    return 0 if port in (None, 80, 443) else port


def _is_trap(url: str) -> bool:
    """Says whether a path goes round in circles."""
    segments = [segment for segment in urlsplit(url).path.split("/") if segment]
    return len(segments) > MAX_SEGMENTS or any(segments.count(each) > MAX_REPEATS for each in set(segments))
