"""Guides: every picture is there, small and used; every link leads somewhere; every command exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from greenroom.cli.reference import command_names

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "docs").rglob("*.md"))
PICTURES = sorted((ROOT / "docs" / "guides" / "images").iterdir())
MOST_BYTES = 80_000
FOR_RELEASE_MANAGERS = ("first-release", "standard-release", "hotfix", "seasonal", "ab-with-merge", "rollback")
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", re.DOTALL)


def links(text: str) -> list[tuple[bool, str, str]]:
    """Returns (is a picture, what it is called, where it leads)."""
    return [(bool(mark), name, target) for mark, name, target in _LINK.findall(text)]


@pytest.mark.parametrize("guide", [ROOT / "README.md", *GUIDES], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_every_picture_is_described(guide: Path) -> None:
    for picture, name, target in links(guide.read_text("utf-8")):
        if not re.match(r"[a-z]+:", target):
            file = (guide.parent / target.partition("#")[0]).resolve()
            assert file.exists() or not target.partition("#")[0], target
        assert not picture or len(name) > 20, f"{target} is described in a sentence, for who cannot see it"


def test_pictures_are_small_and_each_is_used() -> None:
    text = "".join(guide.read_text("utf-8") for guide in [ROOT / "README.md", *GUIDES])
    assert PICTURES
    for picture in PICTURES:
        assert picture.suffix == ".webp", picture.name
        assert picture.stat().st_size <= MOST_BYTES, picture.name
        assert f"images/{picture.name}" in text, f"{picture.name} is in no guide"


@pytest.mark.parametrize("name", FOR_RELEASE_MANAGERS)
def test_a_guide_names_commands_that_exist(name: str) -> None:
    text = (ROOT / "docs" / "guides" / f"{name}.md").read_text("utf-8")
    known = command_names()
    said = re.findall(r"greenroom ((?:[a-z-]+ ?){1,3})", text)
    assert said
    for words in said:
        parts = words.split()
        assert any(" ".join(parts[:count]) in known for count in (3, 2, 1)), words
