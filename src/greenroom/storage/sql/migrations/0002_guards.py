"""Triggers that keep what never changes from changing, whoever writes to the database.

Versions and releases go with their project and not before: `projects.deleting` is set first, in the same transaction.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEVER_UPDATED = ("audit", "releases", "environment_aliases")
VERSION_FACTS = "workspace, project, number, digest, note, details, tags, author, created_at, parents, published_in"
"""Everything but the mark."""
PROJECT_OF = {
    "versions": "OLD.project",
    "releases": "(SELECT e.project FROM environments e WHERE e.workspace = OLD.workspace AND e.id = OLD.environment)",
}


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        guard_sqlite()
    else:
        guard_postgres()


def being_deleted(table: str) -> str:
    """Returns the condition that the project of the row OLD is being deleted."""
    return (
        "EXISTS (SELECT 1 FROM projects p"  # noqa: S608 the names stand above
        f" WHERE p.workspace = OLD.workspace AND p.id = {PROJECT_OF[table]} AND p.deleting = 1)"
    )


def guard_sqlite() -> None:
    def guard(event: str, table: str, *, columns: str = "", condition: str = "") -> None:
        op.execute(
            f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} {columns} ON {table} {condition}"
            f" BEGIN SELECT RAISE(ABORT, '{table} never changes'); END"
        )

    for table in NEVER_UPDATED:
        guard("UPDATE", table)
    guard("UPDATE", "versions", columns=f"OF {VERSION_FACTS}")
    guard("DELETE", "audit")
    for table in PROJECT_OF:
        guard("DELETE", table, condition=f"WHEN NOT {being_deleted(table)}")


def guard_postgres() -> None:
    def refuse(function: str, unless: str = "FALSE") -> None:
        op.execute(
            f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF {unless} THEN RETURN OLD; END IF;"
            " RAISE EXCEPTION '% never changes', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$"
        )

    def guard(event: str, table: str, function: str, *, columns: str = "", each: str = "ROW") -> None:
        op.execute(
            f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} {columns} ON {table}"
            f" FOR EACH {each} EXECUTE FUNCTION {function}()"
        )

    refuse("greenroom_refuse")
    for table in NEVER_UPDATED:
        guard("UPDATE", table, "greenroom_refuse")
    guard("UPDATE", "versions", "greenroom_refuse", columns=f"OF {VERSION_FACTS}")
    guard("DELETE", "audit", "greenroom_refuse")
    for table in PROJECT_OF:
        refuse(f"greenroom_refuse_{table}", unless=being_deleted(table))
        guard("DELETE", table, f"greenroom_refuse_{table}")
    for table in ("audit", *PROJECT_OF):
        guard("TRUNCATE", table, "greenroom_refuse", each="STATEMENT")
