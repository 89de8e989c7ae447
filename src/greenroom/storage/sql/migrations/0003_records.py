"""Project-wide data that no version holds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BYTES = sa.LargeBinary()


def upgrade() -> None:
    create_records()


def create_records() -> None:
    def column(name: str, kind: sa.types.TypeEngine = TEXT) -> sa.Column:
        return sa.Column(name, kind, nullable=False)

    op.create_table(
        "records",
        *map(column, ("workspace", "project", "noun", "key", "owner")),
        column("revision", NUMBER),
        column("at", NUMBER),
        column("changed_at", NUMBER),
        column("body"),
        column("data", BYTES),
        sa.PrimaryKeyConstraint("workspace", "project", "noun", "key", name="pk_records"),
        sa.ForeignKeyConstraint(
            ["workspace", "project"], ["projects.workspace", "projects.id"], name="fk_records_projects"
        ),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    columns = ["workspace", "project", "noun", "owner", "key"]
    op.create_index("ix_records_workspace_project_noun_owner_key", "records", columns)
