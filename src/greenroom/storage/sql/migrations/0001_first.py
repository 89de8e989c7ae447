"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TYPES = {
    "": sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
    "n": sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
    "b": sa.LargeBinary(),
}


def column(spec: str) -> sa.Column:
    """Returns the column that `name`, `name:n` (number) or `name:b` (bytes) says; `?` after the name: or null."""
    name, _, kind = spec.partition(":")
    return sa.Column(name.removesuffix("?"), TYPES[kind], nullable=name.endswith("?"))


def create(name: str, key: str, columns: str, *, of: str = "", unique: str = "", all_key: bool = False) -> None:
    """Creates a table of a workspace; `of` is its parent and the columns that name it."""
    parts: list[sa.schema.SchemaItem] = [column(spec) for spec in ("workspace", *columns.split())]
    parts.append(sa.PrimaryKeyConstraint("workspace", *key.split(), name=f"pk_{name}"))
    if of:
        parent, *naming = of.split()
        here = ["workspace", *naming]
        # A parent's key ends in its id, whatever the child calls it.
        there = [f"{parent}.{column}" for column in (*here[:-1], "id" if naming else "workspace")]
        parts.append(sa.ForeignKeyConstraint(here, there, name=f"fk_{name}_{parent}"))
    if unique:
        both = ["workspace", *unique.split()]
        parts.append(sa.UniqueConstraint(*both, name=f"uq_{name}_{'_'.join(both)}"))
    op.create_table(name, *parts, sqlite_strict=True, sqlite_with_rowid=not all_key)


def index(table: str, columns: str, *, name: str = "", unique: bool = False, where: str | None = None) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(
        name or f"ix_{table}_{columns.replace(' ', '_')}",
        table,
        columns.split(),
        unique=unique,
        sqlite_where=condition,
        postgresql_where=condition,
    )


def upgrade() -> None:
    create_accounts()
    create_content()
    create_traffic()
    create_indexes()


def create_accounts() -> None:
    create("workspaces", "", "name created_at:n")
    create("workspace_chains", "", "seq:n digest", of="workspaces")
    create("outbox", "", "delivered:n", of="workspaces")
    create("audit", "seq", "seq:n previous digest project action actor at:n payload:b", of="workspaces")
    create("api_keys", "id", "id name role key_hash created_at:n revoked_at?:n", of="workspaces")
    create("members", "id", "id name role created_at:n", of="workspaces")
    create("sessions", "token_hash", "token_hash kind member created_at:n expires_at:n", of="members member")
    create(
        "idempotency",
        "principal operation key",
        "principal operation key body_hash status:n body:b at:n",
        of="workspaces",
    )


def create_content() -> None:
    create(
        "projects",
        "id",
        "id slug name template default_environment created_at:n next_version:n deleting:n",
        of="workspaces",
        unique="slug",
    )
    create(
        "environments",
        "id",
        "id project alias name position:n editable:n internal:n promotes_from? draft_mode salt seq:n arms:b",
        of="projects project",
        unique="project id",
    )
    create(
        "environment_aliases",
        "project alias",
        "project alias environment",
        of="environments project environment",
    )
    create("entity_bodies", "digest", "digest data:b", of="workspaces")
    create("shards", "digest", "digest data:b", of="workspaces")
    create("snapshots", "digest", "digest format:n shards:b", of="workspaces")
    mention = "project target source digest"
    create("body_mentions", mention, mention, of="projects project", all_key=True)
    create(
        "versions",
        "project number",
        "project number:n digest note details tags:b author created_at:n parents:b published_in mark",
        of="projects project",
    )
    create("version_tags", "project tag number", "project tag number:n", of="projects project", all_key=True)


def create_traffic() -> None:
    create(
        "releases",
        "environment seq",
        "environment seq:n id operation from_arms:b to_arms:b full_version?:n policy drain_until?:n actor at:n"
        " reason beneath?:n takes_back:b caused_by?",
        of="environments environment",
        unique="id",
    )
    create(
        "drafts",
        "id",
        "id project environment owner base_version?:n base_digest base_seq:n revision:n started_at:n"
        " updated_at:n closed_at?:n closed_by?",
        of="environments project environment",
    )
    create("draft_changes", "draft address", "draft address digest? revision:n at:n", of="drafts draft")
    create(
        "conversations",
        "id",
        "id project origin channel environment ref? started_seq:n started_version?:n started_digest slot:n"
        " sticky_key started_at:n last_at:n turns:n ended_at?:n ended_by? state:b",
        of="environments project environment",
    )
    create(
        "turns",
        "conversation position",
        "conversation position:n at:n content:b search version?:n digest",
        of="conversations conversation",
    )


def create_indexes() -> None:
    index("api_keys", "key_hash", unique=True)
    index("audit", "workspace project seq")
    index("audit", "workspace action seq")
    index("sessions", "token_hash", unique=True)
    index("releases", "workspace environment full_version")
    index("drafts", "workspace project")
    index("drafts", "workspace environment owner", name="uq_drafts_open", unique=True, where="closed_at IS NULL")
    index("conversations", "workspace project started_at id")
    index(
        "conversations",
        "workspace environment last_at",
        name="ix_conversations_running",
        where="ended_at IS NULL AND ref IS NULL",
    )
