"""What somebody stored is shown as text on every page: no payload runs, with our policy and without it.

tests/unit/web/test_stored_scripts.py holds every payload against every place; here a sample meets a real browser.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from greenroom.domain.access import Principal
from greenroom.domain.ids import PrincipalId
from greenroom.services.plans import RollbackRequest
from greenroom.services.work import Call
from tests.browser.conftest import Visitor
from tests.browser.furnish_payloads import Payloads
from tests.browser.hotel import BASE, list_pages
from tests.browser.house import House, open_house
from tests.support.payloads import ATTRIBUTES, DISGUISES, PAYLOADS

SAMPLE = (*PAYLOADS[: -len(ATTRIBUTES) - len(DISGUISES) : 7], *ATTRIBUTES, *DISGUISES)
# A tag or an attribute of a payload, had it become one.
TRACES = (
    "script:not([src^='/static/']), img:not([src^='/static/']), iframe, object, base, style, video, math,"
    ".pwned, #pwned,"
    "[onerror], [onload], [onfocus], [onmouseover], [ontoggle], [hx-on\\:load], [x-pwned], [href^='javascript:' i],"
    "[href^='//'], [action^='//'], [formaction]:not([formaction^='/'])"
)
ODD = "%22%3E%3Cscript%3Epwned()%3C/script%3E"


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with open_house(Payloads(SAMPLE).furnish) as opened:
        yield opened


def watch(house: House, page: Page) -> tuple[list[str], list[str]]:
    """Returns where payloads ran, and what was asked of other hosts: both grow while one visits."""
    run: list[str] = []
    left: list[str] = []
    page.expose_function("pwned", lambda: run.append(page.url))
    page.on("request", lambda request: None if request.url.startswith(house.url) else left.append(request.url))
    return run, left


@pytest.mark.parametrize("without_policy", [False, True], ids=["with our policy", "without it"])
def test_no_stored_text_becomes_part_of_a_page(house: House, visit: Visitor, without_policy: bool) -> None:
    page = visit(house, bypass_csp=without_policy)
    run, left = watch(house, page)
    paths = house.run(list_pages(house.desk, house.owner))
    for name in ("edit-workflow", "edit-variants", "edit-topic", "remove"):
        del paths[name]
    topics = {f"topic-{n}": f"{BASE}/build/topic/t{n}" for n in range(1, len(SAMPLE), 2)}
    more = {
        "remove": f"{BASE}/build/topic/t1/remove",
        "go": f"{BASE}/go?q={ODD}",
        "find": f"{BASE}/build?q={ODD}",
        "compare-odd": f"{BASE}/compare?base={ODD}&head=v1",
        "ref-odd": f"{BASE}/build?ref={ODD}",
        "chat-odd": f"{BASE}/chat?ref={ODD}",
        "filter-odd": f"{BASE}/conversations?text={ODD}&tag=%3Cb%3E",
        "history-of-one": f"{BASE}/build/topic/t2/history",
        "one-back": f"{BASE}/build/topic/t2/back?version=1",
        "function": f"{BASE}/build/function/find_invoice",
        "views-odd": f"{BASE}/conversations?view={ODD}&topic=%3Cb%3E",
        "chat-panel": f"{BASE}/chat?panel=1&ref={ODD}",
        "tag-odd": f"{BASE}/environments?tag=%3Cscript%3E&author=%3Cscript%3E",
        "merge": f"{BASE}/merge?source=branch&target=sandbox&delete_source=1",
        "replace": f"{BASE}/merge?source=branch&target=sandbox&strategy=replace",
        "merge-odd": f"{BASE}/merge?source=%22%3E%3Cscript%3Epwned()%3C/script%3E&target=sandbox",
        "clone-odd": f"{BASE}/new-environment?from=%22%3E%3Cscript%3Epwned()%3C/script%3E",
        "change": f"{BASE}/environments/branch/change",
        "delete": f"{BASE}/environments/branch/delete?move_to=%22%3E%3Cscript%3Epwned()%3C/script%3E",
        "table": f"{BASE}/environments?show=table",
        "aliases": f"{BASE}/aliases",
        "path-odd": f"{BASE}/environments/%3Cscript%3Epwned()%3C%2Fscript%3E",
        "next-odd": f"/sign-in?next={ODD}",
    }
    for name, path in {**paths, **topics, **more}.items():
        page.goto(house.url + path)
        assert page.locator(TRACES).count() == 0, name
        assert page.url.startswith(house.url), name
    page.wait_for_timeout(300)
    assert run == []
    assert left == []


@pytest.mark.parametrize("without_policy", [False, True], ids=["with our policy", "without it"])
def test_what_scripts_of_ours_put_into_a_page_stays_text(house: House, visit: Visitor, without_policy: bool) -> None:
    page = visit(house, bypass_csp=without_policy)
    run, left = watch(house, page)
    with page.expect_response(f"**{BASE}/live"):
        page.goto(f"{house.url}{BASE}/conversations")
    # What others do comes by a stream.
    who = Principal(PrincipalId("mem_2"), house.owner.workspace, SAMPLE[2], "owner")
    view = house.run(house.desk.environments.load(house.call(), "hotel", "live"))
    to = 1 if view.release and view.release.version == 2 else 2
    reason = f"{SAMPLE[7]} {ATTRIBUTES[0]} was wrong"
    house.run(house.desk.releases.roll_back(Call(who, "req"), "hotel", "live", RollbackRequest(reason, to)))
    expect(page.locator(".toast")).to_contain_text("was wrong")
    # What is found comes as one types.
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Go to a page").fill("pwned")
    page.locator("#palette-results [role=option]").first.wait_for()
    assert page.locator(TRACES).count() == 0
    # What is wrong is shown beside its field, and a chat answers below what was said.
    page.goto(f"{house.url}{BASE}/chat?ref=v3")
    page.get_by_role("button", name="Start the chat").click()
    for text in SAMPLE[:8]:
        page.get_by_placeholder("Say something").fill(text)
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_placeholder("Say something")).to_have_value("")
    assert page.locator(TRACES).count() == 0
    page.wait_for_timeout(300)
    assert run == []
    assert left == []


@pytest.mark.parametrize("begins", ["<img", "<details", "<iframe"])
def test_a_payload_that_did_become_a_script_would_be_seen(house: House, visit: Visitor, begins: str) -> None:
    page = visit(house, bypass_csp=True)
    run, _ = watch(house, page)
    page.goto(house.url)
    before = page.locator(TRACES).count()
    text = next(each for each in PAYLOADS if each.startswith(begins))
    page.evaluate("text => document.querySelector('main').insertAdjacentHTML('beforeend', text)", text)
    page.wait_for_timeout(300)
    assert run
    assert before == 0
    assert page.locator(TRACES).count() == 1


def test_our_policy_stops_a_payload_that_did_become_one(house: House, visit: Visitor, complaints: list[str]) -> None:
    page = visit(house)
    run, _ = watch(house, page)
    stopped: list[str | None] = []
    page.on("requestfailed", lambda request: stopped.append(request.failure))
    page.goto(house.url)
    for text in (each for each in PAYLOADS if each.startswith("<") and "meta" not in each):
        page.evaluate("text => document.querySelector('main').insertAdjacentHTML('beforeend', text)", text)
    page.wait_for_timeout(300)
    assert run == []
    assert stopped
    assert set(stopped) == {"csp"}, "nothing left but was stopped"
    assert complaints, "the policy said what it forbade"
    complaints.clear()


def test_no_other_page_shows_ours_in_a_frame(house: House, visit: Visitor, complaints: list[str]) -> None:
    page = visit(house, bypass_csp=True)
    frames = page.evaluate(
        """async address => {
            const frame = document.createElement('iframe');
            const done = new Promise(resolve => { frame.onload = resolve; });
            frame.src = address;
            document.body.append(frame);
            await done;
            try { return frame.contentDocument ? frame.contentDocument.body.innerText : 'nothing'; }
            catch { return 'nothing'; }
        }""",
        f"{house.url}{BASE}/environments",
    )
    assert frames in ("nothing", "")
    complaints.clear()
