"""Archives: deterministic out, suspicious in."""

import contextlib
import gzip
import io
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from greenroom.domain.errors import Invalid
from greenroom.wire.archives import MAX_RATIO, SMALL_BYTES, pack, unpack
from greenroom.wire.files import MAX_FILE_BYTES

FILES = {
    "greenroom.yaml": b"format: 1\n",
    "topic/ä.yaml": b"name: A\n",
    f"topic/{'l' * 200}.yaml": b"x" * 70_000,
    "empty": b"",
}


def make_zip(items: Iterable[tuple[str | zipfile.ZipInfo, bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in items:
            archive.writestr(name, data)
    return out.getvalue()


def make_tar(files: dict[str, bytes], extra: Iterable[tarfile.TarInfo] = (), form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=form) as archive:
        folder = tarfile.TarInfo("topic")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        for entry in extra:
            archive.addfile(entry)
    return out.getvalue()


def link(kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo("topic/link.yaml")
    entry.type, entry.linkname = kind, "/etc/passwd"
    return entry


def zip_link() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("topic/link.yaml")
    entry.external_attr = 0o120777 << 16
    return entry


def codes(data: bytes) -> set[str]:
    with pytest.raises(Invalid) as refused:
        unpack(data)
    assert refused.value.code == "invalid_archive"
    return {fault.code for fault in refused.value.errors}


def test_what_is_packed_comes_back() -> None:
    assert unpack(pack(FILES)) == FILES
    assert unpack(pack({})) == {}


def test_the_same_files_are_the_same_archive() -> None:
    assert pack(FILES) == pack(dict(reversed(FILES.items())))


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_tar_archives_are_read(form: int) -> None:
    assert unpack(make_tar({f"./{name}": data for name, data in FILES.items()}, form=form)) == FILES


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(kind: bytes) -> None:
    assert codes(make_tar(FILES, [link(kind)])) == {"not_a_file"}


def test_links_in_a_zip_are_refused() -> None:
    assert codes(make_zip([(zip_link(), b"/etc/passwd")])) == {"not_a_file"}


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "a\\..\\x", "C:/x"])
def test_names_that_leave_the_folder_are_refused(path: str) -> None:
    assert codes(make_zip([(path, b"x")])) == {"unsafe_path"}
    assert codes(make_tar({path: b"x"})) == {"unsafe_path"}


def test_one_name_twice_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = make_zip([("a", b"1"), ("a", b"2")])
    assert codes(twice) == {"duplicate"}
    entry = tarfile.TarInfo("a")
    assert codes(make_tar({"a": b"1"}, [entry])) == {"duplicate"}


def lying_zip() -> bytes:
    """Returns a ZIP that states 10 bytes for a file of five million."""
    data = bytearray(make_zip([("a", b"\0" * 5_000_000)]))
    directory = data.find(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = data[22:26] = struct.pack("<I", 10)
    return bytes(data)


def lying_tar() -> bytes:
    header = bytearray(tarfile.TarInfo("a").tobuf())
    header[124:136] = b"\x80" + b"\xff" * 11
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return gzip.compress(bytes(header))


BOMBS = {
    "zip of zeros": lambda: make_zip((f"f{n}", b"\0" * 1_000_000) for n in range(60)),
    "zip of many": lambda: b"PK\x03\x04" + b"PK\x01\x02" * 1_000_000,
    "zip a few too many": lambda: make_zip((f"f{n}", b"") for n in range(20_001)),
    "zip that lies": lying_zip,
    "tar of zeros": lambda: make_tar({f"f{n}": b"\0" * 1_000_000 for n in range(60)}),
    "tar with one huge file": lambda: make_tar({"f": b"\0" * 60_000_000}),
    "tar of many": lambda: make_tar({f"f{n}": b"" for n in range(20_001)}),
    "tar that lies": lying_tar,
    "gzip of zeros after a header": lambda: gzip.compress(tarfile.TarInfo("a").tobuf() + b"\1" * 90_000_000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_is_opened(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    inflated = 0

    def count(reader: Callable[..., bytes]) -> Callable[..., bytes]:
        def read(*args: Any) -> bytes:
            nonlocal inflated
            data = reader(*args)
            inflated += len(data)
            return data

        return read

    data = BOMBS[name]()
    monkeypatch.setattr(gzip.GzipFile, "read", count(gzip.GzipFile.read))
    monkeypatch.setattr(zipfile.ZipFile, "read", count(zipfile.ZipFile.read))
    assert codes(data) & {"too_large", "too_many_files", "invalid_archive"}
    assert inflated <= max(SMALL_BYTES, len(data) * MAX_RATIO) + MAX_FILE_BYTES
    assert inflated < 60 * 1024 * 1024


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"PK\x03\x04" + b"x" * 500, b"\x1f\x8b" + b"x" * 500, pack(FILES)[:-30], make_tar(FILES)[:-60]],
    ids=["empty", "text", "zip head", "gzip head", "cut zip", "cut tar"],
)
def test_damage_is_said(data: bytes) -> None:
    assert codes(data) <= {"not_an_archive", "invalid_archive"}


def test_encryption_is_refused() -> None:
    data = bytearray(make_zip([("a", b"1")]))
    directory = data.find(b"PK\x01\x02")
    data[directory + 8] |= 1
    data[6] |= 1
    assert codes(bytes(data)) == {"encrypted"}


@pytest.mark.parametrize("seed", range(3))
def test_flipped_bytes_never_raise_anything_but_invalid(seed: int) -> None:
    dice = random.Random(seed)
    raw = gzip.decompress(make_tar(FILES))
    for _ in range(300):
        if dice.random() < 0.5:
            data = bytearray(pack(FILES))
            spots = len(data)
        else:
            data, spots = bytearray(raw), 4096
        for _ in range(dice.randint(1, 6)):
            data[dice.randrange(spots)] = dice.randrange(256)
        with contextlib.suppress(Invalid):
            unpack(bytes(data) if data.startswith(b"PK") else gzip.compress(bytes(data), 1))
