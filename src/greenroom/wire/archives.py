"""Files as one archive and back: the same bytes each time; reading believes nothing that an archive states."""

from __future__ import annotations

import gzip
import io
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping

from greenroom.domain.errors import Fault, Invalid
from greenroom.wire.files import MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES, invalid, path_fault, size_faults

MAX_ARCHIVE_BYTES = MAX_TOTAL_BYTES
MAX_RATIO = 200
"""How many times larger than the archive its files may be, once they are larger than SMALL_BYTES."""
SMALL_BYTES = 4 * 1024 * 1024

_FIRST_TIME_OF_ZIP = (1980, 1, 1, 0, 0, 0)
_BLOCK = 512
_MAX_PAX_BYTES = 64 * 1024
_CENTRAL_ENTRY = b"PK\x01\x02"


def pack(files: Mapping[str, bytes]) -> bytes:
    """Returns a ZIP archive: the same files are always the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _FIRST_TIME_OF_ZIP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, files[path])
    return out.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """Returns the files of a ZIP or gzipped tar archive, without folders.

    Raises Invalid (`invalid_archive`, with a fault for each thing refused) for links, unsafe names, damage,
    encryption, and more or larger files than are read; limits hold while reading, whatever headers say.
    """
    if len(data) > MAX_ARCHIVE_BYTES:
        raise _refuse(f"the archive is {len(data):,} bytes; at most {MAX_ARCHIVE_BYTES:,} are read", "too_large")
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _unpack_zip(data)
    if data.startswith(b"\x1f\x8b"):
        return _unpack_tar(data)
    raise _refuse("this is neither a ZIP nor a .tar.gz archive", "not_an_archive", "make one with: zip -r agent.zip .")


def _refuse(message: str, code: str = "invalid_archive", hint: str = "", path: str = "") -> Invalid:
    return invalid("invalid_archive", [Fault(f"{path}:1" if path else "", message, code, hint)])


def _most_bytes(archive: bytes) -> int:
    """Returns how large the files of an archive may be together."""
    return min(MAX_TOTAL_BYTES, max(SMALL_BYTES, len(archive) * MAX_RATIO))


def _refuse_bomb(archive: bytes) -> Invalid:
    return _refuse(f"the files are larger than the {_most_bytes(archive):,} bytes that are read", "too_large")


def _unpack_zip(data: bytes) -> dict[str, bytes]:
    # Counted before zipfile parses them: a directory of a million entries takes it many seconds.
    if data.count(_CENTRAL_ENTRY) > MAX_FILES * 2:
        raise _refuse(f"the archive holds more than {MAX_FILES:,} files", "too_many_files")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > _most_bytes(data):
                raise _refuse_bomb(data)
            faults = size_faults((entry.filename, entry.file_size) for entry in entries)
            faults += [fault for entry in entries if (fault := _entry_fault(entry))]
            faults += _twice(entry.filename for entry in entries)
            if faults:
                raise invalid("invalid_archive", faults)
            return {entry.filename: archive.read(entry) for entry in entries}
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OSError,
    ) as wrong:
        raise _refuse(f"the ZIP archive is damaged: {_plain(wrong)}") from None


def _entry_fault(entry: zipfile.ZipInfo) -> Fault | None:
    place = f"{entry.filename}:1"
    sort = stat.S_IFMT(entry.external_attr >> 16)
    if entry.flag_bits & 1:
        return Fault(place, "the file is encrypted", "encrypted", "make the archive without a password")
    if sort not in (0, stat.S_IFREG):
        return Fault(place, "this is a link or device, not a file", "not_a_file", "put the file itself in its place")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return Fault(place, "the compression is not known here", "unknown_compression", "use deflate")
    return None


def _twice(paths: Iterator[str]) -> list[Fault]:
    seen: set[str] = set()
    faults: list[Fault] = []
    for path in paths:
        if path in seen:
            faults.append(Fault(f"{path}:1", "the archive holds this file twice", "duplicate"))
        seen.add(path)
    return faults


def _plain(wrong: Exception) -> str:
    return str(wrong)[:200] or type(wrong).__name__


def _unpack_tar(data: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    faults: list[Fault] = []
    total = 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            for path, content in _tar_files(stream, faults, _most_bytes(data)):
                total += len(content)
                if path in files:
                    faults.extend(_twice(iter((path, path))))
                files[path] = content
                if total > _most_bytes(data):
                    raise _refuse_bomb(data)
                if len(files) > MAX_FILES:
                    raise _refuse(f"the archive holds more than {MAX_FILES:,} files", "too_many_files")
    except (gzip.BadGzipFile, zlib.error, EOFError, ValueError) as wrong:
        raise _refuse(f"the .tar.gz archive is damaged: {_plain(wrong)}") from None
    faults = size_faults((path, len(content)) for path, content in files.items()) + faults
    if faults:
        raise invalid("invalid_archive", faults)
    return files


def _tar_files(stream: gzip.GzipFile, faults: list[Fault], most: int) -> Iterator[tuple[str, bytes]]:
    """Yields plain files of a tar stream; links and oversized files become faults.

    Read by hand rather than with tarfile, which keeps long headers of any size and has read them in
    exponential time (CVE-2024-6232).
    """
    name = ""
    headers = skipped = 0
    while header := stream.read(_BLOCK):
        if not header.strip(b"\0"):
            break
        size = _tar_size(header)
        headers += 1
        if headers > MAX_FILES * 4:
            raise _refuse(f"the archive holds more than {MAX_FILES:,} files", "too_many_files")
        sort = header[156:157]
        if sort in (b"x", b"g", b"L"):
            if size > _MAX_PAX_BYTES:
                raise ValueError("a header is longer than any file name")
            found = _long_name(_content(stream, size), sort)
            name = name if sort == b"g" else found
            continue
        path, name = name or _tar_name(header), ""
        if sort in (b"0", b"\0", b"7"):
            if size <= MAX_FILE_BYTES and path_fault(path) is None:
                yield path, _content(stream, size)
                continue
            faults.extend(size_faults([(path, size)]))
        elif sort != b"5":
            faults.append(Fault(f"{path[:120]}:1", "this is a link or device, not a file", "not_a_file"))
        skipped += size
        if skipped > most:
            raise _refuse(f"the files are larger than the {most:,} bytes that are read", "too_large")
        _content(stream, size)


def _tar_size(header: bytes) -> int:
    """Returns the size that a sound header states. Raises ValueError."""
    if len(header) != _BLOCK:
        raise ValueError("it ends in the middle")
    if _octal(header[148:156]) != sum(header) - sum(header[148:156]) + 8 * 32:
        raise ValueError("a header has a wrong checksum")
    field = header[124:136]
    size = int.from_bytes(field) & ~(1 << 95) if field[0] & 0x80 else _octal(field)
    if size < 0 or size > MAX_TOTAL_BYTES:
        raise ValueError(f"a file states {size:,} bytes; at most {MAX_FILE_BYTES:,} are read")
    return size


def _octal(digits: bytes) -> int:
    digits = digits.strip(b" \0")
    if digits.translate(None, b"01234567"):
        raise ValueError("this is not a tar archive inside")
    return int(digits or b"0", 8)


def _tar_name(header: bytes) -> str:
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[257:262] == b"ustar" else b""
    whole = prefix + b"/" + name if prefix else name
    return whole.decode("utf-8", "surrogateescape").removeprefix("./")


def _long_name(content: bytes, sort: bytes) -> str:
    """Returns the name in a GNU or PAX header that describes the next file; '' when it gives none."""
    if sort == b"L":
        return content.rstrip(b"\0").decode("utf-8", "surrogateescape").removeprefix("./")
    name = b""
    while content:
        length = int(content.partition(b" ")[0])
        if not 0 < length <= len(content):
            raise ValueError("a PAX header is broken")
        key, _, value = content[:length].partition(b" ")[2].rstrip(b"\n").partition(b"=")
        name = value if key == b"path" else name
        content = content[length:]
    return name.decode("utf-8", "surrogateescape").removeprefix("./")


def _content(stream: gzip.GzipFile, size: int) -> bytes:
    content = stream.read(size)
    if len(content) != size:
        raise EOFError("it ends in the middle")
    stream.read(-size % _BLOCK)
    return content
