"""Numbers and readiness on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_api import FakeApi
from tests.unit.cli.conftest import Run

AT = "2026-08-22T12:00:00Z"
HOTEL = "/projects/hotel"
PHONE = "+442079460000"
RULES = [
    {"header": "X-Test", "matches": {"exact": "yes"}, "then": {"environment": "sandbox"}},
    {"header": "X-Line", "matches": {"prefix": "qa-"}, "then": {"version": 7}},
    {"header": "X-Who", "matches": {"one_of": ["a", "b"]}, "then": {"environment": "live"}},
]
NUMBER: dict[str, Any] = {
    "number": PHONE,
    "label": "Front desk",
    "environment": "live",
    "default_entry": False,
    "public": True,
    "sip_rules": RULES,
    "revision": 3,
    "created_at": AT,
    "changed_at": AT,
    "changed_by": "key_1",
}
TEST_LINE = {**NUMBER, "number": "+442079460001", "environment": "sandbox", "public": False, "sip_rules": []}
BLOCKED = {
    "code": "secret_missing",
    "level": "blocked",
    "message": "the secret KEY has no value in live",
    "address": "tool/find",
    "pointer": "/url",
    "fix": "set it: `secrets set KEY`",
}
FINE = {"code": "values_set", "level": "ok", "message": "values are there", "fix": ""}


@pytest.fixture(autouse=True)
def answers(api: FakeApi) -> None:
    api.on("GET", f"{HOTEL}/numbers", {"items": [NUMBER, TEST_LINE], "next_cursor": None})
    api.on("POST", f"{HOTEL}/numbers", NUMBER)
    api.on("GET", f"{HOTEL}/numbers/+442079460000", NUMBER)
    api.on("PATCH", f"{HOTEL}/numbers/+442079460000", {**NUMBER, "environment": None, "default_entry": True})
    api.on("DELETE", f"{HOTEL}/numbers/+442079460000", b"", status=204)
    ready = {"environment": "live", "version": 2, "ready": True, "items": [FINE]}
    api.on("GET", f"{HOTEL}/environments/live/readiness", ready)


@pytest.mark.parametrize(
    "words, shown",
    [
        ("numbers list", "test number"),
        (f"numbers show {PHONE}", "X-Line begins with qa-: v7, as a test"),
        (f"numbers rules {PHONE}", "X-Who is one of a, b: live"),
        (f"numbers add {PHONE} --to live", f"added {PHONE}: it leads to live"),
        (f"numbers assign {PHONE} --default-entry", f"{PHONE} leads to the default entry"),
        (f"numbers remove {PHONE}", f"removed {PHONE}"),
        ("readiness live", "live is ready for v2"),
    ],
)
def test_a_command_says_what_it_found_or_did(run: Run, words: str, shown: str) -> None:
    result = run(*words.split())
    assert result.exit_code == 0, result.output
    assert shown in result.output


def test_what_is_changed_says_which_revision_was_seen(run: Run, api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(RULES))
    assert run("numbers", "rules", PHONE, "--file", str(file)).exit_code == 0
    assert run("numbers", "rules", PHONE, "--clear").exit_code == 0
    assert run("numbers", "assign", PHONE, "--to", "sandbox").exit_code == 0
    sent = api.sent("PATCH", "/numbers/+442079460000")
    assert [one.json() for one in sent] == [{"sip_rules": RULES}, {"sip_rules": []}, {"environment": "sandbox"}]
    assert {one.headers["if-match"] for one in sent} == {'"3"'}
    run("numbers", "remove", PHONE)
    assert api.sent("DELETE", "/numbers/+442079460000")[0].headers["if-match"] == '"3"'


def test_where_a_number_leads_must_be_said_once(run: Run, tmp_path: Path) -> None:
    for command in ("add", "assign"):
        assert run("numbers", command, PHONE).exit_code == 2
        assert run("numbers", command, PHONE, "--to", "live", "--default-entry").exit_code == 2
    file = tmp_path / "rules.json"
    for text in ("{}", "[", ""):
        file.write_text(text)
        assert run("numbers", "rules", PHONE, "--file", str(file)).exit_code == 2


def test_what_is_not_ready_ends_with_no(run: Run, api: FakeApi) -> None:
    found = {"environment": "live", "version": 2, "ready": False, "items": [BLOCKED, FINE]}
    api.on("GET", f"{HOTEL}/environments/live/readiness", found)
    result = run("readiness", "live", "--version", "v2")
    assert result.exit_code == 1
    assert "live is NOT ready for v2" in result.output
    assert "secrets set KEY" in result.output
    assert run("readiness", "live", "--json").exit_code == 1
