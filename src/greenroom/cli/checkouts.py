"""A folder on disk and its `.greenroom`: read without following links, written file by file, each whole or not at all.

`.greenroom` holds `state.json` and `base.jsonl`, which belong into git, and what belongs to this copy alone:
`pushed.json`, `pending.json` (a pull under way), `kept/` (files whose comments a pull could not keep).
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from greenroom.domain.canonical import canonical_json, parse_json
from greenroom.domain.entities import Address, parse_address
from greenroom.domain.errors import GreenroomError, Invalid, NotFound, Refused
from greenroom.kinds import KINDS
from greenroom.wire.checkouts import (
    Base,
    Local,
    Origin,
    Pulled,
    Pushed,
    dump_base,
    dump_origin,
    dump_pushed,
    entry_of,
    load_base,
    load_origin,
    load_pushed,
    read_entry,
    read_local,
)
from greenroom.wire.files import MAX_FILE_BYTES, path_fault
from greenroom.wire.folder import MANIFEST
from greenroom.wire.pulls import PulledEntity

STATE = ".greenroom"
OWN = ("pushed.json", "pending.json", "kept/", "tmp/")
IGNORED = "".join(f"/{name}\n" for name in OWN)


def find_root(given: Path | None) -> Path | None:
    """Returns the folder that a command means: the one given, else the nearest one upwards that has a state."""
    if given is not None:
        return given
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / STATE / "state.json").is_file()), None)


@dataclass(slots=True)
class Checkout:
    """A folder with what is known of its last pull. `origin` is None where there was none."""

    root: Path
    origin: Origin | None
    base: dict[Address, Pulled]
    pushed_data: bytes

    def pushed(self, environment: str, owner: str | None) -> Pushed:
        """Returns what this folder put into a draft that is not its ref."""
        return load_pushed(self.pushed_data, environment, owner)

    def load_origin(self) -> Origin:
        """Returns where the folder comes from. Raises NotFound `no_state`."""
        if self.origin is None:
            hint = "begin with `greenroom pull` or `greenroom init`"
            raise NotFound("no_state", f"{self.root} was never pulled: it has no {STATE}; {hint}")
        return self.origin

    def read(self) -> Local:
        """Returns what the folder holds now. Raises NotFound, or Refused for a linked folder."""
        files, links = read_files(self.root)
        return read_local(files, self.base, KINDS, links)

    def save(self, origin: Origin, base: Base, pushed: Pushed | None = None) -> None:
        """Writes the state; each file whole or not at all."""
        self.origin, self.base = origin, dict(base)
        write_file(self.root, f"{STATE}/.gitignore", IGNORED.encode())
        write_file(self.root, f"{STATE}/base.jsonl", dump_base(self.base))
        write_file(self.root, f"{STATE}/state.json", dump_origin(origin))
        if pushed is not None:
            self.pushed_data = dump_pushed(pushed)
            write_file(self.root, f"{STATE}/pushed.json", self.pushed_data)

    def carry_out(
        self, origin: Origin, local: Local, entities: Sequence[PulledEntity], others: Mapping[str, bytes | None]
    ) -> list[str]:
        """Writes what a pull decided; returns the files that changed while it ran, which are left as they are.

        What is intended is noted first: a pull that was interrupted is recognised by it, and finished or made
        again by the next one.
        """
        entries = [_entry(entity) for entity in entities if entity.mode != "left"]
        pending = {"origin": asdict(origin), "entries": entries}
        write_file(self.root, f"{STATE}/pending.json", canonical_json(pending) + b"\n")
        changed: list[str] = []
        for entity in entities:
            for path in entity.kept:
                write_file(self.root, f"{STATE}/kept/{path}", local.files[path])
        for files in (*(entity.files for entity in entities), others):
            for path, data in files.items():
                if not _replace(self.root, path, local.files.get(path), data):
                    changed.append(path)
        self.settle()
        return changed

    def settle(self) -> None:
        """Takes over what a pull noted, as far as its files are really here."""
        place = self.root / STATE / "pending.json"
        data = _find_file(place)
        if data is None:
            return
        base = dict(self.base)
        try:
            noted = parse_json(data)
            origin = Origin(**noted["origin"])
            for entry in cast(list[dict[str, Any]], noted["entries"]):
                if _is_here(self.root, entry["files"]):
                    _take_over(base, entry)
        except (GreenroomError, KeyError, TypeError, AttributeError):
            place.unlink()  # not ours; what it may have said, the next pull finds out
            return
        self.save(origin, base)
        place.unlink()


def open_checkout(root: Path) -> Checkout:
    """Returns a folder with its state, after an interrupted pull was settled. Raises Invalid, Refused."""
    _check_inside(root, f"{STATE}/state.json")
    state = root / STATE
    origin = _find_file(state / "state.json")
    base = load_base(_find_file(state / "base.jsonl") or b"", KINDS)
    found = Checkout(
        root,
        None if origin is None else load_origin(origin, f"{STATE}/state.json"),
        base,
        _find_file(state / "pushed.json") or b"",
    )
    found.settle()
    return found


def read_files(root: Path) -> tuple[dict[str, bytes], list[str]]:
    """Returns the files of entities below a folder, and the paths of links, which are not read.

    Looks into the folders of kinds only, and into those whose names come close to one. Raises Refused for a
    linked folder of a kind: its entities would seem to be gone.
    """
    if not root.is_dir():
        raise NotFound("no_such_path", f"there is no folder at {root}")
    files: dict[str, bytes] = {}
    links: list[str] = []
    for path in _paths(root):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            links.append(name)
            continue
        try:
            with path.open("rb") as file:
                files[name] = file.read(MAX_FILE_BYTES + 1)
        except OSError as wrong:
            raise Invalid("unreadable_path", f"{path}: {wrong.strerror}") from None
    return files, links


def _paths(root: Path) -> Iterator[Path]:
    if (root / MANIFEST).exists():
        yield root / MANIFEST
    for folder in sorted(root.iterdir()):
        is_kind = folder.name in KINDS
        if not is_kind and (folder.name.startswith(".") or not get_close_matches(folder.name, list(KINDS), 1, 0.8)):
            continue
        if is_kind and folder.is_symlink():
            raise Refused("link_in_folder", f"{folder} is a link; links are not followed. Put the folder itself here")
        if folder.is_dir() and not folder.is_symlink():
            found = sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())
            yield from (path for path in found if is_kind or path.suffix == ".yaml")


def write_file(root: Path, path: str, data: bytes) -> None:
    """Writes a file below a folder, whole or not at all. Raises Refused for a place outside it."""
    _check_inside(root, path)
    target = root / path
    spare = root / STATE / "tmp" / f"{os.getpid()}-{hashlib.sha256(path.encode()).hexdigest()[:16]}"
    try:
        spare.parent.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        spare.write_bytes(data)
        spare.replace(target)
    except OSError as wrong:
        raise Invalid("unwritable_path", f"{target}: {wrong.strerror}") from None
    finally:
        spare.unlink(missing_ok=True)


def tidy(root: Path) -> None:
    """Removes what an interrupted run left half written."""
    shutil.rmtree(root / STATE / "tmp", ignore_errors=True)


def _check_inside(root: Path, path: str) -> None:
    fault = path_fault(path)
    if fault is not None:
        raise Refused("unsafe_path", f"{fault.pointer}: {fault.message}")
    place = root
    for step in path.split("/"):
        place = place / step
        if place.is_symlink():
            raise Refused("link_in_folder", f"{place} is a link; nothing is written through links")


def _replace(root: Path, path: str, seen: bytes | None, data: bytes | None) -> bool:
    """Writes or removes a file that is still what was seen of it; says whether it was."""
    _check_inside(root, path)
    present = _find_file(root / path)
    if present != seen:
        return present == data
    if data is not None:
        write_file(root, path, data)
    else:
        (root / path).unlink(missing_ok=True)
    return True


def _find_file(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as wrong:
        raise Invalid("unreadable_path", f"{path}: {wrong.strerror}") from None


def _entry(entity: PulledEntity) -> dict[str, Any]:
    digests = {path: None if data is None else _digest(data) for path, data in entity.files.items()}
    pulled = None if entity.pulled is None else entry_of(entity.address, entity.pulled)
    return {"address": str(entity.address), "pulled": pulled, "files": digests}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _is_here(root: Path, files: Mapping[str, str | None]) -> bool:
    for path, digest in files.items():
        _check_inside(root, path)
        data = _find_file(root / path)
        if (None if data is None else _digest(data)) != digest:
            return False
    return True


def _take_over(base: dict[Address, Pulled], entry: Mapping[str, Any]) -> None:
    address = parse_address(entry["address"])
    base.pop(address, None)
    if entry["pulled"] is not None:
        found = read_entry(canonical_json(entry["pulled"]), KINDS)
        if found is not None:
            base[address] = found[1]
