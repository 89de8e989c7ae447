"""pull → edit → push → publish, alone and with others, through the command line and a real API on SQLite."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from greenroom.domain.errors import NotFound
from tests.contract.folders.conftest import FUNCTION, PROJECT, URL, Person
from tests.support.api import AGENT, HOME, key_of

TOPIC = "topic/late-checkout.yaml"


def test_pull_edit_push_publish(ada: Person) -> None:
    ada.at("pull")
    assert ada.text("greenroom.yaml") == "format: 1\n"
    ada.edit(TOPIC, "noon", "one o'clock")
    ada.path("topic/parking.yaml").write_text("name: Parking\ncontent: Behind the house.\n")
    ada.path("topic/breakfast.yaml").unlink()
    wanted = [("topic/breakfast", "removed"), ("topic/late-checkout", "edited"), ("topic/parking", "added")]
    assert [(c["address"], c["op"]) for c in ada.json("status")["changes"]] == wanted
    assert "one o'clock" in ada.run("diff", "--folder", str(ada.folder)).stdout
    assert [(c["address"], c["op"]) for c in ada.json("push", "--dry-run")["pushed"]] == [*wanted[1:], wanted[0]]
    assert ada.draft("topic/breakfast"), "a dry run wrote something"
    ada.at("push")
    assert ada.draft("topic/late-checkout")["content"] == "You can stay until one o'clock."
    assert ada.draft("topic/parking")["content"] == "Behind the house."
    with pytest.raises(NotFound):
        ada.draft("topic/breakfast")
    assert ada.json("status")["changes"] == []
    assert ada.json("push")["pushed"] == []
    ada.publish()
    assert ada.json("pull")["entities"] == []
    assert ada.json("status")["moved"] is False


def test_different_fields_of_one_topic_merge(ada: Person, bob: Person) -> None:
    ada.at("pull")
    bob.at("pull")
    ada.edit(TOPIC, "noon", "one")
    ada.at("push")
    bob.edit(TOPIC, "name: Late check-out", "name: Leaving late")
    refused = bob.at("push", code=6)
    assert "greenroom pull" in refused.stderr
    assert "topic/late-checkout.yaml:1: yours and the server's differ in: content, name" in refused.stderr
    assert bob.json("pull")["entities"] == [
        {"address": "topic/late-checkout", "mode": "merged", "places": [], "kept": []}
    ]
    assert "until one" in bob.text(TOPIC)
    assert "Leaving late" in bob.text(TOPIC)
    bob.at("push")
    assert bob.draft("topic/late-checkout")["name"] == "Leaving late"
    assert bob.draft("topic/late-checkout")["content"] == "You can stay until one."


def test_the_same_field_is_a_conflict_until_somebody_settles_it(ada: Person, bob: Person) -> None:
    ada.at("pull")
    bob.at("pull")
    ada.edit(TOPIC, "noon", "one")
    ada.at("push")
    bob.edit(TOPIC, "noon", "three")
    pulled = bob.at("pull", code=5)
    lines = bob.text(TOPIC).split("\n")
    place = lines.index("<<<<<<< yours")
    assert lines[place : place + 5] == [
        "<<<<<<< yours",
        "content: You can stay until three.",
        "=======",
        "content: You can stay until one.",
        ">>>>>>> server",
    ]
    assert f"{TOPIC}:{place + 1}: a conflict stands here" in pulled.stderr
    assert bob.json("status")["conflicts"][0]["pointer"] == f"{TOPIC}:{place + 1}"
    before = bob.text(TOPIC)
    assert "conflicts_stand" in bob.at("push", code=5).stderr
    bob.at("pull", code=5)
    assert bob.text(TOPIC) == before, "a second pull touched a conflict"
    assert bob.draft("topic/late-checkout")["content"] == "You can stay until one."
    bob.path(TOPIC).write_text("\n".join([*lines[:place], "content: Until two.", *lines[place + 5 :]]))
    assert bob.json("pull")["entities"] == []
    bob.at("push")
    assert bob.draft("topic/late-checkout")["content"] == "Until two."


def test_removed_here_and_edited_there_is_a_conflict(ada: Person, bob: Person) -> None:
    ada.at("pull")
    bob.at("pull")
    ada.edit(TOPIC, "noon", "one")
    ada.at("push")
    bob.path(TOPIC).unlink()
    assert "removed here, but changed on the server" in bob.at("push", code=6).stderr
    bob.at("pull", code=5)
    assert bob.text(TOPIC).startswith("<<<<<<< yours\n=======\nschema: 1\n")
    bob.at("push", code=5)
    bob.path(TOPIC).unlink()
    bob.at("push")
    with pytest.raises(NotFound):
        bob.draft("topic/late-checkout")


def test_edited_here_and_removed_there_is_a_conflict(ada: Person, bob: Person) -> None:
    ada.at("pull")
    bob.at("pull")
    ada.path(TOPIC).unlink()
    ada.path("function/greet.yaml").unlink()
    ada.path("function/greet.py").unlink()
    ada.at("push")
    bob.edit(TOPIC, "noon", "three")
    bob.edit("function/greet.py", "'x'", "'y'")
    mine = bob.text(TOPIC)
    bob.at("push", code=6)
    bob.at("pull", code=5)
    assert bob.text(TOPIC) == f"<<<<<<< yours\n{mine}=======\n>>>>>>> server\n"
    assert "'y'" in bob.text("function/greet.py")
    bob.path(TOPIC).write_text(mine)
    bob.path("function/greet.yaml").unlink()
    assert "function/greet.py:1" in bob.at("push", code=3).stderr, "code without its YAML was taken for a removal"
    bob.path("function/greet.py").unlink()
    bob.at("push")
    assert bob.draft("topic/late-checkout")["content"] == "You can stay until three."


def test_code_is_merged_by_lines(ada: Person, bob: Person) -> None:
    ada.at("pull")
    bob.at("pull")
    ada.edit("function/greet.py", "hour = 1", "hour = 11")
    ada.edit("function/greet.py", "second = 3", "second = 33")
    ada.at("push")
    bob.edit("function/greet.py", "minute = 2", "minute = 22")
    bob.at("pull", code=5)
    assert bob.text("function/greet.py") == (
        "def greet(conv):\n    hour = 11\n    name = 'x'\n<<<<<<< yours\n    minute = 22\n    second = 3\n=======\n"
        "    minute = 2\n    second = 33\n>>>>>>> server\n    return name\n"
    ), "neighbouring lines are a conflict, and only they"
    bob.path("function/greet.py").write_text(FUNCTION["code"].replace("1", "11").replace("3", "33"))
    bob.edit("function/greet.py", "'x'", "'y'")
    assert bob.json("pull")["entities"] == []
    bob.at("push")
    ada.edit("function/greet.py", "return name", "return name + '!'")
    ada.at("pull")
    assert "'y'" in ada.text("function/greet.py")
    assert "'!'" in ada.text("function/greet.py")


def test_what_was_added_twice_is_a_conflict_unless_it_is_the_same(ada: Person, bob: Person) -> None:
    ada.at("pull")
    bob.at("pull")
    for who, words in ((ada, "one"), (bob, "two")):
        who.path("topic/pool.yaml").write_text(f"name: Pool\ncontent: {words}\n")
        who.path("topic/spa.yaml").write_text("name: Spa\ncontent: Downstairs.\n")
    ada.at("push")
    bob.at("pull", code=5)
    assert "<<<<<<< yours\ncontent: two\n=======\n" in bob.text("topic/pool.yaml")
    assert bob.text("topic/spa.yaml") == "name: Spa\ncontent: Downstairs.\n"


def test_two_people_meet_over_what_is_published(ada: Person, eve: Person) -> None:
    ada.at("pull", "--ref", "sandbox")
    eve.at("pull", "--ref", "sandbox")
    ada.edit(TOPIC, "noon", "one")
    eve.edit(TOPIC, "name: Late check-out", "name: Leaving late")
    ada.at("push")
    assert ada.json("status")["changes"][0]["in_draft"] is True
    ada.edit(TOPIC, "until one", "until two")
    ada.at("push")
    eve.at("push")
    ada.publish()
    assert eve.json("pull")["entities"][0]["mode"] == "merged"
    assert "until two" in eve.text(TOPIC)
    assert "Leaving late" in eve.text(TOPIC)


def test_what_was_sent_and_taken_back_here_is_taken_back_there(ada: Person, bob: Person) -> None:
    ada.at("pull", "--ref", "sandbox")
    before, breakfast = ada.text(TOPIC), ada.text("topic/breakfast.yaml")
    ada.edit(TOPIC, "noon", "one")
    ada.path("topic/parking.yaml").write_text("name: Parking\ncontent: Behind the house.\n")
    ada.path("topic/breakfast.yaml").unlink()
    ada.at("push")
    ada.path(TOPIC).write_text(before)
    ada.path("topic/parking.yaml").unlink()
    ada.path("topic/breakfast.yaml").write_text(breakfast)
    assert [(c["address"], c["op"]) for c in ada.json("push")["pushed"]] == [
        ("topic/breakfast", "added"),
        ("topic/late-checkout", "edited"),
        ("topic/parking", "removed"),
    ]
    assert ada.run("draft", "show", "--json").stdout.count('"address"') == 0
    # What somebody else made of it, or what is published since, is not this folder's to take back.
    ada.edit(TOPIC, "noon", "one")
    ada.at("push")
    ada.path(TOPIC).write_text(before)
    ada.save("topic/late-checkout", content="You can stay until two.")
    assert ada.json("push")["pushed"] == []
    ada.save("topic/late-checkout", content="You can stay until one.")
    ada.publish()
    assert ada.json("push")["pushed"] == []
    assert ada.draft("topic/late-checkout")["content"] == "You can stay until one."


def test_a_folder_of_one_persons_draft_is_not_quietly_moved_to_anothers(ada: Person, eve: Person) -> None:
    ada.save("topic/pool", name="Pool", content="Not yet published")
    ada.at("pull")
    eve.folder = ada.folder
    assert "other_draft" in eve.at("pull", code=8).stderr
    assert ada.path("topic/pool.yaml").exists()
    assert "draft_differs" in eve.at("push", "--whole", code=6).stderr
    eve.at("pull", "--ref", "sandbox")
    assert not ada.path("topic/pool.yaml").exists()


def test_automation_pushes_what_git_says(ada: Person, person: Callable[..., Person]) -> None:
    ada.at("pull", "--ref", "sandbox")
    ada.edit(TOPIC, "noon", "one")
    ci = person("ci", "publisher")
    ci.folder = ada.folder
    ci.at("push", "--whole")
    assert ci.draft("topic/late-checkout")["content"] == "You can stay until one."
    ci.publish("One o'clock, as the pull request says")
    ci.at("pull")
    assert ci.json("status")["changes"] == []
    ada.save("topic/breakfast", content="From six.")
    ada.publish("Breakfast is earlier now")
    ci.edit(TOPIC, "until one", "until two")
    assert "topic/breakfast" in ci.at("push", "--whole", code=6).stderr, (
        "a change that git has not seen was passed over"
    )


def test_comments_and_layout_stay_where_the_text_merges(ada: Person, bob: Person) -> None:
    ada.at("pull")
    bob.at("pull")
    bob.edit(TOPIC, "content:", "# agreed with the front desk\ncontent:")
    assert bob.json("status")["changes"] == []
    ada.edit(TOPIC, "name: Late check-out", "name: Leaving late")
    ada.at("push")
    bob.at("pull")
    assert "# agreed with the front desk" in bob.text(TOPIC)
    assert "Leaving late" in bob.text(TOPIC)
    bob.edit(TOPIC, "content: You can stay until noon.", "content: 'You can stay until noon.' # noon!")
    before = bob.text(TOPIC)
    ada.edit(TOPIC, "noon", "one")
    ada.at("push")
    assert bob.json("pull")["entities"][0]["kept"] == [TOPIC]
    assert "until one" in bob.text(TOPIC)
    assert bob.text(f".greenroom/kept/{TOPIC}") == before


def test_what_cannot_be_read_is_left_alone_and_named(ada: Person, bob: Person) -> None:
    ada.at("pull")
    bob.at("pull")
    ada.edit(TOPIC, "noon", "one")
    ada.edit("topic/breakfast.yaml", "seven", "six")
    ada.at("push")
    bob.path(TOPIC).write_text("name: [\n")
    pulled = bob.at("pull", "--json", code=3)
    assert {e["address"]: e["mode"] for e in json.loads(pulled.stdout)["entities"]} == {
        "topic/late-checkout": "left",
        "topic/breakfast": "updated",
    }
    assert "topic/late-checkout.yaml:2" in pulled.stderr
    assert bob.text(TOPIC) == "name: [\n"
    bob.at("push", code=3)
    bob.at("validate", code=3)
    bob.path(TOPIC).write_text("name: Late check-out\ncontent: You can stay until three.\n")
    bob.at("pull", code=5)
    assert "until one" in bob.text(TOPIC)


def test_files_that_are_no_entities_are_never_touched(ada: Person) -> None:
    others = {"README.md": "hello", "src/main.py": "x", "package.json": "{}", ".github/workflows/a.yml": "on: push"}
    for name, text in others.items():
        ada.path(name).parent.mkdir(parents=True, exist_ok=True)
        ada.path(name).write_text(text)
    ada.at("pull")
    ada.edit(TOPIC, "noon", "one")
    ada.at("push")
    ada.save("topic/breakfast", content="From six.")
    ada.at("pull")
    assert {name: ada.text(name) for name in others} == others
    ada.at("validate")
    ada.path("topic/notes.yml").write_text("name: Notes\n")
    ada.path("topics").mkdir()
    ada.path("topics/hours.yaml").write_text("name: Hours\n")
    refused = ada.at("push", code=3)
    assert "topic/notes.yml:1" in refused.stderr
    assert "did you mean 'topic'" in refused.stderr


def test_a_file_that_was_there_before_the_first_pull_is_not_overwritten(ada: Person) -> None:
    ada.path("topic").mkdir(parents=True)
    ada.path(TOPIC).write_text("name: Late check-out\ncontent: mine\n")
    ada.at("pull", code=5)
    assert "content: mine" in ada.text(TOPIC)
    assert "until noon" in ada.text(TOPIC)


def test_links_are_neither_read_nor_written_through(ada: Person, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.yaml").write_text("name: Secret\ncontent: of the machine\n")
    ada.at("pull")
    os.symlink(outside / "secret.yaml", ada.path("topic/secret.yaml"))
    assert "topic/secret.yaml:1: this is a link" in ada.at("push", code=3).stderr
    ada.path("topic/secret.yaml").unlink()
    ada.path(TOPIC).rename(outside / "late-checkout.yaml")
    os.symlink(outside / "late-checkout.yaml", ada.path(TOPIC))
    ada.save("topic/late-checkout", content="From the server")
    ada.at("pull", code=3)
    assert "noon" in (outside / "late-checkout.yaml").read_text()
    ada.path(TOPIC).unlink()
    ada.path("topic/breakfast.yaml").unlink()
    ada.path("topic").rmdir()
    os.symlink(outside, ada.path("topic"), target_is_directory=True)
    assert "link_in_folder" in ada.at("pull", code=8).stderr
    assert sorted(p.name for p in outside.iterdir()) == ["late-checkout.yaml", "secret.yaml"]


def test_a_linked_state_is_refused(ada: Person, tmp_path: Path) -> None:
    ada.at("pull")
    ada.path(".greenroom").rename(tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", ada.path(".greenroom"), target_is_directory=True)
    assert "link_in_folder" in ada.at("pull", code=8).stderr


def test_the_state_holds_no_key(ada: Person) -> None:
    key = key_of(HOME, "owner")
    ada.run("--url", URL, "--api-key", key, "pull", str(ada.folder))
    ada.edit(TOPIC, "noon", "one")
    ada.at("push")
    for path in ada.path(".greenroom").rglob("*"):
        assert path.is_dir() or key.encode() not in path.read_bytes()


def test_another_project_of_the_same_name_is_not_pushed_to(ada: Person, eve: Person) -> None:
    ada.at("pull")
    ada.client.projects.delete(PROJECT)
    ada.client.projects.create("Hotel", slug=PROJECT)
    ada.edit(TOPIC, "noon", "one")
    assert "other_project" in ada.at("push", code=8).stderr
    assert "other_project" in ada.at("pull", code=8).stderr
    ada.run("init", str(ada.folder))
    assert {c["op"] for c in ada.json("status")["changes"]} == {"added"}
    ada.at("push")
    assert ada.draft("topic/late-checkout")["content"] == "You can stay until one."
    assert "other_project" in ada.at("push", "--project", "motel", code=8).stderr


def test_a_race_between_the_check_and_the_sending_is_told_and_a_repeat_is_safe(ada: Person, bob: Person) -> None:
    ada.at("pull")
    ada.edit(TOPIC, "noon", "one")
    ada.edit("topic/breakfast.yaml", "seven", "six")
    server, entity = ada.server, "/draft/topic/late-checkout"
    handle = server.handle_request

    def race(request):
        if request.method == "PUT" and request.url.path.endswith(entity):
            server.handle_request = handle
            bob.save("topic/late-checkout", content="Somebody was faster")
        return handle(request)

    server.handle_request = race
    raced = ada.at("push", code=6)
    assert "sent: topic/breakfast" in raced.stderr
    assert ada.draft("topic/late-checkout")["content"] == "Somebody was faster"
    assert ada.json("status")["changes"] == [{"address": "topic/late-checkout", "op": "edited", "in_draft": False}]
    ada.at("push", code=6)
    ada.at("pull", code=5)
    assert "Somebody was faster" in ada.text(TOPIC)
    assert "until one" in ada.text(TOPIC)


@pytest.mark.parametrize("after", range(1, 8))
def test_an_interrupted_pull_is_mended_by_the_next(
    ada: Person, bob: Person, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from greenroom.cli import checkouts

    bob.at("pull")
    ada.save("topic/late-checkout", content="You can stay until one.")
    ada.save("topic/breakfast", content="From six.")
    ada.save("function/greet", code=FUNCTION["code"].replace("1", "11"))
    ada.remove("agent/main")
    ada.save("topic/pool", name="Pool", content="Outside.")
    bob.edit(TOPIC, "noon", "three")
    bob.edit("function/greet.py", "second = 3", "second = 33")
    written = 0
    write = checkouts.write_file

    class PowerCut(Exception):
        pass

    def cut(root: Path, path: str, data: bytes) -> None:
        nonlocal written
        written += 1
        if written > after:
            raise PowerCut
        write(root, path, data)

    with monkeypatch.context() as patched:
        patched.setattr(checkouts, "write_file", cut)
        with pytest.raises(PowerCut):
            bob.at("pull")
    bob.at("pull", code=5)
    assert bob.text("topic/breakfast.yaml").count("From six.") == 1
    assert "hour = 11" in bob.text("function/greet.py")
    assert "second = 33" in bob.text("function/greet.py")
    assert bob.text(TOPIC).count("<<<<<<<") == 1
    assert not bob.path("agent/main.yaml").exists()
    bob.path(TOPIC).write_text("name: Late check-out\ncontent: Until two.\n")
    assert bob.json("pull")["entities"] == []
    bob.at("push")
    assert bob.draft("topic/late-checkout")["content"] == "Until two."
    assert not bob.path(".greenroom/pending.json").exists()


def test_a_file_that_is_saved_while_a_pull_runs_is_left_as_it_is(
    ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    from greenroom.cli import checkouts

    bob.at("pull")
    ada.save("topic/late-checkout", name="Leaving late")
    write = checkouts.write_file

    def save_first(root: Path, path: str, data: bytes) -> None:
        if path.endswith("pending.json"):
            bob.edit(TOPIC, "noon", "three")
        write(root, path, data)

    with monkeypatch.context() as patched:
        patched.setattr(checkouts, "write_file", save_first)
        assert f"{TOPIC}:1: the file changed while it was pulled" in bob.at("pull", code=5).stderr
    assert "Leaving late" not in bob.text(TOPIC)
    bob.at("pull")
    assert "Leaving late" in bob.text(TOPIC)
    assert "until three" in bob.text(TOPIC)


def test_inside_a_pulled_folder_no_name_is_needed(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    ada.at("pull")
    ada.edit(TOPIC, "noon", "one")
    monkeypatch.chdir(ada.path("topic"))
    assert "topic/late-checkout" in ada.run("status", project=None).stdout
    ada.run("push", project=None)
    ada.run("pull", project=None)
    assert ada.draft("topic/late-checkout")["content"] == "You can stay until one."


def test_a_pull_without_effect_writes_nothing(ada: Person) -> None:
    assert ada.json("pull", "--dry-run")["entities"]
    assert not ada.folder.exists()
    ada.at("pull")
    ada.save("topic/late-checkout", content="From the server")
    before = {path: path.read_bytes() for path in ada.folder.rglob("*") if path.is_file()}
    assert ada.json("pull", "--dry-run")["entities"][0]["mode"] == "updated"
    ada.edit(TOPIC, "noon", "three")
    before[ada.path(TOPIC)] = ada.path(TOPIC).read_bytes()
    ada.at("pull", "--dry-run", code=5)
    assert {path: path.read_bytes() for path in ada.folder.rglob("*") if path.is_file()} == before


def test_a_state_that_git_left_in_conflict_overwrites_nothing(ada: Person, bob: Person) -> None:
    ada.at("pull")
    bob.at("pull")
    ada.edit(TOPIC, "noon", "one")
    ada.at("push")
    bob.edit(TOPIC, "noon", "three")
    lines = bob.text(".greenroom/base.jsonl").splitlines()
    other = next(line for line in ada.text(".greenroom/base.jsonl").splitlines() if "late-checkout" in line)
    mixed = [
        piece
        for line in lines
        for piece in (["<<<<<<< HEAD", line, "=======", other, ">>>>>>> main"] if "late-checkout" in line else [line])
    ]
    bob.path(".greenroom/base.jsonl").write_text("\n".join(mixed))
    bob.at("push", code=6)
    bob.at("pull", code=5)
    assert "until three" in bob.text(TOPIC)
    assert "until one" in bob.text(TOPIC)


def test_status_asks_the_server_once(ada: Person) -> None:
    ada.at("pull")
    ada.server.requests.clear()
    assert ada.json("status")["moved"] is False
    assert len(ada.server.requests) == 1
    ada.save("topic/breakfast", content="From six.")
    assert ada.json("status")["moved"] is True
    ada.server.requests.clear()
    ada.at("validate")
    ada.run("diff", "--folder", str(ada.folder))
    assert ada.server.requests == [], "validate and diff need no server"


def test_diff_speaks_of_the_folder_and_of_refs(ada: Person) -> None:
    ada.at("pull")
    ada.edit(TOPIC, "noon", "@everyone ``` one")
    here = json.loads(ada.run("diff", "--folder", str(ada.folder), "--json").stdout)
    live = json.loads(ada.run("diff", "sandbox", "--folder", str(ada.folder), "--json").stdout)
    assert here["changes"] == live["changes"]
    assert here["summary"] == live["summary"]
    ada.at("push")
    refs = json.loads(ada.run("diff", "sandbox", "draft:sandbox", "--json").stdout)
    assert [{**change, "author": None, "author_name": ""} for change in refs["changes"]] == here["changes"]
    assert json.loads(ada.run("diff", "--folder", str(ada.folder), "--json").stdout)["changes"] == []
    comment = ada.run("diff", "sandbox", "--folder", str(ada.folder), "--markdown").stdout
    assert "<code>topic/late-checkout</code> edited" in comment
    assert "````diff\n" in comment, "a fence within the text closes the comment's own"
    outside = "".join(part for n, part in enumerate(comment.split("````")) if n % 2 == 0)
    assert "@everyone" not in outside.replace("`Late check-out: ", "")


def test_a_push_that_breaks_a_reference_is_refused_but_old_ones_are_not_in_the_way(ada: Person) -> None:
    ada.save("topic/pool", name="Pool", content="See {{topic.nowhere}}.")
    ada.at("pull")
    assert "topic/pool.yaml:3" in ada.at("validate", code=3).stderr
    ada.edit("topic/breakfast.yaml", "seven", "six")
    assert "warning: topic/pool.yaml:3" in ada.at("push").stderr
    ada.edit("topic/breakfast.yaml", "six", "six, see {{topic.gone}}")
    assert "topic/breakfast.yaml:6: topic/breakfast names topic/gone" in ada.at("push", code=3).stderr


def test_validate_works_on_any_folder_and_names_each_line(ada: Person, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    (plain / "topic").mkdir(parents=True)
    (plain / "greenroom.yaml").write_text("format: 1\n")
    (plain / "topic/a.yaml").write_text("name: A\ncontent: Hello\ncolour: red\n")
    (plain / "topic/b.yaml").write_text("name: B\ncontent: |\n  See {{topic.a}}\n  and {{topic.c}}\n")
    found = json.loads(ada.run("validate", str(plain), "--json", code=3).stdout)
    assert [fault["pointer"] for fault in found["errors"]] == ["topic/a.yaml:3", "topic/b.yaml:2"]
    assert "published" in found["not_checked"]
    (plain / "topic/b.yaml").write_text("name: B\ncontent: Hello\n")
    (plain / "topic/a.yaml").write_text("name: A\ncontent: Hello\n")
    ada.run("validate", str(plain))
    assert not (plain / ".greenroom").exists()


def test_an_agent_in_a_new_project_can_begin_as_a_folder(ada: Person) -> None:
    ada.client.projects.create("Motel", slug="motel")
    ada.path("agent").mkdir(parents=True)
    ada.path("agent/main.yaml").write_text(f"name: {AGENT['name']}\ngreeting: Hello\n")
    ada.run("init", str(ada.folder), "--project", "motel")
    ada.at("push")
    assert ada.client.content.load("motel", "agent/main", ref="draft:sandbox").body["greeting"] == "Hello"
