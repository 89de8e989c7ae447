"""Folders packed and unpacked."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from greenroom.cli.archives import pack_folder, place_of, read_archive, write_archive
from greenroom.domain.errors import Invalid, Refused


def make(folder: Path, *names: str) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return folder


def test_the_same_folder_is_the_same_bytes(tmp_path: Path) -> None:
    one = make(tmp_path / "one", "b.yaml", "a/c.yaml", "a.yaml")
    two = make(tmp_path / "two", "a.yaml", "a/c.yaml", "b.yaml")
    os.utime(two / "a.yaml", (1, 1))
    (two / "b.yaml").chmod(0o600)
    assert pack_folder(one) == pack_folder(two)


def test_what_is_not_content_stays_behind(tmp_path: Path) -> None:
    secret = make(tmp_path / "outside", "secret") / "secret"
    folder = make(tmp_path / "folder", "a.yaml", ".git/config", "functions/__pycache__/f.pyc", "_gen/__init__.py")
    (folder / "link").symlink_to(secret)
    (folder / "linked").symlink_to(tmp_path / "outside")
    with zipfile.ZipFile(io.BytesIO(pack_folder(folder))) as archive:
        assert archive.namelist() == ["_gen/__init__.py", "a.yaml"]


def test_one_file_is_sent_as_it_is_with_its_place(tmp_path: Path) -> None:
    file = make(tmp_path / "agent", "topic/pets.yaml") / "topic" / "pets.yaml"
    assert place_of(file) == "topic/pets.yaml"
    assert read_archive(file) == file.read_bytes()
    assert place_of(tmp_path / "agent") is None
    assert place_of(tmp_path / "agent.zip") is None


def test_an_archive_becomes_the_folder_again(tmp_path: Path) -> None:
    data = pack_folder(make(tmp_path / "folder", "a.yaml", "b/c.yaml"))
    assert write_archive(data, tmp_path / "copy") == 2
    assert pack_folder(tmp_path / "copy") == data
    assert write_archive(data, tmp_path / "copy.zip") == 2
    assert (tmp_path / "copy.zip").read_bytes() == data


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    data = pack_folder(make(tmp_path / "folder", "a.yaml"))
    with pytest.raises(Refused, match="holds something already"):
        write_archive(data, tmp_path / "folder")


@pytest.mark.parametrize("name", ["../a", "/etc/a", "a/../../b", "a\\..\\b", "C:/a"])
def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path, name: str) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("fine", "x")
        archive.writestr(name, "x")
    with pytest.raises(Invalid, match=r"the path (must be|leaves)"):
        write_archive(buffer.getvalue(), tmp_path / "out")
    assert not (tmp_path / "out").exists()
