"""What somebody stored is shown as text on every page: no payload runs, with our policy and without it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from greenroom.domain.access import Principal
from greenroom.domain.entities import Address
from greenroom.services.conversations import Heard
from greenroom.services.desk import Desk
from greenroom.services.keeping import Beginning
from greenroom.services.plans import PromoteRequest, PublishRequest, RollbackRequest
from greenroom.services.work import Call
from tests.browser.conftest import Visitor
from tests.browser.hotel import BASE, furnish_data, list_pages
from tests.browser.house import House, open_house

PAYLOADS = (
    "<script>pwned()</script>",
    "<ScRiPt>pwned()</sCrIpT>",
    "</title><script>pwned()</script>",
    "</textarea><script>pwned()</script>",
    "</script><script>pwned()</script>",
    '"><script>pwned()</script>',
    "'><script>pwned()</script>",
    "<img src=x onerror=pwned()>",
    '"><img src=x onerror=pwned()>',
    "<svg onload=pwned()>",
    "<svg><script>pwned()</script></svg>",
    "<math><mtext><img src=x onerror=pwned()></mtext></math>",
    '" autofocus onfocus=pwned() x="',
    "' autofocus onfocus=pwned() x='",
    "<details open ontoggle=pwned()>",
    "<iframe srcdoc='<script>parent.pwned()</script>'></iframe>",
    "<a href='javascript:pwned()'>pay</a>",
    "javascript:pwned()",
    "<form action=/sign-out method=post><button autofocus>x</button></form>",
    "<meta http-equiv=refresh content='0;url=javascript:pwned()'>",
    "<link rel=stylesheet href=//evil.test/x.css>",
    "<base href=//evil.test/>",
    "<div hx-get=/projects/hotel hx-trigger=load hx-on:load=pwned()>",
    "{{ ''.__class__ }}{% raw %}<script>pwned()</script>",
    "&lt;script&gt;pwned()&lt;/script&gt;",
    "<!--><script>pwned()</script>-->",
    "\\u003cscript\\u003epwned()\\u003c/script\\u003e",
)
# A tag of a payload, had it become one.
TRACES = (
    "script:not([src^='/static/']), img:not([src^='/static/']), iframe, svg[onload], base, [onerror], [hx-on\\:load]"
)


async def furnish(desk: Desk, owner: Principal) -> None:
    """Writes a payload wherever somebody can write."""
    call = Call(owner, "furnish")
    await desk.projects.create(call, PAYLOADS[5], "hotel", "pipeline")
    for number, text in enumerate(PAYLOADS):
        # Conditions and references are checked when they are saved; names and texts take anything.
        body = {
            "name": text,
            "content": f"Answer {number} {text}".replace("{{", "{ {"),
            "sample_questions": [f"Question {number} {text}".replace("{{", "{ {")],
        }
        await desk.drafts.save(call, "hotel", "sandbox", Address("topic", f"t{number}"), body, "*")
    agent = {"name": PAYLOADS[7], "greeting": PAYLOADS[9]}
    await desk.drafts.save(call, "hotel", "sandbox", Address("agent", "main"), agent, "*")
    await _save_code(desk, call, "late-check-out", PAYLOADS[4])
    for number in range(1, 4):
        if number > 1:
            body = {"name": PAYLOADS[number], "content": f"Changed {number} {PAYLOADS[number]}"}
            view = await desk.content.load(call, "hotel", Address("topic", f"t{number}"), "draft:sandbox")
            await desk.drafts.save(call, "hotel", "sandbox", view.address, body, view.revision)
            await _save_code(desk, call, "late-check-out", PAYLOADS[number])
        note = f"Release {number} says {PAYLOADS[number + 5]}"
        await desk.publishing.publish(call, "hotel", "sandbox", PublishRequest(note, details=" ".join(PAYLOADS)))
        for alias in ("pre-release", "live")[: 2 if number < 3 else 1]:
            seq = (await desk.environments.load(call, "hotel", alias)).environment.seq
            await desk.releases.promote(call, "hotel", alias, PromoteRequest(number, seq, number, note=PAYLOADS[0]))
    await desk.releases.roll_back(call, "hotel", "pre-release", RollbackRequest(PAYLOADS[7], 1))
    view = await desk.content.load(call, "hotel", Address("topic", "t9"), "draft:sandbox")
    await desk.drafts.save(call, "hotel", "sandbox", view.address, {"name": PAYLOADS[9], "content": "x"}, view.revision)
    begun, _ = await desk.conversations.start(
        call, "hotel", Beginning(ref="v3", channel="chat", user_id=PAYLOADS[0], language="en")
    )
    for text in PAYLOADS:
        turn = await desk.conversations.take_turn(call, begun.conversation.id, Heard(text))
        if turn.ended:
            break
    await desk.transcripts.add_tag(call, begun.conversation.id, "seen")
    for text in PAYLOADS:
        await desk.transcripts.add_note(call, begun.conversation.id, text)
    await furnish_data(desk, call, PAYLOADS[8])


async def _save_code(desk: Desk, call: Call, slug: str, text: str) -> None:
    address = Address("function", "find_invoice")
    draft = await desk.drafts.load(call, "hotel", "sandbox")
    body = {"name": slug, "code": f"def run(conv):\n    # {text}\n    return '''{text}'''\n"}
    await desk.drafts.save(call, "hotel", "sandbox", address, body, draft.snapshot.get(address) or "*")


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with open_house(furnish) as opened:
        yield opened


@pytest.mark.parametrize("without_policy", [False, True], ids=["with our policy", "without it"])
def test_no_stored_text_becomes_part_of_a_page(house: House, visit: Visitor, without_policy: bool) -> None:
    page = visit(house, bypass_csp=without_policy)
    run: list[str] = []
    left: list[str] = []
    page.expose_function("pwned", lambda: run.append(page.url))
    page.on("request", lambda request: None if request.url.startswith(house.url) else left.append(request.url))
    paths = house.run(list_pages(house.desk, house.owner))
    for name in ("edit-workflow", "edit-variants", "edit-topic", "remove"):
        del paths[name]
    topics = {f"topic-{n}": f"{BASE}/build/topic/t{n}" for n in range(len(PAYLOADS))}
    more = {
        "remove": f"{BASE}/build/topic/t0/remove",
        "history-of-one": f"{BASE}/build/topic/t2/history",
        "one-back": f"{BASE}/build/topic/t2/back?version=1",
        "function": f"{BASE}/build/function/find_invoice",
        "views-odd": f"{BASE}/conversations?view=%22%3E%3Cscript%3Epwned()%3C/script%3E&topic=%3Cb%3E",
        "chat-panel": f"{BASE}/chat?panel=1&ref=%22%3E%3Cscript%3Epwned()%3C/script%3E",
        "go": f"{BASE}/go?q=%3Cscript%3Epwned()%3C/script%3E",
        "find": f"{BASE}/build?q=%22%3E%3Cscript%3Epwned()%3C/script%3E",
        "compare-odd": f"{BASE}/compare?base=%22%3E%3Cscript%3Epwned()%3C/script%3E&head=v1",
        "ref-odd": f"{BASE}/build?ref=%22%3E%3Cscript%3Epwned()%3C/script%3E",
        "chat-odd": f"{BASE}/chat?ref=%22%3E%3Cscript%3Epwned()%3C/script%3E",
        "filter-odd": f"{BASE}/conversations?text=%22%3E%3Cscript%3Epwned()%3C/script%3E&tag=%3Cb%3E",
        "tag-odd": f"{BASE}/environments?tag=%3Cscript%3E&author=%3Cscript%3E",
        "path-odd": f"{BASE}/environments/%3Cscript%3Epwned()%3C%2Fscript%3E",
    }
    for name, path in {**paths, **topics, **more}.items():
        page.goto(house.url + path)
        assert page.locator(TRACES).count() == 0, name
        assert page.url.startswith(house.url), name
    page.wait_for_timeout(300)
    assert run == []
    assert left == []


def test_a_payload_that_did_become_a_script_would_be_seen(house: House, visit: Visitor) -> None:
    page = visit(house, bypass_csp=True)
    run: list[str] = []
    page.expose_function("pwned", lambda: run.append(page.url))
    page.goto(house.url)
    page.evaluate("text => document.querySelector('main').insertAdjacentHTML('beforeend', text)", PAYLOADS[7])
    page.wait_for_timeout(300)
    assert run
    assert page.locator(TRACES).count() == 1
