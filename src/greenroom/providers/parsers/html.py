"""HTML: what a page says, without what surrounds it. Walks without recursion: nesting has no end out there."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString

from greenroom.ports import Parsed
from greenroom.providers.parsers.limits import MAX_LINKS, MAX_NODES, Writer, refuse

_DROPPED = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "nav",
        "aside",
        "iframe",
        "object",
        "embed",
        "svg",
        "math",
        "canvas",
        "button",
        "select",
        "input",
        "textarea",
        "dialog",
        "form",
        "head",
        "title",
        "audio",
        "video",
        "map",
    ]
)
_FRAMING = frozenset({"header", "footer"})
_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "dialog", "alert", "menu", "complementary"})
_BLOCKS = frozenset(
    [
        "p",
        "div",
        "section",
        "article",
        "main",
        "header",
        "footer",
        "ul",
        "ol",
        "dl",
        "dt",
        "dd",
        "figure",
        "figcaption",
        "blockquote",
        "address",
        "details",
        "summary",
        "table",
        "thead",
        "tbody",
        "tfoot",
        "caption",
        "hr",
        "body",
    ]
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BREAKING = _BLOCKS | _HEADINGS.keys() | {"br", "li", "pre", "tr"}
_SPACE = re.compile(r"\s+")
_ENOUGH = 200
"""Characters that make a main part believable; a page whose `main` is emptier is read whole."""


def read_html(text: str) -> Parsed:
    """Returns the main content of a page with its title and links."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        page = BeautifulSoup(text.replace("\0", ""), "lxml")
    main = _main(page)
    said = _say(main, inside=main.name in {"main", "article"})
    if len(said) < _ENOUGH and main.name != "body":
        whole = _say(page.body or page, inside=False)
        said = whole if len(whole) > 2 * len(said) else said
    return Parsed(_title(page), said, _links(page), _attribute(_find_link(page, "canonical"), "href"), _noindex(page))


def _main(page: BeautifulSoup) -> Tag:
    for found in (page.find_all("main"), page.find_all(role="main"), page.find_all("article")):
        if len(found) == 1 and isinstance(found[0], Tag):
            return found[0]
    return page.body or page


def _title(page: BeautifulSoup) -> str:
    for found in (page.title, page.find("h1")):
        if isinstance(found, Tag) and (text := _SPACE.sub(" ", found.get_text(" ")).strip()):
            return text
    return ""


def _links(page: BeautifulSoup) -> tuple[str, ...]:
    start = page.find("base", href=True)
    root = _attribute(start, "href")
    found: list[str] = []
    for link in page.find_all("a", href=True, limit=MAX_LINKS):
        target = _attribute(link, "href").strip()
        if target and "nofollow" not in _attribute(link, "rel").lower():
            found.append(_join(root, target))
    return tuple(found)


def _join(root: str, target: str) -> str:
    try:
        return urljoin(root, target) if root else target
    except ValueError:
        return target


def _find_link(page: BeautifulSoup, rel: str) -> Tag | None:
    for link in page.find_all("link", href=True, limit=100):
        if isinstance(link, Tag) and rel in _attribute(link, "rel").lower().split():
            return link
    return None


def _noindex(page: BeautifulSoup) -> bool:
    return any(
        "noindex" in _attribute(meta, "content").lower()
        for meta in page.find_all("meta", limit=200)
        if _attribute(meta, "name").lower() == "robots"
    )


def _attribute(tag: object, name: str) -> str:
    value = tag.get(name) if isinstance(tag, Tag) else None
    return " ".join(value) if isinstance(value, list) else value or ""


def _is_dropped(tag: Tag, inside: bool) -> bool:
    """Says whether a part is not content. Attributes of a page's own scripts are not looked at."""
    if tag.name in _DROPPED or (tag.name in _FRAMING and not inside):
        return True
    return (
        _attribute(tag, "role").lower() in _ROLES
        or tag.has_attr("hidden")
        or _attribute(tag, "aria-hidden").lower() == "true"
        or "display:none" in _attribute(tag, "style").replace(" ", "").lower()
    )


def _say(root: Tag, inside: bool) -> str:
    out = _Page()
    stack: list[tuple[Iterator[object], str, bool]] = [(iter(root.contents), "", inside)]
    seen = 0
    while stack:
        children, closing, within = stack[-1]
        child = next(children, None)
        if child is None:
            stack.pop()
            out.close(closing)
            continue
        seen += 1
        if seen > MAX_NODES:
            refuse("document_too_long", f"holds more than {MAX_NODES:,} elements")
        if isinstance(child, Tag):
            if not _is_dropped(child, within):
                out.open(child.name)
                stack.append((iter(child.contents), child.name, within or child.name in {"main", "article"}))
        elif type(child) is NavigableString:  # and no comment, declaration or style, which are kinds of it
            out.say(str(child))
    return out.text()


class _Page:
    """Text with `#` headings, `-` lists and ` | ` between cells."""

    def __init__(self) -> None:
        self._out = Writer()
        self._line = ""
        self._kept = 0
        """How many `pre` elements are open."""
        self._cells = 0
        """How many cells are open: what is in one stays on its row's line."""
        self._first = True
        """Whether the next cell is its row's first."""

    def open(self, name: str) -> None:
        if name in {"td", "th"}:
            self._line += "" if self._first else " | "
            self._first = False
            self._cells += 1
        elif self._cells:
            self._line += " " if name in _BREAKING else ""
        elif name in _HEADINGS:
            self._end("\n\n")
            self._line = "#" * _HEADINGS[name] + " "
        elif name == "li":
            self._end("\n")
            self._line = "- "
        elif name == "tr":
            self._end("\n")
            self._first = True
        elif name == "pre":
            self._end("\n\n")
            self._kept += 1
        elif name == "br":
            self._end("\n")
        elif name in _BLOCKS and not self._line.startswith(("- ", "#")):
            self._end("\n\n")

    def close(self, name: str) -> None:
        if name in {"td", "th"}:
            self._cells = max(0, self._cells - 1)
        elif self._cells:
            self._line += " " if name in _BREAKING else ""
        elif name == "pre":
            self._kept -= 1
            self._end("\n\n")
        elif name in _HEADINGS or name in {"p", "table", "ul", "ol", "blockquote", "section", "article"}:
            self._end("\n\n")
        elif name in {"li", "tr", "dt", "dd", "div", "caption"}:
            self._end("\n")

    def say(self, text: str) -> None:
        if self._kept and not self._cells:
            self._out.add(self._line + text)
            self._line = ""
            return
        plain = _SPACE.sub(" ", text)
        self._line += plain.lstrip() if not self._line or self._line.endswith(" ") else plain

    def text(self) -> str:
        self._end("\n")
        return self._out.text()

    def _end(self, gap: str) -> None:
        line = self._line.strip()
        line = _SPACE.sub(" ", line) if " | " in line else line
        self._line = ""
        if line.strip("#-| "):
            self._out.add(line + gap)
        elif gap == "\n\n":
            self._out.add("\n")
