"""Files in memory, path → bytes, as they come from strangers: which names and sizes are accepted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from greenroom.domain.errors import Fault, Invalid

MAX_FILES = 20_000
MAX_FILE_BYTES = 1024 * 1024
MAX_TOTAL_BYTES = 50 * 1024 * 1024
MAX_PATH_LENGTH = 400

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def path_fault(path: str) -> Fault | None:
    """Returns what is wrong with a relative path, or None; such a path can be written below any folder."""
    if not path or len(path) > MAX_PATH_LENGTH or _UNPRINTABLE.search(path):
        message = f"the file name {path[:80]!r} is empty, too long or not printable"
    elif path.startswith("/") or path[1:2] == ":" or "\\" in path:
        message = "the path must be relative, with '/' between folders"
    elif any(step in ("", ".", "..") for step in path.split("/")):
        message = "the path leaves its folder or is not in its plain form"
    else:
        return None
    return Fault(f"{path[:120]!r}:1" if _UNPRINTABLE.search(path) else f"{path[:120]}:1", message, "unsafe_path")


def size_faults(sizes: Iterable[tuple[str, int]]) -> list[Fault]:
    """Returns what is wrong with the names, number and sizes of files."""
    faults: list[Fault] = []
    seen: dict[str, str] = {}
    total = count = 0
    for path, size in sizes:
        count, total = count + 1, total + size
        if wrong := path_fault(path):
            faults.append(wrong)
        elif size > MAX_FILE_BYTES:
            message = f"the file is {size:,} bytes; at most {MAX_FILE_BYTES:,} are read"
            faults.append(Fault(f"{path}:1", message, "file_too_large"))
        other = seen.setdefault(path.casefold(), path)
        if other != path:
            message = f"the name differs from '{other[:120]}' only by case, so some disks cannot hold both"
            faults.append(Fault(f"{path[:120]}:1", message, "case_collision", "rename one of them"))
    if count > MAX_FILES:
        faults.insert(0, Fault("", f"{count:,} files; at most {MAX_FILES:,} are read", "too_many_files"))
    if total > MAX_TOTAL_BYTES:
        message = f"the files are {total:,} bytes together; at most {MAX_TOTAL_BYTES:,} are read"
        faults.insert(0, Fault("", message, "too_large"))
    return faults


def decode_text(data: bytes, path: str) -> str:
    """Returns the text of a UTF-8 file without its byte-order mark. Raises Invalid with `path:line`."""
    if len(data) > MAX_FILE_BYTES:
        raise invalid("file_too_large", size_faults([(path, len(data))]))
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:4]:
        message = "the file is UTF-16 or UTF-32, not UTF-8"
        raise invalid("wrong_encoding", [Fault(f"{path}:1", message, "wrong_encoding", "save it as UTF-8")])
    try:
        return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as wrong:
        line = data.count(b"\n", 0, wrong.start) + 1
        message = f"byte 0x{data[wrong.start]:02x} is not UTF-8"
        fault = Fault(f"{path}:{line}", message, "wrong_encoding", "save the file as UTF-8")
        raise invalid("wrong_encoding", [fault]) from None


def invalid(code: str, faults: Sequence[Fault]) -> Invalid:
    """Returns the refusal of files: its detail names the first fault and how many more there are."""
    place = f"{faults[0].pointer}: " if faults[0].pointer else ""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return Invalid(code, f"{place}{faults[0].message}{more}", errors=faults)
