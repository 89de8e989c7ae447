"""Readiness on the network: what an environment has and lacks for a version."""

from __future__ import annotations

from typing import Literal

from greenroom.wire.model import Out, VersionNumber


class ReadinessItemOut(Out):
    """One thing that was looked at. What is blocked refuses a release; a warning is acknowledged by its code."""

    code: str
    level: Literal["blocked", "warning", "ok"]
    message: str
    address: str | None = None
    """The entity that needs it."""
    pointer: str = ""
    """Where in the entity."""
    fix: str = ""


class ReadinessOut(Out):
    """Whether a version may be released in an environment as far as what it needs is concerned."""

    environment: str
    version: VersionNumber
    ready: bool
    items: list[ReadinessItemOut]
