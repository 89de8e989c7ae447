"""Widgets on the network."""

from __future__ import annotations

from typing import Any

from greenroom.wire.model import Out, VersionNumber


class WidgetOut(Out):
    """How the web chat looks and greets in one environment; `look` is the entity's body without its greeting."""

    widget: str
    environment: str
    version: VersionNumber
    greeting: str
    look: dict[str, Any]
