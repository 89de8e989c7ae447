"""A YAML mapping while it is read: typed fields, and a memory of which fields nobody asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from greenroom.domain.errors import Invalid
from greenroom.importers.polyai.desk import Desk
from greenroom.wire.yaml_text import Loaded, load

_SCANNER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

NO_FIELD = "there is no such field here; the file is kept as it is"
COMMENTS = "an entity has no place for comments; the file is kept as it is"


class Sheet:
    """One mapping of a YAML file. A field with `null` counts as left out, as the ADK reads it.

    Every getter notes a fault with its line when the field has the wrong type, and returns its default.
    """

    def __init__(self, desk: Desk, path: str, value: Mapping[str, Any], loaded: Loaded, pointer: str = "") -> None:
        self.desk = desk
        self.path = path
        self.value = value
        self.pointer = pointer
        self._loaded = loaded
        self._used: set[str] = set()
        self._children: list[Sheet] = []

    def line(self, key: str = "") -> int:
        """Returns the line of a field, or of the mapping."""
        return self._loaded.line_of(self._place(key) if key else self.pointer)

    def fault(self, key: str, message: str, hint: str = "", code: str = "invalid") -> None:
        """Notes a fault at a field."""
        self.desk.fault(self.path, self.line(key), message, hint, code)

    def text(self, key: str, default: str = "") -> str:
        """Returns a text field."""
        return self._get(key, str, "text; put it in quotes", default)

    def needed(self, key: str) -> str:
        """Returns a text field that must be there and say something; notes a fault when it does not."""
        if self.value.get(key) is None:
            self._used.add(key)
            self.fault(key, f"'{key}' is missing", f"add `{key}: …`", "missing_field")
            return ""
        text = self.text(key)
        if not text.strip() and isinstance(self.value[key], str):
            self.fault(key, f"'{key}' is empty", f"write something after `{key}:`", "missing_field")
        return text

    def flag(self, key: str, default: bool) -> bool:
        """Returns a field that is true or false."""
        return self._get(key, bool, "true or false, without quotes", default)

    def texts(self, key: str) -> list[str]:
        """Returns a list of texts."""
        items: list[Any] = self._get(key, list, "a list", [])
        for index, item in enumerate(items):
            if not isinstance(item, str):
                self._wrong(f"{key}/{index}", item, "text; put it in quotes")
        return [item for item in items if isinstance(item, str)]

    def raw(self, key: str) -> Any:
        """Returns a field as it is."""
        self._used.add(key)
        return self.value.get(key)

    def mapping(self, key: str) -> dict[str, Any]:
        """Returns a mapping as it is."""
        return self._get(key, dict, "a group of fields", {})

    def sheet(self, key: str) -> Sheet:
        """Returns a group of fields to be read in turn; an empty one when it is left out."""
        return self._child(key, self.mapping(key))

    def sheets(self, key: str) -> list[Sheet]:
        """Returns a list of groups of fields, each to be read in turn."""
        found: list[Sheet] = []
        items: list[Any] = self._get(key, list, "a list", [])
        for index, item in enumerate(items):
            if isinstance(item, dict):
                found.append(self._child(f"{key}/{index}", item))
            else:
                self._wrong(f"{key}/{index}", item, "a group of fields")
        return found

    def rest(self) -> dict[str, Any]:
        """Returns all fields that were not asked for, which then count as asked for."""
        left = {key: item for key, item in self.value.items() if key not in self._used}
        self._used.update(left)
        return left

    def close(self) -> None:
        """Keeps a whole file, each field reported, when it says more than was asked for."""
        for name, count in sorted(Counter(self._unread("")).items()):
            self.desk.keep(self.path, f"field {name}", NO_FIELD, count=count, status="not_supported")
        self.close_comments()

    def close_comments(self) -> None:
        """Keeps the file when it holds comments. For files whose other fields are all carried along."""
        self.desk.keep(self.path, "comment", COMMENTS, count=count_comments(self.desk.files[self.path]))

    def _unread(self, prefix: str) -> Iterator[str]:
        for key, item in self.value.items():
            if key not in self._used and item not in (None, "", [], {}):
                yield f"{prefix}{key}"
        for child in self._children:
            name = child.pointer.removeprefix(self.pointer + "/").split("/")[0]
            yield from child._unread(f"{prefix}{name}.")

    def _child(self, place: str, value: Mapping[str, Any]) -> Sheet:
        child = Sheet(self.desk, self.path, value, self._loaded, self._place(place))
        self._children.append(child)
        return child

    def _place(self, key: str) -> str:
        return f"{self.pointer}/{key}"

    def _get(self, key: str, wanted: type, words: str, default: Any) -> Any:
        self._used.add(key)
        item = self.value.get(key)
        if item is None:
            return default
        if isinstance(item, wanted):
            return item
        self._wrong(key, item, words)
        return default

    def _wrong(self, key: str, item: Any, words: str) -> None:
        message = f"'{key}' is {_describe(item)}, not {words.partition(';')[0]}"
        self.fault(key, message, f"write {words}", "wrong_type")


def _describe(item: Any) -> str:
    if item is None:
        return "empty"
    if isinstance(item, bool):
        return str(item).lower()
    if isinstance(item, dict):
        return "a group of fields"
    if isinstance(item, list):
        return "a list"
    return f"the text '{item[:40]}'" if isinstance(item, str) else f"the number {item}"


def open_sheet(desk: Desk, path: str) -> Sheet | None:
    """Returns the YAML file at `path`, or None after noting why it cannot be read."""
    try:
        loaded = load(desk.files[path], path)
    except Invalid as wrong:
        desk.faults.extend(wrong.errors)
        return None
    if not isinstance(loaded.value, dict):
        message = f"the file is {_describe(loaded.value)}, not a group of fields"
        desk.fault(path, loaded.line_of(""), message, "begin with `name: …` or the field this file is for")
        return None
    return Sheet(desk, path, loaded.value, loaded)


def count_comments(data: bytes) -> int:
    """Returns how many lines of a sound YAML file are, or end in, a comment."""
    if b"#" not in data:
        return 0
    text = data.decode("utf-8-sig")
    count, end = 0, 0
    for token in yaml.scan(text, Loader=_SCANNER):
        count += sum("#" in line for line in text[end : token.start_mark.index].split("\n"))
        end = max(end, token.end_mark.index)
    return count
