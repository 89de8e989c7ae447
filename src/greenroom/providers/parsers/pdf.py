"""PDF: the text of its pages."""

from __future__ import annotations

import logging
import re
from io import BytesIO

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from greenroom.ports import Parsed
from greenroom.providers.parsers.limits import MAX_PAGES, Writer, refuse

_HYPHENATED = re.compile(r"(?<=[a-zà-ÿ])[-\u00ad]\n(?=[a-zà-ÿ])")
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def read_pdf(data: bytes) -> Parsed:
    """Returns the text of a PDF's pages, each a paragraph of its own."""
    reader = PdfReader(BytesIO(data), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        refuse("document_locked", "needs a password", "save it without one")
    count = len(reader.pages)
    if count > MAX_PAGES:
        refuse(
            "too_many_pages", f"has {count:,} pages; at most {MAX_PAGES} are read", "split it into several documents"
        )
    out = Writer()
    for number in range(count):
        try:
            text = reader.pages[number].extract_text() or ""
        except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as wrong:
            refuse("unreadable_document", f"cannot be read at page {number + 1} ({type(wrong).__name__})")
        out.add(_HYPHENATED.sub("", text).strip() + "\n\n", f"page {number + 1}")
    return Parsed(_title(reader), out.text())


def _title(reader: PdfReader) -> str:
    try:
        found = reader.metadata.title if reader.metadata else ""
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError):
        return ""
    return found if isinstance(found, str) else ""
