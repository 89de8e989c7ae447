"""Which schema a database has, and bringing it to the newest. Alembic without its ini file."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from greenroom.domain.errors import Unavailable

SCRIPTS = Path(__file__).parent / "migrations"


@cache
def scripts() -> ScriptDirectory:
    """Returns the migrations: numbered files in one row."""
    return ScriptDirectory(str(SCRIPTS), version_locations=[str(SCRIPTS)])


@cache
def newest_revision() -> str:
    """Returns the schema that this program works with."""
    head = scripts().get_current_head()
    assert head is not None, "there is a first migration"
    return head


def find_revision(connection: Connection) -> str | None:
    """Returns the schema that the database has, None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def check_revision(connection: Connection) -> None:
    """Raises Unavailable unless the database has the newest schema."""
    found = find_revision(connection)
    if found == newest_revision():
        return
    if found is None or _is_known(found):
        detail = f"the database has schema {found or 'none'}, not {newest_revision()}: run `greenroom migrate`"
    else:
        detail = f"the database has schema {found}, which is newer than this program ({newest_revision()})"
    raise Unavailable("schema_mismatch", detail, extra={"found": found, "wanted": newest_revision()})


def upgrade(connection: Connection) -> None:
    """Brings the database to the newest schema, within the caller's transaction and under its lock."""
    found = find_revision(connection)
    if found == newest_revision():
        return
    if found is not None and not _is_known(found):
        check_revision(connection)

    def steps(revision: Any, _: MigrationContext) -> Any:
        return scripts()._upgrade_revs("head", revision)

    with EnvironmentContext(Config(), scripts(), fn=steps, destination_rev="head") as environment:
        environment.configure(connection=connection)
        environment.run_migrations()


def _is_known(revision: str) -> bool:
    return any(script.revision == revision for script in scripts().walk_revisions())
