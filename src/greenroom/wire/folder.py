"""Entities as files and back: `<kind>/<slug>.yaml`, with code in a file of its own beside it.

Pure: bytes in, bytes out. `from_files(to_files(e))` is `e` for all sound bodies, and equal entities are equal
bytes. What cannot be exact in a code file (a byte-order mark, a carriage return) stays in the YAML, quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, cast

from greenroom.domain.entities import SLUG, Address, Body
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.kind import Kind, Registry
from greenroom.wire.files import decode_text, invalid, path_fault, size_faults
from greenroom.wire.yaml_text import Loaded, load
from greenroom.wire.yaml_writer import dump

MANIFEST = "greenroom.yaml"
FORMAT = 1
MANIFEST_TEXT = f"format: {FORMAT}\n".encode()
CODE = ".py"

_NOT_EXACT = re.compile("[\r\x00]|^\ufeff")
_IGNORED = re.compile(r"(?:.*/)?(?:\..*|__pycache__/.*|__MACOSX/.*)|(?:README|LICENSE|CHANGELOG)(?:\.\w+)?")


def to_files(entities: Mapping[Address, Body], kinds: Registry) -> dict[str, bytes]:
    """Returns the files of entities in the order of kinds and slugs, with the manifest first.

    Bodies of older schemas are written as the present schema would. Raises Invalid for an unknown kind.
    """
    files = {MANIFEST: MANIFEST_TEXT}
    rank = {name: index for index, name in enumerate(kinds)}
    for address in entities:
        if address.kind not in rank:
            raise Invalid("unknown_kind", f"there is no kind '{address.kind}', which {address} needs")
    for address in sorted(entities, key=lambda each: (rank[each.kind], each.slug)):
        kind = kinds[address.kind]
        body = dict(kind.upgrade(entities[address]))
        for name, ending in _code_files(kind).items():
            code = body.get(name)
            if isinstance(code, str) and code and not _NOT_EXACT.search(code):
                files[f"{address}{ending}"] = code.encode()
                del body[name]
        files[f"{address}.yaml"] = dump(body, kind.shape, first=("schema", "name"))
    return files


def from_files(files: Mapping[str, bytes], kinds: Registry) -> dict[Address, Body]:
    """Returns the entities in files, in the form that is stored, by kind and slug.

    A folder around all files (as archives have) is looked through; hidden files, caches and a README are
    passed over. Raises one Invalid (`invalid_files`) with every fault at its `path:line`.
    """
    faults = size_faults((path, len(data)) for path, data in files.items())
    if any(fault.code in ("too_many_files", "too_large") for fault in faults):
        raise invalid("invalid_files", faults)
    reader = _FolderReader(files, kinds, _root(files), faults=faults)
    reader.read()
    if reader.faults:
        raise invalid("invalid_files", reader.faults)
    rank = {name: index for index, name in enumerate(kinds)}
    return dict(sorted(reader.entities.items(), key=lambda each: (rank[each[0].kind], each[0].slug)))


@dataclass(frozen=True, slots=True)
class FolderContents:
    """What a folder holds: the sound entities, what is wrong, and the entities that could not be read for it."""

    entities: Mapping[Address, Body]
    faults: tuple[Fault, ...]
    unread: frozenset[Address]
    read: Mapping[Address, _ReadFile] = field(repr=False)

    def place_of(self, address: Address, pointer: str) -> str:
        """Returns the `path:line` at which a pointer into an entity's body is written."""
        return self.read[address].place_of(pointer)


def read_folder(files: Mapping[str, bytes], kinds: Registry) -> FolderContents:
    """Returns what can be read of a folder's files; what cannot keeps nothing else from being read.

    An entity counts as unread when any of its files is at fault. Raises Invalid (`invalid_files`) for too much.
    """
    faults = size_faults((path, len(data)) for path, data in files.items())
    if any(fault.code in ("too_many_files", "too_large") for fault in faults):
        raise invalid("invalid_files", faults)
    reader = _FolderReader(files, kinds, "", faults=faults)
    reader.read()
    places = {fault.pointer.rpartition(":")[0] for fault in reader.faults}
    unread = frozenset(at for path in places if (at := address_of(path, kinds)))
    sound = {address: body for address, body in reader.entities.items() if address not in unread}
    return FolderContents(sound, tuple(reader.faults), unread, reader.loaded)


def address_of(path: str, kinds: Registry) -> Address | None:
    """Returns the entity that a path belongs to: `function/greet.py` to function/greet; None for other paths."""
    folder, _, name = path.partition("/")
    kind = kinds.get(folder)
    if kind is None:
        return None
    for ending in (*_code_files(kind).values(), ".yaml"):
        slug = name.removesuffix(ending)
        if slug != name and SLUG.fullmatch(slug):
            return Address(folder, slug)
    return None


def is_folder(paths: Iterable[str]) -> bool:
    """Says whether files with these paths are a Greenroom folder."""
    found = set(paths)
    return f"{_root(found)}{MANIFEST}" in found


def _root(paths: Iterable[str]) -> str:
    """Returns the folder in which the manifest is: '' or `hotel/`."""
    found = [path for path in paths if path.rpartition("/")[2] == MANIFEST]
    if MANIFEST in found or not found:
        return ""
    return min(found, key=lambda path: (path.count("/"), path)).removesuffix(MANIFEST)


def _code_files(kind: Kind) -> dict[str, str]:
    """Returns the fields that have a file of their own, with what its name ends in."""
    names = [name for name, shape in kind.shape.fields.items() if shape.form == "code"]
    return {names[0]: CODE} if len(names) == 1 else {name: f".{name}{CODE}" for name in names}


@dataclass(frozen=True, slots=True)
class _ReadFile:
    path: str
    loaded: Loaded
    code: Mapping[str, str]
    """Pointer of each field with a file of its own → where that file begins."""

    def place_of(self, pointer: str) -> str:
        return self.code.get(pointer) or f"{self.path}:{self.loaded.line_of(pointer)}"


@dataclass(slots=True)
class _FolderReader:
    files: Mapping[str, bytes]
    kinds: Registry
    root: str
    entities: dict[Address, Body] = field(default_factory=dict[Address, Body])
    faults: list[Fault] = field(default_factory=list[Fault])
    loaded: dict[Address, _ReadFile] = field(default_factory=dict[Address, "_ReadFile"])

    def read(self) -> None:
        """Reads all files, noting every fault."""
        manifest = f"{self.root}{MANIFEST}"
        beside = [path.removesuffix(f"/{MANIFEST}") for path in self.files if path.endswith(f"/{MANIFEST}")]
        if MANIFEST not in self.files and len(beside) > 1:
            message = f"this holds several Greenroom folders: {', '.join(sorted(beside)[:10])}"
            self._fault("", message, "several_folders", "give one of them")
            return
        refused = {fault.pointer for fault in self.faults}
        self._read_manifest(manifest)
        for path in self.files:
            if path_fault(path) or f"{path}:1" in refused:
                continue
            inside = path.removeprefix(self.root)
            if path == manifest or _IGNORED.fullmatch(inside):
                continue
            folder, slash, name = inside.partition("/")
            kind = self.kinds.get(folder) if path.startswith(self.root) else None
            if kind is None or not slash or "/" in name:
                self._refuse_place(path, folder, bool(slash))
            elif name.endswith(".yaml"):
                self._read_entity(path, kind, name.removesuffix(".yaml"))
            else:
                self._check_code_file(path, kind, name)

    def _fault(self, place: str, message: str, code: str, hint: str = "") -> None:
        self.faults.append(Fault(place, message, code, hint))

    def _read_manifest(self, path: str) -> None:
        if path not in self.files:
            message = f"there is no {MANIFEST}, so this is not a Greenroom folder"
            self._fault(f"{path}:1", message, "no_manifest", f"it holds one line: format: {FORMAT}")
            return
        loaded = self._load(path)
        if loaded is None:
            return
        value = loaded.value
        found = cast(Mapping[str, Any], value).get("format") if isinstance(value, Mapping) else None
        if not isinstance(found, int) or isinstance(found, bool) or found < 1:
            self._fault(f"{path}:1", "'format' is missing", "wrong_format", f"write: format: {FORMAT}")
        elif found > FORMAT:
            message = f"the folder has format {found}, but only {FORMAT} is known here"
            self._fault(f"{path}:{loaded.line_of('/format')}", message, "format_too_new", "update Greenroom")

    def _load(self, path: str) -> Loaded | None:
        try:
            return load(self.files[path], path)
        except Invalid as wrong:
            self.faults.extend(wrong.errors)
            return None

    def _refuse_place(self, path: str, folder: str, is_in_folder: bool) -> None:
        hint = f"entities are <kind>/<slug>.yaml; kinds are: {', '.join(self.kinds)}"
        if not is_in_folder or folder in self.kinds or not path.startswith(self.root):
            self._fault(f"{path}:1", "nothing reads this file", "unknown_file", hint)
            return
        near = get_close_matches(folder, list(self.kinds), 1, 0.6)
        meant = f"; did you mean '{near[0]}'?" if near else ""
        self._fault(f"{path}:1", f"there is no kind '{folder[:60]}'{meant}", "unknown_kind", hint)

    def _check_code_file(self, path: str, kind: Kind, name: str) -> None:
        for ending in _code_files(kind).values():
            slug = name.removesuffix(ending)
            if name.endswith(ending) and SLUG.fullmatch(slug):
                beside = f"{self.root}{kind.name}/{slug}.yaml"
                if beside not in self.files:
                    message = f"there is no {slug}.yaml beside this code"
                    self._fault(f"{path}:1", message, "orphan_code", f"create {beside} with a name, or delete this")
                return
        hint = f"write {kind.name}/<slug>.yaml"
        if name.endswith((".yml", ".YAML", ".YML")):
            hint = "name it .yaml"
        self._fault(f"{path}:1", "nothing reads this file", "unknown_file", hint)

    def _read_entity(self, path: str, kind: Kind, slug: str) -> None:
        if not SLUG.fullmatch(slug):
            hint = "slugs are 1 to 80 of a-z, 0-9, - and _, and begin with a letter or digit"
            self._fault(f"{path}:1", f"'{slug[:80]}' is not a slug", "invalid_slug", hint)
            return
        if kind.singleton is not None and slug != kind.singleton:
            message = f"there is only one {kind.title.lower()} in a project"
            self._fault(f"{path}:1", message, "singleton", f"name the file {kind.name}/{kind.singleton}.yaml")
            return
        loaded = self._load(path)
        if loaded is None:
            return
        if not isinstance(loaded.value, Mapping):
            self._fault(f"{path}:1", "the file must hold fields", "wrong_type", "write `name: …` in its first line")
            return
        body = {**cast(Mapping[str, Any], loaded.value)}
        read = _ReadFile(path, loaded, self._add_code(path, kind, slug, body, loaded))
        self.loaded[Address(kind.name, slug)] = read
        try:
            self.entities[Address(kind.name, slug)] = kind.complete(body)
        except Invalid as wrong:
            for each in sorted(wrong.errors, key=lambda fault: loaded.line_of(fault.pointer)):
                self._fault(read.place_of(each.pointer), each.message, each.code, each.hint)

    def _add_code(self, path: str, kind: Kind, slug: str, body: dict[str, Any], loaded: Loaded) -> dict[str, str]:
        """Puts code from the files beside into the body; returns where each such field is."""
        places: dict[str, str] = {}
        for name, ending in _code_files(kind).items():
            beside = f"{self.root}{kind.name}/{slug}{ending}"
            if beside not in self.files:
                continue
            if name in body:
                message = f"'{name}' is written here and in {slug}{ending}"
                self._fault(f"{path}:{loaded.line_of(f'/{name}')}", message, "code_twice", "keep one of them")
                continue
            places[f"/{name}"] = f"{beside}:1"
            try:
                body[name] = decode_text(self.files[beside], beside).replace("\r\n", "\n")
            except Invalid as wrong:
                self.faults.extend(wrong.errors)
        return places
