"""A legacy project moves to parallel environments, and its old aliases go on answering."""

from __future__ import annotations

import re

from tests.support.api import promote
from tests.unit.web.parallel import BASE, fields_of, in_the_house

AT = f"{BASE}/migrate"


async def test_a_migration_shows_its_plan_and_keeps_every_alias() -> None:
    async with in_the_house("legacy") as (house, visitor):
        for alias in ("staging", "production"):
            await promote(house.client, "hotel", alias, 1)
        settings = await visitor.get(f"{BASE}/settings")
        assert f'hx-get="{AT}"' in settings.text
        page = await visitor.get(AT)
        for word in ("Production is called", "It serves v1, as before", "Development and Staging stay", "no way back"):
            assert word in page.text, word
        for alias in ("development", "staging", "production"):
            assert f"<code>{alias}</code>" in page.text
        done = await visitor.send(AT, fields_of(page.text, AT))
        assert done.headers["location"] == f"{BASE}/environments"
        main = await house.environment("main")
        assert (main["name"], main["editable"], main["serves"]["version"]) == ("Main", True, 1)
        # The old address of a page leads to the same place.
        assert "<h1>Main</h1>" in (await visitor.get(f"{BASE}/environments/production")).text
        aliases = (await visitor.get(f"{BASE}/aliases")).text
        rows = re.findall(r"<tr><td class=\"number\">.*?</tr>", aliases, re.DOTALL)
        assert len(rows) == 4
        assert sum("use <code>main</code> instead" in row for row in rows) == 3
        assert f'hx-get="{AT}"' not in (await visitor.get(f"{BASE}/settings")).text


async def test_a_migration_that_is_outdated_is_looked_at_again() -> None:
    async with in_the_house("legacy") as (house, visitor):
        typed = fields_of((await visitor.get(AT)).text, AT)
        for alias in ("staging", "production"):
            await promote(house.client, "hotel", alias, 1)
        stale = await visitor.send(AT, typed)
        assert stale.status_code == 422
        assert "look again" in stale.text
        assert fields_of(stale.text, AT)["seq"] == "1"
        assert (await house.environment("production"))["name"] == "Production"


async def test_only_a_legacy_project_is_offered_the_migration() -> None:
    async with in_the_house() as (_, visitor):
        assert AT not in (await visitor.get(f"{BASE}/settings")).text
        page = await visitor.get(AT)
        assert page.status_code == 422
        assert "only a legacy one migrates" in page.text
        assert f'action="{AT}"' not in page.text


async def test_a_new_project_says_in_a_sentence_how_each_way_of_working_goes() -> None:
    async with in_the_house() as (_, visitor):
        page = (await visitor.get("/projects/new")).text
        for name in ("pipeline", "parallel", "simple", "legacy"):
            assert re.search(rf'value="{name}".*?<span class="hint">[^<]{{40,}}</span>', page, re.DOTALL), name
        await visitor.send("/projects/new", {"name": "Side by side", "template": "parallel"})
        assert "no public traffic" not in (await visitor.get("/projects/side-by-side/environments")).text
        assert "Main" in (await visitor.get("/projects/side-by-side/environments")).text
