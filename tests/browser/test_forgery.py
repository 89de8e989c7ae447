"""Another site's page, in a browser that is signed in here: what it sends changes nothing, and it reads nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route

from tests.browser.conftest import Visitor
from tests.browser.hotel import BASE, furnish_standard
from tests.browser.house import House, open_house

FOREIGN = "http://evil.test/"
FORM = """<form id=f method=post action="{to}"><input name=reason value="because"><input name=seq value=2>
<input name=note value="Something else altogether"><input name=name value=Mine></form>"""
ROUTES = (
    f"{BASE}/environments/live/rollback",
    f"{BASE}/environments/sandbox/publish",
    f"{BASE}/settings",
    "/projects/new",
    "/keys",
    "/account",
    "/sign-out",
    "/sign-in",
)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with open_house(furnish_standard) as opened:
        yield opened


@pytest.fixture(scope="module")
def sister() -> Iterator[House]:
    """A server on another port of this host: another origin, but the same site, so that cookies are sent."""
    with open_house() as opened:
        yield opened


def facts(house: House) -> tuple[int, int]:
    """Returns how much happened, and how many sessions there are."""
    audit = house.run(house.desk.history.list_audit(house.call(), 0, 1_000))
    now = house.desk.clock.now()
    sessions = house.run(house.desk.store.read(house.owner.workspace, lambda tx: tx.list_sessions(house.owner.id, now)))
    return len(audit), len(sessions)


def go_abroad(page: Page, house: House, to: str) -> None:
    """Opens a page of another site, whose form leads to a route of ours."""

    def answer(route: Route) -> None:
        route.fulfill(status=200, content_type="text/html", body=FORM.format(to=house.url + to))

    page.route("**/*evil*/**", answer)
    page.route(f"{FOREIGN}**", answer)
    page.goto(FOREIGN)


@pytest.mark.parametrize("to", ROUTES)
def test_a_form_of_another_site_changes_nothing(house: House, visit: Visitor, to: str) -> None:
    page = visit(house)
    before = facts(house)
    go_abroad(page, house, to)
    with page.expect_response(house.url + to) as heard:
        page.evaluate("document.getElementById('f').submit()")
    assert heard.value.status == 401
    assert facts(house) == before
    page.wait_for_url(house.url + to)
    page.wait_for_load_state()
    page.goto(f"{house.url}/account")
    assert page.get_by_role("heading", name="Your account").is_visible(), "still signed in"


@pytest.mark.parametrize("to", ROUTES)
def test_a_page_of_the_same_host_on_another_port_changes_nothing(
    house: House, sister: House, visit: Visitor, to: str
) -> None:
    page = visit(house)
    before = facts(house)
    page.goto(f"{sister.url}/static/mark.svg")
    page.route(
        f"{sister.url}/forged",
        lambda route: route.fulfill(status=200, content_type="text/html", body=FORM.format(to=house.url + to)),
    )
    page.goto(f"{sister.url}/forged")
    with page.expect_response(house.url + to) as heard:
        page.evaluate("document.getElementById('f').submit()")
    assert "gr_session" in heard.value.request.all_headers().get("cookie", ""), "the browser did send the session"
    assert heard.value.status == 401
    assert facts(house) == before


def test_scripts_of_another_site_read_and_send_nothing(house: House, visit: Visitor, complaints: list[str]) -> None:
    page = visit(house)
    before = facts(house)
    go_abroad(page, house, "/")
    for method, headers in (("GET", {}), ("POST", {}), ("POST", {"hx-request": "true"}), ("PUT", {}), ("DELETE", {})):
        said = page.evaluate(
            """async ([url, method, headers]) => {
                try { return await (await fetch(url, {method, headers, credentials: 'include'})).text(); }
                catch (wrong) { return 'refused'; }
            }""",
            [f"{house.url}{BASE}/settings", method, headers],
        )
        assert said == "refused"
    assert facts(house) == before
    complaints.clear()
