"""DOCX: paragraphs, headings, lists and tables, in their order."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from io import BytesIO

from docx import Document
from docx.oxml.ns import qn
from docx.table import Table
from docx.text.paragraph import Paragraph

from greenroom.ports import Parsed
from greenroom.providers.parsers.decoding import READ
from greenroom.providers.parsers.limits import MAX_MEMBERS, MAX_NODES, MAX_UNPACKED, Writer, refuse

MAIN = "word/document.xml"
_ENTITY = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_HEADING = re.compile(r"(?:heading|title)\s*(\d?)", re.IGNORECASE)


def read_docx(data: bytes) -> Parsed:
    """Returns the text of a DOCX file. Looks into the package before anything is unpacked."""
    _check_package(data)
    document = Document(BytesIO(data))
    out = Writer()
    for number, block in enumerate(document.iter_inner_content()):
        if number > MAX_NODES:
            refuse("document_too_long", f"holds more than {MAX_NODES:,} paragraphs", "split it")
        if isinstance(block, Paragraph):
            out.add(_say_paragraph(block), f"paragraph {number + 1}")
        else:
            for row in _rows(block):
                out.add(row + "\n", f"table at paragraph {number + 1}")
            out.add("\n")
    return Parsed(document.core_properties.title or "", out.text())


def _check_package(data: bytes) -> None:
    """Raises Invalid for what is no DOCX, unpacks to too much, or has entities of its own."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as package:
            members = package.infolist()
            if MAIN not in package.namelist():
                refuse("unsupported_document", "is an archive, but no DOCX", READ)
            if len(members) > MAX_MEMBERS or sum(each.file_size for each in members) > MAX_UNPACKED:
                refuse("document_too_large", f"unpacks to more than {MAX_UNPACKED:,} bytes or {MAX_MEMBERS:,} parts")
            left = MAX_UNPACKED
            for member in members:
                left = _check_member(package, member, left)
    except zipfile.BadZipFile:
        refuse("unreadable_document", "is a damaged archive")


def _check_member(package: zipfile.ZipFile, member: zipfile.ZipInfo, left: int) -> int:
    """Unpacks a part piece by piece: what its entry says of its size may be a lie."""
    seen = b""
    with package.open(member) as part:
        while piece := part.read(65_536):
            left -= len(piece)
            if left < 0:
                refuse("document_too_large", f"unpacks to more than {MAX_UNPACKED:,} bytes", pointer=member.filename)
            if member.filename.endswith((".xml", ".rels")) and _ENTITY.search(seen[-16:] + piece):
                refuse("unreadable_document", f"declares entities in {member.filename}, which no DOCX does")
            seen = piece
    return left


def _say_paragraph(paragraph: Paragraph) -> str:
    text = paragraph.text.strip()
    if not text:
        return ""
    style = (paragraph.style.name or "") if paragraph.style is not None else ""
    heading = _HEADING.match(style)
    if heading:
        return f"{'#' * min(int(heading[1] or 1) or 1, 6)} {' '.join(text.split())}\n\n"
    listed = style.startswith("List") or paragraph._p.find(f".//{qn('w:numPr')}") is not None
    return f"- {text}\n" if listed else f"{text}\n\n"


def _rows(table: Table) -> Iterator[str]:
    """Yields rows as text; merged cells once. Reads the XML: python-docx walks a table once for each cell."""
    for row in table._tbl.tr_lst:
        cells = [" ".join("".join(_texts(cell)).split()) for cell in row.tc_lst]
        said = [text for text in cells if text]
        if said:
            yield " | ".join(said)


def _texts(cell: object) -> Iterator[str]:
    for node in cell.iter(qn("w:t"), qn("w:p"), qn("w:tab"), qn("w:br")):  # type: ignore[attr-defined]
        yield (node.text or "") if node.tag == qn("w:t") else " "
