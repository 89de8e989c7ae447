"""Records of a memory store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from greenroom.domain.canonical import canonical_json, parse_json
from greenroom.domain.ids import ProjectId
from greenroom.domain.records import ANNOUNCED, Record
from greenroom.storage.memory.tables import Rows
from greenroom.storage.refusals import check_texts, no_such


class RecordReading:
    """The part of `ports.Reading` about records."""

    _rows: Rows

    def find_record(self, project: ProjectId, noun: str, key: str) -> Record | None:
        found = self._rows.records.find((project, noun, key))
        return found and _copy(found)

    def list_records(
        self,
        project: ProjectId,
        noun: str,
        *,
        owner: str | None = None,
        after: str | None = None,
        limit: int,
        newest_first: bool = False,
        containing: Sequence[str] = (),
    ) -> Sequence[Record]:
        found = self._records(project, noun, owner)
        if containing:
            found = [each for each in found if _holds(each, containing)]
        if after is not None:
            found = [each for each in found if (each.key < after if newest_first else each.key > after)]
        found.sort(key=lambda record: record.key, reverse=newest_first)
        return tuple(map(_copy, islice(found, max(limit, 0))))

    def find_records_anywhere(self, noun: str, key: str) -> Sequence[Record]:
        found = (self._rows.records.find((project.id, noun, key)) for project in self._rows.projects.rows())
        return tuple(sorted((_copy(each) for each in found if each), key=lambda record: record.project))

    def count_records(self, project: ProjectId, noun: str, owner: str | None = None) -> int:
        return len(self._records(project, noun, owner))

    def _records(self, project: ProjectId, noun: str, owner: str | None) -> list[Record]:
        return [
            record
            for (where, what, _), record in self._rows.records.items()
            if where == project and what == noun and (owner is None or record.owner == owner)
        ]


class RecordWriting(RecordReading):
    """The part of `ports.Writing` about records."""

    def put_record(self, record: Record, expected_revision: int | None = None) -> bool:
        check_texts(record.noun, record.key, record.owner)
        kept, key = _copy(record), (record.project, record.noun, record.key)
        if record.project not in self._rows.projects:
            if expected_revision:
                return False
            raise no_such("project")
        found = self._rows.records.find(key)
        if expected_revision is not None and (found.revision if found else 0) != expected_revision:
            return False
        self._tell(record.noun)
        self._rows.records.put(key, kept)
        return True

    def delete_record(self, project: ProjectId, noun: str, key: str) -> bool:
        self._tell(noun)
        return self._rows.records.drop((project, noun, key)) is not None

    def delete_records(self, project: ProjectId, noun: str, owner: str) -> int:
        self._tell(noun)
        keys = [(project, noun, record.key) for record in self._records(project, noun, owner)]
        self._rows.records.drop_where(keys)
        return len(keys)

    def _tell(self, noun: str) -> None:
        self._rows.told = self._rows.told or noun in ANNOUNCED


def _holds(record: Record, texts: Sequence[str]) -> bool:
    body = canonical_json(record.body).decode()
    return all(text in body for text in texts)


def _copy(record: Record) -> Record:
    return replace(record, body=_as_kept(record.body))


def _as_kept(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return parse_json(canonical_json(body))
