"""What a file is, and bytes as text, whatever its name, its type or its server says."""

from __future__ import annotations

import codecs
import re
from typing import Literal

from greenroom.providers.parsers.limits import refuse

Format = Literal["markdown", "html", "pdf", "text", "docx", "csv"]
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HTML_START = re.compile(
    rb"\s*(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_TYPES: dict[str, Format] = {
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/csv": "csv",
}
_ENDINGS: dict[str, Format] = {
    "md": "markdown",
    "markdown": "markdown",
    "html": "html",
    "htm": "html",
    "xhtml": "html",
    "csv": "csv",
    "tsv": "csv",
    "txt": "text",
}
MIMES: dict[Format, str] = {
    "markdown": "text/markdown",
    "html": "text/html",
    "pdf": "application/pdf",
    "text": "text/plain",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "csv": "text/csv",
}
READ = "Markdown, HTML, PDF, plain text, DOCX and CSV are read"


def choose_format(data: bytes, mime: str, name: str) -> Format:
    """Returns what the bytes are; type and name only tell kinds of text apart. Raises Invalid."""
    head = data[:4096]
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        return "docx"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        refuse("unsupported_document", "is of an older Office, or has a password", f"{READ}; save it as DOCX")
    if _HTML_START.match(head):
        return "html"
    if b"\0" in head and not any(head.startswith(bom) for bom, _ in _BOMS):
        refuse("unsupported_document", "is not text, and of no format that is known here", READ)
    kind = mime.partition(";")[0].strip().lower()
    ending = name.partition("?")[0].partition("#")[0].rpartition(".")[2].lower()
    found = _TYPES.get(kind)
    if found is None or kind == "text/plain":
        return _ENDINGS.get(ending, "text")
    return found


def decode(data: bytes, mime: str = "", *, html: bool = False) -> str:
    """Returns text. Wrong and unknown encodings cost characters, never an error."""
    for bom, name in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(name, "replace")
    said = _CHARSET.search(mime)
    meta = _META_CHARSET.search(data[:4096]) if html else None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    for name in (said.group(1) if said else "", meta.group(1).decode() if meta else "", "cp1252"):
        text = _decode_as(data, name)
        if text is not None:
            return text
    return data.decode("utf-8", "replace")


def _decode_as(data: bytes, name: str) -> str | None:
    try:
        # Only codecs of text: "zlib" and "hex" are codecs, too.
        if not name or not codecs.lookup(name)._is_text_encoding:
            return None
        return data.decode(name, "replace")
    except (LookupError, ValueError, AttributeError):
        return None
