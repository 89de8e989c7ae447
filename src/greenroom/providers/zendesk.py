"""Zendesk: published articles, by its Help Center API (`/api/v2/help_center/articles`, cursor pagination)."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from greenroom.domain.errors import Invalid
from greenroom.ports import FeedAccess, Found, Outbound, OutboundRequest
from greenroom.providers.feeds import MAX_BYTES, fetch_json

PROVIDER = "zendesk"
PAGE = 100
MAX_PAGES = 200
WHOSE = "Zendesk"


class ZendeskFeed:
    """Articles of a help centre. The access is its address with an agent's e-mail and API token, or a bearer token.

    `wanted`: `locale:en-us`, `section:123`, `category:456`, `label:name`, several with spaces between them.
    """

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def read(self, access: FeedAccess, wanted: str) -> AsyncIterator[Found]:
        """Yields articles that are published. Raises Refused, Invalid, Unavailable."""
        narrowed = read_filter(wanted)
        url = first_url(access.base_url, narrowed)
        host = urlsplit(url).netloc
        for _ in range(MAX_PAGES):
            request = OutboundRequest("GET", url, headers_of(access), timeout_ms=30_000, max_bytes=MAX_BYTES)
            page = await fetch_json(self._outbound, request, WHOSE)
            articles = page.get("articles")
            if not isinstance(articles, list):
                raise Invalid("feed_not_understood", "Zendesk's answer holds no articles; look at the address")
            for article in articles:
                if isinstance(article, dict) and (found := read_article(article, narrowed)) is not None:
                    yield found
            url = next_url(page, host)
            if not url:
                return
        raise Invalid(
            "too_many_articles", f"there are more than {MAX_PAGES * PAGE:,} articles; narrow them by a filter"
        )


def read_filter(text: str) -> dict[str, str]:
    """Returns a filter's parts. Raises Invalid `invalid_filter`."""
    wanted: dict[str, str] = {}
    for part in text.split():
        name, sign, value = part.partition(":")
        if name not in {"locale", "section", "category", "label"} or not sign or not value:
            message = f"'{part[:60]}' is no filter: write locale:en-us, section:123, category:456 or label:name"
            raise Invalid("invalid_filter", message)
        wanted[name] = value
    return wanted


def first_url(base: str, wanted: Mapping[str, str]) -> str:
    """Returns the address of the first page."""
    place = f"/{quote(wanted['locale'], safe='')}" if "locale" in wanted else ""
    for name, path in (("section", "sections"), ("category", "categories")):
        if name in wanted:
            place += f"/{path}/{quote(wanted[name], safe='')}"
            break
    labels = f"&label_names={quote(wanted['label'], safe='')}" if "label" in wanted else ""
    return f"{base.rstrip('/')}/api/v2/help_center{place}/articles.json?page[size]={PAGE}{labels}"


def headers_of(access: FeedAccess) -> tuple[tuple[str, str], ...]:
    """Returns the headers of a request; an agent's token goes with their e-mail, one of OAuth alone."""
    accept = ("accept", "application/json")
    if access.user:
        pair = base64.b64encode(f"{access.user}/token:{access.key}".encode()).decode()
        return (accept, ("authorization", f"Basic {pair}"))
    return (accept, ("authorization", f"Bearer {access.key}")) if access.key else (accept,)


def next_url(page: Mapping[str, Any], host: str) -> str:
    """Returns the next page's address, '' at the end. A key never goes to another host."""
    meta, links = page.get("meta"), page.get("links")
    if not isinstance(meta, dict) or not isinstance(links, dict) or not meta.get("has_more"):
        return ""
    url = str(links.get("next") or "")
    if urlsplit(url).netloc != host:
        raise Invalid("feed_not_understood", "Zendesk's next page is on another host; nothing is asked there")
    return url


def read_article(article: Mapping[str, Any], wanted: Mapping[str, str]) -> Found | None:
    """Returns an article as a document, None for a draft or an empty one."""
    body = article.get("body")
    if article.get("draft") or not isinstance(body, str) or not body.strip() or "id" not in article:
        return None
    title = str(article.get("title") or article.get("name") or "")
    labels = tuple(str(each) for each in article.get("label_names") or ())
    locale = str(article.get("locale") or "")
    id_ = f"article-{article['id']}" + (f".{locale}" if locale and not wanted.get("locale") else "")
    page = f"<html><body><main>{body}</main></body></html>".encode()
    return Found(id_, title, str(article.get("html_url") or ""), "text/html; charset=utf-8", page, labels)
