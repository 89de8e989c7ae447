"""The routes of the pages, as the application itself has them."""

from __future__ import annotations

from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.routing import Route

from greenroom.web.app import SafeHeaders


def routes_of(web: Any) -> list[Route]:
    """Returns the routes of an application that `build_web` made."""
    assert isinstance(web, SafeHeaders)
    inner = web._app
    assert isinstance(inner, Starlette)
    routes = [route for route in inner.routes if isinstance(route, Route)]
    assert len(routes) == len(inner.routes), "there are no other kinds of routes, sockets above all"
    return routes


def list_routes(client: httpx2.AsyncClient) -> list[Route]:
    """Returns the routes of the application that a client speaks to."""
    transport = client._transport
    assert isinstance(transport, httpx2.ASGITransport)
    return routes_of(transport.app)
