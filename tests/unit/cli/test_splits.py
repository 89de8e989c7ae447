"""Split, testers and share links on the command line, and why a conversation came in where it did."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.fake_api import FakeApi
from tests.unit.cli.conftest import Run

AT = "2026-08-22T12:00:00Z"
HOTEL = "/projects/hotel"
LIVE = {"environment": "live", "weight": 90.0, "slots": [[0, 8999]]}
B = {"environment": "b", "weight": 10.0, "slots": [[n * 10, n * 10] for n in range(6)]}
SPLIT: dict[str, Any] = {
    "revision": 4, "sticky_key": "user", "salt": "s", "shares": [LIVE, B], "note": "B tries", "changed_at": AT,
    "changed_by": "key_1",
}  # fmt: skip
PLAN: dict[str, Any] = {
    "revision": 3, "before": [{"environment": "live", "weight": 100.0}], "after": [LIVE, B], "moved_slots": 1000,
    "moved_percent": 10.0, "rekeyed": False, "running": 2,
    "flows": [{"source": "live", "target": "b", "weight": 10.0}],
}  # fmt: skip
CHANGE = {
    "revision": 4, "at": AT, "by": "key_1", "note": "B tries", "sticky_key": "user", "before": PLAN["before"],
    "after": [LIVE, B], "moved_slots": 1000, "restarted": False,
}  # fmt: skip
TESTER = {
    "id": "abc", "kind": "caller", "shown": "+49…123", "label": "QA", "environment": "b", "added_at": AT,
    "added_by": "key_1",
}  # fmt: skip
LINK = {
    "id": "lnk_1", "environment": "b", "label": "Board", "created_at": AT, "created_by": "key_1",
    "expires_at": "2026-09-01T18:00:00Z", "revoked_at": None,
}  # fmt: skip


@pytest.fixture(autouse=True)
def answers(api: FakeApi) -> None:
    api.on("GET", f"{HOTEL}/split", SPLIT)
    api.on("PUT", f"{HOTEL}/split", PLAN, SPLIT)
    api.on("GET", f"{HOTEL}/split/history", {"items": [CHANGE], "next_cursor": None})
    api.on("GET", f"{HOTEL}/testers", {"items": [TESTER], "next_cursor": None})
    api.on("POST", f"{HOTEL}/testers", TESTER, status=201)
    api.on("DELETE", f"{HOTEL}/testers/abc", b"", status=204)
    revoked = {**LINK, "id": "lnk_0", "revoked_at": AT}
    api.on("GET", f"{HOTEL}/share-links", {"items": [LINK, revoked], "next_cursor": None})
    api.on("POST", f"{HOTEL}/share-links", {**LINK, "token": "lnk_1.s3cret"}, status=201)
    api.on("DELETE", f"{HOTEL}/share-links/lnk_1", b"", status=204)


def shown(run: Run, *words: str) -> str:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_the_split_is_shown(run: Run) -> None:
    said = shown(run, "split", "show")
    assert "live 90 % 0-8999" in said
    assert "b 10 % 0, 10, 20, 30 … (6 ranges)" in said
    assert "4, since 2026-08-22 12:00" in said


def test_a_split_that_nobody_set_says_so(run: Run, api: FakeApi) -> None:
    api.on("GET", f"{HOTEL}/split", {**SPLIT, "revision": 0, "changed_at": None, "shares": [LIVE]})
    assert "0, never set" in shown(run, "split", "show")


def test_setting_reads_what_is_there_and_says_what_moved(run: Run, api: FakeApi) -> None:
    said = shown(run, "split", "set", "live=90", "b=10%", "--note", "B tries")
    assert "revision 4: live 90 %, b 10 %" in said
    assert "10 % of the keys move; 2 running conversations stay where they are" in said
    planned, done = api.sent("PUT", "/split")
    assert planned.query == {"dry_run": "true"}
    assert done.headers["if-match"] == '"3"'
    shares = [{"environment": "live", "weight": 90.0}, {"environment": "b", "weight": 10.0}]
    assert done.json() == {"shares": shares, "note": "B tries"}


def test_whoever_states_what_they_saw_sends_that(run: Run, api: FakeApi) -> None:
    shown(run, "split", "set", "live=100", "--revision", "0", "--sticky-key", "caller")
    assert api.sent("PUT", "/split")[1].headers["if-match"] == "*"
    assert api.sent("PUT", "/split")[1].json()["sticky_key"] == "caller"


def test_a_dry_run_asks_for_the_plan_alone(run: Run, api: FakeApi) -> None:
    api.on("PUT", f"{HOTEL}/split", {**PLAN, "rekeyed": True})
    said = shown(run, "split", "set", "live=90", "b=10", "--dry-run")
    assert "live 100 % → live 90 %, b 10 %" in said
    assert "every key is drawn anew (about 10 % from live to b)" in said
    assert len(api.sent("PUT", "/split")) == 1
    assert json.loads(run("split", "set", "live=90", "b=10", "--dry-run", "--json").stdout)["moved_slots"] == 1000


def test_a_restart_is_asked_for_by_name(run: Run, api: FakeApi) -> None:
    shown(run, "split", "set", "live=90", "b=10", "--restart", "--note", "The first week is over")
    assert [sent.json()["restart"] for sent in api.sent("PUT", "/split")] == [True, True]


@pytest.mark.parametrize("share", ["live", "=5", "live=", "live=x", "live=101", "live=-1", "live=nan"])
def test_what_is_no_share_is_not_sent(run: Run, api: FakeApi, share: str) -> None:
    result = run("split", "set", share)
    assert result.exit_code == 2
    assert api.sent("PUT", "/split") == []


def test_no_share_is_given_twice(run: Run) -> None:
    assert run("split", "set", "live=50", "live=50").exit_code == 2


def test_the_history_shows_changes(run: Run) -> None:
    assert "live 100 % → live 90 %, b 10 % 10 % B tries" in shown(run, "split", "history")


def test_why_is_read_out(run: Run, api: FakeApi) -> None:
    why = {
        "conversation": "cnv_1", "environment": "b", "version": 1, "by": "default", "split": None, "slot": None,
        "key": None, "share_link": None, "shares": [], "changes_since": 0, "sentences": ["It came so.", "And so."],
    }  # fmt: skip
    api.on("GET", "/conversations/cnv_1/why", why)
    assert shown(run, "why", "cnv_1") == "It came so. And so."


def test_testers_are_listed_added_and_removed(run: Run, api: FakeApi) -> None:
    assert "+49…123 caller QA b abc" in shown(run, "testers", "list", "--env", "b")
    assert "+49…123 is led to b" in shown(run, "testers", "add", "--env", "b", "--caller", "+49151123")
    assert api.sent("POST", "/testers")[0].json() == {"environment": "b", "caller": "+49151123"}
    assert "removed abc" in shown(run, "testers", "remove", "abc")


def test_share_links_are_listed_made_and_revoked(run: Run, api: FakeApi) -> None:
    said = shown(run, "share-links", "list")
    assert "lnk_1 b Board 2026-09-01 18:00" in said
    assert "revoked 2026-08-22" in said
    result = run("share-links", "create", "--env", "b", "--until", "2026-09-01T18:00:00Z", "--label", "Board")
    assert result.stdout == "lnk_1.s3cret\n"
    assert api.sent("POST", "/share-links")[0].json()["environment"] == "b"
    assert "revoked lnk_1" in shown(run, "share-links", "revoke", "lnk_1")
