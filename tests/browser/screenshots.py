"""Writes a picture of every page into screenshots/: 1440 and 390 pixels wide, light and dark.

Run by `make screenshots`; some names as arguments make only those pages.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.hotel import furnish_whole, list_pages
from tests.browser.house import open_house

FOLDER = Path(__file__).resolve().parents[2] / "screenshots"
SIZES = ((1440, 900), (390, 844))


def main(wanted: list[str]) -> None:
    """Takes the pictures."""
    FOLDER.mkdir(exist_ok=True)
    taken = 0
    with open_house(furnish_whole) as house, sync_playwright() as playwright:
        pages = house.run(list_pages(house.desk, house.owner))
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        for scheme in ("light", "dark"):
            for width, height in SIZES:
                size = {"width": width, "height": height}
                context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")  # pyright: ignore[reportArgumentType]
                page = context.new_page()
                page.goto(house.link())
                page.get_by_role("button", name="Sign in").click()
                for name, path in pages.items():
                    if not wanted or name in wanted:
                        page.goto(house.url + path)
                        page.screenshot(path=FOLDER / f"{name}-{width}-{scheme}.png", full_page=True)
                        taken += 1
                context.close()
        browser.close()
    print(f"screenshots: {taken} pictures in {FOLDER.name}/")


if __name__ == "__main__":
    main(sys.argv[1:])
