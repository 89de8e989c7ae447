"""Environments that come and go, who saved what in a shared draft, and how a conversation came in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("environments", sa.Column("deleted_at", NUMBER, nullable=True))
    op.add_column("environments", sa.Column("conversations_end_at", NUMBER, nullable=True))
    op.add_column("draft_changes", sa.Column("author", TEXT, nullable=False, server_default=""))
    op.add_column("conversations", sa.Column("entry", TEXT, nullable=False, server_default="{}"))
