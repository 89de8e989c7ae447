"""One file, read here and now. `process` does the same where it cannot hurt."""

from __future__ import annotations

import re
from collections.abc import Callable

from greenroom.domain.errors import Invalid
from greenroom.domain.knowledge import clean_document_text
from greenroom.ports import Parsed
from greenroom.providers.parsers.decoding import Format, choose_format, decode
from greenroom.providers.parsers.limits import MAX_BYTES, MAX_LINKS, MAX_TITLE, Writer, refuse

_FRONT_MATTER = re.compile(r"---[ \t]*\n(.{0,5000}?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE = re.compile(r"^title[ \t]*:[ \t]*[\"']?([^\n\"']{1,300})", re.MULTILINE | re.IGNORECASE)
_LINK = re.compile(r"\]\((https?://[^\s)]{1,2000})")
_SPACE = re.compile(r"\s+")
_GAPS = re.compile(r"\n{3,}")


def parse_now(data: bytes, mime: str, name: str) -> Parsed:
    """Returns what a file holds. Raises Invalid, and nothing else, for what cannot be read."""
    if len(data) > MAX_BYTES:
        refuse("document_too_large", f"has {len(data):,} bytes; at most {MAX_BYTES:,} are read", "split it")
    if not data.strip():
        refuse("empty_document", "is empty")
    try:
        found = choose_format(data, mime, name)
        return tidy(_READERS[found](data, mime), name)
    except Invalid as wrong:
        raise Invalid(wrong.code, f"'{name[:200]}' {wrong.detail}", errors=wrong.errors) from None
    except (Exception, MemoryError) as wrong:  # noqa: BLE001  hostile files break parsers in any way they like
        message = f"'{name[:200]}' cannot be read ({type(wrong).__name__}): it is damaged, or not what it seems to be"
        raise Invalid("unreadable_document", message) from None


def tidy(parsed: Parsed, name: str) -> Parsed:
    """Returns what was read without what cannot be kept. Raises Invalid `no_text`."""
    lines = (line.rstrip() for line in clean_document_text(parsed.text).split("\n"))
    text = _GAPS.sub("\n\n", "\n".join(lines)).strip()
    if not text:
        refuse("no_text", "holds no text", "a scan needs its text recognised first, a page its scripts run")
    title = _SPACE.sub(" ", clean_document_text(parsed.title)).strip()
    fallback = name.rstrip("/").rpartition("/")[2].partition("?")[0].rpartition(".")
    short = title or (fallback[0] or fallback[2]).replace("_", " ").replace("-", " ").strip()
    links = tuple(dict.fromkeys(clean_document_text(each) for each in parsed.links))[:MAX_LINKS]
    return Parsed(short[:MAX_TITLE], text, links, clean_document_text(parsed.canonical), parsed.noindex)


def _read_text(data: bytes, mime: str) -> Parsed:
    out = Writer()
    out.add(decode(data, mime))
    return Parsed("", out.text())


def _read_markdown(data: bytes, mime: str) -> Parsed:
    text = clean_document_text(_read_text(data, mime).text)
    front = _FRONT_MATTER.match(text)
    title = ""
    if front:
        named = _TITLE.search(front[1])
        title = named[1].strip() if named else ""
        text = text[front.end() :]
    if not title:
        heading = re.search(r"^#[ \t]+(.{1,300})$", text, re.MULTILINE)
        title = heading[1].strip("# \t") if heading else ""
    return Parsed(title, text, tuple(_LINK.findall(text)))


def _read_html(data: bytes, mime: str) -> Parsed:
    from greenroom.providers.parsers.html import read_html

    return read_html(decode(data, mime, html=True))


def _read_pdf(data: bytes, mime: str) -> Parsed:
    from greenroom.providers.parsers.pdf import read_pdf

    return read_pdf(data)


def _read_docx(data: bytes, mime: str) -> Parsed:
    from greenroom.providers.parsers.docx import read_docx

    return read_docx(data)


def _read_csv(data: bytes, mime: str) -> Parsed:
    from greenroom.providers.parsers.sheets import read_csv

    return read_csv(decode(data, mime))


_READERS: dict[Format, Callable[[bytes, str], Parsed]] = {
    "text": _read_text,
    "markdown": _read_markdown,
    "html": _read_html,
    "pdf": _read_pdf,
    "docx": _read_docx,
    "csv": _read_csv,
}
