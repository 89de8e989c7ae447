"""Texts that try to become part of a page, and the check that finds any that did.

Every payload, wherever it stood unescaped, would make an element or an attribute that no template of ours has, or one
that bears the mark. `find_made` names what it finds; `PLACES` are the ways in which a template can forget to escape.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from lxml import html

from greenroom.web.icons import PATHS, icon
from greenroom.web.rendering import STATIC

MARK: Final = "pwned"

ENDINGS: Final = (
    "",
    '">',
    "'>",
    "</title>",
    "</textarea>",
    "</script>",
    "</select>",
    "-->",
    "</button></a></summary>",
    "\\\"'>]]>",
)
"""What leaves the place that a text stands in."""

ELEMENTS: Final = (
    "<script>pwned()</script>",
    "<ScRiPt/x-pwned>pwned()</sCrIpT>",
    "<img src=x onerror=pwned()>",
    "<svg/onload=pwned()>",
    "<svg><script>pwned()</script></svg>",
    "<iframe srcdoc='<script>parent.pwned()</script>'></iframe>",
    "<a href=javascript:pwned() class=pwned>pay</a>",
    "<a href='//evil.test/' id=pwned target=_blank>more</a>",
    "<details open ontoggle=pwned()>",
    "<input autofocus onfocus=pwned()>",
    "<form action=/sign-out method=post class=pwned><button formaction=//evil.test>x</button></form>",
    "<button hx-post=/sign-out hx-trigger=load hx-on:load=pwned() class=pwned>x</button>",
    "<video><source onerror=pwned()></video>",
    "<object data=javascript:pwned()></object>",
    "<base href=//evil.test/>",
    "<meta http-equiv=refresh content='0;url=//evil.test/pwned'>",
    "<link rel=stylesheet href=//evil.test/pwned.css>",
    "<style>@import '//evil.test/pwned.css';</style>",
    "<math><mtext><mglyph><img src=x onerror=pwned()></mglyph></mtext></math>",
    "<p id=pwned style=position:fixed;inset:0>gone</p>",
)
ATTRIBUTES: Final = (
    '" onmouseover="pwned()" x-pwned="',
    "' onmouseover='pwned()' x-pwned='",
    '" autofocus onfocus="pwned()" x="',
    " onfocus=pwned() autofocus ",
    "javascript:pwned()",
    "JaVaScRiPt:pwned()",
    "java\tscript:pwned()",
    "data:text/html,<script>pwned()</script>",
)
"""Attributes alone, and addresses."""

DISGUISES: Final = (
    "&lt;script&gt;pwned()&lt;/script&gt;",
    "&#60;script&#62;pwned()&#60;/script&#62;",
    "\\u003cscript\\u003epwned()\\u003c/script\\u003e",
    "<scr<script>ipt>pwned()</scr</script>ipt>",
    "<script\u2028>pwned()</script>",
    "<!--><script>pwned()</script>-->",
    "<![CDATA[><script>pwned()</script>]]>",
    "{% raw %}<script>pwned()</script>{% endraw %}",
    "{{ ''.__class__ }}<script>pwned()</script>",
    "${pwned()}`<script>pwned()</script>`",
    "＜script＞pwned()＜/script＞<script>pwned()</script>",
    "%3Cscript%3Epwned()%3C/script%3E",
)
PAYLOADS: Final = (*(ending + element for element in ELEMENTS for ending in ENDINGS), *ATTRIBUTES, *DISGUISES)

PORTION: Final = 10
PORTIONS: Final = tuple(" ".join(PAYLOADS[at : at + PORTION]) for at in range(0, len(PAYLOADS), PORTION))
"""All payloads, ten in a text."""

PLACES: Final = {
    "text": "<!doctype html><html><body><main><p>{}</p></main></body></html>",
    "double": '<!doctype html><html><body><main><input name="q" value="{}"></main></body></html>',
    "single": "<!doctype html><html><body><main><input name='q' value='{}'></main></body></html>",
    "bare": "<!doctype html><html><body><main><input name=q value={}></main></body></html>",
    "address": '<!doctype html><html><body><main><a href="{}">x</a></main></body></html>',
    "title": "<!doctype html><html><head><title>{}</title></head><body><main></main></body></html>",
    "textarea": "<!doctype html><html><body><main><textarea>\n{}</textarea></main></body></html>",
    "option": "<!doctype html><html><body><main><select><option>{}</select></main></body></html>",
    "script": "<!doctype html><html><body><main><script src=/static/x.js>{}</script></main></body></html>",
    "comment": "<!doctype html><html><body><main><!-- {} --></main></body></html>",
}

_ADDRESSES = {"href", "src", "action", "formaction", "hx-get", "hx-post", "data-source", "data-url", "poster", "data"}
_OURS = re.compile(r"(?:/(?![/\\])|[?#]|$)")
_FORBIDDEN = {"iframe", "object", "embed", "base", "style", "math", "video", "audio", "source", "template", "frame"}


@cache
def known_names() -> tuple[frozenset[str], frozenset[str]]:
    """Returns the names of elements and of attributes that our own templates, icons and highlighting have."""
    files = sorted((STATIC.parent / "templates").rglob("*.html"))
    text = "\n".join(re.sub(r"\{#.*?#\}", "", file.read_text(), flags=re.DOTALL) for file in files)
    text += str(icon(next(iter(PATHS)))) + '<time datetime="" title=""><span class="">'
    elements = {name.lower() for name in re.findall(r"<([a-zA-Z][\w-]*)", text)} | {"tbody", "colgroup"}
    attributes = set(re.findall(r"[\s\"}]([a-zA-Z][\w:-]*)(?==[\"'{])", text))
    attributes |= {"required", "checked", "selected", "disabled", "open", "autofocus", "novalidate", "readonly"}
    attributes |= {"multiple", "defer", "hidden", "formnovalidate", "inert", "popover", "colspan"}
    attributes |= set(re.findall(r"\s(data-[\w-]+|hx-[\w-]+)", text))
    return frozenset(elements), frozenset(name.lower() for name in attributes)


def find_made(page: str) -> list[str]:
    """Returns what a page has that no template of ours made; a text that stayed text is not in it."""
    if not page.strip():
        return []
    return list(_find(html.fromstring(page, parser=html.HTMLParser(encoding=None))))


def _find(tree: html.HtmlElement) -> Iterator[str]:
    elements, attributes = known_names()
    for element in tree.iter():
        if not isinstance(element.tag, str):
            yield f"comment {element.text!r}"[:120]
            continue
        tag = element.tag.lower()
        if tag not in elements or tag in _FORBIDDEN:
            yield f"<{tag}>"
        if tag in ("script", "style") and (element.text or "").strip():
            yield f"<{tag}> with a text"
        for name, value in element.attrib.items():
            yield from _find_in(tag, str(name).lower(), str(value), attributes)


def _find_in(tag: str, name: str, value: str, attributes: frozenset[str]) -> Iterator[str]:
    if name not in attributes or name.startswith(("on", "hx-on", "srcdoc", "style")) or MARK in name:
        yield f"<{tag} {name}>"
    if name in _ADDRESSES and not _OURS.match(value) and not (tag == "img" and value.startswith("data:image/")):
        yield f"<{tag} {name}={value!r}>"[:160]
    if name in ("class", "id") and MARK in value.split():
        yield f"<{tag} {name}={value!r}>"
