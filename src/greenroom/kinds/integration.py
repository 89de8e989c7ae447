"""Integrations: other systems' addresses and how to sign in there, shared by tools and functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from greenroom.kinds.schema import Asked, BodyModel, Checks, Fact, Field, ModelKind, Slug, Text
from greenroom.kinds.schema.parts import Auth, Headers, Url


class IntegrationBody(BodyModel):
    """The fields of an integration."""

    description: Text = ""
    base_url: Annotated[Url, Fact(label="base URL")] = ""
    base_urls: Annotated[
        dict[Slug, Url],
        Field(max_length=100),
        Fact(label="base URL in", hint="Another address by environment"),
        Asked(names="environment"),
    ] = {}
    auth: Annotated[Auth, Fact(label="sign-in")] = Auth()
    headers: Headers = []


def _tests(checks: Checks) -> Iterator[str]:
    name = checks.change.name
    if checks.removed:
        yield f"Go through the conversations whose tools used '{name}'; none may promise what it did."
        return
    if checks.touches("base_url", "base_urls"):
        yield f"Call a tool of '{name}' in each environment; the request must reach the right system."
    if checks.touches("auth", "headers"):
        yield f"Call a tool of '{name}'; the other system must accept the sign-in, and log nothing secret."


KIND = ModelKind(
    name="integration",
    title="Integration",
    plural="integrations",
    model=IntegrationBody,
    tests=_tests,
    sample={
        "schema": 1,
        "name": "Booking system",
        "description": "Rooms and bookings.",
        "base_url": "https://booking.harbour.example/api",
        "base_urls": {"sandbox": "https://booking-test.harbour.example/api"},
        "auth": {"type": "header", "secret": "BOOKING_KEY", "username": "desk", "name": "X-Api-Key"},
        "headers": [{"name": "Accept", "value": "application/json"}],
    },
)
