"""The base of a folder is committed, so that everybody merges from the same place: docs/decisions/0015."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.folders.conftest import Person

TOPIC = "topic/late-checkout.yaml"
BASE = ".greenroom/base.jsonl"
STATE = ".greenroom/state.json"


def git(*words: str, at: Path) -> str:
    names = {f"GIT_{role}_{part}": "a" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    env = {"PATH": os.environ["PATH"], "HOME": str(at), "GIT_CONFIG_NOSYSTEM": "1", **names}
    return subprocess.run(["git", *words], cwd=at, env=env, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def clones(ada: Person, person: Callable[..., Person]) -> list[Person]:
    """Two people with a clone each of a repository in which what is published was pulled once."""
    ada.at("pull", "--ref", "sandbox")
    # What belongs to one copy is there and stays out.
    ada.edit(TOPIC, "name: Late check-out", "name: Late")
    ada.at("push")
    ada.edit(TOPIC, "name: Late", "name: Late check-out")
    ada.at("push")
    git("init", "-q", at=ada.folder)
    git("add", "-A", at=ada.folder)
    git("commit", "-qm", "The agent", at=ada.folder)
    found = [person("bob"), person("eve", "admin")]
    for each in found:
        git("clone", "-q", str(ada.folder), str(each.folder), at=ada.folder)
    return found


def change_on_the_server(ada: Person) -> None:
    ada.save("topic/late-checkout", content="You can stay until one.")
    ada.publish("Late check-out is until one")


def test_the_base_goes_with_the_repository_and_what_is_one_copys_own_does_not(
    ada: Person, clones: list[Person]
) -> None:
    kept = {path for path in git("ls-files", at=ada.folder).split() if path.startswith(".greenroom/")}
    assert kept == {BASE, STATE, ".greenroom/.gitignore"}
    assert (ada.folder / ".greenroom" / "pushed.json").exists()
    for each in clones:
        assert each.path(BASE).read_bytes() == ada.path(BASE).read_bytes()
        assert each.json("status")["changes"] == []


def test_whoever_clones_merges_from_the_same_place(ada: Person, clones: list[Person]) -> None:
    change_on_the_server(ada)
    for each in clones:
        each.edit(TOPIC, "name: Late check-out", "name: Leaving late")
        assert [entity["mode"] for entity in each.json("pull")["entities"]] == ["merged"]
    bob, eve = clones
    assert "until one" in bob.text(TOPIC)
    assert "Leaving late" in bob.text(TOPIC)
    assert bob.text(TOPIC) == eve.text(TOPIC)
    assert bob.path(BASE).read_bytes() == eve.path(BASE).read_bytes(), "and stands at the same place afterwards"


def test_the_same_conflict_is_everybodys(ada: Person, clones: list[Person]) -> None:
    change_on_the_server(ada)
    for each in clones:
        each.edit(TOPIC, "noon", "three")
        each.at("pull", code=5)
    bob, eve = clones
    assert "<<<<<<< yours" in bob.text(TOPIC)
    assert bob.text(TOPIC) == eve.text(TOPIC)


def test_without_the_base_a_clone_could_not_tell_whose_change_it_is(ada: Person, clones: list[Person]) -> None:
    bob, _ = clones
    change_on_the_server(ada)
    bob.edit(TOPIC, "name: Late check-out", "name: Leaving late")
    bob.path(BASE).unlink()
    bob.at("pull", code=5)
    assert "until noon" in bob.text(TOPIC), "what has no base is never overwritten"
    assert "until one" in bob.text(TOPIC)


def test_two_branches_that_pulled_different_entities_merge_their_bases_by_line(
    ada: Person, clones: list[Person]
) -> None:
    bob, eve = clones
    change_on_the_server(ada)
    bob.at("pull")
    git("commit", "-qam", "Until one", at=bob.folder)
    ada.save("agent/main", greeting="Good day.")
    ada.publish("A shorter greeting for everybody")
    eve.at("pull")
    shutil.rmtree(eve.folder / ".git")
    shutil.copytree(bob.folder / ".git", eve.folder / ".git")
    git("checkout", "-q", "-b", "eve", at=eve.folder)
    git("commit", "-qam", "Good day", at=eve.folder)
    git("pull", "-q", "--no-rebase", str(eve.folder), "eve", at=bob.folder)
    assert bob.path(BASE).read_bytes() == eve.path(BASE).read_bytes()
    assert bob.json("status")["changes"] == []
    assert bob.json("pull")["entities"] == []
