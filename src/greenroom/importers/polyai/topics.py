"""topics/*.yaml → topic."""

from __future__ import annotations

from greenroom.domain.entities import Address
from greenroom.importers.polyai.mentions import Rewriter
from greenroom.importers.polyai.names import Names
from greenroom.importers.polyai.sheets import Sheet

DUPLICATE = "the same words stand above; a question is listed once"


def name_topics(sheets: dict[str, Sheet], names: Names) -> dict[str, str]:
    """Returns path → slug, and lets texts name topics by display name and by file name."""
    slugs: dict[str, str] = {}
    for path, sheet in sheets.items():
        stem = path.rpartition("/")[2].rpartition(".")[0]
        slug = names.assign("topic", stem, path)
        slugs[path] = slug
        names.topics.setdefault(stem, slug)
        names.topics.setdefault(str(sheet.value.get("name") or stem), slug)
    return slugs


def read_topic(sheet: Sheet, slug: str, rewriter: Rewriter) -> None:
    """Lays down one topic."""
    desk, path, address = sheet.desk, sheet.path, Address("topic", slug)
    name = sheet.needed("name")
    asked = sheet.texts("example_queries")
    questions = list(dict.fromkeys(asked))
    body = {
        "name": name,
        "enabled": sheet.flag("enabled", True),
        "sample_questions": questions,
        "content": rewriter.text(sheet.text("content"), path),
        "instructions": rewriter.text(sheet.text("actions"), path),
    }
    desk.put(address, path, body)
    desk.read(path, "topic", address)
    desk.read(path, "sample question", address, len(questions))
    repeated = len(asked) - len(questions)
    desk.note(path, "duplicate sample question", "read", DUPLICATE, count=repeated, address=address)
    sheet.close()
