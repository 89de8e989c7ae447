"""Do all records of a workspace tell the same story? Pointer, release, audit, outbox, version, draft, answer."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import pairwise
from typing import Any

from greenroom.domain.canonical import parse_json
from greenroom.domain.events import verify_chain
from greenroom.domain.versions import EMPTY_SNAPSHOT, snapshot_of
from greenroom.ports import Reading, Store
from tests.fault.staging import SLUG, Stage


async def find_inconsistencies(store: Store, stage: Stage, *, delivering: bool = False) -> list[str]:
    """Returns what does not fit together, in words; empty when all does.

    The outbox holds every event, or where a server was `delivering` the last ones without a gap.
    """
    workspace = stage.call().workspace
    found = await store.read(workspace, _look)
    undelivered = await store.system(lambda tx: tx.list_undelivered(1_000_000))
    head = await store.read(workspace, lambda tx: tx.list_events(None, None, 1))
    mine = [record.seq for owner, record in undelivered if owner == workspace]
    first = mine[0] if mine and delivering else head[0].seq + 1 if delivering else 1
    if mine != list(range(first, head[0].seq + 1)):
        found.append(f"outbox holds {len(mine)} of {head[0].seq} events")
    return found


def _look(tx: Reading) -> list[str]:
    wrong: list[str] = []
    project = tx.find_project(SLUG)
    assert project is not None
    records = tx.list_audit(0, 1_000_000)
    if (bad := verify_chain(records)) is not None:
        wrong.append(f"the audit chain breaks at {bad}")
    events = [parse_json(record.payload)["event"] for record in records]
    versions = sorted(tx.list_versions(project.id, None, 1_000_000), key=lambda v: v.number)
    releases: list[Any] = []
    for environment in tx.list_environments(project.id, ever=True):
        history = tx.list_releases_after(environment.id, 0)
        releases += history
        if [r.seq for r in history] != list(range(1, environment.seq + 1)):
            wrong.append(f"{environment.alias} is at {environment.seq} with releases {[r.seq for r in history]}")
        if history and history[-1].to_arms != environment.arms:
            wrong.append(f"{environment.alias} serves something else than its last release")
        for before, after in pairwise(history):
            if before.to_arms != after.from_arms:
                wrong.append(f"{environment.alias}: release {after.seq} does not follow {before.seq}")
    audited = Counter((e["data"]["release"], e["data"]["seq"], e["data"]["to"]) for e in events if _is_release(e))
    if audited != Counter((r.id, r.seq, r.version) for r in releases):
        wrong.append("releases and their audit records differ")
    wrong += _look_at_versions(tx, versions, events)
    return wrong


def _is_release(event: Any) -> bool:
    return event["action"].startswith("release.")


def _look_at_versions(tx: Reading, versions: list[Any], events: list[Any]) -> list[str]:
    wrong: list[str] = []
    if [v.number for v in versions] != list(range(1, len(versions) + 1)):
        wrong.append(f"version numbers have gaps: {[v.number for v in versions]}")
    published = [e for e in events if e["action"] in ("version.published", "version.merged")]
    if [(e["subject"], e["data"]["digest"]) for e in published] != [(f"v{v.number}", v.digest) for v in versions]:
        wrong.append("versions and their audit records differ")
    for event in published:
        if event["action"] == "version.merged":
            continue
        draft = tx.find_draft_by_id(event["data"]["draft"])
        if draft is None or draft.closed_by != event["subject"]:
            wrong.append(f"the draft of {event['subject']} is not closed by it")
    for version in versions:
        snapshot = EMPTY_SNAPSHOT if version.digest == EMPTY_SNAPSHOT.digest else tx.find_snapshot(version.digest)
        if snapshot is None or snapshot_of(snapshot).digest != version.digest:
            wrong.append(f"the snapshot of v{version.number} is not what its digest says")
            continue
        bodies = tx.load_bodies(set(snapshot.values()))
        if {d: f"sha256:{hashlib.sha256(data).hexdigest()}" for d, data in bodies.items()} != {
            d: d for d in snapshot.values()
        }:
            wrong.append(f"bodies of v{version.number} are not what their digests say")
    return wrong
