"""What pages of drafts need to be worth a look: a checkpoint, a discarded draft, a conflict, something missing."""

from __future__ import annotations

from greenroom.domain.access import Principal
from greenroom.domain.entities import Address
from greenroom.domain.ids import PrincipalId
from greenroom.services.desk import Desk
from greenroom.services.plans import PublishRequest
from greenroom.services.work import Call

INN = "/projects/fern"
MAIN = f"{INN}/environments/main"
AGENT, POOL, GYM = (Address(kind, slug) for kind, slug in (("agent", "main"), ("topic", "pool"), ("topic", "gym")))
SAID = {"name": "Desk", "greeting": "The Inn, how can I help?", "languages": ["en-GB"]}


def topic(name: str, content: str) -> dict[str, object]:
    """Returns a topic's body."""
    return {
        "name": name,
        "content": content,
        "sample_questions": [f"Is there a {name.lower()}?", f"When is the {name}?"],
    }


async def publish_main(desk: Desk, call: Call, note: str) -> None:
    """Publishes the shared draft of the inn as its editors do."""
    plan = await desk.publishing.plan(call, "fern", "main", PublishRequest(""))
    seen = {"expected_seq": plan.environment.seq, "confirm_digest": plan.digest, "revision": plan.draft_revision}
    codes = [caution.code for caution in plan.cautions]
    await desk.publishing.publish(call, "fern", "main", PublishRequest(note, acknowledged=codes, **seen))


async def furnish_drafts(desk: Desk, owner: Principal) -> None:
    """Makes the project `fern` with a shared draft of two, and `mill` with a draft that others have overtaken.

    The second editor is a key; a checkpoint, a discarded draft and a release that is blocked are there to look at.
    """
    call = Call(owner, "furnish")
    key = await desk.keys.create(call, "Night desk", "editor")
    night = Call(await desk.access.identify(key.key), "furnish")
    await desk.projects.create(call, "Fern Inn", "fern", "parallel")
    await desk.drafts.save(call, "fern", "main", AGENT, SAID, "*")
    await desk.drafts.save(call, "fern", "main", POOL, topic("Pool", "The pool opens at seven."), "*")
    await publish_main(desk, call, "First words of the inn")
    await desk.drafts.save(night, "fern", "main", GYM, topic("Gym", "The gym is in the cellar."), "*")
    draft = await desk.drafts.load(call, "fern", "main")
    await desk.checkpoints.save(call, "fern", "main", "Before the new pool", draft.revision)
    await desk.drafts.discard(call, "fern", "main", draft.revision)
    seen = (await desk.drafts.load(call, "fern", "main")).snapshot[POOL]
    await desk.drafts.save(call, "fern", "main", POOL, topic("Pool", "The pool opens at eight."), seen)
    auth = {"type": "bearer", "secret": "POOL_KEY"}
    system = {"name": "Pool system", "base_url": "https://pool.inn.example", "auth": auth}
    await desk.drafts.save(night, "fern", "main", Address("integration", "pool"), system, "*")
    site = {"name": "Web site", "source": {"type": "site", "site": {"url": "https://inn.example/"}}}
    await desk.drafts.save(night, "fern", "main", Address("knowledge", "site"), site, "*")
    await desk.presence.announce(night, "fern", "main", str(POOL))
    await furnish_conflict(desk, call, night)


async def list_draft_pages(desk: Desk, owner: Principal) -> dict[str, str]:
    """Returns the pages of what `furnish_drafts` made by the names of their pictures, none where it did not."""
    call = Call(owner, "pages")
    if not any(view.project.slug == "fern" for view in await desk.projects.list(call, "", 50)):
        return {}
    kept = (await desk.checkpoints.list(call, "fern", "main", None, 1))[0]
    gone = (await desk.discards.list_discarded(call, "fern", "main", None, 1))[0]
    return {
        "draft-shared": f"{INN}/build/{POOL}",
        "draft-publish": f"{MAIN}/publish",
        "draft-conflict": "/projects/mill/environments/sandbox/publish",
        "draft-checkpoints": f"{MAIN}/checkpoints",
        "draft-checkpoint": f"{MAIN}/checkpoints/new",
        "draft-checkpoint-restore": f"{MAIN}/checkpoints/{kept.id}/restore",
        "draft-checkpoint-remove": f"{MAIN}/checkpoints/{kept.id}/remove",
        "draft-discarded": f"{MAIN}/discarded",
        "draft-restore": f"{MAIN}/discarded/{gone.draft.id}/restore",
        "draft-load": f"{MAIN}/load?ref=v1&only=topic/pool",
        "draft-load-ask": f"{MAIN}/load",
        "draft-discard": f"{MAIN}/discard",
        "readiness": f"{MAIN}/readiness",
        "overview-shared": INN,
        "read-old": f"{INN}/build/{POOL}?ref=v1",
    }


async def furnish_conflict(desk: Desk, call: Call, night: Call) -> None:
    """Makes a private draft whose changes meet what somebody else published."""
    await desk.projects.create(call, "Mill", "mill", "pipeline")
    await desk.drafts.save(call, "mill", "sandbox", AGENT, SAID, "*")
    saved = await desk.drafts.save(call, "mill", "sandbox", POOL, topic("Pool", "The pool opens at seven."), "*")
    await desk.publishing.publish(call, "mill", "sandbox", PublishRequest("First words of the mill"))
    seen = str(saved.revision)
    await desk.drafts.save(
        call, "mill", "sandbox", POOL, topic("Pool", "The pool opens at eight, on Sundays at nine."), seen
    )
    day = Call(Principal(PrincipalId("mem_day"), night.principal.workspace, "Day desk", "publisher"), "furnish")
    await desk.drafts.save(day, "mill", "sandbox", POOL, topic("Swimming pool", "The pool is closed in winter."), seen)
    await desk.publishing.publish(day, "mill", "sandbox", PublishRequest("The pool is closed in winter"))
