"""One change of a project as a door makes it: with an idempotency key, answered from memory when it is repeated."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from greenroom.services.deletions import DeletionRequest
from greenroom.services.desk import Desk
from greenroom.services.environment_changes import NewEnvironment
from greenroom.services.environments import EnvironmentView
from greenroom.services.merge_plans import MergeRequest
from greenroom.services.plans import PolicyChoice, PromoteRequest, PublishRequest, RollbackRequest
from greenroom.services.work import Call, Idempotency
from tests.fault.staging import SLUG, save

Change = dict[str, Any]
"""`what` (publish, promote, roll_back, clone, merge), `key`, and what it needs: `place`, `version`, `expected`."""


def _render(result: Any) -> tuple[int, bytes]:
    release = getattr(getattr(result, "view", result), "release", None)
    if release is not None and not hasattr(release, "seq"):
        release = release.release
    assert release is not None
    return 200, json.dumps({"release": release.id, "seq": release.seq, "version": release.version}).encode()


async def carry_out(desk: Desk, call: Call, change: Change) -> dict[str, Any]:
    """Makes a change once, however often it is asked for; `replayed` says that it was made before."""
    body_hash = hashlib.sha256(json.dumps(change, sort_keys=True).encode()).hexdigest()
    call = replace(call, idempotency=Idempotency(change["key"], change["what"], body_hash), render=_render)
    known = await desk.work.find_answer(call)
    if known is not None:
        return json.loads(known.body) | {"replayed": True}
    result = await _make(desk, call, change)
    return json.loads(_render(result)[1]) | {"replayed": False}


async def _make(desk: Desk, call: Call, change: Change) -> Any:
    match change["what"]:
        case "publish":
            return await desk.publishing.publish(
                call, SLUG, "sandbox", PublishRequest(f"Published for {change['key']}")
            )
        case "promote":
            promotion = PromoteRequest(change["version"], change["expected"], change["version"], note=change["key"])
            return await desk.releases.promote(call, SLUG, change["place"], promotion)
        case "clone":
            return await desk.environment_changes.create(
                call, SLUG, NewEnvironment(change["key"], clone_from="sandbox")
            )
        case "merge":
            merge = MergeRequest(change["place"], "sandbox", f"Published for {change['key']}", delete_source=True)
            return await desk.merges.make(call, SLUG, merge)
        case _:
            back = RollbackRequest(change["key"], expected_seq=change["expected"])
            return await desk.releases.roll_back(call, SLUG, change["place"], back)


async def prepare(desk: Desk, call: Call, what: str, key: str) -> Change:
    """Returns a change that may be made now, after making a draft for it where it needs one."""
    if what == "publish":
        # A kill may have left a draft behind, which a merge since then has overtaken.
        left = await desk.drafts.load(call, SLUG, "sandbox")
        if left.changes:
            await desk.drafts.discard(call, SLUG, "sandbox", left.revision)
        await save(desk, call, 0, f"Saved for {key}.")
        return {"what": what, "key": key}
    if what in ("clone", "merge"):
        return await _prepare_branch(desk, call, what, key)
    view = await desk.environments.load(call, SLUG, "pre-release")
    promotion = await _promotion(desk, call, view, key)
    if what == "promote":
        return promotion
    if view.rollback_to is None:
        # There is nothing to go back to: something is put on top first.
        await _make(desk, call, promotion | {"key": f"{key} begins"})
    seq = (await desk.environments.load(call, SLUG, "pre-release")).environment.seq
    return {"what": what, "key": key, "place": "pre-release", "expected": seq}


async def _prepare_branch(desk: Desk, call: Call, what: str, key: str) -> Change:
    """Returns a clone, or the merge of a branch that has a version of its own; an old branch makes room."""
    for old in await desk.environments.list(call, SLUG):
        if old.environment.promotes_from is None and old.environment.alias != "sandbox":
            gone = DeletionRequest(old.environment.seq, in_flight=PolicyChoice("finish"))
            await desk.deletions.delete(call, SLUG, old.environment.alias, gone)
    if what == "clone":
        return {"what": what, "key": key}
    made = await desk.environment_changes.create(call, SLUG, NewEnvironment(f"{key} branch", clone_from="sandbox"))
    alias = made.view.environment.alias
    await save(desk, call, 0, f"Saved for {key}.", alias)
    await desk.publishing.publish(call, SLUG, alias, PublishRequest(f"In a branch for {key} "))
    return {"what": what, "key": key, "place": alias}


async def _promotion(desk: Desk, call: Call, view: EnvironmentView, key: str) -> Change:
    newest = await desk.versions.list(call, SLUG, None, 2, environment="sandbox")
    served = view.release.version if view.release else None
    version = next(v.version.number for v in newest if v.version.number != served)
    return {"what": "promote", "key": key, "place": "pre-release", "version": version, "expected": view.environment.seq}
