"""The file that a backup is: a zip of one JSON-lines file for each table, and a manifest of counts and digests.

The same rows make the same bytes, whichever database they come from. A line is a row, its values in the order
of the manifest's columns; bytes are base64.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Self

import orjson
from sqlalchemy import LargeBinary, Table

from greenroom.domain.errors import Invalid
from greenroom.storage.sql.tables import metadata

FORMAT = "greenroom-backup/1"
_MANIFEST = "manifest.json"
_SQLITE_HEADER = b"SQLite format 3\0"
_MAX_MANIFEST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup holds: its schema, and rows by table."""

    schema: str
    rows: dict[str, int]


class ArchiveWriter:
    """Writes a backup, table by table; the manifest comes last."""

    def __init__(self, file: Path, schema: str) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3)
        self._schema = schema
        self._tables: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def write(self, table: Table, rows: Iterable[Sequence[Any]]) -> None:
        """Adds a table."""
        packed = _bytes_columns(table)
        count, digest = 0, hashlib.sha256()
        with self._zip.open(_entry(table.name), "w", force_zip64=True) as out:
            for row in rows:
                values = list(row)
                for index in packed:
                    values[index] = base64.b64encode(values[index]).decode()
                line = orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE)
                digest.update(line)
                out.write(line)
                count += 1
        columns = [column.name for column in table.columns]
        self._tables[table.name] = {"columns": columns, "rows": count, "sha256": digest.hexdigest()}

    def finish(self) -> Contents:
        """Adds the manifest."""
        manifest = {"format": FORMAT, "schema": self._schema, "tables": self._tables}
        entry = zipfile.ZipInfo(_MANIFEST)
        entry.compress_type = zipfile.ZIP_DEFLATED
        self._zip.writestr(entry, json.dumps(manifest, indent=1, sort_keys=True))
        return Contents(self._schema, {name: facts["rows"] for name, facts in self._tables.items()})


class ArchiveReader:
    """Reads a backup. Raises Invalid for what is none, or is damaged."""

    def __init__(self, file: Path, schema: str) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
        except FileNotFoundError:
            raise Invalid("no_backup", f"there is no file {file}") from None
        except (zipfile.BadZipFile, OSError) as wrong:
            raise _not_a_backup(file, wrong) from None
        try:
            self.contents = self._read_manifest(schema)
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def check(self) -> None:
        """Reads everything once and raises Invalid unless all of it is as it was written."""
        for table in metadata.sorted_tables:
            for _ in self.rows(table):
                pass

    def rows(self, table: Table) -> Iterator[list[Any]]:
        """Yields the rows of a table; raises Invalid at the end if they are not those that were written."""
        facts = self._tables[table.name]
        packed, width = _bytes_columns(table), len(table.columns)
        count, digest = 0, hashlib.sha256()
        try:
            with self._zip.open(_entry(table.name).filename) as lines:
                for line in lines:
                    digest.update(line)
                    values = orjson.loads(line)
                    if len(values) != width:
                        _damaged(f"row {count + 1} of {table.name} has {len(values)} values, not {width}")
                    for index in packed:
                        values[index] = base64.b64decode(values[index], validate=True)
                    count += 1
                    yield values
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, TypeError, OSError) as wrong:
            _damaged(f"{table.name} cannot be read ({wrong})")
        if count != facts["rows"] or digest.hexdigest() != facts["sha256"]:
            _damaged(f"{table.name} is not what was written")

    def _read_manifest(self, schema: str) -> Contents:
        try:
            if self._zip.getinfo(_MANIFEST).file_size > _MAX_MANIFEST_BYTES:
                raise ValueError("its manifest is too large")
            manifest = json.loads(self._zip.read(_MANIFEST))
            if manifest["format"] != FORMAT:
                raise ValueError(f"its format is {manifest['format']!r}")
            found, self._tables = str(manifest["schema"]), dict(manifest["tables"])
            counts = {name: int(facts["rows"]) for name, facts in self._tables.items()}
            columns = {name: list(facts["columns"]) for name, facts in self._tables.items()}
        except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, AttributeError) as wrong:
            raise _not_a_backup(Path(str(self._zip.filename)), wrong) from None
        if found != schema:
            detail = f"the backup has schema {found}, this program {schema}: restore it with the program that made it"
            raise Invalid("other_schema", f"{detail}, then upgrade", extra={"found": found, "wanted": schema})
        if columns != {name: [c.name for c in table.columns] for name, table in metadata.tables.items()}:
            _damaged("its tables are not those of its schema")
        return Contents(found, counts)


def _entry(table: str) -> zipfile.ZipInfo:
    """Returns the place of a table in the zip, without the time: the same rows make the same file."""
    entry = zipfile.ZipInfo(f"tables/{table}.jsonl")
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _bytes_columns(table: Table) -> list[int]:
    return [index for index, column in enumerate(table.columns) if isinstance(column.type, LargeBinary)]


def _damaged(what: str) -> NoReturn:
    raise Invalid("damaged_backup", f"the backup is damaged: {what}")


def _not_a_backup(file: Path, wrong: object) -> Invalid:
    try:
        with file.open("rb") as opened:
            bare = opened.read(len(_SQLITE_HEADER)) == _SQLITE_HEADER
    except OSError:
        bare = False
    if bare:
        detail = (
            f"{file} is the file of a database, not a backup: a copy of it may lack what its -wal file held; "
            "make a backup with `greenroom backup`"
        )
        return Invalid("not_a_backup", detail)
    return Invalid("not_a_backup", f"{file} is not a backup that Greenroom made ({wrong})")
