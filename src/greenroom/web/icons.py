"""The icons, drawn on a grid of 16: lines in the colour of the text beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup

PATHS: Final[Mapping[str, str]] = {
    "live": "M8 8h.01M5.2 10.8a4 4 0 0 1 0-5.6M10.8 5.2a4 4 0 0 1 0 5.6M3 13a7 7 0 0 1 0-10M13 3a7 7 0 0 1 0 10",
    "sandbox": "M10.8 2.6l2.6 2.6-7.6 7.6-3.4.8.8-3.4zM9 4.4L11.6 7",
    "gate": "M6 2h4M7 2v4.2L3.4 12.6A1 1 0 0 0 4.3 14h7.4a1 1 0 0 0 .9-1.4L9 6.2V2M5.2 10h5.6",
    "branch": "M4.5 5v6M4.5 5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM4.5 14a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3z"
    "M11.5 6a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM11.5 6c0 3-2.5 3.5-5 4.5",
    "merge": "M4.5 5v6M4.5 5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM4.5 14a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3z"
    "M11.5 11a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM4.5 5c.5 3 2.5 4.5 5.5 4.5",
    "up": "M8 13V3M4 7l4-4 4 4",
    "right": "M3 8h10M9 4l4 4-4 4",
    "lower": "M8 3v10M4 9l4 4 4-4",
    "stop": "M4 4h8v8H4z",
    "undo": "M3 7h6.5a3.5 3.5 0 0 1 0 7H6M3 7l3.5-3.5M3 7l3.5 3.5",
    "check": "M3 8.5l3.2 3.2L13 5",
    "cross": "M4 4l8 8M12 4l-8 8",
    "warn": "M8 2.2l6.4 11.3H1.6zM8 6.5v3.2M8 11.8h.01",
    "info": "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.5V11M8 5h.01",
    "search": "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7L14 14",
    "menu": "M2 4h12M2 8h12M2 12h12",
    "dots": "M3.5 8h.01M8 8h.01M12.5 8h.01",
    "down": "M4 6l4 4 4-4",
    "theme": "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12",
    "help": "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM6.3 6.2A1.8 1.8 0 1 1 8 8.6v.6M8 11.4h.01",
    "chat": "M2.5 3.5h11v7.5H7L4 13.5V11H2.5z",
    "person": "M8 8a2.8 2.8 0 1 0 0-5.6A2.8 2.8 0 0 0 8 8zM2.8 14a5.2 5.2 0 0 1 10.4 0",
    "clock": "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.8V8l2.2 1.6",
    "tag": "M2.5 2.5h5l6 6-5 5-6-6zM5.2 5.2h.01",
    "diff": "M5 3v6M2 6h6M2 13h6M14 3l-4 10",
    "eye": "M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8z"
    "M8 9.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6z",
    "out": "M8 2v8M4.5 6.5L8 10l3.5-3.5M2.5 13.5h11",
    "plus": "M8 3v10M3 8h10",
    "book": "M3 3.2C5 2.4 7 2.8 8 3.8c1-1 3-1.4 5-.6v9.4c-2-.8-4-.4-5 .6-1-1-3-1.4-5-.6zM8 3.8v9.4",
    "stack": "M8 2l6 3-6 3-6-3zM2 8l6 3 6-3M2 11l6 3 6-3",
    "list": "M5.5 4H14M5.5 8H14M5.5 12H14M2.2 4h.01M2.2 8h.01M2.2 12h.01",
    "key": "M5.5 13.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM7.6 8.4L13.5 2.5M11 5l2 2",
    "table": "M2 3h12v10H2zM2 6.5h12M2 10h12M6.5 3v10",
    "ticket": "M2 4.5h12V7a1 1 0 0 0 0 2v2.5H2V9a1 1 0 0 0 0-2z",
    "flask": "M2.5 4h7M2.5 8h5M2.5 12h3M10 11l1.8 1.8L15 9.5",
    "log": "M3.5 2h6L13 5.5V14H3.5zM9.5 2v3.5H13M6 8.5h4.5M6 11h4.5",
    "plug": "M6 2v3.5M10 2v3.5M4 5.5h8V8a4 4 0 0 1-8 0zM8 12v2.5",
    "home": "M2 7.5L8 2.5l6 5M3.8 6.5v7h8.4v-7",
    "send": "M2 8l12-5.5L10 14l-2.5-4.5z",
    "split": "M2.5 8H6l3-4h4.5M6 8l3 4h4.5M11.5 2l2 2-2 2M11.5 10l2 2-2 2",
    "chart": "M2.5 2.5v11h11M5.5 11V8M8.5 11V5M11.5 11V7",
    "scale": "M8 2.5v11M5 13.5h6M3 4.5h10M3 4.5L1.5 9h3zM13 4.5L11.5 9h3z",
    "phone": "M3.5 2.5h2.3l1.2 3-1.6 1.1a7.5 7.5 0 0 0 4 4l1.1-1.6"
    "l3 1.2v2.3a1 1 0 0 1-1.1 1A11 11 0 0 1 2.5 3.6a1 1 0 0 1 1-1.1z",
    "link": "M6.5 9.5l3-3M7 4.8l1.6-1.6a2.8 2.8 0 0 1 4 4L11 8.8M9 11.2l-1.6 1.6a2.8 2.8 0 0 1-4-4L5 7.2",
    "lock": "M3.5 7.5h9V14h-9zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
}


def icon(name: str) -> Markup:
    """Returns an icon that says nothing by itself: words stand beside it. Raises KeyError for an unknown name."""
    return Markup(  # noqa: S704 - built of our own constants only
        f'<svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">'
        f'<path d="{PATHS[name]}"/></svg>'
    )
