"""Real agents, pulled and pushed: what nobody changed is never a change, and a whole agent goes up in one push."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.folders.conftest import PROJECT, Person
from tests.support import data

OWN = data.FIXTURES / "polyai-clinic"
AGENTS = sorted({*data.polyai_exports(), OWN / "2026-01-01", OWN / "2026-02-01"})


@pytest.fixture
def owner(person: Callable[..., Person]) -> Person:
    return person()


@pytest.mark.parametrize("agent", AGENTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_nobody_changed_is_no_change(owner: Person, agent: Path) -> None:
    owner.client.projects.create("Clinic", slug=PROJECT)
    owner.run("import", str(agent), "--format", "polyai")
    owner.at("pull")
    found = owner.json("validate")
    assert found["errors"] == []
    assert found["entities"] > 5
    assert json.loads(owner.run("diff", "--folder", str(owner.folder), "--json").stdout)["changes"] == []
    assert (
        json.loads(owner.run("diff", "draft:sandbox", "--folder", str(owner.folder), "--json").stdout)["changes"] == []
    )
    status = owner.json("status")
    assert (status["changes"], status["moved"]) == ([], False)
    pushed = owner.json("push", "--whole")
    assert (pushed["pushed"], pushed["present"], pushed["elsewhere"]) == ([], [], [])
    files = {path: path.read_bytes() for path in owner.folder.rglob("*") if path.is_file()}
    owner.path(".greenroom/state.json").unlink()
    owner.path(".greenroom/base.jsonl").unlink()
    owner.at("pull")
    assert {path: path.read_bytes() for path in owner.folder.rglob("*") if path.is_file()} == files


def test_one_date_becomes_the_other_through_the_folder(owner: Person, person: Callable[..., Person]) -> None:
    """The later export arrives on the server while an early edit waits in the folder; both are there afterwards."""
    early, late = data.polyai_exports()
    owner.client.projects.create("Clinic", slug=PROJECT)
    owner.run("import", str(early), "--format", "polyai")
    owner.at("pull")
    owner.path("topic/of-our-own.yaml").write_text("name: Of our own\ncontent: Hello\n")
    seen = str(owner.client.drafts.load(PROJECT, "sandbox").revision)
    owner.run("import", str(late), "--format", "polyai", "--revision", seen)
    owner.at("pull")
    owner.at("push", "--whole")
    other = person("other")
    other.at("pull")
    tree = [
        {
            path.relative_to(who.folder).as_posix(): path.read_text()
            for path in who.folder.rglob("*/*")
            if path.is_file()
        }
        for who in (owner, other)
    ]
    mine, yours = ({n: t for n, t in files.items() if not n.startswith(".")} for files in tree)
    assert mine.pop("topic/of-our-own.yaml") == "name: Of our own\ncontent: Hello\n"
    assert yours.pop("topic/of-our-own.yaml") == "schema: 1\nname: Of our own\ncontent: Hello\n"
    assert mine == yours


def test_a_whole_agent_goes_up_in_one_push(owner: Person) -> None:
    owner.client.projects.create("Clinic", slug="clinic")
    owner.run("import", str(data.polyai_exports()[0]), "--format", "polyai", "--project", "clinic")
    owner.run("export", "-o", str(owner.folder), "--ref", "draft:sandbox", "--project", "clinic")
    owner.client.projects.create("Copy", slug="copy")
    owner.run("init", str(owner.folder), "--project", "copy")
    pushed = owner.json("push", "--whole")["pushed"]
    wanted = {e.address: e.revision for e in owner.client.content.list("clinic", ref="draft:sandbox")}
    assert {entity["address"]: entity["revision"] for entity in pushed} == wanted
    assert owner.json("push")["pushed"] == []
