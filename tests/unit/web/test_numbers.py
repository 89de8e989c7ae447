"""Telephone numbers in the browser: added, assigned, ruled, asked where they lead, removed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping

import pytest

from greenroom.services.numbers import NumberView
from greenroom.services.splits import ShareRequest, SplitRequest
from tests.support.api import HOME
from tests.support.splits import open_place
from tests.unit.web.visitor import Visitor, furnished, visiting

BASE = "/projects/hotel/numbers"
DESK = "+442079460000"
EMPTY = {"rule-header": "", "rule-match": "exact", "rule-values": "", "rule-then": "env:live", "rule-version": ""}


@pytest.fixture
async def owner() -> AsyncIterator[Visitor]:
    stage = await furnished()
    await open_place(stage.store, HOME, "hotel", "b", 1)
    async with visiting(stage) as found:
        yield found


async def load(visitor: Visitor, number: str = DESK) -> NumberView:
    return await visitor.stage.desk.numbers.load(await visitor.call(), "hotel", number)


def rules(*rows: Mapping[str, str]) -> dict[str, list[str]]:
    """Returns rows of the form, as a browser sends them: every field once for each row."""
    return {name: [{**EMPTY, **row}[name] for row in rows] for name in EMPTY}


async def test_a_number_is_added_and_says_who_reaches_it(owner: Visitor) -> None:
    assert "No numbers yet" in (await owner.get(BASE)).text
    sent = {"number": "+44 20 7946 0000", "label": "Front <b>desk</b>", "environment": ""}
    assert (await owner.send(BASE, sent)).status_code == 303
    assert (await owner.send(BASE, {"number": "+442079460001", "environment": "sandbox"})).status_code == 303
    page = (await owner.get(BASE)).text
    assert "+442079460001 leads to sandbox from now on." in page
    assert "Front &lt;b&gt;desk" in page
    assert "the default entry <span" in page
    assert "Live 100 %" in page
    assert page.count("tests only") == 1


@pytest.mark.parametrize(
    "sent, told",
    [
        ({"number": "020 7946 0000"}, "is no telephone number with its country"),
        ({"number": "+442079460009", "environment": "nowhere"}, "has no environment"),
        ({"number": "+442079460009", "label": "x" * 121}, "is one line of at most 120 characters"),
        ({"number": DESK}, "is a number of the project hotel already"),
    ],
)
async def test_a_number_that_cannot_be_is_refused_and_what_was_typed_stays(
    owner: Visitor, sent: dict[str, str], told: str
) -> None:
    await owner.send(BASE, {"number": DESK, "environment": "live"})
    refused = await owner.send(BASE, sent)
    assert refused.status_code == 422
    assert told in refused.text
    assert f'value="{sent["number"]}"' in refused.text


async def test_a_number_is_assigned_with_rules_that_are_kept_in_their_order(owner: Visitor) -> None:
    await owner.send(BASE, {"number": DESK, "environment": "live"})
    place = f"{BASE}/{DESK}"
    assert "Another rule" in (await owner.get(place)).text
    rows = rules(
        {"rule-header": "X-Line", "rule-values": "b", "rule-then": "env:b"},
        {},
        {
            "rule-header": "X-Version",
            "rule-match": "one_of",
            "rule-values": "1\r\nv1\r\n",
            "rule-then": "version",
            "rule-version": "v1",
        },
        {},
    )
    sent = {"revision": "1", "environment": "b", "label": "Front desk", **rows}
    assert (await owner.send(place, sent)).headers["location"] == place
    view = await load(owner)
    assert (view.alias, view.number.label, view.revision) == ("b", "Front desk", 2)
    assert [(r.header, r.match, r.values, r.version) for r in view.number.rules] == [
        ("X-Line", "exact", ("b",), None),
        ("X-Version", "one_of", ("1", "v1"), 1),
    ]
    page = (await owner.get(place)).text
    assert 'value="X-Line"' in page
    assert "1\nv1</textarea>" in page
    kept = rules(
        {"rule-header": "X-Line", "rule-values": "b", "rule-then": "env:b"},
        {"rule-header": "X-Version", "rule-values": "1", "rule-then": "version", "rule-version": "v1"},
    )
    removed = {"revision": "2", "environment": "b", **kept, "rule-remove": "0"}
    assert (await owner.send(place, removed)).status_code == 303
    assert [rule.header for rule in (await load(owner)).number.rules] == ["X-Version"]


@pytest.mark.parametrize(
    "row, told",
    [
        ({"rule-header": "No Header", "rule-values": "x"}, "is the name of a SIP header such as X-Test-Line"),
        ({"rule-header": "X-Line", "rule-values": ""}, "holds one text"),
        ({"rule-header": "X-Line", "rule-values": "one\ntwo"}, "holds one text"),
        ({"rule-header": "X-Line", "rule-values": "x", "rule-then": "env:nowhere"}, "has no environment"),
        ({"rule-header": "X-Line", "rule-values": "x", "rule-then": "version"}, "say a version such as v3"),
        (
            {"rule-header": "X-Line", "rule-values": "x", "rule-then": "version", "rule-version": "v9"},
            "v9",
        ),
    ],
)
async def test_a_rule_that_cannot_be_is_refused_beside_itself(owner: Visitor, row: dict[str, str], told: str) -> None:
    await owner.send(BASE, {"number": DESK, "environment": "live"})
    sent = {"revision": "1", "environment": "live", "label": "Typed", **rules(row, {})}
    refused = await owner.send(f"{BASE}/{DESK}", sent)
    assert refused.status_code == 422
    assert told in refused.text
    assert 'class="rule is-wrong"' in refused.text
    assert f'value="{row["rule-header"]}"' in refused.text
    assert 'value="Typed"' in refused.text
    assert not (await load(owner)).number.rules


async def test_a_test_number_never_leads_to_the_public(owner: Visitor) -> None:
    await owner.send(BASE, {"number": DESK, "environment": "sandbox"})
    row = {"rule-header": "X-Line", "rule-values": "x", "rule-then": "env:live"}
    refused = await owner.send(f"{BASE}/{DESK}", {"revision": "1", "environment": "sandbox", **rules(row)})
    assert refused.status_code == 422
    assert "no rule may lead it to live" in refused.text
    assert not (await load(owner)).number.rules


async def test_a_stale_change_keeps_what_was_typed_and_can_be_meant(owner: Visitor) -> None:
    await owner.send(BASE, {"number": DESK, "environment": "live"})
    place = f"{BASE}/{DESK}"
    await owner.send(place, {"revision": "1", "environment": "b", "label": "Theirs"})
    refused = await owner.send(place, {"revision": "1", "environment": "", "label": "Mine"})
    assert refused.status_code == 422
    assert "Somebody changed this number meanwhile." in refused.text
    assert "It now leads to B" in refused.text
    assert 'value="Mine"' in refused.text
    assert (await load(owner)).number.label == "Theirs"
    assert (await owner.send(place, {"revision": "2", "environment": "", "label": "Mine"})).status_code == 303
    assert (await load(owner)).number.environment == ""


async def test_a_number_is_removed_only_as_it_was_seen(owner: Visitor) -> None:
    await owner.send(BASE, {"number": DESK, "environment": "live"})
    place = f"{BASE}/{DESK}"
    assert "Whoever calls +442079460000 is then refused" in (await owner.get(place)).text
    for sent in ({"remove": "1"}, {"remove": "1", "revision": "9"}):
        assert (await owner.send(place, sent)).status_code == 422
    gone = await owner.send(place, {"remove": "1", "revision": "1"})
    assert gone.headers["location"] == BASE
    assert (await owner.get(place)).status_code == 404


async def test_where_a_call_would_lead_is_told_with_the_reason(owner: Visitor) -> None:
    shares = [ShareRequest("live", 0), ShareRequest("b", 100)]
    await owner.stage.desk.splits.set(await owner.call(), "hotel", SplitRequest(shares), "*")
    await owner.send(BASE, {"number": DESK, "environment": ""})
    row = {"rule-header": "X-Test-Line", "rule-values": "yes", "rule-then": "env:live"}
    test = {"rule-header": "X-Version", "rule-values": "1", "rule-then": "version", "rule-version": "v1"}
    await owner.send(f"{BASE}/{DESK}", {"revision": "1", "environment": "", **rules(row, test)})
    ask = f"{BASE}/resolve"
    ruled = (await owner.send(ask, {"called": "+44 20 7946 0000", "headers": "x-test-line: yes\nX-Other: 1"})).text
    assert "SIP rule 1 of +442079460000 holds, and leads to live." in ruled
    assert "x-test-line: yes" in ruled
    plain = (await owner.send(ask, {"called": DESK, "caller": "+4915112345"})).text
    assert "+442079460000 follows the default entry." in plain
    assert "The traffic key, the caller" in plain
    assert "which b owns with 100 % of all slots" in plain
    tested = (await owner.send(ask, {"called": DESK, "headers": "X-Version: 1"})).text
    assert "holds, and leads to v1 as a test" in tested


@pytest.mark.parametrize(
    "sent, told",
    [
        ({"called": ""}, "say which number is called"),
        ({"called": "+442079460009"}, "has no number"),
        ({"called": DESK, "headers": "no header"}, "line 1 is no header"),
    ],
)
async def test_a_question_that_cannot_be_answered_says_why(owner: Visitor, sent: dict[str, str], told: str) -> None:
    await owner.send(BASE, {"number": DESK, "environment": "live"})
    refused = await owner.send(f"{BASE}/resolve", sent)
    assert refused.status_code == 422
    assert told in refused.text
    assert f'value="{sent["called"]}"' in refused.text


async def test_numbers_are_paged(owner: Visitor) -> None:
    for number in range(101):
        await owner.send(BASE, {"number": f"+4420794{number:05}", "environment": "live"})
    page = (await owner.get(BASE)).text
    more = re.search(r'href="\?after=([^"]+)"', page)
    assert more
    assert "+442079400100" in (await owner.get(f"{BASE}?after={more[1]}")).text
    assert "+442079400100</a>" not in page


async def test_a_viewer_reads_asks_and_changes_nothing(owner: Visitor) -> None:
    await owner.send(BASE, {"number": DESK, "environment": "live"})
    before = owner.stage.contents()
    async with visiting(owner.stage, "viewer") as viewer:
        for path in (BASE, f"{BASE}/{DESK}"):
            page = await viewer.get(path)
            assert page.status_code == 200
            assert "Add the number" not in page.text
            assert "Remove +44" not in page.text
        assert (await viewer.send(f"{BASE}/resolve", {"called": DESK})).status_code == 200
        assert (await viewer.send(BASE, {"number": "+442079460009", "environment": "live"})).status_code == 403
        changed = await viewer.send(f"{BASE}/{DESK}", {"revision": "1", "environment": "b"})
        assert changed.status_code == 403
    assert owner.stage.contents() == before
