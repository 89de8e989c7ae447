"""Signing in with a password: accounts, how a session began, and how often somebody tried."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for name, default in (("by", "link"), ("device", "")):
        op.add_column("sessions", sa.Column(name, TEXT, nullable=False, server_default=default))
    create_accounts()
    create_tries()


def create_accounts() -> None:
    op.create_table(
        "accounts",
        *(sa.Column(name, TEXT, nullable=False) for name in ("workspace", "member", "name", "password")),
        sa.Column("changed_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("workspace", "member", name="pk_accounts"),
        sa.ForeignKeyConstraint(
            ["workspace", "member"], ["members.workspace", "members.id"], name="fk_accounts_members"
        ),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
    op.create_index("ix_accounts_name", "accounts", ["name"], unique=True)


def create_tries() -> None:
    op.create_table(
        "tries",
        *(sa.Column(name, TEXT, nullable=False) for name in ("workspace", "key")),
        sa.Column("free_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("workspace", "key", name="pk_tries"),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.workspace"], name="fk_tries_workspaces"),
        sqlite_strict=True,
        sqlite_with_rowid=True,
    )
