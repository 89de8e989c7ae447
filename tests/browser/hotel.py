"""The hotel, furnished for visitors: three versions, a draft with changes, a test chat, notes, a rollback."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from greenroom.bootstrap import read_demo
from greenroom.domain.access import Principal
from greenroom.domain.connections import Connection
from greenroom.domain.entities import Address
from greenroom.domain.knowledge import Edit
from greenroom.domain.tables import Column, Table
from greenroom.domain.test_runs import Selection
from greenroom.services.conversations import Heard
from greenroom.services.demo import NOTES, make_demo
from greenroom.services.desk import Desk
from greenroom.services.keeping import Beginning
from greenroom.services.plans import PromoteRequest, PublishRequest, RollbackRequest
from greenroom.services.work import Call
from greenroom.wire.archives import pack
from tests.browser.furnish_drafts import furnish_drafts, list_draft_pages
from tests.browser.furnish_parallel import PAGES as PARALLEL
from tests.browser.furnish_parallel import furnish_parallel
from tests.browser.furnish_traffic import furnish_traffic, list_traffic_pages

BASE = "/projects/hotel"
PETS = Address("topic", "pet-policy")
PARKING = Address("topic", "parking")


async def furnish_demo(desk: Desk, owner: Principal) -> None:
    """Makes the demo project as `greenroom demo` does."""
    await make_demo(desk, owner, read_demo())


async def furnish_whole(desk: Desk, owner: Principal) -> None:
    """Makes the demo project with something on every page."""
    await furnish_demo(desk, owner)
    call = Call(owner, "furnish")
    await edit(desk, call, PETS, content="Dogs and cats are welcome, for £14 a night.")
    await edit(desk, call, Address("function", "find_invoice"), code="def run(conv, number):\n    return number\n")
    draft = await desk.drafts.load(call, "hotel", "sandbox")
    await desk.drafts.remove(call, "hotel", "sandbox", PARKING, draft.snapshot[PARKING])
    await desk.releases.roll_back(call, "hotel", "pre-release", RollbackRequest("Late check-out answers are wrong", 2))
    begun, _ = await desk.conversations.start(call, "hotel", Beginning(ref="v3", channel="chat"))
    for text in ("Can I check out late?", "yes", "What is the meaning of life?"):
        await desk.conversations.take_turn(call, begun.conversation.id, Heard(text))
    await desk.transcripts.add_tag(call, begun.conversation.id, "sms offer")
    await desk.transcripts.add_note(call, begun.conversation.id, "The offer came at the right moment.")
    await furnish_data(desk, call)
    await furnish_parallel(desk, owner)
    await furnish_drafts(desk, owner)


async def furnish_data(desk: Desk, call: Call, text: str = "Quiet after ten.") -> None:
    """Puts a text into everything that no version holds."""
    await desk.secrets.set(call, "hotel", "BOOKING_KEY", "sesame")
    await desk.secrets.set(call, "hotel", "BOOKING_KEY", "open", "live", "live")
    await desk.connections.save(call, "hotel", Connection("main-model", "model", "openai", "", "BOOKING_KEY"), "*")
    await desk.knowledge.put_document(call, "hotel", Edit("house-rules", text, f"House rules {text}"[:200]))
    source = {"type": "urls", "urls": ["https://harbour.example/rules"]}
    house = {"name": f"House {text}"[:120], "source": source, "documents": [{"document": "house-rules"}]}
    await desk.drafts.save(call, "hotel", "sandbox", Address("knowledge", "house"), house, "*")
    columns = (Column("number", "number", required=True), Column("view"))
    await desk.tables.create(call, "hotel", Table("rooms", f"Rooms {text}"[:100], columns=columns, key="number"))
    await desk.tables.put_row(call, "hotel", "rooms", {"number": 7, "view": f"sea {text}"})
    for ref in ("v1", "v3"):
        run = await desk.test_runs.start(call, "hotel", Selection(ref))
        await desk.test_runs.wait(run.id)
    await desk.keys.create(call, f"ci {text}"[:100], "publisher")
    await furnish_traffic(desk, call, text)


async def edit(desk: Desk, call: Call, address: Address, **fields: Any) -> None:
    """Changes some fields of an entity in the caller's draft."""
    view = await desk.content.load(call, "hotel", address, "draft:sandbox")
    body = {key: value for key, value in view.body.items() if key != "schema"}
    await desk.drafts.save(call, "hotel", "sandbox", address, {**body, **fields}, view.revision)


async def list_pages(desk: Desk, owner: Principal) -> dict[str, str]:
    """Returns every page that there is to look at, by the name of its picture."""
    call = Call(owner, "pages")
    talks = await desk.conversations.list(call, "hotel", None, 50)
    talk = next(view.conversation.id for view in talks if view.conversation.tags)
    runs = [run.id for run in await desk.test_runs.list(call, "hotel", None, 2)]
    environments = f"{BASE}/environments"
    return {
        "projects": "/",
        "project-new": "/projects/new",
        "overview": BASE,
        "environments": environments,
        "environment-live": f"{environments}/live",
        "environment-releases": f"{environments}/pre-release?show=releases",
        "release": f"{environments}/pre-release/releases/4?done=1",
        "version": f"{BASE}/versions/3",
        "promote": f"{environments}/live/promote?version=2",
        "promote-live": f"{environments}/live/promote?version=3",
        "rollback": f"{environments}/live/rollback",
        "publish": f"{environments}/sandbox/publish",
        "discard": f"{environments}/sandbox/discard",
        "checkpoints": f"{environments}/sandbox/checkpoints",
        "discarded": f"{environments}/sandbox/discarded",
        "load": f"{environments}/sandbox/load?ref=v1",
        "compare": f"{BASE}/compare?base=live&head=draft:sandbox",
        "compare-unified": f"{BASE}/compare?base=v1&head=draft:sandbox&view=unified",
        "compare-same": f"{BASE}/compare?base=v3&head=v3",
        "build": f"{BASE}/build",
        "build-kind": f"{BASE}/build?kind=topic&q=check",
        "build-at-version": f"{BASE}/build?ref=v1",
        "build-new": f"{BASE}/build/new?kind=topic",
        "edit-topic": f"{BASE}/build/topic/late-check-out",
        "edit-function": f"{BASE}/build/function/find_invoice",
        "edit-workflow": f"{BASE}/build/workflow/request-early-check-in",
        "edit-variants": f"{BASE}/build/variant/default",
        "read-function": f"{BASE}/build/function/find_invoice?ref=live",
        "entity-history": f"{BASE}/build/topic/late-check-out/history",
        "entity-history-draft": f"{BASE}/build/topic/pet-policy/history",
        "back": f"{BASE}/build/topic/pet-policy/back?version=1",
        "remove": f"{BASE}/build/topic/wifi/remove",
        "chat": f"{BASE}/chat",
        "chat-talk": f"{BASE}/chat/{talk}",
        "conversations": f"{BASE}/conversations",
        "conversations-none": f"{BASE}/conversations?text=unheard-of",
        "conversation": f"{BASE}/conversations/{talk}",
        "erase": f"{BASE}/erase",
        "make-test": f"{BASE}/conversations/{talk}/test",
        "history": f"{BASE}/history",
        "tests": f"{BASE}/tests",
        "test-run": f"{BASE}/tests/{runs[0]}",
        "test-runs-compared": f"{BASE}/tests/compare?base={runs[1]}&head={runs[0]}&show=all",
        "test-set": f"{BASE}/tests/sets/smoke",
        "knowledge": f"{BASE}/knowledge?q=quiet",
        "document": f"{BASE}/knowledge/document?id=house-rules",
        "source": f"{BASE}/knowledge/sources/house",
        "source-new": f"{BASE}/knowledge/sources/new",
        "source-site": f"{BASE}/knowledge/sources/new?sort=site",
        "source-zendesk": f"{BASE}/knowledge/sources/new?sort=zendesk",
        "secrets": f"{BASE}/secrets",
        "connections": f"{BASE}/connections",
        "tables": f"{BASE}/tables",
        "table": f"{BASE}/tables/rooms",
        "tickets": f"{BASE}/tickets",
        "executions": f"{BASE}/executions",
        **list_traffic_pages(BASE),
        "guest": await _make_guest_link(desk, call),
        "import": f"{BASE}/import",
        "settings": f"{BASE}/settings",
        "sign-in": "/sign-in",
        "account": "/account",
        "keys": "/keys",
        "audit": "/audit?verify=1",
        "not-found": "/nothing-here",
        **PARALLEL,
        **await list_draft_pages(desk, owner),
    }


async def _make_guest_link(desk: Desk, call: Call) -> str:
    """Returns the page of a share link, whose token is known to whoever makes it alone."""
    until = desk.clock.now() + timedelta(days=7)
    made = await desk.share_links.create(call, "hotel", "b", until, "Front desk")
    await desk.traffic.refresh()
    return f"/try/{made.token}"


async def furnish_standard(desk: Desk, owner: Principal) -> None:
    """Makes the hotel as it is on the morning of a release: two versions, the second one live."""
    call = Call(owner, "furnish")
    await desk.projects.create(call, "Larkspur Hotels", "hotel", "pipeline")
    for number, files in enumerate(read_demo()[:2], start=1):
        await desk.imports.import_folder(call, "hotel", pack(files), "greenroom")
        await desk.publishing.publish(call, "hotel", "sandbox", PublishRequest(NOTES[number - 1]))
        for alias in ("pre-release", "live"):
            seq = (await desk.environments.load(call, "hotel", alias)).environment.seq
            await desk.releases.promote(call, "hotel", alias, PromoteRequest(number, seq, number))
