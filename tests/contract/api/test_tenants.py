"""Reliability check 17: every route, with ids that are not the caller's, roles too low, and nobody at all.

A route without a row here fails the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from greenroom.api.app import lay_out
from greenroom.domain.access import PERMISSIONS, ROLES
from tests.support.api import (
    BREAKFAST,
    OTHER,
    PREFIX,
    TOPIC,
    Stage,
    archive,
    fill,
    fill_data,
    good,
    in_days,
    lay_split,
    make_stage,
    nothing_written,
    run_tests,
)

CANARY = "CANARY7f3a"


@dataclass(frozen=True)
class Row:
    """How an operation is asked so that it succeeds, and the permission that it needs (None: any key will do)."""

    permission: str | None
    json: Any = None
    content: bytes | None = None
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)
    """What its path names, where it is not what the stage has."""


ANY = {"If-Match": "*"}
CONFIRM = {"version": 2, "expected_seq": 1, "confirm": {"version": 2}}
MATRIX: dict[str, Row] = {
    "projects.create": Row("projects.create", {"name": "Second"}),
    "projects.list": Row("projects.read"),
    "projects.load": Row("projects.read"),
    "projects.rename": Row("projects.change", {"name": "Renamed"}),
    "projects.delete": Row("projects.delete"),
    "projects.import_folder": Row(
        "drafts.edit",
        content=archive({"greenroom.yaml": b"format: 1\n"}),
        query="environment=sandbox&revision={draft_revision}",
    ),
    "projects.export": Row("content.read"),
    "content.list": Row("content.read"),
    "content.load": Row("content.read"),
    "content.list_history": Row("content.read"),
    "kinds.list": Row("projects.read"),
    "environments.list": Row("projects.read"),
    "environments.load": Row("projects.read"),
    "environments.create": Row("environments.manage", {"name": "Second", "clone_from": "live"}),
    "environments.change": Row("environments.manage", {"name": "C"}, headers={"If-Match": "{b}"}, own={"alias": "b"}),
    "environments.delete": Row("environments.manage", query="expected_seq=1", own={"alias": "b"}),
    "environments.list_aliases": Row("projects.read"),
    "projects.migrate": Row("environments.manage", {"expected_seq": 0}, own={"project": "hotel-old"}),
    "merges.make": Row(
        "merges.make", {"source": "b", "target": "sandbox", "strategy": "replace", "note": "What is live again"}
    ),
    "drafts.load": Row("content.read"),
    "drafts.save": Row("drafts.edit", BREAKFAST, headers=ANY, own={"slug": "new"}),
    "drafts.remove": Row("drafts.edit", headers={"If-Match": "{revision}"}),
    "drafts.discard": Row("drafts.edit", {"revision": "<draft_revision>"}),
    "drafts.list_discarded": Row("content.read"),
    "drafts.restore": Row("drafts.edit", {"discarded_id": "<discarded>"}),
    "drafts.load_ref": Row("drafts.edit", {"ref": "v1", "revision": "<draft_revision>"}),
    "drafts.announce": Row("drafts.edit", {"entity": "topic/breakfast"}),
    "checkpoints.save": Row("drafts.edit", {"name": "Before lunch"}),
    "checkpoints.list": Row("content.read"),
    "checkpoints.load": Row("drafts.edit", {"revision": "<draft_revision>"}),
    "checkpoints.remove": Row("drafts.edit"),
    "drafts.rebase": Row("drafts.edit", {}),
    "releases.list": Row("projects.read"),
    "releases.publish": Row("releases.publish", {"note": "Breakfast was added"}),
    "releases.promote": Row("releases.promote", CONFIRM, own={"alias": "pre-release"}),
    "releases.roll_back": Row("releases.roll_back", {"to": 1, "reason": "bad one"}, own={"alias": "sandbox"}),
    "versions.list": Row("projects.read"),
    "versions.load": Row("projects.read"),
    "versions.mark": Row("versions.mark", {"mark": "good"}),
    "versions.compare": Row("content.read", query="base=v1&head=live"),
    "traffic.resolve": Row("resolve.read", query="key=ada"),
    "readiness.check": Row("secrets.read", query="version=1"),
    "numbers.list": Row("projects.read"),
    "numbers.load": Row("projects.read"),
    "numbers.add": Row("numbers.manage", {"number": "+442079460009", "default_entry": True}),
    "numbers.change": Row("numbers.manage", {"environment": "live"}, headers={"If-Match": '"1"'}),
    "numbers.remove": Row("numbers.manage", headers={"If-Match": '"1"'}),
    "splits.load": Row("splits.read"),
    "splits.set": Row("splits.set", {"shares": [{"environment": "live", "weight": 100}]}, headers={"If-Match": '"1"'}),
    "splits.list_changes": Row("splits.read"),
    "splits.explain": Row("conversations.read"),
    "testers.list": Row("testers.read"),
    "testers.add": Row("testers.manage", {"environment": "pre-release", "user_id": "bob"}),
    "testers.remove": Row("testers.manage"),
    "share_links.list": Row("share_links.read"),
    "share_links.create": Row("share_links.manage", {"environment": "live", "expires_at": in_days(7)}),
    "share_links.revoke": Row("share_links.manage"),
    "bundles.load": Row("content.read"),
    "conversations.start": Row("conversations.start", {}),
    "conversations.take_turn": Row("conversations.start", {"text": "hello"}),
    "conversations.load": Row("conversations.read"),
    "conversations.list": Row("conversations.read"),
    "conversations.end": Row("conversations.start"),
    "conversations.replay": Row("conversations.test", query="ref=v1"),
    "widgets.load": Row("resolve.read", query="environment=sandbox"),
    "secrets.list": Row("secrets.read"),
    "secrets.set": Row("secrets.manage", {"value": "v"}),
    "secrets.unset": Row("secrets.manage"),
    "secrets.override": Row("secrets.manage", {"value": "v"}),
    "secrets.restore": Row("secrets.manage"),
    "secrets.rotate": Row("secrets.manage"),
    "connections.list": Row("connections.read"),
    "connections.load": Row("connections.read", own={"slug": "openai"}),
    "connections.save": Row(
        "connections.manage", {"kind": "model"}, headers={"If-Match": '"1"'}, own={"slug": "openai"}
    ),
    "connections.remove": Row("connections.manage", headers={"If-Match": '"1"'}, own={"slug": "openai"}),
    "test_runs.start": Row("test_runs.start", {"ref": "v1"}),
    "test_runs.list": Row("test_runs.read"),
    "test_runs.load": Row("test_runs.read"),
    "test_runs.cancel": Row("test_runs.start"),
    "results.load": Row("results.read"),
    "results.compare": Row("results.read", query="arms=live,sandbox"),
    "evaluations.list": Row("evaluations.read"),
    "evaluations.load": Row("evaluations.read"),
    "evaluations.save": Row("evaluations.edit", {"judge": "rules", "rules": "turns > 2"}, headers={"If-Match": '"1"'}),
    "evaluations.remove": Row("evaluations.edit", headers={"If-Match": '"1"'}),
    "evaluations.run": Row("evaluations.run", {}),
    "evaluations.cancel": Row("evaluations.run"),
    "evaluations.list_results": Row("evaluations.read"),
    "transcripts.load": Row("conversations.read"),
    "transcripts.add_tag": Row("conversations.review", {"tag": "urgent"}),
    "transcripts.remove_tag": Row("conversations.review"),
    "transcripts.list_tags": Row("conversations.read"),
    "transcripts.add_note": Row("conversations.review", {"text": "Call back"}),
    "transcripts.rate": Row("conversations.review", {"score": 1}),
    "erasures.erase": Row("conversations.erase"),
    "erasures.erase_person": Row("conversations.erase", {"user_id": "ada"}),
    "tickets.list": Row("conversations.read"),
    "tickets.load": Row("conversations.read"),
    "tickets.assign": Row("conversations.review", {"assignee": "Ann"}),
    "tickets.close": Row("conversations.review", {"comment": "Called back"}),
    "executions.list": Row("conversations.read"),
    "knowledge.list_documents": Row("knowledge.read"),
    "knowledge.load_document": Row("knowledge.read"),
    "knowledge.put_document": Row("knowledge.edit", {"id": "pool", "text": "The pool opens at seven."}),
    "knowledge.upload_document": Row("knowledge.edit", content=b"The pool opens at seven.", query="name=pool.txt"),
    "knowledge.delete_document": Row("knowledge.edit"),
    "knowledge.list_sources": Row("knowledge.read"),
    "knowledge.sync": Row("knowledge.sync", {"ref": "v2"}, own={"slug": "faq"}),
    "knowledge.search": Row("knowledge.read", query="ref=v2&q=sauna"),
    "tables.create": Row("tables.manage", {"slug": "guests", "columns": [{"name": "name"}]}),
    "tables.list": Row("tables.read"),
    "tables.load": Row("tables.read"),
    "tables.alter": Row("tables.manage", {"add_columns": [{"name": "floor", "type": "number"}]}),
    "tables.delete": Row("tables.manage"),
    "tables.find_rows": Row("tables.read"),
    "tables.put_row": Row("tables.write", {"values": {"number": 8}}),
    "tables.delete_row": Row("tables.write", query="key=7"),
    "tables.import_csv": Row("tables.write", content=b"number\n9\n"),
    "tables.export_csv": Row("tables.read"),
    "history.list": Row("history.read"),
    "audit.list": Row("audit.read"),
    "audit.verify": Row("audit.read"),
    "keys.create": Row("keys.manage", {"name": "CI", "role": "viewer"}),
    "keys.list": Row("keys.manage"),
    "keys.revoke": Row("keys.manage", own={"id": "key_home_viewer"}),
    "me.load": Row(None),
}
OPEN = {"health.live", "health.ready", "metrics.read"}
"""The reviewed list of what strangers may ask (and the OpenAPI document, which says nothing of anybody)."""


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str


def operations() -> Iterator[Operation]:
    document = lay_out().openapi()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield Operation(operation["operationId"], method.upper(), path)


OPERATIONS = list(operations())
CLOSED = [one for one in OPERATIONS if one.id not in OPEN]
IDS = [one.id for one in CLOSED]


def test_every_route_has_its_row() -> None:
    assert {one.id for one in OPERATIONS} == MATRIX.keys() | OPEN


def test_every_permission_is_asked_somewhere() -> None:
    asked = {row.permission for row in MATRIX.values()}
    # These belong to variants of a route: somebody else's draft, a hotfix.
    assert PERMISSIONS.keys() - asked == {"drafts.read_others", "releases.hotfix"}


async def set_up(client: httpx2.AsyncClient, project: str, canary: str = "") -> dict[str, str]:
    """Makes a project in which every row can succeed."""
    ids = await fill(client, project, canary)
    place = f"{PREFIX}/projects/{project}"
    document = {"id": f"sauna-{canary or 'plain'}".lower(), "text": f"The sauna is hot {canary}."}
    good(await client.post(f"{place}/knowledge/documents", json=document))
    knowledge = {"name": "Questions", "documents": [{"document": document["id"]}]}
    source = f"{place}/environments/sandbox/draft/knowledge/faq"
    good(await client.put(source, json=knowledge, headers=ANY))
    widget = {"name": "Chat", "greeting": f"Hello {canary}"}
    good(await client.put(f"{place}/environments/sandbox/draft/widget/default", json=widget, headers=ANY))
    good(await client.post(f"{place}/environments/sandbox/publish", json={"note": f"Breakfast was added {canary}"}))
    mine = await make_drafts(client, project, {**TOPIC, "name": f"Breakfast {canary}"})
    entity = await client.get(f"{place}/content/topic/late-checkout?ref=live")
    environments = good(await client.get(f"{place}/environments"))["items"]
    for path in ("secrets/KEY", "secrets/KEY/overrides/sandbox/live"):
        good(await client.put(f"{place}/{path}", json={"value": f"value {canary}"}))
    connection = {"kind": "model", "provider": "openai", "secret": "KEY", "settings": {"note": canary}}
    good(await client.put(f"{place}/connections/openai", json=connection, headers={"If-Match": "*"}))
    old = {"name": f"Old {canary}", "slug": f"{project}-old", "template": "legacy"}
    good(await client.post(f"{PREFIX}/projects", json=old))
    clone = {"name": f"B {canary}", "alias": "b", "clone_from": "live"}
    made = good(await client.post(f"{place}/environments", json=clone))
    number = {"number": "+442079460000", "environment": "sandbox", "label": f"Desk {canary}"}
    good(await client.post(f"{place}/numbers", json=number))
    rules = {"judge": "rules", "rules": "turns > 1", "description": canary}
    good(await client.put(f"{place}/evaluations/polite", json=rules, headers=ANY))
    run = await run_tests(client, project, ref="v1", tags=[canary or "smoke"])
    data = await fill_data(client, ids, canary) | await lay_split(client, project, canary)
    return {
        **ids,
        "revision": entity.headers["etag"],
        "b": f'"{made["environment"]["revision"]}"',
        "kind": "topic",
        "widget": "default",
        "document": document["id"],
        "name": "KEY",
        "side": "live",
        "slug": "late-checkout",
        "number": "1",
        "phone": "+442079460000",
        "id": ids["conversation"],
        "environment_id": environments[0]["id"],
        "run": run["id"],
        **mine,
        "evaluation": "polite",
        **data,
    }


async def make_drafts(client: httpx2.AsyncClient, project: str, breakfast: dict[str, Any]) -> dict[str, str]:
    """Gives the caller a discarded draft, an open one with one change, and a checkpoint of it."""
    place = f"{PREFIX}/projects/{project}"
    draft = f"{place}/environments/sandbox/draft"
    new = {**BREAKFAST, "name": breakfast["name"]}
    saved = good(await client.put(f"{draft}/topic/discarded", json=new, headers=ANY))
    gone = good(await client.post(f"{draft}/discard", json={"revision": saved["draft_revision"]}))
    revision = (await client.get(f"{place}/content/topic/breakfast?ref=v2")).headers["etag"]
    saved = good(await client.put(f"{draft}/topic/breakfast", json=breakfast, headers={"If-Match": revision}))
    kept = good(await client.post(f"{draft}/checkpoints", json={"name": breakfast["name"]}))
    return {
        "discarded": gone["discarded_id"],
        "checkpoint": kept["id"],
        "draft_revision": str(saved["draft_revision"]),
    }


async def ask(client: httpx2.AsyncClient, operation: Operation, ids: dict[str, str]) -> httpx2.Response:
    row = MATRIX[operation.id]
    path = operation.path.format(**ids)
    headers = {name: value.format(**ids) for name, value in row.headers.items()}
    query = row.query.format(**ids)
    if row.json is not None:
        body = {name: fill_in(value, ids) for name, value in row.json.items()}
        return await client.request(operation.method, f"{path}?{query}", json=body, headers=headers)
    return await client.request(operation.method, f"{path}?{query}", content=row.content, headers=headers)


PATHS_OF_OTHERS = ("project", "project_id", "digest", "id", "environment_id", "run", "tester", "link", "checkpoint")


def fill_in(value: Any, ids: dict[str, str]) -> Any:
    """Returns what a field of a row says: `<name>` is an id, or the number that it is."""
    if not (isinstance(value, str) and value.startswith("<")):
        return value
    found = ids[value.strip("<>")]
    return int(found) if found.isdigit() else found


async def draft_of(stage: Stage, role: str, ids: dict[str, str]) -> dict[str, str]:
    """Gives a role drafts of its own, where it may have some."""
    if ROLES.index(role) < ROLES.index("editor"):
        return {}
    async with stage.client(role) as own:
        return await make_drafts(own, ids["project"].removesuffix("-old"), {**BREAKFAST, "content": role})


@pytest.mark.parametrize("operation", CLOSED, ids=IDS)
async def test_the_lowest_role_that_may_can_and_the_one_below_cannot(operation: Operation) -> None:
    stage = await make_stage()
    row = MATRIX[operation.id]
    role = "viewer" if row.permission is None else PERMISSIONS[row.permission]
    async with stage.client() as owner, stage.client(role) as allowed:
        ids = {**await set_up(owner, "hotel"), **row.own}
        if role != "owner":
            ids |= await draft_of(stage, role, ids)
        if role != "viewer":
            async with stage.client(ROLES[ROLES.index(role) - 1]) as below, nothing_written(stage):
                refused = await ask(below, operation, ids)
                assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed"), refused.text
        done = await ask(allowed, operation, ids)
        assert done.is_success, f"the row is out of date: {done.status_code} {done.text}"


async def test_nobody_gets_in() -> None:
    stage = await make_stage()
    async with stage.client() as owner, stage.client(None) as stranger, stage.client(None) as forger:
        ids = await set_up(owner, "hotel")
        forger.headers["Authorization"] = "Bearer gr_wrong_00000000"
        for operation in CLOSED:
            async with nothing_written(stage):
                for client in (stranger, forger):
                    reply = await ask(client, operation, {**ids, **MATRIX[operation.id].own})
                    assert reply.status_code == 401, operation
                    assert reply.headers["content-type"] == "application/problem+json"


def mixtures(ids: dict[str, str], foreign: dict[str, str]) -> Iterator[dict[str, str]]:
    """Yields path values of which at least one names something of the other workspace."""
    yield {**ids, **foreign}
    yield {**ids, **foreign, "project": foreign["project_id"]}
    for name in ("digest", "id", "run", "tester", "link", "checkpoint"):
        yield {**ids, name: foreign[name]}
    yield {**ids, "alias": foreign["environment_id"]}


@pytest.mark.parametrize("hot", [True, False], ids=["hot", "routes"])
async def test_ids_of_another_workspace_name_nothing(hot: bool) -> None:
    stage = await make_stage()
    async with stage.client(workspace=OTHER) as stranger, stage.client(hot=hot) as owner:
        theirs = await set_up(stranger, "theirs", CANARY)
        # Their bundle lies ready for them, so that only the question whose it is keeps it from us.
        good(await stranger.get(f"{PREFIX}/projects/theirs/bundles/{theirs['digest']}"))
        ours = await set_up(owner, "hotel")
        foreign = {name: theirs[name] for name in PATHS_OF_OTHERS}
        asked = 0
        for operation in CLOSED:
            ids = {**ours, **MATRIX[operation.id].own}
            if operation.id == "keys.revoke":
                foreign["id"] = "key_other_viewer"
            for mixed in mixtures(ids, foreign):
                if operation.path.format(**mixed) == operation.path.format(**ids):
                    continue
                asked += 1
                async with nothing_written(stage):
                    reply = await ask(owner, operation, mixed)
                assert reply.status_code == 404, f"{operation} {mixed} {reply.status_code} {reply.text}"
                assert CANARY not in reply.text, operation
        assert asked > 60


async def test_refs_filters_and_bodies_that_name_another_workspace_find_nothing() -> None:
    stage = await make_stage()
    async with stage.client(workspace=OTHER) as stranger, stage.client() as owner:
        theirs = await set_up(stranger, "theirs", CANARY)
        await set_up(owner, "hotel")
        place = f"{PREFIX}/projects/hotel"
        refs = [f"conversation:{theirs['conversation']}", theirs["digest"], "draft:sandbox@key_other_owner"]
        questions = [f"{place}/content?ref={ref}" for ref in refs]
        questions += [f"{place}/compare?base=v1&head={ref}" for ref in refs]
        questions += [f"{place}/compare?head=v1&base={ref}" for ref in refs]
        questions += [f"{place}/export?ref={ref}" for ref in refs]
        questions += [f"{place}/resolve?key=a&environment={theirs['environment_id']}"]
        questions += [f"{place}/versions?env={theirs['environment_id']}"]
        questions += [f"{place}/conversations?environment={theirs['environment_id']}"]
        questions += [f"{place}/analytics?environment={theirs['environment_id']}"]
        questions += [f"{place}/analytics/compare?arms=nowhere,live"]
        questions += [f"{place}/evaluations/polite/results?environment={theirs['environment_id']}"]
        for question in questions:
            reply = await owner.get(question)
            assert reply.status_code == 404, f"{question} {reply.text}"
            assert CANARY not in reply.text
        for question in (f"{place}/versions?author=key_other_owner", f"{place}/conversations?q={CANARY}"):
            assert good(await owner.get(question))["items"] == []
        for body in (*({"ref": ref} for ref in refs), {"environment": theirs["environment_id"]}):
            reply = await owner.post(f"{place}/conversations", json=body)
            assert reply.status_code == 404, f"{body} {reply.text}"
            assert CANARY not in reply.text


async def test_the_same_slug_in_two_workspaces_is_two_projects() -> None:
    stage = await make_stage()
    async with stage.client(workspace=OTHER) as stranger, stage.client() as owner:
        await set_up(stranger, "hotel", CANARY)
        ids = await set_up(owner, "hotel")
        for operation in CLOSED:
            if operation.method == "GET":
                reply = await ask(owner, operation, {**ids, **MATRIX[operation.id].own})
                assert reply.is_success, f"{operation} {reply.text}"
                assert CANARY not in reply.text
