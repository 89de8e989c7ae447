"""Secrets and connections on the command line: values are typed or piped in, never arguments."""

from __future__ import annotations

import json
from typing import Any

import pytest

from greenroom.cli import secrets
from tests.support.fake_api import FakeApi
from tests.unit.cli.conftest import Run

AT = "2026-08-22T12:00:00Z"
HOTEL = "/projects/hotel"
OVERRIDE = {"environment": "live", "side": "live", "set_at": AT, "set_by": "key_1"}
SECRET: dict[str, Any] = {"name": "BOOKING_KEY", "set_at": AT, "set_by": "key_1", "overrides": [OVERRIDE]}
CONNECTION: dict[str, Any] = {
    "slug": "openai",
    "kind": "model",
    "provider": "openai",
    "base_url": "",
    "secret": "MODEL_KEY",
    "settings": {"org": "x"},
    "revision": 3,
    "created_at": AT,
    "changed_at": AT,
    "changed_by": "key_1",
}


@pytest.fixture(autouse=True)
def answers(api: FakeApi) -> None:
    one = f"{HOTEL}/secrets/BOOKING_KEY"
    api.on("GET", f"{HOTEL}/secrets", {"items": [SECRET, {**SECRET, "name": "B", "set_at": None}], "next_cursor": None})
    api.on("PUT", one, SECRET)
    api.on("DELETE", one, b"", status=204)
    api.on("PUT", f"{one}/overrides/live/draft", SECRET)
    api.on("DELETE", f"{one}/overrides/live/live", b"", status=204)
    api.on("POST", f"{HOTEL}/secrets/rotate", {"rotated": 2})
    api.on("GET", f"{HOTEL}/connections", {"items": [CONNECTION], "next_cursor": None})
    api.on("GET", f"{HOTEL}/connections/openai", CONNECTION)
    api.on("PUT", f"{HOTEL}/connections/openai", CONNECTION)
    api.on("DELETE", f"{HOTEL}/connections/openai", b"", status=204)


def test_a_piped_value_is_sent_and_not_shown(run: Run, api: FakeApi) -> None:
    result = run("secrets", "set", "BOOKING_KEY", typed="k3y\n")
    assert result.exit_code == 0, result.output
    assert [asked.json() for asked in api.sent("PUT", "/BOOKING_KEY")] == [{"value": "k3y"}]
    assert "k3y" not in result.output
    result = run("secrets", "override", "BOOKING_KEY", "--env", "live", "--side", "draft", typed="k4y")
    assert result.exit_code == 0, result.output
    assert api.sent("PUT", "/overrides/live/draft")[0].json() == {"value": "k4y"}


def test_a_typed_value_is_asked_for_without_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def prompt(text: str, *, hide_input: bool = False, **_: Any) -> str:
        asked.append((text, hide_input))
        return "k3y"

    monkeypatch.setattr(secrets.sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(secrets.typer, "prompt", prompt)
    assert secrets._read_value("BOOKING_KEY") == "k3y"
    assert asked == [("value of BOOKING_KEY", True)]


def test_a_value_is_no_argument(run: Run, api: FakeApi) -> None:
    assert run("secrets", "set", "BOOKING_KEY", "k3y").exit_code == 2
    assert run("secrets", "set", "BOOKING_KEY", "--value", "k3y").exit_code == 2
    assert api.sent("PUT", "/BOOKING_KEY") == []


def test_lists_show_where_values_are(run: Run) -> None:
    shown = run("secrets", "list").output
    assert "BOOKING_KEY" in shown
    assert "live (live)" in shown
    assert "not set" in shown
    assert json.loads(run("secrets", "list", "--json").stdout)["items"][0]["name"] == "BOOKING_KEY"


@pytest.mark.parametrize(
    "words, said",
    [
        ("secrets unset BOOKING_KEY", "removed BOOKING_KEY"),
        ("secrets restore BOOKING_KEY --env live", "removed BOOKING_KEY in live (live)"),
        ("secrets rotate", "sealed 2 values anew"),
        ("secrets rotate", "nothing of this project needs a former key any more"),
        ("connections list", "MODEL_KEY"),
        ("connections show openai", '{"org": "x"}'),
        ("connections remove openai", "removed openai"),
    ],
)
def test_each_command_says_what_it_did(run: Run, words: str, said: str) -> None:
    result = run(*words.split())
    assert result.exit_code == 0, result.output
    assert said in result.output


def test_a_rotation_goes_on_until_everything_was_looked_at(run: Run, api: FakeApi) -> None:
    path = f"{HOTEL}/secrets/rotate"
    first = {"rotated": 2, "turns": 498, "next_cursor": "bW9yZQ"}
    last = {"rotated": 0, "turns": 2, "users": 1, "conversations": 30, "unopened": 1, "next_cursor": None}
    api.on("POST", path, first, last)
    result = run("secrets", "rotate")
    assert result.exit_code == 0, result.output
    assert [asked.query for asked in api.sent("POST", path)] == [{}, {"cursor": "bW9yZQ"}]
    assert "sealed 2 values, 500 turns, 1 user, 30 conversations anew" in result.stderr
    assert "1 sealed thing could not be opened" in result.stderr
    api.on("POST", path, first, last)
    told = json.loads(run("secrets", "rotate", "--json").stdout)
    assert (told["turns"], told["unopened"], told["next_cursor"]) == (500, 1, None)


def test_what_is_given_of_a_connection_is_changed_and_the_rest_stays(run: Run, api: FakeApi) -> None:
    result = run("connections", "set", "openai", "--base-url", "https://m.example", "--setting", "limit=3")
    assert result.exit_code == 0, result.output
    (sent,) = api.sent("PUT", "/connections/openai")
    assert sent.headers["if-match"] == '"3"'
    whole = {"kind": "model", "provider": "openai", "base_url": "https://m.example", "secret": "MODEL_KEY"}
    assert sent.json() == {**whole, "settings": {"org": "x", "limit": 3}}
    (removed,) = [run("connections", "remove", "openai")]
    assert removed.exit_code == 0
    assert api.sent("DELETE", "/connections/openai")[0].headers["if-match"] == '"3"'


def test_a_new_connection_needs_its_kind(run: Run, api: FakeApi) -> None:
    api.refuse("GET", f"{HOTEL}/connections/openai", 404, "not_found", "connection_not_found", "no")
    assert "--kind" in run("connections", "set", "openai").stderr
    result = run("connections", "set", "openai", "--kind", "model", "--setting", "org=x")
    assert result.exit_code == 0, result.output
    (sent,) = api.sent("PUT", "/connections/openai")
    assert (sent.headers["if-match"], sent.json()) == ("*", {"kind": "model", "settings": {"org": "x"}})
    assert run("connections", "set", "openai", "--kind", "model", "--setting", "org").exit_code == 2
