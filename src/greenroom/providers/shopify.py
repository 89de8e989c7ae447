"""Shopify: products, pages and policies of a shop, by its Admin GraphQL API."""

from __future__ import annotations

import asyncio
import html
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from greenroom.domain.errors import Invalid, Refused, Unavailable
from greenroom.ports import FeedAccess, Found, Outbound, OutboundRequest
from greenroom.providers.feeds import MAX_BYTES, fetch_json

PROVIDER = "shopify"
API_VERSION = "2026-01"
PAGE = 100
MAX_PAGES = 200
TRIES = 6
LONGEST_WAIT = 30.0
WHOSE = "Shopify"
PARTS = ("products", "pages", "policies")
_PRODUCTS = """query Products($after: String) {
  products(first: %d, after: $after, query: "status:active") {
    nodes { id handle title descriptionHtml productType vendor tags onlineStoreUrl
      priceRangeV2 { minVariantPrice { amount currencyCode } maxVariantPrice { amount currencyCode } } }
    pageInfo { hasNextPage endCursor } } }"""
_PAGES = """query Pages($after: String) {
  pages(first: %d, after: $after) {
    nodes { id handle title body isPublished }
    pageInfo { hasNextPage endCursor } } }"""
_POLICIES = "query Policies { shop { shopPolicies { id title type body url } } }"


class ShopifyFeed:
    """What a shop says of itself. The access is its address (https://name.myshopify.com) and an Admin API token.

    `wanted` names what is wanted of products, pages, policies; '' means all.
    """

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def read(self, access: FeedAccess, wanted: str) -> AsyncIterator[Found]:
        """Yields documents. Raises Refused, Invalid, Unavailable."""
        parts = read_filter(wanted)
        if "products" in parts:
            async for node in self._nodes(access, "products", _PRODUCTS % PAGE):
                yield read_product(node)
        if "pages" in parts:
            async for node in self._nodes(access, "pages", _PAGES % PAGE):
                if node.get("isPublished", True) and str(node.get("body") or "").strip():
                    yield _page("page", node, str(node.get("body")), "")
        if "policies" in parts:
            data = await self._ask(access, _POLICIES, None)
            shop = data.get("shop")
            for node in (shop.get("shopPolicies") or ()) if isinstance(shop, dict) else ():
                if str(node.get("body") or "").strip():
                    yield _page(
                        "policy", {**node, "handle": node.get("type")}, str(node["body"]), str(node.get("url") or "")
                    )

    async def _nodes(self, access: FeedAccess, part: str, query: str) -> AsyncIterator[Mapping[str, Any]]:
        after: str | None = None
        for _ in range(MAX_PAGES):
            found = (await self._ask(access, query, after)).get(part)
            if not isinstance(found, dict) or not isinstance(found.get("nodes"), list):
                raise Invalid("feed_not_understood", f"Shopify's answer holds no {part}; look at the address")
            for node in found["nodes"]:
                yield node
            info = found.get("pageInfo") or {}
            if not info.get("hasNextPage"):
                return
            after = str(info.get("endCursor"))
        raise Invalid("too_many_products", f"there are more than {MAX_PAGES * PAGE:,} {part}; narrow them by a filter")

    async def _ask(self, access: FeedAccess, query: str, after: str | None) -> Mapping[str, Any]:
        """Asks once, and again while the shop's bucket of points is empty."""
        body = json.dumps({"query": query, "variables": {"after": after}}).encode()
        request = OutboundRequest(
            "POST",
            f"{access.base_url.rstrip('/')}/admin/api/{API_VERSION}/graphql.json",
            (
                ("accept", "application/json"),
                ("content-type", "application/json"),
                ("x-shopify-access-token", access.key),
            ),
            body,
            timeout_ms=30_000,
            max_bytes=MAX_BYTES,
            redirects=0,
        )
        for _ in range(TRIES):
            answer = await fetch_json(self._outbound, request, WHOSE)
            errors = answer.get("errors")
            if not errors:
                data = answer.get("data")
                return data if isinstance(data, dict) else {}
            wait = find_wait(answer)
            if wait is None:
                _refuse(errors)
            await asyncio.sleep(wait or 0.0)
        raise Unavailable("feed_failed", "Shopify's points are used up by others; sync again later")


def read_filter(text: str) -> tuple[str, ...]:
    """Returns the parts that a filter names. Raises Invalid `invalid_filter`."""
    named = text.replace(",", " ").split()
    for each in named:
        if each not in PARTS:
            raise Invalid("invalid_filter", f"'{each[:60]}' is no part of a shop: write {', '.join(PARTS)}")
    return tuple(named) or PARTS


def find_wait(answer: Mapping[str, Any]) -> float | None:
    """Returns how long until there are points again, None when it is not points that are missing."""
    errors = answer.get("errors")
    codes = (
        [(each.get("extensions") or {}).get("code") for each in errors if isinstance(each, dict)]
        if isinstance(errors, list)
        else []
    )
    if "THROTTLED" not in codes:
        return None
    cost: Mapping[str, Any] = (answer.get("extensions") or {}).get("cost") or {}
    status: Mapping[str, Any] = cost.get("throttleStatus") or {}
    missing = float(cost.get("requestedQueryCost") or 0) - float(status.get("currentlyAvailable") or 0)
    return max(0.1, min(missing / float(status.get("restoreRate") or 50), LONGEST_WAIT))


def _refuse(errors: object) -> None:
    first = errors[0] if isinstance(errors, list) and errors else errors
    text = str(first.get("message", "")) if isinstance(first, dict) else str(first)
    denied = isinstance(first, dict) and (first.get("extensions") or {}).get("code") == "ACCESS_DENIED"
    if denied:
        raise Refused("feed_refused", f"Shopify does not let us in: {text[:300]}; give the token the read scopes")
    raise Invalid("feed_not_understood", f"Shopify answered: {text[:300]}")


def read_product(node: Mapping[str, Any]) -> Found:
    """Returns a product as a document: what it is, what it costs, what is said of it."""
    prices: Mapping[str, Any] = node.get("priceRangeV2") or {}
    low, high = (prices.get(each) or {} for each in ("minVariantPrice", "maxVariantPrice"))
    facts = [("Type", node.get("productType")), ("Vendor", node.get("vendor")), ("Price", _price(low, high))]
    lines = "".join(f"<p>{name}: {html.escape(str(value))}</p>" for name, value in facts if value)
    tags = tuple(str(tag) for tag in node.get("tags") or ())
    return _page(
        "product", node, lines + str(node.get("descriptionHtml") or ""), str(node.get("onlineStoreUrl") or ""), tags
    )


def _price(low: Mapping[str, Any], high: Mapping[str, Any]) -> str:
    if not low.get("amount"):
        return ""
    first = f"{low['amount']} {low.get('currencyCode', '')}".strip()
    return (
        first
        if high.get("amount") in (None, low["amount"])
        else f"{first} to {high['amount']} {high.get('currencyCode', '')}".strip()
    )


def _page(part: str, node: Mapping[str, Any], body: str, url: str, tags: tuple[str, ...] = ()) -> Found:
    title = str(node.get("title") or "")
    name = str(node.get("handle") or str(node.get("id", "")).rpartition("/")[2])
    page = f"<html><body><main><h1>{html.escape(title)}</h1>{body}</main></body></html>".encode()
    return Found(f"{part}-{name}", title, url, "text/html; charset=utf-8", page, tags)
