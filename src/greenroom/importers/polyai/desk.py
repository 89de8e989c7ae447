"""The desk an import is worked on: files on one side, entities, report and faults on the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from greenroom.domain.entities import Address
from greenroom.domain.errors import Fault, Invalid
from greenroom.wire.imports import ReportRow, Status
from greenroom.wire.yaml_text import decode_text

SETTINGS = Address("settings", "default")
AGENT = Address("agent", "main")


@dataclass(slots=True)
class Desk:
    """Everything that is known of a running import. Nothing on it counts while `faults` has an entry."""

    files: Mapping[str, bytes]
    faults: list[Fault] = field(default_factory=list[Fault])
    rows: list[ReportRow] = field(default_factory=list[ReportRow])
    bodies: dict[Address, dict[str, Any]] = field(default_factory=dict[Address, dict[str, Any]])
    origins: dict[Address, str] = field(default_factory=dict[Address, str])
    kept: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def fault(self, path: str, line: int, message: str, hint: str = "", code: str = "invalid") -> None:
        """Notes that a file cannot be imported as it is."""
        self.faults.append(Fault(f"{path}:{line}", message, code, hint))

    def read(self, path: str, item: str, address: Address, count: int = 1, reason: str = "") -> None:
        """Reports things that have an effect here."""
        self._row(path, item, "read", count, address, reason)

    def note(
        self,
        path: str,
        item: str,
        status: Status,
        reason: str,
        *,
        count: int = 1,
        address: Address | None = None,
    ) -> None:
        """Reports things that are carried in an entity without an effect, or that are left out."""
        self._row(path, item, status, count, address, reason)

    def keep(self, path: str, item: str, reason: str, *, count: int = 1, status: Status = "kept") -> None:
        """Reports things that live on in the file's own text only, and keeps that text in the settings."""
        if not count:
            return
        reasons = self.kept.setdefault(path, [])
        if reason not in reasons:
            reasons.append(reason)
        self._row(path, item, status, count, SETTINGS, reason)

    def put(self, address: Address, path: str, body: dict[str, Any]) -> None:
        """Lays down a finished body that came from `path`."""
        assert address not in self.bodies, address
        self.bodies[address] = {"schema": 1, **body}
        self.origins[address] = path

    def text_of(self, path: str) -> str | None:
        """Returns the text of a file to the byte, or None after noting why it is not text."""
        data = self.files[path]
        try:
            decode_text(data, path)
        except Invalid as wrong:
            self.faults.extend(wrong.errors)
            return None
        at = data.find(b"\0")
        if at >= 0:
            self.fault(path, data.count(b"\n", 0, at) + 1, "the file holds a NUL byte; it is not text")
            return None
        # Decoded once more: the check above drops a byte-order mark, which an exact copy must keep.
        return data.decode("utf-8")

    def _row(self, path: str, item: str, status: Status, count: int, address: Address | None, reason: str) -> None:
        if count:
            self.rows.append(ReportRow(path, item, status, count, address, reason))
