"""What conversations are reviewed by, and the documents that a version was published with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for name, default in (("outcome", "running"), ("topics", ""), ("tags", "")):
        op.add_column("conversations", sa.Column(name, TEXT, nullable=False, server_default=default))
    op.add_column("conversations", sa.Column("erased_at", NUMBER, nullable=True))
    op.create_index(
        "ix_conversations_workspace_project_sticky_key", "conversations", ["workspace", "project", "sticky_key"]
    )
    op.add_column("versions", sa.Column("documents", TEXT, nullable=False, server_default="{}"))
    guard_documents()


def guard_documents() -> None:
    """The documents of a version never change, like all else that was published."""
    if op.get_context().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER versions_documents_no_update BEFORE UPDATE OF documents ON versions"
            " BEGIN SELECT RAISE(ABORT, 'versions never changes'); END"
        )
    else:
        op.execute(
            "CREATE TRIGGER versions_documents_no_update BEFORE UPDATE OF documents ON versions"
            " FOR EACH ROW EXECUTE FUNCTION greenroom_refuse()"
        )
