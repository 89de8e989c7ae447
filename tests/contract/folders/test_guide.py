"""The workflow and the guide: every command in them exists with its options, and the workflow's jobs run."""

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.core import TyperGroup

from tests.contract.folders.conftest import PROJECT, Person
from tests.support.data import ROOT
from tests.support.in_thread import command_tree

WORKFLOW = ROOT / "docs" / "guides" / "ci" / "greenroom.yml"
GUIDE = ROOT / "docs" / "guides" / "git.md"
README = ROOT / "README.md"
COMMAND = re.compile(r"(?:^|\bif |\$\()\s*greenroom ([^|;&>\n#)]*)", re.MULTILINE)
TEST_SET = {
    "name": "Smoke",
    "cases": [
        {"id": "late", "name": "Late", "turns": [{"say": "Can I check out late?", "expect": {"contains": "one"}}]}
    ],
}


def commands(script: str) -> Iterator[list[str]]:
    """Yields the words of every `greenroom …` in a shell script, without `greenroom`."""
    for found in COMMAND.finditer(script.replace("\\\n", " ")):
        yield shlex.split(found.group(1))


def check(words: list[str]) -> None:
    """Parses a command as the program would; raises what it would refuse."""
    command: Any = command_tree()
    name = ""
    while isinstance(command, TyperGroup):
        assert words, f"{name} needs a word more"
        assert words[0] in command.commands, f"there is no greenroom {name} {words[0]}"
        name, command = words[0], command.commands[words[0]]
        words = words[1:]
    command.make_context(name, list(words))


def scripts(job: str | None = None) -> list[str]:
    found = yaml.safe_load(WORKFLOW.read_text())
    jobs = found["jobs"] if job is None else {job: found["jobs"][job]}
    return [step["run"] for each in jobs.values() for step in each["steps"] if "run" in step]


def written() -> list[list[str]]:
    blocks = [
        *scripts(),
        *re.findall(r"^```\n(.*?)^```", GUIDE.read_text() + README.read_text(), re.MULTILINE | re.DOTALL),
    ]
    inline = re.findall(r"`(greenroom [^`…]+)`", GUIDE.read_text())
    return [words for script in (*blocks, *inline) for words in commands(script)]


@pytest.mark.parametrize("words", written(), ids=" ".join)
def test_a_written_command_exists_with_its_options(words: list[str]) -> None:
    check(words)


def test_the_workflow_and_the_guide_name_what_this_is_about() -> None:
    verbs = {words[0] for script in scripts() for words in commands(script)}
    assert verbs == {"validate", "draft", "push", "test", "diff", "publish", "pull"}
    assert {"pull", "push", "status", "diff", "validate"} <= {words[0] for words in written()}


@pytest.mark.parametrize(
    "line", ["greenroom pusch agent", "greenroom push --hole", "greenroom draft", "greenroom publish"]
)
def test_a_wrong_command_is_caught(line: str) -> None:
    [words] = commands(line)
    with pytest.raises(BaseException, match=r"pusch|hole|needs a word|note"):
        check(words)


def test_the_workflow_gives_strangers_nothing() -> None:
    found = yaml.safe_load(WORKFLOW.read_text())
    assert "pull_request_target" not in found[True], "a stranger's code must not meet secrets"
    assert found["permissions"] == {"contents": "read"}
    check_job = found["jobs"]["check"]
    assert "PUBLISH" not in str(check_job)
    for step in check_job["steps"]:
        assert "${{ github.event" not in step.get("run", ""), "what strangers write must not become part of a script"
        if "greenroom" in step.get("run", "") and "validate" not in step["run"] and "pip" not in step["run"]:
            assert "GREENROOM_API_KEY != ''" in step["if"]


def play(who: Person, job: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Runs a job's commands in their order, as the shell would with its variables."""
    monkeypatch.chdir(place)
    values = {"$ENVIRONMENT": "sandbox", "$note": "From git: breakfast moves to six", "$GITHUB_SHA": "0" * 40}
    done: list[Any] = []
    for words in (words for script in scripts(job) for words in commands(script)):
        for name, value in values.items():
            words = [word.replace(name, value) for word in words]
        code = 4 if words[:2] == ["draft", "discard"] and not done_before(done, "push") else 0
        done.append((words, who.run(*words, code=code)))
    return done


def done_before(done: list[Any], verb: str) -> bool:
    return any(words[0] == verb for words, _ in done)


def test_the_jobs_of_the_workflow_run(
    ada: Person, person: Callable[..., Person], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.save("test_set/smoke", **TEST_SET)
    ada.publish("With a test set of its own")
    ada.folder = tmp_path / "agent"
    ada.at("pull", "--ref", "sandbox")
    ada.edit("topic/late-checkout.yaml", "noon", "one")
    checker, publisher = person("checker", "editor"), person("publisher", "publisher")
    done = play(checker, "check", tmp_path, monkeypatch)
    assert (tmp_path / "test-results.xml").read_text().count("<testcase") == 1
    assert "<code>topic/late-checkout</code> edited" in done[-1][1].stdout
    assert checker.client.content.load(PROJECT, "topic/late-checkout", ref="sandbox").body["content"].endswith("noon.")
    play(publisher, "publish", tmp_path, monkeypatch)
    assert ada.client.content.load(PROJECT, "topic/late-checkout", ref="sandbox").body["content"].endswith("one.")
    assert ada.json("status")["changes"] == []
    assert ada.json("status")["moved"] is False
