"""Pages do not grow with the project: the same statements, about the same bytes, and a light first load.

`make bench` measures times at 10,000 entities and 10,000 versions; here what makes them is counted, which says the
same on a busy machine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Engine, event

from greenroom.kinds import KINDS
from greenroom.providers.clock import SystemClock
from greenroom.services.desk import Desk
from greenroom.services.work import Call
from greenroom.storage.sql import migrate, open_store
from greenroom.web.app import build_web
from tests.bench.bench_pages import BAR_BYTES, HOST, UNBOUND, ask, list_pages, load_first, make_project
from tests.support.gaps import note_fact

SMALL, LARGE = 120, 1_200
MORE_STATEMENTS = 3
"""For the digits of numbers, and for a portion that begins elsewhere."""


@asynccontextmanager
async def opened(folder: Path, count: int) -> AsyncIterator[tuple[httpx2.AsyncClient, dict[str, str]]]:
    """A browser that is signed in to a project of so many entities and versions, and its pages."""
    url = f"sqlite:///{folder / f'{count}.db'}"
    await migrate(url)
    store = await open_store(url)
    desk = Desk(store, SystemClock(), KINDS, {})
    owner = await desk.access.found_workspace(None)
    call = Call(owner, "speed")
    await make_project(desk, call, count)
    headers = {"accept-encoding": "gzip", "origin": HOST}
    transport = httpx2.ASGITransport(app=build_web(desk))
    async with httpx2.AsyncClient(transport=transport, base_url=HOST, headers=headers) as client:
        await client.post(f"/sign-in/{await desk.access.make_link(owner)}")
        yield client, await list_pages(desk, call, count)
    await store.close()


async def count_statements(client: httpx2.AsyncClient, path: str) -> int:
    """Returns how many statements a page needs that was looked at before."""
    said: list[str] = []

    def hear(_: Any, __: Any, statement: str, *___: Any) -> None:
        said.append(statement)

    await ask(client, path, 1)
    event.listen(Engine, "before_cursor_execute", hear)
    try:
        await ask(client, path, 0)
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    return len(said)


async def test_a_page_of_a_large_project_asks_no_more_and_weighs_no_more(tmp_path: Path) -> None:
    counts: dict[int, dict[str, tuple[int, int]]] = {}
    for size in (SMALL, LARGE):
        async with opened(tmp_path, size) as (client, pages):
            counts[size] = {
                name: (await count_statements(client, path), (await ask(client, path, 0)).size)
                for name, path in pages.items()
                if name != UNBOUND
            }
    grown = {
        name: (counts[SMALL][name], (statements, weight))
        for name, (statements, weight) in counts[LARGE].items()
        if statements > counts[SMALL][name][0] + MORE_STATEMENTS or weight > counts[SMALL][name][1] * 1.5 + 1_000
    }
    assert grown == {}, "(statements, bytes) of the small project and of the large one"
    most = max(counts[LARGE], key=lambda name: counts[LARGE][name][0])
    note_fact(f"pages: at most {counts[LARGE][most][0]} statements ({most})")


async def test_a_first_load_weighs_little(tmp_path: Path) -> None:
    async with opened(tmp_path, SMALL) as (client, pages):
        weights = {name: await load_first(client, path) for name, path in pages.items()}
    heaviest = max(weights, key=lambda name: weights[name])
    note_fact(f"pages: a first load is at most {weights[heaviest] / 1000:.0f} kB compressed ({heaviest})")
    assert {name: weight for name, weight in weights.items() if weight > BAR_BYTES} == {}
    assert weights["projects"] > 20_000, "scripts and styles are counted"


@pytest.mark.parametrize("name", ["content", "history", "environments"])
async def test_a_list_that_is_not_paged_would_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from greenroom.web import listing
    from greenroom.web.pages import environments, history

    for module in (listing, history, environments):
        monkeypatch.setattr(module, "PAGE", 10_000)
    weights = []
    for size in (SMALL, LARGE):
        async with opened(tmp_path, size) as (client, pages):
            weights.append((await ask(client, pages[name], 0)).size)
    assert weights[1] > weights[0] * 1.5 + 1_000
