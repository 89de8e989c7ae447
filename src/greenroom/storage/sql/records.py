"""Records: project-wide data that no version holds, on either database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update

from greenroom.domain.canonical import canonical_json, parse_json
from greenroom.domain.ids import ProjectId
from greenroom.domain.records import ANNOUNCED, Record
from greenroom.storage.refusals import check_texts
from greenroom.storage.sql import rows as r
from greenroom.storage.sql import tables as t
from greenroom.storage.sql.work import WORKSPACE, Work

rec, p = t.records.c, t.projects.c

_MINE = (rec.workspace == WORKSPACE, rec.project == bindparam("w_project"), rec.noun == bindparam("w_noun"))
_THE_ONE = (*_MINE, rec.key == bindparam("w_key"))
_OWNED = rec.owner == bindparam("w_owner")
_FIND = select(t.records).where(*_THE_ONE)
_LIST = select(t.records).where(*_MINE).limit(bindparam("w_limit"))
_ANYWHERE = (
    # From the projects to the records' key, so that the size of other records does not matter.
    select(t.records)
    .select_from(t.projects.join(t.records, (rec.workspace == p.workspace) & (rec.project == p.id)))
    .where(p.workspace == WORKSPACE, rec.noun == bindparam("w_noun"), rec.key == bindparam("w_key"))
    .order_by(rec.project)
)
_COUNT = select(func.count().label("found")).select_from(t.records).where(*_MINE)
_UPDATE = update(t.records).where(*_THE_ONE, rec.revision == bindparam("w_revision"))
_DELETE = delete(t.records).where(*_THE_ONE)
_DELETE_OWNED = delete(t.records).where(*_MINE, _OWNED)


def record_to_row(record: Record) -> dict[str, Any]:
    """Returns a record as a row; its body as canonical JSON, which escapes what PostgreSQL's text refuses."""
    return {
        "project": record.project,
        "noun": record.noun,
        "key": record.key,
        "owner": record.owner,
        "revision": record.revision,
        "at": r.to_us(record.at),
        "changed_at": r.to_us(record.changed_at),
        "body": canonical_json(record.body).decode(),
        "data": record.data,
    }


def record_from_row(row: r.Row) -> Record:
    """Returns the record of a row."""
    return Record(
        ProjectId(row["project"]),
        row["noun"],
        row["key"],
        r.from_us(row["at"]),
        r.from_us(row["changed_at"]),
        parse_json(row["body"].encode()),
        row["owner"],
        row["revision"],
        row["data"],
    )


class RecordReading:
    """The part of `ports.Reading` about records."""

    _work: Work

    def find_record(self, project: ProjectId, noun: str, key: str) -> Record | None:
        row = self._work.first(_FIND, w_project=project, w_noun=noun, w_key=key)
        return None if row is None else record_from_row(row)

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
        query = _LIST.order_by(rec.key.desc() if newest_first else rec.key)
        values: dict[str, Any] = {"w_project": project, "w_noun": noun, "w_limit": max(limit, 0)}
        if owner is not None:
            query, values["w_owner"] = query.where(_OWNED), owner
        for text in containing:
            query = query.where(rec.body.contains(text, autoescape=True))
        if after is not None:
            border = bindparam("w_after")
            query, values["w_after"] = query.where(rec.key < border if newest_first else rec.key > border), after
        return tuple(map(record_from_row, self._work.all(query, **values)))

    def find_records_anywhere(self, noun: str, key: str) -> Sequence[Record]:
        return tuple(map(record_from_row, self._work.all(_ANYWHERE, w_noun=noun, w_key=key)))

    def count_records(self, project: ProjectId, noun: str, owner: str | None = None) -> int:
        if owner is None:
            row = self._work.first(_COUNT, w_project=project, w_noun=noun)
        else:
            row = self._work.first(_COUNT.where(_OWNED), w_project=project, w_noun=noun, w_owner=owner)
        return row["found"] if row else 0


class RecordWriting(RecordReading):
    """The part of `ports.Writing` about records. Who waits for a change is told of the nouns in ANNOUNCED alone."""

    def put_record(self, record: Record, expected_revision: int | None = None) -> bool:
        check_texts(record.noun, record.key, record.owner)
        self._tell(record.noun)
        row = record_to_row(record)
        if not expected_revision:
            return self._work.insert(t.records, row, how="replace" if expected_revision is None else "if new")
        named = {f"w_{name}": row.pop(name) for name in ("project", "noun", "key")}
        return self._work.change(_UPDATE, w_revision=expected_revision, **named, **row) == 1

    def delete_record(self, project: ProjectId, noun: str, key: str) -> bool:
        self._tell(noun)
        return self._work.change(_DELETE, w_project=project, w_noun=noun, w_key=key) == 1

    def delete_records(self, project: ProjectId, noun: str, owner: str) -> int:
        self._tell(noun)
        return self._work.change(_DELETE_OWNED, w_project=project, w_noun=noun, w_owner=owner)

    def _tell(self, noun: str) -> None:
        if noun in ANNOUNCED:
            self._work.announced = True
