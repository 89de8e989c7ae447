"""What folders keep from a server and show to people: no secrets, no surprises in comments, no unsafe places."""

from pathlib import Path

import pytest

from greenroom.cli.checkouts import write_file
from greenroom.cli.diffs import compare_bodies
from greenroom.cli.markdown import MAX_COMMENT, write_markdown
from greenroom.cli.origins import server_name
from greenroom.domain.entities import Address, Body
from greenroom.domain.errors import Refused
from greenroom.kinds import KINDS
from tests.unit.cli.conftest import Run


@pytest.mark.parametrize(
    "url, name",
    [
        ("http://ada:secret@server:8700/x?key=secret#secret", "http://server:8700"),
        ("https://server", "https://server"),
        ("http://[::1]:8700", "http://[::1]:8700"),
    ],
)
def test_a_servers_name_holds_no_secret(url: str, name: str) -> None:
    assert server_name(url) == name


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "a//x", "", "C:x", "a\\x", "a/\x00"])
def test_no_file_is_written_outside(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(Refused):
        write_file(root, path, b"x")
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []


def topic(**fields: str) -> Body:
    return KINDS["topic"].complete({"name": "A", "content": "Hello", **fields})


def comment(before: dict[Address, Body], after: dict[Address, Body]) -> str:
    return write_markdown(compare_bodies("live", before, "folder", after))


def test_a_comment_shows_every_change() -> None:
    a, b, c = (Address("topic", slug) for slug in "abc")
    text = comment({a: topic(), b: topic()}, {a: topic(content="Goodbye"), c: topic()})
    assert "~ <code>topic/a</code> edited" in text
    assert "- Hello\n+ Goodbye" in text
    assert "- <code>topic/b</code> removed" in text
    assert "+ <code>topic/c</code> added" in text
    assert "To test before the release" in text


def test_what_people_wrote_stays_inside_code() -> None:
    hostile = "@everyone <img src=x>\n```\n</details> # Heading [a](b)\n````"
    text = comment({}, {Address("topic", "a"): topic(name="`` @everyone <b>", content="x")})
    assert "``` `` @everyone" not in text.replace("```diff", "")
    edited = comment({Address("topic", "a"): topic()}, {Address("topic", "a"): topic(content=hostile)})
    assert "`````diff" in edited
    lines = edited.split("\n")
    inside = lines[lines.index("`````diff") : lines.index("`````")]
    assert any("</details> # Heading" in line for line in inside)
    assert not any("# Heading" in line for line in lines if line not in inside and not line.startswith("`"))


def test_a_comment_is_never_too_long_for_a_host() -> None:
    many: dict[Address, Body] = {Address("topic", f"t{n}"): topic(content="x" * 3_000) for n in range(200)}
    edited: dict[Address, Body] = {address: topic(content="y" * 3_000) for address in many}
    text = comment(many, edited)
    assert len(text) <= MAX_COMMENT + 100
    assert "more entities" in text


def test_a_folder_that_was_never_pulled_says_how_to_begin(run: Run, tmp_path: Path) -> None:
    for words in (["push", str(tmp_path)], ["status", str(tmp_path)], ["diff", "--folder", str(tmp_path)]):
        result = run(*words)
        assert result.exit_code == 4
        assert "greenroom pull" in result.stderr


def test_validate_names_a_folder_that_is_none(run: Run, tmp_path: Path) -> None:
    assert run("validate", str(tmp_path / "nowhere")).exit_code == 4
    result = run("validate", str(tmp_path))
    assert result.exit_code == 3
    assert "greenroom.yaml:1: there is no greenroom.yaml" in result.stderr
