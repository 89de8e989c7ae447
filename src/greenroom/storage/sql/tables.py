"""The schema. Every primary key begins with the workspace, shared bodies and snapshots included.

Times are whole microseconds since 1970 in UTC and JSON is bytes, so that both databases hold the same.
Triggers (migrations/0002_guards.py) keep what may never change from changing.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}

metadata = MetaData(naming_convention=NAMING)

# Bytes decide the order of texts on both databases, whatever the server's locale.
_TEXT: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
_NUMBER: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
_BYTES: TypeEngine[bytes] = LargeBinary()


def _t(name: str, null: bool = False) -> Column[str]:
    return Column(name, _TEXT, nullable=null)


def _d(name: str, default: str) -> Column[str]:
    """Returns a text that came with a later migration."""
    return Column(name, _TEXT, nullable=False, server_default=default)


def _n(name: str, null: bool = False) -> Column[int]:
    return Column(name, _NUMBER, nullable=null)


def _b(name: str) -> Column[bytes]:
    return Column(name, _BYTES, nullable=False)


def _table(
    name: str, key: str, *parts: Column | ForeignKeyConstraint | UniqueConstraint, all_key: bool = False
) -> Table:
    """Returns a table whose primary key is the workspace and the columns named in `key`."""
    primary = PrimaryKeyConstraint("workspace", *key.split())
    # A table that is nothing but its key is kept once, not as rows and an index.
    options: dict[str, Any] = {"sqlite_strict": True, "sqlite_with_rowid": not all_key}
    return Table(name, metadata, _t("workspace"), *parts, primary, **options)


def _of(parent: str, column: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["workspace", column], [f"{parent}.workspace", f"{parent}.id"])


def _of_environment() -> ForeignKeyConstraint:
    there = ["environments.workspace", "environments.project", "environments.id"]
    return ForeignKeyConstraint(["workspace", "project", "environment"], there)


def _of_workspace() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["workspace"], ["workspaces.workspace"])


workspaces = _table("workspaces", "", _t("name"), _n("created_at"))

workspace_chains = _table("workspace_chains", "", _n("seq"), _t("digest"), _of_workspace())
"""The head of each audit chain; appending locks its row, so that positions are in commit order."""

outbox = _table("outbox", "", _n("delivered"), _of_workspace())
"""How far each workspace's audit was delivered: the events after it are the outbox, in the chain's order."""

audit = _table(
    "audit",
    "seq",
    _n("seq"),
    _t("previous"),
    _t("digest"),
    _t("project"),
    _t("action"),
    _t("actor"),
    _n("at"),
    _b("payload"),
    _of_workspace(),
)
Index(None, audit.c.workspace, audit.c.project, audit.c.seq)
Index(None, audit.c.workspace, audit.c.action, audit.c.seq)

projects = _table(
    "projects",
    "id",
    _t("id"),
    _t("slug"),
    _t("name"),
    _t("template"),
    _t("default_environment"),
    _n("created_at"),
    _n("next_version"),
    # Set by the deletion of the project only: lets the trigger on releases tell it from tampering.
    _n("deleting"),
    _of_workspace(),
    UniqueConstraint("workspace", "slug"),
)

environments = _table(
    "environments",
    "id",
    _t("id"),
    _t("project"),
    _t("alias"),
    _t("name"),
    _n("position"),
    _n("editable"),
    _n("internal"),
    _t("promotes_from", null=True),
    _t("draft_mode"),
    _t("salt"),
    _n("seq"),
    _b("arms"),
    _n("deleted_at", null=True),
    _n("conversations_end_at", null=True),
    _of("projects", "project"),
    UniqueConstraint("workspace", "project", "id"),
)

environment_aliases = _table(
    "environment_aliases",
    "project alias",
    _t("project"),
    _t("alias"),
    _t("environment"),
    _of_environment(),
)

entity_bodies = _table("entity_bodies", "digest", _t("digest"), _b("data"), _of_workspace())

body_mentions = _table(
    "body_mentions",
    "project target source digest",
    _t("project"),
    _t("target"),
    _t("source"),
    _t("digest"),
    _of("projects", "project"),
    all_key=True,
)

shards = _table("shards", "digest", _t("digest"), _b("data"), _of_workspace())

snapshots = _table("snapshots", "digest", _t("digest"), _n("format"), _b("shards"), _of_workspace())
"""`shards` holds the 256 digests of a snapshot's shards, 32 bytes each."""

versions = _table(
    "versions",
    "project number",
    _t("project"),
    _n("number"),
    _t("digest"),
    _t("note"),
    _t("details"),
    _b("tags"),
    _t("author"),
    _n("created_at"),
    _b("parents"),
    _t("published_in"),
    _t("mark"),
    _d("documents", "{}"),
    _of("projects", "project"),
)

version_tags = _table(
    "version_tags",
    "project tag number",
    _t("project"),
    _t("tag"),
    _n("number"),
    _of("projects", "project"),
    all_key=True,
)

releases = _table(
    "releases",
    "environment seq",
    _t("environment"),
    _n("seq"),
    _t("id"),
    _t("operation"),
    _b("from_arms"),
    _b("to_arms"),
    # The version of the full arm; null while a rollout shares the slots.
    _n("full_version", null=True),
    _t("policy"),
    _n("drain_until", null=True),
    _t("actor"),
    _n("at"),
    _t("reason"),
    _n("beneath", null=True),
    _b("takes_back"),
    _t("caused_by", null=True),
    _of("environments", "environment"),
    UniqueConstraint("workspace", "id"),
)
Index(None, releases.c.workspace, releases.c.environment, releases.c.full_version)

drafts = _table(
    "drafts",
    "id",
    _t("id"),
    _t("project"),
    _t("environment"),
    _t("owner"),
    _n("base_version", null=True),
    _t("base_digest"),
    _n("base_seq"),
    _n("revision"),
    _n("started_at"),
    _n("updated_at"),
    _n("closed_at", null=True),
    _t("closed_by", null=True),
    _of_environment(),
)
Index(None, drafts.c.workspace, drafts.c.project)
Index(
    "uq_drafts_open",
    drafts.c.workspace,
    drafts.c.environment,
    drafts.c.owner,
    unique=True,
    sqlite_where=text("closed_at IS NULL"),
    postgresql_where=text("closed_at IS NULL"),
)

draft_changes = _table(
    "draft_changes",
    "draft address",
    _t("draft"),
    _t("address"),
    _t("digest", null=True),
    _n("revision"),
    _n("at"),
    _d("author", ""),
    _of("drafts", "draft"),
)

conversations = _table(
    "conversations",
    "id",
    _t("id"),
    _t("project"),
    _t("origin"),
    _t("channel"),
    _t("environment"),
    _t("ref", null=True),
    _n("started_seq"),
    _n("started_version", null=True),
    _t("started_digest"),
    _n("slot"),
    _t("sticky_key"),
    _n("started_at"),
    _n("last_at"),
    _n("turns"),
    _n("ended_at", null=True),
    _t("ended_by", null=True),
    _b("state"),
    _d("outcome", "running"),
    _d("topics", ""),
    _d("tags", ""),
    _n("erased_at", null=True),
    _d("entry", "{}"),
    _of_environment(),
)
"""`topics` and `tags` are lists as `|one|two|`, so that one of them can be looked for."""
Index(None, conversations.c.workspace, conversations.c.project, conversations.c.started_at, conversations.c.id)
Index(None, conversations.c.workspace, conversations.c.project, conversations.c.sticky_key)
Index(
    "ix_conversations_running",
    conversations.c.workspace,
    conversations.c.environment,
    conversations.c.last_at,
    sqlite_where=text("ended_at IS NULL AND ref IS NULL"),
    postgresql_where=text("ended_at IS NULL AND ref IS NULL"),
)

turns = _table(
    "turns",
    "conversation position",
    _t("conversation"),
    _n("position"),
    _n("at"),
    # What was heard, said and done, as JSON: people may send U+0000, which PostgreSQL's text refuses.
    _b("content"),
    # What was heard and said, folded for search, without U+0000.
    _t("search"),
    _n("version", null=True),
    _t("digest"),
    _of("conversations", "conversation"),
)

records = _table(
    "records",
    "project noun key",
    _t("project"),
    _t("noun"),
    _t("key"),
    _t("owner"),
    _n("revision"),
    _n("at"),
    _n("changed_at"),
    # Canonical JSON, which holds no U+0000.
    _t("body"),
    _b("data"),
    _of("projects", "project"),
)
Index(None, records.c.workspace, records.c.project, records.c.noun, records.c.owner, records.c.key)

idempotency = _table(
    "idempotency",
    "principal operation key",
    _t("principal"),
    _t("operation"),
    _t("key"),
    _t("body_hash"),
    _n("status"),
    _b("body"),
    _n("at"),
    _of_workspace(),
)

api_keys = _table(
    "api_keys",
    "id",
    _t("id"),
    _t("name"),
    _t("role"),
    _t("key_hash"),
    _n("created_at"),
    _n("revoked_at", null=True),
    _of_workspace(),
)
Index(None, api_keys.c.key_hash, unique=True)

members = _table("members", "id", _t("id"), _t("name"), _t("role"), _n("created_at"), _of_workspace())

sessions = _table(
    "sessions",
    "token_hash",
    _t("token_hash"),
    _t("kind"),
    _t("member"),
    _n("created_at"),
    _n("expires_at"),
    _d("by", "link"),
    _d("device", ""),
    _of("members", "member"),
)
Index(None, sessions.c.token_hash, unique=True)

accounts = _table(
    "accounts",
    "member",
    _t("member"),
    _t("name"),
    _t("password"),
    _n("changed_at"),
    _of("members", "member"),
)
Index(None, accounts.c.name, unique=True)

tries = _table("tries", "key", _t("key"), _n("free_at"), _of_workspace())
"""How often somebody tried to sign in, by a hash of the name or the address; one number each, soon removed."""
