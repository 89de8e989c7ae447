"""Every other command: what it asks, what it prints for people and for programs."""

import json
from pathlib import Path
from typing import Any

import pytest

from greenroom.wire.versions import ChangeOut, CheckOut, FieldChangeOut
from tests.support import fake_api
from tests.support.fake_api import DIGEST, FakeApi, environment, page, version
from tests.unit.cli.conftest import Run
from tests.unit.cli.test_main import PROJECT

ENTITY = {
    "address": "topic/hours",
    "kind": "topic",
    "slug": "hours",
    "name": "Hours",
    "revision": DIGEST,
    "body": {"schema": 1, "name": "Hours", "content": "Nine to five"},
    "mentions": ["sms/hours"],
    "where_used": [],
}
STATE = {"ref": "v1", "digest": DIGEST, "version": 1, "entities": 3}
DRAFT: dict[str, Any] = {
    "environment": "sandbox",
    "owner": "key_1",
    "base": STATE,
    "revision": 7,
    "digest": DIGEST,
    "changes": [{"address": "topic/hours", "op": "edited", "revision": DIGEST, "at": "2026-08-22T12:00:00Z"}],
    "others_editing": [],
    "behind": True,
    "nudge": "",
}
LOADED = {
    "draft": DRAFT,
    "changes": [{"address": "topic/hours", "op": "removed", "revision": None}],
    "warnings": ["/topic/pool: names topic/hours"],
    "discarded_id": "drf_9",
}
GONE = {
    "discarded_id": "drf_9",
    "changes": 1,
    "discarded_at": "2026-08-22T12:00:00Z",
    "until": "2026-09-21T12:00:00Z",
    "base_version": 1,
    "addresses": ["topic/hours"],
    "carries": [],
}
CHECKPOINT = {
    "id": "chk_1",
    "name": "Before lunch",
    "by": "key_1",
    "at": "2026-08-22T12:00:00Z",
    "base_version": 1,
    "changes": 1,
    "addresses": ["topic/hours"],
    "digest": "sha256:" + "0" * 64,
}
CHANGED = {
    "version": 3,
    "op": "edited",
    "revision": DIGEST,
    "author": "key_1",
    "edited_by": "key_2",
    "edited_by_name": "Bob",
    "at": "2026-08-22T12:00:00Z",
    "note": "Longer hours",
    "served_by": ["live"],
}
HERE = {"present": [{"id": "key_2", "name": "Bob", "entity": "topic/hours", "seen_at": "2026-08-22T12:00:00Z"}]}
SAVED = {"address": "topic/hours", "revision": DIGEST, "draft_revision": 8, "warnings": ["large"]}
CONVERSATION = {
    "id": "cnv_1",
    "environment": "live",
    "ref": None,
    "origin": "public",
    "channel": "chat",
    "version": 1,
    "digest": DIGEST,
    "started_at": "2026-08-22T12:00:00Z",
    "last_at": "2026-08-22T12:00:00Z",
    "turns": 1,
    "ended": False,
}
TURN = {
    "index": 1,
    "heard": "When are you open?",
    "reply": "Nine to five",
    "events": [],
    "ended": False,
    "version": 1,
    "digest": DIGEST,
    "trace": {"topic": "topic/hours"},
}
KEY = {"id": "key_2", "name": "ci", "role": "editor", "created_at": "2026-08-22T12:00:00Z", "revoked": False}
EVENT = {
    "seq": 3,
    "at": "2026-08-22T12:00:00.000000Z",
    "actor": "key_1",
    "action": "release.promoted",
    "environment": "live",
    "summary": "promoted v1 to live",
}
RESOLVED = {"environment": "live", "version": 1, "digest": DIGEST, "seq": 4, "slot": 17, "reason": "full arm"}


@pytest.fixture(autouse=True)
def answers(api: FakeApi) -> None:
    hotel = "/projects/hotel"
    api.on("GET", "/projects", {"items": [PROJECT], "next_cursor": None})
    api.on("POST", "/projects", PROJECT)
    api.on("GET", hotel, PROJECT)
    api.on("PATCH", hotel, {**PROJECT, "name": "Grand Hotel"})
    api.on("DELETE", hotel, b"", status=204)
    api.on("GET", f"{hotel}/environments", page(environment("sandbox"), environment("live")))
    api.on("GET", f"{hotel}/environments/live", environment("live"))
    api.on("GET", f"{hotel}/environments/sandbox", environment("sandbox"))
    api.on("GET", f"{hotel}/content", {"items": [ENTITY], "next_cursor": None})
    api.on("GET", f"{hotel}/content/topic/hours", ENTITY)
    api.on("GET", f"{hotel}/environments/sandbox/draft", DRAFT)
    api.on("PUT", f"{hotel}/environments/sandbox/draft/topic/hours", SAVED)
    api.on("DELETE", f"{hotel}/environments/sandbox/draft/topic/hours", {**SAVED, "revision": None})
    api.on("POST", f"{hotel}/environments/sandbox/draft/discard", {"discarded_id": "drf_1", "changes": 1})
    draft = f"{hotel}/environments/sandbox/draft"
    api.on("GET", f"{hotel}/content/topic/hours/history", {"items": [CHANGED], "next_cursor": None})
    api.on("GET", f"{draft}/discarded", {"items": [GONE], "next_cursor": None})
    api.on("POST", f"{draft}/restore", LOADED)
    api.on("POST", f"{draft}/load", LOADED)
    api.on("POST", f"{draft}/presence", HERE)
    api.on("GET", f"{draft}/checkpoints", {"items": [CHECKPOINT], "next_cursor": None})
    api.on("POST", f"{draft}/checkpoints", CHECKPOINT)
    api.on("POST", f"{draft}/checkpoints/chk_1/load", LOADED)
    api.on("DELETE", f"{draft}/checkpoints/chk_1", b"", status=204)
    rebased = {"draft": DRAFT, "rebased": True, "taken_back": {"versions": [2], "addresses": [], "choice": "leave_out"}}
    api.on("POST", f"{hotel}/environments/sandbox/draft/rebase", rebased)
    api.on("GET", f"{hotel}/versions", page(version(2), version(1), next_cursor="c"))
    api.on("GET", f"{hotel}/versions/1", version(1))
    api.on("PATCH", f"{hotel}/versions/1", version(1, mark="good"))
    api.on("GET", f"{hotel}/compare", fake_api.comparison())
    api.on("GET", f"{hotel}/resolve", RESOLVED)
    api.on("GET", f"{hotel}/bundles/{DIGEST}", b'{"entities":{}}')
    api.on("GET", f"{hotel}/conversations", {"items": [CONVERSATION], "next_cursor": None})
    api.on("POST", f"{hotel}/conversations", {**CONVERSATION, "greeting": "Good day"})
    api.on("GET", "/conversations/cnv_1", {**CONVERSATION, "transcript": [TURN]})
    api.on("POST", "/conversations/cnv_1/turns", TURN)
    api.on("POST", "/conversations/cnv_1/end", {**CONVERSATION, "ended": True})
    api.on("GET", f"{hotel}/history", {"items": [EVENT], "next_cursor": None})
    api.on("GET", "/audit/verify", {"records": 3, "sound": True, "head": DIGEST})
    api.on("GET", "/api-keys", {"items": [KEY], "next_cursor": None})
    api.on("POST", "/api-keys", {**KEY, "key": "grk_secret"})
    api.on("DELETE", "/api-keys/key_2", b"", status=204)


COMMANDS: list[tuple[str, str, str]] = [
    ("projects list", "items", "hotel"),
    ("projects create Hotel", "slug", "created hotel"),
    ("projects show hotel", "slug", "pipeline"),
    ("projects rename hotel Grand", "name", "now called Grand Hotel"),
    ("env list", "items", "sandbox"),
    ("env show live", "seq", "default entry"),
    ("content list --kind topic", "items", "topic/hours"),
    ("content show topic/hours --ref live", "body", "content: Nine to five"),
    ("draft show", "changes", "draft rebase"),
    ("draft remove topic/hours", "address", "removed topic/hours"),
    ("draft discard --yes", "discarded_id", "drf_1"),
    ("draft load v1 --yes", "discarded_id", "draft restore drf_9"),
    ("draft load v1 --only topic/hours --yes", "changes", "warning: /topic/pool"),
    ("draft discarded", "items", "drf_9"),
    ("draft restore drf_9", "changes", "topic/hours"),
    ("draft announce --entity topic/hours", "present", "Bob"),
    ("draft checkpoint save Lunch", "id", "chk_1 (Before lunch)"),
    ("draft checkpoint list", "items", "Before lunch"),
    ("draft checkpoint load chk_1 --yes", "draft", "draft restore drf_9"),
    ("content history topic/hours", "items", "Longer hours"),
    ("draft rebase", "draft", "taken back by a rollback: v2"),
    ("versions", "items", "v2"),
    ("versions list --tag HOTFIX", "items", "v2"),
    ("versions show v1", "number", "Late checkout"),
    ("versions mark 1 good", "mark", "v1 is marked good"),
    ("compare live draft:sandbox", "summary", "Late checkout text changed"),
    ("diff live draft:sandbox", "summary", "Late checkout text changed"),
    ("resolve +123", "slot", "full arm"),
    (f"bundle {DIGEST}", "entities", "entities"),
    ("conversations list --version v1", "items", "cnv_1"),
    ("conversations show cnv_1", "transcript", "Nine to five"),
    ("conversations end cnv_1", "ended", "ended after 1 turn"),
    ("history --action release.promoted", "items", "promoted v1 to live"),
    ("audit verify", "sound", "sound: 3 records"),
    ("keys create ci --role viewer", "key", "grk_secret"),
    ("keys list", "items", "key_2"),
]


@pytest.mark.parametrize("words, member, shown", COMMANDS, ids=[row[0].replace(DIGEST, "…") for row in COMMANDS])
def test_each_command_answers_people_and_programs(run: Run, words: str, member: str, shown: str) -> None:
    for_people = run(*words.split())
    assert for_people.exit_code == 0, for_people.output
    assert shown in for_people.output
    for_programs = run(*words.split(), "--json")
    assert for_programs.exit_code == 0, for_programs.output
    assert member in json.loads(for_programs.stdout)


def test_a_project_is_deleted_only_when_it_is_meant(run: Run, api: FakeApi) -> None:
    assert run("projects", "delete", "hotel").exit_code == 2
    assert run("projects", "delete", "hotel", typed="motel\n").exit_code == 1
    assert api.sent("DELETE", "/hotel") == []
    assert run("projects", "delete", "hotel", typed="hotel\n").exit_code == 0
    assert run("projects", "delete", "hotel", "--yes").exit_code == 0
    assert len(api.sent("DELETE", "/hotel")) == 2


def test_keys_are_revoked(run: Run) -> None:
    assert run("keys", "revoke", "key_2").stderr == "revoked key_2\n"


def test_set_sends_the_revision_it_read(run: Run, api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "hours.yaml"
    file.write_text("schema: 1\nname: Hours\n")
    result = run("draft", "set", "topic/hours", str(file))
    assert result.exit_code == 0, result.output
    assert api.sent("GET", "/content/topic/hours")[0].query == {"ref": "draft:sandbox"}
    (saved,) = api.sent("PUT", "/topic/hours")
    assert saved.headers["if-match"] == f'"{DIGEST}"'
    assert saved.json() == {"schema": 1, "name": "Hours"}
    assert "warning: large" in result.stderr


def test_set_creates_what_is_not_there(run: Run, api: FakeApi, tmp_path: Path) -> None:
    api.refuse("GET", "/projects/hotel/content/topic/hours", 404, "not_found", "not_found", "no")
    (tmp_path / "hours.json").write_text('{"schema": 1, "name": "Hours"}')
    assert run("draft", "set", "topic/hours", str(tmp_path / "hours.json")).exit_code == 0
    assert api.sent("PUT", "/topic/hours")[0].headers["if-match"] == "*"
    assert run("draft", "remove", "topic/hours").exit_code == 4


def test_a_file_that_is_no_entity_names_its_line(run: Run, api: FakeApi, tmp_path: Path) -> None:
    file = tmp_path / "hours.yaml"
    file.write_text("name: Hours\ncontent: a: b\n")
    result = run("draft", "set", "topic/hours", str(file))
    assert result.exit_code == 3
    assert "hours.yaml:2: " in result.stderr
    file.write_text("- a\n")
    assert run("draft", "set", "topic/hours", str(file)).exit_code == 3
    assert run("draft", "set", "topic/hours", str(tmp_path / "none.yaml")).exit_code == 3
    assert api.sent("PUT", "/topic/hours") == []


def test_a_load_over_changes_asks_and_sends_the_revision_it_saw(run: Run, api: FakeApi) -> None:
    for words in (("draft", "load", "v1"), ("draft", "checkpoint", "load", "chk_1")):
        assert run(*words).exit_code == 2
        refused = run(*words, typed="n\n")
        assert refused.exit_code == 1
        assert "topic/hours" in refused.output
        assert api.sent("POST", "/load") == []
        assert run(*words, typed="y\n").exit_code == 0
        assert api.sent("POST", "/load")[0].json()["revision"] == 7
        api.asked.clear()
    only = ("--only", "topic/a", "--only", "topic/b")
    assert run("draft", "load", "v1", *only, "--yes", "--revision", "5").exit_code == 0
    assert api.sent("POST", "/load")[0].json() == {"ref": "v1", "only": ["topic/a", "topic/b"], "revision": 5}


def test_a_checkpoint_is_removed(run: Run, api: FakeApi) -> None:
    assert "removed chk_1" in run("draft", "checkpoint", "remove", "chk_1").stderr
    assert len(api.sent("DELETE", "/chk_1")) == 1


def test_discard_asks_with_the_changes_in_sight(run: Run, api: FakeApi) -> None:
    assert run("draft", "discard").exit_code == 2
    refused = run("draft", "discard", typed="n\n")
    assert refused.exit_code == 1
    assert "topic/hours" in refused.output
    assert run("draft", "discard", typed="y\n").exit_code == 0
    assert [asked.json() for asked in api.sent("POST", "/discard")] == [{"revision": 7}]


def test_chat_says_each_line_and_shows_the_version(run: Run, api: FakeApi) -> None:
    result = run("chat", "--env", "live", "--say", "When are you open?", "--say", "Thanks", "--trace", "--var", "a=b")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == ["agent> Good day", "agent> Nine to five  [v1]", "agent> Nine to five  [v1]"]
    assert 'topic: "topic/hours"' in result.stderr
    (start,) = api.sent("POST", "/hotel/conversations")
    assert start.json() == {"environment": "live", "channel": "chat", "variables": {"a": "b"}}
    assert [asked.json()["text"] for asked in api.sent("POST", "/turns")] == ["When are you open?", "Thanks"]


def test_chat_prints_one_line_of_json_for_each_step(run: Run) -> None:
    lines = [json.loads(line) for line in run("chat", "--ref", "v1", "--say", "Hi", "--json").stdout.splitlines()]
    assert [line.get("greeting") or line.get("reply") for line in lines] == ["Good day", "Nine to five"]


def test_chat_goes_on_with_a_conversation(run: Run, api: FakeApi) -> None:
    assert run("chat", "--conversation", "cnv_1", "--say", "Hi").exit_code == 0
    assert api.sent("POST", "/hotel/conversations") == []


def test_chat_talks_with_somebody_until_they_stop(run: Run, api: FakeApi) -> None:
    result = run("chat", typed="When are you open?\n\n")
    assert result.exit_code == 0
    assert len(api.sent("POST", "/turns")) == 1


def test_chat_stops_when_the_agent_hangs_up(run: Run, api: FakeApi) -> None:
    api.on("POST", "/conversations/cnv_1/turns", {**TURN, "ended": True})
    assert "(ended)" in run("chat", "--say", "Bye", "--say", "Hello?").stderr
    assert len(api.sent("POST", "/turns")) == 1


def test_a_broken_chain_ends_with_one(run: Run, api: FakeApi) -> None:
    api.on("GET", "/audit/verify", {"records": 3, "sound": False, "first_bad": 2, "head": DIGEST})
    assert run("audit", "verify").exit_code == 1
    assert run("audit", "verify", "--json").exit_code == 1


def test_import_packs_a_folder_and_shows_what_became_of_it(run: Run, api: FakeApi, tmp_path: Path) -> None:
    row = {"path": "voice/a.yaml", "item": "voice", "status": "not_supported", "reason": "calls come later"}
    counts = {"added": 3, "edited": 1, "removed": 0, "unchanged": 2}
    done = {"environment": "sandbox", "revision": 1, "digest": DIGEST, **counts, "dry_run": True, "report": [row]}
    api.on("POST", "/projects/hotel/import", done)
    (tmp_path / "topics").mkdir()
    (tmp_path / "topics" / "a.yaml").write_text("name: a\n")
    result = run("import", str(tmp_path), "--format", "polyai", "--mode", "overlay", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "3 would be added, 1 edited" in result.stderr
    assert "calls come later" in result.stdout
    (sent,) = api.sent("POST", "/import")
    assert sent.query == {"format": "polyai", "mode": "overlay", "dry_run": "true"}
    assert sent.body.startswith(b"PK\x03\x04")


def test_import_refuses_what_is_no_folder(run: Run, tmp_path: Path) -> None:
    assert run("import", str(tmp_path / "none")).exit_code == 4
    (tmp_path / "a.txt").write_text("a")
    assert run("import", str(tmp_path / "a.txt")).exit_code == 3


def test_a_comparison_reads_by_entity_field_and_word(run: Run, api: FakeApi) -> None:
    words = [("same", "Checkout is at "), ("removed", "11"), ("added", "12"), ("same", " every day")]
    text = FieldChangeOut(pointer="/content", label="content", op="edited", form="text", hunks=words)
    number = FieldChangeOut(pointer="/stability", label="stability", op="edited", form="value", before=0.6, after=0.8)
    lines = [("same", "def f():\n"), ("removed", "    return 1\n"), ("added", "    return 2\n")]
    code = FieldChangeOut(pointer="/code", label="code", op="edited", form="code", hunks=lines)
    changes = [
        ChangeOut(
            address="topic/checkout",
            kind="topic",
            name="Checkout",
            op="edited",
            fields=[text],
            links_added=["sms/late"],
        ),
        ChangeOut(address="voice/main", kind="voice", name="main", op="edited", fields=[number]),
        ChangeOut(address="function/f", kind="function", name="f", op="edited", fields=[code]),
        ChangeOut(address="topic/pool", kind="topic", name="Pool [b]", op="added", description="opens at nine"),
        ChangeOut(address="topic/spa", kind="topic", name="Spa", op="removed"),
    ]
    found = fake_api.comparison(*changes)
    found.checklist.append(CheckOut(id="1", address=None, text="ask when checkout is", channels=["chat", "call"]))
    api.on("GET", "/projects/hotel/compare", found)
    shown = run("compare", "live", "draft:sandbox").stdout
    assert "live (v1)  →  draft:sandbox" in shown
    assert "~ content: Checkout is at [-11-]{+12+} every day" in shown
    assert "~ stability: 0.6 → 0.8" in shown
    assert "      -     return 1\n      +     return 2" in shown
    assert "+ topic/pool  Pool [b]\n    opens at nine" in shown
    assert "- topic/spa  Spa" in shown
    assert "+ names sms/late" in shown
    assert "No rule changes." in shown
    assert "□ ask when checkout is [chat, call]" in shown
