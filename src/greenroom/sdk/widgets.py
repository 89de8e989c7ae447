"""Widgets: how the web chat looks where it is placed."""

from __future__ import annotations

from greenroom.sdk.exchange import Call, as_model, path_of, read_call
from greenroom.sdk.verb import Noun, S_co, Verb
from greenroom.wire.widgets import WidgetOut


class Widgets(Noun[S_co]):
    """The widgets of a project."""

    @Verb
    def load(self, project: str, widget: str, *, environment: str | None = None) -> Call[WidgetOut]:
        """Loads a widget as an environment serves it."""
        path = path_of("projects", project, "widgets", widget)
        return read_call(as_model(WidgetOut), path, {"environment": environment})
