"""Commands about data that no version holds: reviews, erasure, tickets, calls, tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.fake_api import FakeApi
from tests.unit.cli.conftest import Run

AT = "2026-11-21T04:00:00Z"
NOTE = {"id": "nte_1", "text": "Call back", "author": "key_1", "at": AT}
RATED = {"id": "fbk_1", "score": -1, "scale": "thumbs", "comment": "wrong", "turn": 2, "author": "key_1", "at": AT}
REVIEW = {"conversation": "cnv_1", "tags": ["vip"], "notes": [NOTE], "feedback": [RATED]}
TICKET = {
    "id": "tkt_1",
    "conversation": "cnv_1",
    "channel": "voice",
    "status": "open",
    "handoff": "office",
    "name": "Back office",
    "reason": "refund",
    "destination": {},
    "assignee": "",
    "comment": "",
    "opened_at": AT,
    "changed_at": AT,
    "closed_by": "",
    "closed_at": None,
}
EXECUTION = {
    "id": "1:cnv_1",
    "conversation": "cnv_1",
    "turn": 1,
    "kind": "tool",
    "name": "pay",
    "failed": True,
    "error": {"code": "timeout", "message": "too late"},
    "ms": 12.5,
    "facts": {},
    "answer": {},
    "at": AT,
}
COLUMN = {"name": "number", "type": "number", "required": True}
TABLE = {
    "slug": "rooms",
    "name": "Rooms",
    "description": "",
    "columns": [COLUMN],
    "key": "number",
    "rows": 1,
    "created_at": AT,
    "changed_at": AT,
}
ROW = {"key": "7", "values": {"number": 7}, "revision": 2, "at": AT, "changed_at": AT}


@pytest.fixture(autouse=True)
def answers(api: FakeApi) -> None:
    talk, hotel = "/conversations/cnv_1", "/projects/hotel"
    api.on("GET", f"{talk}/review", REVIEW)
    api.on("POST", f"{talk}/tags", REVIEW)
    api.on("DELETE", f"{talk}/tags/call back", {**REVIEW, "tags": []})
    api.on("GET", f"{hotel}/tags", {"items": [{"tag": "vip", "count": 3}], "next_cursor": None})
    api.on("POST", f"{talk}/notes", NOTE)
    api.on("POST", f"{talk}/feedback", RATED)
    api.on("POST", f"{talk}/erase", {"id": "cnv_1", "turns": 2, "erased_at": AT})
    api.on("POST", f"{hotel}/erasures", {"conversations": 2, "user": True})
    api.on("GET", f"{hotel}/tickets", {"items": [TICKET], "next_cursor": None})
    api.on("GET", f"{hotel}/tickets/tkt_1", TICKET)
    api.on("POST", f"{hotel}/tickets/tkt_1/assign", {**TICKET, "assignee": "Ann"})
    api.on("POST", f"{hotel}/tickets/tkt_1/close", {**TICKET, "status": "closed"})
    api.on("GET", f"{hotel}/executions", {"items": [EXECUTION], "next_cursor": None})
    api.on("GET", f"{hotel}/tables", {"items": [TABLE], "next_cursor": None})
    api.on("POST", f"{hotel}/tables", TABLE)
    api.on("GET", f"{hotel}/tables/rooms", TABLE)
    api.on("PATCH", f"{hotel}/tables/rooms", TABLE)
    api.on("DELETE", f"{hotel}/tables/rooms", b"", status=204)
    api.on("GET", f"{hotel}/tables/rooms/rows", {"items": [ROW], "next_cursor": None})
    api.on("POST", f"{hotel}/tables/rooms/rows", ROW)
    api.on("DELETE", f"{hotel}/tables/rooms/rows", b"", status=204)
    api.on("POST", f"{hotel}/tables/rooms/import", {"rows": 3, "added": 1})
    api.on("GET", f"{hotel}/tables/rooms/export", b"number\r\n7\r\n")


COMMANDS = [
    (["review", "show", "cnv_1"], "tags", "Call back"),
    (["review", "tag", "cnv_1", "vip"], "tags", "tags: vip"),
    (["review", "untag", "cnv_1", "call back"], "tags", "tags: none"),
    (["review", "tags"], "items", "vip"),
    (["review", "note", "cnv_1", "Call back"], "id", "noted nte_1"),
    (["review", "rate", "cnv_1", "-1", "--comment", "wrong"], "score", "rated -1 (thumbs)"),
    (["erase", "conversation", "cnv_1", "--yes"], "erased_at", "erased cnv_1 (2 turns)"),
    (["erase", "person", "--user", "ada", "--yes"], "conversations", "erased 2 conversations"),
    (["tickets", "list", "--status", "open"], "items", "refund"),
    (["tickets", "show", "tkt_1"], "reason", "Back office"),
    (["tickets", "assign", "tkt_1", "Ann"], "assignee", "is for Ann"),
    (["tickets", "close", "tkt_1", "--comment", "done"], "status", "closed tkt_1"),
    (["executions", "list", "--failed", "--kind", "tool"], "items", "too late"),
    (["tables", "list"], "items", "rooms"),
    (["tables", "show", "rooms"], "columns", "number"),
    (["tables", "create", "rooms", "--column", "number:number!", "--key", "number"], "slug", "made rooms"),
    (["tables", "alter", "rooms", "--column", "floor:number"], "slug", "rooms has 1 column"),
    (["tables", "rows", "rooms", "--where", "number=7"], "items", "7"),
    (["tables", "put", "rooms", "--set", "number=7", "--revision", "1"], "revision", "wrote 7 (revision 2)"),
]


@pytest.mark.parametrize("words, member, shown", COMMANDS, ids=[" ".join(row[0][:2]) for row in COMMANDS])
def test_each_command_answers_people_and_programs(run: Run, words: list[str], member: str, shown: str) -> None:
    for_people = run(*words)
    assert for_people.exit_code == 0, for_people.output
    assert shown in for_people.output
    for_programs = run(*words, "--json")
    assert for_programs.exit_code == 0, for_programs.output
    assert member in json.loads(for_programs.stdout)


def test_what_is_for_ever_is_asked_for(run: Run, api: FakeApi) -> None:
    for words in (
        ["erase", "conversation", "cnv_1"],
        ["erase", "person", "--caller", "+44"],
        ["tables", "delete", "rooms"],
    ):
        assert run(*words).exit_code == 2
        assert run(*words, typed="n\n").exit_code == 1
    assert not api.sent("POST", "/erase")
    assert not api.sent("DELETE", "/rooms")
    assert run("erase", "person", typed="y\n").exit_code == 2
    assert run("tables", "delete", "rooms", typed="y\n").exit_code == 0
    assert run("erase", "person", "--caller", "+44", typed="y\n").exit_code == 0
    assert api.sent("POST", "/erasures")[0].json() == {"caller": "+44"}


def test_what_is_asked_goes_out_as_it_was_typed(run: Run, api: FakeApi) -> None:
    run("tables", "create", "rooms", "--column", "number:number!", "--column", "view")
    columns = api.sent("POST", "/tables")[0].json()["columns"]
    assert columns == [
        {"name": "number", "type": "number", "required": True},
        {"name": "view", "type": "text", "required": False},
    ]
    run("executions", "list", "--done")
    assert api.sent("GET", "/executions")[0].query["failed"] == "false"
    run("tables", "rows", "rooms", "--where", "view=sea")
    assert json.loads(api.sent("GET", "/rows")[0].query["where"]) == {"view": "sea"}
    assert run("tables", "put", "rooms", "--set", "view").exit_code == 2
    run("tables", "remove", "rooms", "a/b")
    assert api.sent("DELETE", "/rows")[0].query == {"key": "a/b"}


def test_tables_come_and_go_as_csv(run: Run, api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "rooms.csv"
    file.write_bytes(b"number\n7\n")
    assert "wrote 3 rows, 1 of them new" in run("tables", "import", "rooms", str(file)).output
    assert api.sent("POST", "/import")[0].body == b"number\n7\n"
    assert run("tables", "import", "rooms", str(tmp_path / "none.csv")).exit_code == 3
    assert run("tables", "export", "rooms", str(tmp_path / "out.csv")).exit_code == 0
    assert (tmp_path / "out.csv").read_bytes() == b"number\r\n7\r\n"
    assert "number" in run("tables", "export", "rooms").stdout
