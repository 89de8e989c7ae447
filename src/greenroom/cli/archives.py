"""Folders as archives and back: the same folder is always the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from greenroom.domain.errors import Invalid, NotFound, Refused
from greenroom.wire.archives import pack, unpack

SKIPPED = frozenset({".git", "__pycache__"})
ONE_FILE = frozenset({".yaml", ".yml"})
ARCHIVE_SIGNS = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b")


def read_archive(path: Path) -> bytes:
    """Returns a folder packed, an archive or a .yaml file as it is. Raises NotFound, or Invalid for any other file."""
    if path.is_dir():
        return pack_folder(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFound("no_such_path", f"there is no folder or archive at {path}") from None
    except OSError as wrong:
        raise Invalid("unreadable_path", f"{path}: {wrong.strerror}") from None
    if place_of(path) is None and not data.startswith(ARCHIVE_SIGNS):
        raise Invalid("not_an_archive", f"{path} is neither a folder nor a zip or tar.gz archive")
    return data


def place_of(path: Path) -> str | None:
    """Returns where one file of a folder belongs in it, `topic/pets.yaml`; None for folders and archives."""
    if path.suffix not in ONE_FILE or path.is_dir():
        return None
    path = path.absolute()
    return f"{path.parent.name}/{path.name}"


def pack_folder(folder: Path) -> bytes:
    """Returns a zip of the folder's files."""
    return pack({file.relative_to(folder).as_posix(): file.read_bytes() for file in _files(folder)})


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        # A link may lead out of the folder, to something that nobody meant to send.
        if path.name in SKIPPED or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path


def check_target(target: Path) -> None:
    """Refuses a folder that holds something already: an export never mixes with what is there."""
    if target.suffix != ".zip" and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Refused("folder_not_empty", f"{target} holds something already; name an empty folder or a .zip file")


def write_archive(data: bytes, target: Path) -> int:
    """Writes an archive as a `.zip` file, or its files into an empty folder; returns how many files.

    Raises Refused as `check_target` does, Invalid for an archive that would write outside the folder.
    """
    check_target(target)
    files = unpack(data)
    if target.suffix == ".zip":
        target.write_bytes(data)
        return len(files)
    target.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return len(files)
