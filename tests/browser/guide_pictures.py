"""Writes the pictures of docs/guides: a few pages as a release manager comes by them, small and always alike.

Run by `make screenshots`; some names as arguments write only those. The clock stands on a day in May, and names and
numbers are the same each time, so that a picture changes when the page does.
"""

from __future__ import annotations

import base64
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from greenroom.providers.clock import SystemClock
from greenroom.services.plans import PromoteRequest, PublishRequest
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.furnish_parallel import PAGES as PARALLEL
from tests.browser.hotel import BASE, PETS, edit, furnish_standard, furnish_whole
from tests.browser.house import House, open_house
from tests.support.data import FIXTURES

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "guides" / "images"
WIDTH, HEIGHT = 1180, 760
MOST_BYTES = 80_000
QUALITIES = (90, 80, 70, 55, 40)
NEW_PETS = "Dogs are welcome for £15 a night; cats stay free."
NOTE = "[FEATURE] Pets cost £15; a link after late check-out; steadier voice"
CLINIC = FIXTURES / "polyai-clinic" / "2026-01-01"


class MayClock(SystemClock):
    """A clock on a morning in May; each look takes half a second."""

    def __init__(self) -> None:
        self._at = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
        self._ms = 0.0

    def now(self) -> datetime:
        self._at += timedelta(milliseconds=500)
        return self._at

    def monotonic_ms(self) -> float:
        """Returns a millisecond more each time: how long an answer took is on the pictures too."""
        self._ms += 1.0
        return self._ms


class Camera:
    """Takes the wanted pictures of a house, and counts them."""

    def __init__(self, browser: Browser, wanted: list[str]) -> None:
        self._browser = browser
        self._wanted = wanted
        self.taken: dict[str, int] = {}

    def visit(self, house: House) -> Page:
        """Returns a page of a browser that is signed in."""
        size = {"width": WIDTH, "height": HEIGHT}
        context = self._browser.new_context(
            viewport=size,  # pyright: ignore[reportArgumentType]
            color_scheme="light",
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="UTC",
        )
        page = context.new_page()
        page.goto(house.link())
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{house.url}/")
        return page

    def take(self, page: Page, name: str, height: int = HEIGHT) -> None:
        """Writes what the page shows as a picture of at most 80 kB."""
        if self._wanted and name not in self._wanted:
            return
        page.set_viewport_size({"width": WIDTH, "height": height})
        page.mouse.move(0, 0)
        page.evaluate(
            "document.querySelectorAll('.toast').forEach(each => each.remove()); document.activeElement?.blur();"
            "window.scrollTo(0, 0)"
        )
        session = page.context.new_cdp_session(page)
        shots = (session.send("Page.captureScreenshot", {"format": "webp", "quality": each}) for each in QUALITIES)
        data = next((data for shot in shots if len(data := base64.b64decode(shot["data"])) <= MOST_BYTES), b"")
        if not data:
            raise RuntimeError(f"{name} is larger than {MOST_BYTES:,} bytes")
        (FOLDER / f"{name}.webp").write_bytes(data)
        self.taken[name] = len(data)
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})


def show_first_release(camera: Camera) -> None:
    """From an empty Greenroom: what comes next, and an export that is looked at before it comes in."""
    with open_house(clock=MayClock()) as house:
        page = camera.visit(house)
        house.run(house.desk.projects.create(house.call(), "Harbour Eye Clinic", "clinic", "pipeline"))
        page.goto(f"{house.url}/projects/clinic")
        camera.take(page, "first-steps", 620)
        page.goto(f"{house.url}/projects/clinic/import")
        page.get_by_label("Archive").set_input_files(
            {"name": "clinic.zip", "mimeType": "application/zip", "buffer": pack_clinic()}
        )
        page.get_by_label("Format").select_option(label="PolyAI Agent Studio")
        page.get_by_role("button", name="Only look").click()
        page.locator(".badge.added").wait_for()
        camera.take(page, "import")


def pack_clinic() -> bytes:
    """Returns our own small export of another system, zipped."""
    from greenroom.wire.archives import pack

    return pack({str(path.relative_to(CLINIC)): path.read_bytes() for path in CLINIC.rglob("*") if path.is_file()})


def show_release(camera: Camera) -> None:
    """The standard release and its rollback."""
    with open_house(furnish_standard, clock=MayClock()) as house:
        page = camera.visit(house)
        change_three(house)
        page.goto(f"{house.url}{BASE}/build/topic/pet-policy")
        camera.take(page, "draft", 900)
        page.goto(f"{house.url}{BASE}/compare?base=sandbox&head=draft:sandbox")
        camera.take(page, "compare", 900)
        page.goto(f"{house.url}{BASE}/environments/sandbox/publish")
        page.get_by_label("Note (required)").fill(NOTE)
        camera.take(page, "publish", 900)
        publish(house, NOTE)
        promote(house, "pre-release", 3)
        page.goto(f"{house.url}{BASE}/chat?ref=pre-release")
        page.get_by_role("button", name="Start the chat").click()
        page.get_by_placeholder("Say something").fill("Can I bring my dog?")
        page.get_by_role("button", name="Send").click()
        page.locator(".said", has_text="£15").wait_for()
        camera.take(page, "test-chat")
        page.goto(f"{house.url}{BASE}/environments/live/promote?version=3")
        page.get_by_label("The public will hear v3").check()
        camera.take(page, "promote", 900)
        promote(house, "live", 3)
        page.goto(f"{house.url}{BASE}/environments")
        camera.take(page, "environments")
        page.goto(f"{house.url}{BASE}/environments/live/rollback")
        page.get_by_label("Why?").fill("The price of pets is wrong")
        camera.take(page, "rollback", 800)
        page.get_by_role("button", name="Roll Live back to v2").click()
        page.get_by_role("heading", name="Rolled back to v2").wait_for()
        camera.take(page, "rolled-back", 560)


def show_hotfix(camera: Camera) -> None:
    """A version that goes to Live past a step, with a reason."""
    with open_house(furnish_standard, clock=MayClock()) as house:
        page = camera.visit(house)
        house.run(edit(house.desk, house.call(), PETS, content=NEW_PETS))
        publish(house, "Pets cost £15 a night from today")
        page.goto(f"{house.url}{BASE}/environments/live/promote?version=3")
        page.get_by_label("Why is a step skipped?").fill("Guests are quoted the wrong price")
        page.get_by_label("The public will hear v3").check()
        camera.take(page, "hotfix", 1_000)


def show_two_ways(camera: Camera) -> None:
    """A split that is at work, and a merge that asks."""
    with open_house(furnish_whole, clock=MayClock()) as house:
        page = camera.visit(house)
        page.goto(f"{house.url}{BASE}/traffic")
        camera.take(page, "traffic", 900)
        page.goto(f"{house.url}{PARALLEL['merge-conflicts']}")
        camera.take(page, "merge", 900)


def change_three(house: House) -> None:
    """Makes the three changes of the standard release in the owner's draft."""
    from greenroom.domain.entities import Address

    offer = [{"id": "offer-link", "type": "sms", "target": "booking-link"}]
    house.run(edit(house.desk, house.call(), PETS, content=NEW_PETS))
    house.run(edit(house.desk, house.call(), Address("topic", "late-check-out"), actions=offer))
    house.run(edit(house.desk, house.call(), Address("voice", "reception"), stability=0.8))


def publish(house: House, note: str) -> None:
    """Publishes the owner's draft."""
    house.run(house.desk.publishing.publish(house.call(), "hotel", "sandbox", PublishRequest(note)))


def promote(house: House, alias: str, number: int) -> None:
    """Promotes a version."""
    seq = house.run(house.desk.environments.load(house.call(), "hotel", alias)).environment.seq
    house.run(house.desk.releases.promote(house.call(), "hotel", alias, PromoteRequest(number, seq, number)))
    house.run(house.desk.traffic.refresh())


def main(wanted: list[str]) -> None:
    """Takes the pictures."""
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        camera = Camera(playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS), wanted)
        show_first_release(camera)
        show_release(camera)
        show_hotfix(camera)
        show_two_ways(camera)
    for name, size in camera.taken.items():
        print(f"guides: {name}.webp, {size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
