"""Files of people and strangers: what is read of them, and that nothing but Invalid comes of the worst."""

from __future__ import annotations

import io
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfWriter

from greenroom.domain.errors import Invalid
from greenroom.providers.parsers import SafeParser, parse_now, process

PAGE = """<!doctype html><html><head><title>Pets · Harbour</title><base href="https://h.example/help/">
<link rel="canonical" href="https://h.example/help/pets"></head><body>
<nav><a href="rooms">Rooms</a></nav><script>alert(1)</script>
<main><h1>Pets</h1><p>Dogs are <b>welcome</b>,<br>cats as well.</p><ul><li>A bowl</li><li><p>A bed</p></li></ul>
<table><tr><th>Pet</th><th>Fee</th></tr><tr><td><p>Dog</p></td><td>20 €</td></tr></table>
<pre>a  b
c</pre><p style="display: none">hidden</p></main><footer>Imprint</footer></body></html>"""


def text_of(data: bytes, mime: str = "", name: str = "file") -> str:
    return parse_now(data, mime, name).text


def make_docx(**parts: bytes) -> bytes:
    made = docx.Document()
    made.core_properties.title = "House rules"
    made.add_heading("Pets", 1)
    made.add_paragraph("Dogs are welcome.")
    made.add_paragraph("A bowl", style="List Bullet")
    table = made.add_table(2, 2)
    for row, cells in zip(table.rows, (("Pet", "Fee"), ("Dog", "20")), strict=True):
        for cell, value in zip(row.cells, cells, strict=True):
            cell.text = value
    out = io.BytesIO()
    made.save(out)
    if not parts:
        return out.getvalue()
    again = io.BytesIO()
    with zipfile.ZipFile(out) as old, zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, parts.pop(name, old.read(name)))
        for name, data in parts.items():
            new.writestr(name, data)
    return again.getvalue()


def make_pdf(*pages: str, password: str = "") -> bytes:
    """Writes a small PDF by hand: pypdf makes pages, but no text."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    kids: list[str] = []
    for text in pages:
        stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {len(objects)} 0 R "
            f"/Resources << /Font << /F1 {font} >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    body, places = "%PDF-1.4\n", list[int]()
    for number, each in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{each}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    body += f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Root 1 0 R /Size {size} >>\n"
    data = f"{body}startxref\n{body.index('xref')}\n%%EOF".encode("latin-1")
    if not password:
        return data
    writer = PdfWriter(clone_from=io.BytesIO(data))
    writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def refused(data: bytes, mime: str = "", name: str = "file") -> str:
    with pytest.raises(Invalid) as caught:
        parse_now(data, mime, name)
    assert f"'{name}'" in caught.value.detail or "bytes" in caught.value.detail or "empty" in caught.value.detail
    return caught.value.code


def test_a_page_is_read_without_what_surrounds_it() -> None:
    found = parse_now(PAGE.encode(), "text/html", "https://h.example/help/pets?x=1")
    assert found.title == "Pets · Harbour"
    assert found.text == (
        "# Pets\n\nDogs are welcome,\ncats as well.\n\n- A bowl\n- A bed\n\nPet | Fee\nDog | 20 €\n\na  b\nc"
    )
    assert found.links == ("https://h.example/help/rooms",)
    assert found.canonical == "https://h.example/help/pets"
    assert not found.noindex


def test_a_page_without_a_main_part_loses_header_and_footer() -> None:
    page = "<html><body><header>Menu</header><div>Open from nine.</div><footer>Imprint</footer></body></html>"
    assert text_of(page.encode()) == "Open from nine."


def test_a_page_that_asks_not_to_be_found_says_so() -> None:
    page = b'<html><head><meta name="ROBOTS" content="NoIndex, follow"></head><body>x</body></html>'
    assert parse_now(page, "text/html", "x").noindex


def test_markdown_keeps_its_headings_and_gives_its_title() -> None:
    found = parse_now(b"---\ntitle: House rules\ntags: x\n---\n# Pets\n\nDogs.\r\n", "", "rules.md")
    assert (found.title, found.text) == ("House rules", "# Pets\n\nDogs.")
    assert parse_now(b"# Pets #\n\nDogs.", "text/markdown", "x").title == "Pets"


def test_without_a_title_the_name_is_one() -> None:
    assert parse_now(b"Dogs.", "text/plain", "folder/house_rules.txt").title == "house rules"


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_rows_become_lines_of_column_and_value(sign: str) -> None:
    sheet = f'Pet{sign}Fee\nDog{sign}20\n"Cat{sign} big"{sign}\n'
    assert text_of(sheet.encode(), "text/csv") == f"Pet: Dog\nFee: 20\n\nPet: Cat{sign} big".replace("\t ", " ")


def test_a_docx_is_read_in_its_order() -> None:
    found = parse_now(make_docx(), "application/octet-stream", "rules.docx")
    assert (found.title, found.text) == ("House rules", "# Pets\n\nDogs are welcome.\n\n- A bowl\nPet | Fee\nDog | 20")


def test_a_pdf_is_read_page_by_page() -> None:
    assert text_of(make_pdf("Dogs are welcome", "Cats too")) == "Dogs are welcome\n\nCats too"


@pytest.mark.parametrize(
    "data, mime, text",
    [
        ("Grüße".encode("cp1252"), "text/plain", "Grüße"),
        ("Grüße".encode("utf-16"), "text/plain", "Grüße"),
        ("привет".encode("koi8-r"), "text/plain; charset=koi8-r", "привет"),
        (b"<html><meta charset=koi8-r><body>" + "привет".encode("koi8-r"), "text/html", "привет"),
        ("Grüße".encode(), "text/plain; charset=hex", "Grüße"),
        (b"a\xffb", "text/plain; charset=no-such", "aÿb"),
    ],
)
def test_encodings_never_fail(data: bytes, mime: str, text: str) -> None:
    assert text_of(data, mime) == text


def test_what_it_is_counts_and_not_what_it_is_called() -> None:
    assert text_of(make_pdf("Dogs"), "text/html", "x.html") == "Dogs"
    assert text_of(PAGE.encode(), "application/pdf", "x.pdf").startswith("# Pets")
    assert refused(b"\x89PNG\r\n\x1a\n\0\0\0", "text/plain", "x.txt") == "unsupported_document"
    assert refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "", "x.doc") == "unsupported_document"


def test_refusals_say_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(b" \n") == "empty_document"
    assert refused(b"<html><body><script>1</script></body></html>") == "no_text"
    assert refused(make_pdf("")) == "no_text"
    assert refused(make_pdf("Dogs", password="secret")) == "document_locked"
    assert refused(make_pdf(*["x"] * 501)) == "too_many_pages"
    assert refused(b"PK\x03\x04 not a zip") == "unreadable_document"
    assert refused(b"x" * 2_000_001) == "document_too_long"
    assert refused(b"x" * (25 * 1024 * 1024 + 1)) == "document_too_large"
    assert refused(b"a,b\n" * 20_001, "text/csv") == "too_many_rows"


def test_a_bomb_in_a_docx_is_not_unpacked() -> None:
    bomb = make_docx(**{"word/media/zero.bin": b"\0" * (101 * 1024 * 1024)})
    assert len(bomb) < 200_000
    assert refused(bomb) == "document_too_large"


def test_a_docx_whose_directory_lies_about_its_sizes_is_refused() -> None:
    bomb = make_docx(**{"word/media/zero.bin": b"\0" * (101 * 1024 * 1024)})
    size = (101 * 1024 * 1024).to_bytes(4, "little")
    assert refused(bomb.replace(size, (10).to_bytes(4, "little"))) in {"document_too_large", "unreadable_document"}


def test_entities_are_not_expanded() -> None:
    laughs = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
    assert refused(make_docx(**{"word/document.xml": laughs})) == "unreadable_document"


def test_nesting_is_no_trouble() -> None:
    assert text_of(b"<html><body>" + b"<b>" * 200 + b"deep") == "deep"
    assert text_of(b"<html><body><p>shallow" + b"<div>" * 50_000 + b"deep", "text/html").startswith("shallow")


@pytest.mark.parametrize("start", [b"", b"<html><body>", b"%PDF-1.4\n", b"PK\x03\x04", b"\xff\xfe", b"---\n"])
@given(
    data=st.binary(max_size=300),
    mime=st.sampled_from(["", "text/html", "text/csv", "text/markdown", "x; charset=utf-7"]),
)
def test_nothing_but_invalid_is_ever_raised(start: bytes, data: bytes, mime: str) -> None:
    try:
        found = parse_now(start + data, mime, "file")
    except Invalid:
        return
    assert found.text.strip()
    found.text.encode()


@given(place=st.integers(0, 30_000), byte=st.integers(0, 255), kind=st.sampled_from(["docx", "pdf"]))
def test_damaged_files_raise_nothing_but_invalid(place: int, byte: int, kind: str) -> None:
    data = bytearray(_SOUND[kind])
    data[place % len(data)] = byte
    with suppress(Invalid):
        parse_now(bytes(data), "", "file")


_SOUND = {"docx": make_docx(), "pdf": make_pdf("Dogs are welcome", "Cats")}


async def test_a_process_reads_what_could_hurt() -> None:
    parser = SafeParser()
    try:
        assert (await parser.parse(make_pdf("Dogs"), "", "x.pdf")).text == "Dogs"
        first = parser._process
        assert first is not None
        with pytest.raises(Invalid, match=r"'x\.docx'"):
            await parser.parse(b"PK\x03\x04", "", "x.docx")
        assert (await parser.parse(PAGE.encode(), "", "x")).canonical == "https://h.example/help/pets"
        assert parser._process is first
        first.kill()
        await first.wait()
        assert (await parser.parse(make_pdf("Cats"), "", "x.pdf")).text == "Cats"
    finally:
        await parser.close()
    assert parser._process is None


async def test_a_file_that_takes_too_long_costs_its_process_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow = tmp_path / "slow"
    slow.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    slow.chmod(0o700)
    parser = SafeParser(seconds=0.3)
    with monkeypatch.context() as patched:
        patched.setattr(process.sys, "executable", str(slow))
        with pytest.raises(Invalid) as caught:
            await parser.parse(make_pdf("Dogs"), "", "x.pdf")
        assert caught.value.code == "document_too_slow"
    assert parser._process is None
    parser._seconds = 20
    assert (await parser.parse(make_pdf("Dogs"), "", "x.pdf")).text == "Dogs"
    await parser.close()


async def test_harmless_text_needs_no_process() -> None:
    parser = SafeParser()
    assert (await parser.parse(b"# Pets\n\nDogs.", "", "x.md")).title == "Pets"
    assert parser._process is None
