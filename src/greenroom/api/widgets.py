"""Widgets on the network: the look that an environment's version has."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Path, Query
from starlette.responses import Response

from greenroom.api.asking import Given, ProjectPath, reply
from greenroom.api.nouns import Noun
from greenroom.wire.widgets import WidgetOut

NOUN: Final = Noun("widgets")
WidgetPath = Annotated[str, Path(min_length=1, max_length=80, description="Slug of the widget.")]


@NOUN.verb("GET", "/projects/{project}/widgets/{widget}", "load", WidgetOut)
async def load(
    ask: Given,
    project: ProjectPath,
    widget: WidgetPath,
    environment: Annotated[str | None, Query(max_length=80)] = None,
) -> Response:
    """Loads a widget as an environment serves it; without one, the default entry."""
    view = await ask.desk.widgets.load(ask.call, project, widget, environment)
    return reply(
        WidgetOut(
            widget=view.slug,
            environment=view.environment,
            version=view.version,
            greeting=view.greeting,
            look=dict(view.look),
        )
    )
