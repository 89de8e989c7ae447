"""One verb, one spelling: in the services, the API, the SDK and the permissions; and the CLI has each of them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import pytest

from greenroom.api.app import build_api
from greenroom.cli.reference import command_names
from greenroom.domain.access import PERMISSIONS
from greenroom.domain.events import SENTENCES
from greenroom.kinds import KINDS
from greenroom.providers.clock import SystemClock
from greenroom.sdk.async_client import AsyncClient
from greenroom.sdk.client import Client
from greenroom.services.desk import Desk
from greenroom.storage.memory import MemoryStore


@dataclass(frozen=True)
class Verb:
    """A verb (`noun.verb`, as in API and SDK) with its service, its command, its permission and its events."""

    name: str
    service: str
    command: str
    permission: str | None
    events: tuple[str, ...] = ()


VERBS = (
    Verb("projects.create", "projects.create", "projects create", "projects.create", ("project.created",)),
    Verb("projects.list", "projects.list", "projects list", "projects.read"),
    Verb("projects.load", "projects.load", "projects show", "projects.read"),
    Verb("projects.rename", "projects.rename", "projects rename", "projects.change", ("project.renamed",)),
    Verb("projects.delete", "projects.delete", "projects delete", "projects.delete", ("project.deleted",)),
    Verb("projects.import_folder", "imports.import_folder", "import", "drafts.edit", ("draft.imported",)),
    Verb("projects.export", "imports.export", "export", "content.read"),
    Verb("content.list", "content.list", "content list", "content.read"),
    Verb("content.load", "content.load", "content show", "content.read"),
    Verb("content.list_history", "content.list_history", "content history", "content.read"),
    Verb("environments.list", "environments.list", "env list", "projects.read"),
    Verb("environments.load", "environments.load", "env show", "projects.read"),
    Verb(
        "environments.create",
        "environment_changes.create",
        "env create",
        "environments.manage",
        ("environment.created", "release.cloned"),
    ),
    Verb(
        "environments.change",
        "environment_changes.change",
        "env change",
        "environments.manage",
        ("environment.changed",),
    ),
    Verb("environments.delete", "deletions.delete", "env delete", "environments.manage", ("environment.deleted",)),
    Verb("environments.list_aliases", "migrations.list_aliases", "env aliases", "projects.read"),
    Verb("projects.migrate", "migrations.migrate", "projects migrate", "environments.manage", ("project.migrated",)),
    Verb("merges.make", "merges.make", "merge", "merges.make", ("version.merged", "release.merged")),
    Verb("conversations.replay", "replays.replay", "conversations replay", "conversations.test"),
    Verb("widgets.load", "widgets.load", "widgets show", "resolve.read"),
    Verb("secrets.list", "secrets.list", "secrets list", "secrets.read"),
    Verb("secrets.set", "secrets.set", "secrets set", "secrets.manage", ("secret.set",)),
    Verb("secrets.unset", "secrets.unset", "secrets unset", "secrets.manage", ("secret.unset",)),
    Verb("secrets.override", "secrets.set", "secrets override", "secrets.manage", ("secret.set",)),
    Verb("secrets.restore", "secrets.unset", "secrets restore", "secrets.manage", ("secret.unset",)),
    Verb("connections.list", "connections.list", "connections list", "connections.read"),
    Verb("connections.load", "connections.load", "connections show", "connections.read"),
    Verb("connections.save", "connections.save", "connections set", "connections.manage", ("connection.saved",)),
    Verb(
        "connections.remove", "connections.remove", "connections remove", "connections.manage", ("connection.removed",)
    ),
    Verb("secrets.rotate", "secrets.rotate", "secrets rotate", "secrets.manage", ("secret.rotated",)),
    Verb("drafts.load", "drafts.load", "draft show", "content.read"),
    Verb("drafts.save", "drafts.save", "draft set", "drafts.edit", ("draft.entity_saved",)),
    Verb("drafts.remove", "drafts.remove", "draft remove", "drafts.edit", ("draft.entity_removed",)),
    Verb("drafts.discard", "drafts.discard", "draft discard", "drafts.edit", ("draft.discarded",)),
    Verb("drafts.list_discarded", "discards.list_discarded", "draft discarded", "content.read"),
    Verb("drafts.restore", "discards.restore", "draft restore", "drafts.edit", ("draft.restored",)),
    Verb("drafts.load_ref", "draft_loads.load_ref", "draft load", "drafts.edit", ("draft.loaded",)),
    Verb("drafts.announce", "presence.announce", "draft announce", "drafts.edit"),
    Verb("checkpoints.save", "checkpoints.save", "draft checkpoint save", "drafts.edit", ("draft.checkpoint_saved",)),
    Verb("checkpoints.list", "checkpoints.list", "draft checkpoint list", "content.read"),
    Verb("checkpoints.load", "checkpoints.load", "draft checkpoint load", "drafts.edit", ("draft.loaded",)),
    Verb(
        "checkpoints.remove",
        "checkpoints.remove",
        "draft checkpoint remove",
        "drafts.edit",
        ("draft.checkpoint_removed",),
    ),
    Verb("drafts.rebase", "publishing.rebase", "draft rebase", "drafts.edit", ("draft.rebased",)),
    Verb("releases.list", "environments.list_releases", "releases", "projects.read"),
    Verb(
        "releases.publish",
        "publishing.publish",
        "publish",
        "releases.publish",
        ("version.published", "release.published"),
    ),
    Verb(
        "releases.promote",
        "releases.promote",
        "promote",
        "releases.promote",
        ("release.promoted", "release.hotfixed"),
    ),
    Verb("releases.roll_back", "releases.roll_back", "rollback", "releases.roll_back", ("release.rolled_back",)),
    Verb("readiness.check", "readiness.check", "readiness", "secrets.read"),
    Verb("versions.list", "versions.list", "versions list", "projects.read"),
    Verb("versions.load", "versions.load", "versions show", "projects.read"),
    Verb("versions.mark", "versions.mark", "versions mark", "versions.mark", ("version.marked",)),
    Verb("versions.compare", "comparisons.compare", "compare", "content.read"),
    Verb("traffic.resolve", "traffic.resolve", "resolve", "resolve.read"),
    Verb("numbers.list", "numbers.list", "numbers list", "projects.read"),
    Verb("numbers.load", "numbers.load", "numbers show", "projects.read"),
    Verb("numbers.add", "numbers.add", "numbers add", "numbers.manage", ("number.added",)),
    Verb("numbers.change", "numbers.change", "numbers assign", "numbers.manage", ("number.changed",)),
    Verb("numbers.remove", "numbers.remove", "numbers remove", "numbers.manage", ("number.removed",)),
    Verb("splits.load", "splits.load", "split show", "splits.read"),
    Verb("splits.set", "splits.set", "split set", "splits.set", ("split.changed", "split.restarted")),
    Verb("splits.list_changes", "splits.list_changes", "split history", "splits.read"),
    Verb("splits.explain", "entries.explain", "why", "conversations.read"),
    Verb("testers.list", "testers.list", "testers list", "testers.read"),
    Verb("testers.add", "testers.add", "testers add", "testers.manage", ("tester.added",)),
    Verb("testers.remove", "testers.remove", "testers remove", "testers.manage", ("tester.removed",)),
    Verb("share_links.list", "share_links.list", "share-links list", "share_links.read"),
    Verb(
        "share_links.create",
        "share_links.create",
        "share-links create",
        "share_links.manage",
        ("share_link.created",),
    ),
    Verb(
        "share_links.revoke",
        "share_links.revoke",
        "share-links revoke",
        "share_links.manage",
        ("share_link.revoked",),
    ),
    Verb("bundles.load", "content.load_bundle", "bundle", "content.read"),
    Verb("conversations.start", "conversations.start", "chat", "conversations.start"),
    Verb("conversations.take_turn", "conversations.take_turn", "chat", "conversations.start", ("ticket.opened",)),
    Verb("conversations.load", "conversations.load", "conversations show", "conversations.read"),
    Verb("conversations.list", "conversations.list", "conversations list", "conversations.read"),
    Verb("conversations.end", "conversations.end", "conversations end", "conversations.start"),
    Verb(
        "test_runs.start",
        "test_runs.start",
        "test run",
        "test_runs.start",
        ("test_run.started", "test_run.finished"),
    ),
    Verb("test_runs.list", "test_runs.list", "test list", "test_runs.read"),
    Verb("test_runs.load", "test_runs.load", "test show", "test_runs.read"),
    Verb("test_runs.cancel", "test_runs.cancel", "test cancel", "test_runs.start", ("test_run.cancelled",)),
    Verb("results.load", "results.load", "results show", "results.read"),
    Verb("results.compare", "results.compare", "results compare", "results.read"),
    Verb("evaluations.list", "evaluations.list", "evaluations list", "evaluations.read"),
    Verb("evaluations.load", "evaluations.load", "evaluations show", "evaluations.read"),
    Verb("evaluations.save", "evaluations.save", "evaluations set", "evaluations.edit", ("evaluation.saved",)),
    Verb("evaluations.remove", "evaluations.remove", "evaluations remove", "evaluations.edit", ("evaluation.removed",)),
    Verb(
        "evaluations.run",
        "evaluations.run",
        "evaluations run",
        "evaluations.run",
        ("evaluation.run_started", "evaluation.run_finished", "evaluation.run_interrupted"),
    ),
    Verb(
        "evaluations.cancel",
        "evaluations.cancel",
        "evaluations cancel",
        "evaluations.run",
        ("evaluation.run_cancelled",),
    ),
    Verb("evaluations.list_results", "evaluations.list_results", "evaluations results", "evaluations.read"),
    Verb("transcripts.load", "transcripts.load", "review show", "conversations.read"),
    Verb(
        "transcripts.add_tag",
        "transcripts.add_tag",
        "review tag",
        "conversations.review",
        ("conversation.tagged",),
    ),
    Verb(
        "transcripts.remove_tag",
        "transcripts.remove_tag",
        "review untag",
        "conversations.review",
        ("conversation.untagged",),
    ),
    Verb("transcripts.list_tags", "transcripts.list_tags", "review tags", "conversations.read"),
    Verb(
        "transcripts.add_note",
        "transcripts.add_note",
        "review note",
        "conversations.review",
        ("conversation.noted",),
    ),
    Verb("transcripts.rate", "transcripts.rate", "review rate", "conversations.review", ("conversation.rated",)),
    Verb("erasures.erase", "erasures.erase", "erase conversation", "conversations.erase", ("conversation.erased",)),
    Verb(
        "erasures.erase_person",
        "erasures.erase_person",
        "erase person",
        "conversations.erase",
        ("person.erased",),
    ),
    Verb("tickets.list", "tickets.list", "tickets list", "conversations.read"),
    Verb("tickets.load", "tickets.load", "tickets show", "conversations.read"),
    Verb("tickets.assign", "tickets.assign", "tickets assign", "conversations.review", ("ticket.assigned",)),
    Verb("tickets.close", "tickets.close", "tickets close", "conversations.review", ("ticket.closed",)),
    Verb("executions.list", "executions.list", "executions list", "conversations.read"),
    Verb("tables.create", "tables.create", "tables create", "tables.manage", ("table.created",)),
    Verb("tables.list", "tables.list", "tables list", "tables.read"),
    Verb("tables.load", "tables.load", "tables show", "tables.read"),
    Verb("tables.alter", "tables.alter", "tables alter", "tables.manage", ("table.altered",)),
    Verb("tables.delete", "tables.delete", "tables delete", "tables.manage", ("table.deleted",)),
    Verb("tables.find_rows", "tables.find_rows", "tables rows", "tables.read"),
    Verb("tables.put_row", "tables.put_row", "tables put", "tables.write", ("table.row_saved",)),
    Verb("tables.delete_row", "tables.delete_row", "tables remove", "tables.write", ("table.row_removed",)),
    Verb("tables.import_csv", "tables.import_csv", "tables import", "tables.write", ("table.imported",)),
    Verb("tables.export_csv", "tables.export_csv", "tables export", "tables.read"),
    Verb("knowledge.list_documents", "knowledge.list_documents", "knowledge list", "knowledge.read"),
    Verb("knowledge.load_document", "knowledge.load_document", "knowledge show", "knowledge.read"),
    Verb(
        "knowledge.put_document",
        "knowledge.put_document",
        "knowledge add",
        "knowledge.edit",
        ("document.added", "document.changed"),
    ),
    Verb(
        "knowledge.upload_document",
        "knowledge.upload_document",
        "knowledge add",
        "knowledge.edit",
        ("document.added", "document.changed"),
    ),
    Verb(
        "knowledge.delete_document",
        "knowledge.delete_document",
        "knowledge remove",
        "knowledge.edit",
        ("document.removed",),
    ),
    Verb("knowledge.list_sources", "knowledge.list_sources", "knowledge sources", "knowledge.read"),
    Verb(
        "knowledge.sync",
        "knowledge.sync",
        "knowledge sync",
        "knowledge.sync",
        ("source.sync_started", "source.sync_finished", "source.sync_failed"),
    ),
    Verb("knowledge.search", "knowledge.search", "knowledge search", "knowledge.read"),
    Verb("history.list", "history.list", "history", "history.read"),
    Verb("audit.verify", "history.verify", "audit verify", "audit.read"),
    Verb("keys.create", "keys.create", "keys create", "keys.manage", ("key.created",)),
    Verb("keys.list", "keys.list", "keys list", "keys.manage"),
    Verb("keys.revoke", "keys.revoke", "keys revoke", "keys.manage", ("key.revoked",)),
)
WITHOUT_ROW = {
    "kinds.list",  # facts about the program, not a verb of a service
    "audit.list",  # read by `audit verify` on the server; offline verification comes with its export
    "me.load",  # who the key belongs to: the door knows, no service is asked
    "health.live",
    "health.ready",
    "metrics.read",
}
SERVER_ONLY_EVENTS = {"member.created", "account.signed_in", "account.password_set", "account.signed_out"}


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(MemoryStore(), SystemClock(), KINDS, {})


def reach(thing: object, path: str) -> object:
    for name in path.split("."):
        thing = getattr(thing, name)
    return thing


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_verb_is_on_every_floor(verb: Verb, desk: Desk) -> None:
    assert inspect.iscoroutinefunction(reach(desk, verb.service))
    for client in (Client, AsyncClient):
        assert callable(reach(client("http://desk.test", "gr_key"), verb.name))
    assert verb.command in command_names()
    assert verb.permission is None or verb.permission in PERMISSIONS
    assert set(verb.events) <= set(SENTENCES)


def test_the_api_has_these_verbs_and_no_others(desk: Desk) -> None:
    paths = build_api(desk).openapi()["paths"]
    operations = {operation["operationId"] for path in paths.values() for operation in path.values()}
    assert operations == {verb.name for verb in VERBS} | WITHOUT_ROW


def test_every_event_comes_from_a_verb() -> None:
    assert {event for verb in VERBS for event in verb.events} | SERVER_ONLY_EVENTS == set(SENTENCES)


def test_every_permission_is_asked_by_a_verb() -> None:
    beside = {"releases.hotfix", "conversations.test", "drafts.read_others"}
    assert {verb.permission for verb in VERBS} | beside == set(PERMISSIONS)
