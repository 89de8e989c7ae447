"""The tree, the login, the errors: what all commands share."""

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from greenroom.cli import output
from greenroom.cli.config import Login, choose_login, load_login, save_login
from greenroom.cli.main import app
from greenroom.cli.reference import write_reference
from greenroom.domain import errors
from greenroom.domain.errors import ERRORS, Fault, Invalid
from tests.support.fake_api import FakeApi, environment, page
from tests.unit.cli.conftest import Run

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "cli.md"
ME = {"id": "key_1", "name": "ci", "role": "admin", "workspace": "wsp_1", "permissions": []}
PROJECT = {
    "id": "prj_1",
    "slug": "hotel",
    "name": "Hotel",
    "template": "pipeline",
    "default_environment": "live",
    "created_at": "2026-08-22T12:00:00Z",
}


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    tree: Any = group or typer.main.get_command(app)
    for name, command in tree.commands.items():
        yield (*path, name)
        if isinstance(command, TyperGroup):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_has_help(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert "Usage: " in result.stdout


def test_the_tree_holds_what_was_promised() -> None:
    found = {" ".join(words) for words in commands()}
    flat = (
        "login status import export publish promote rollback merge releases readiness compare diff resolve bundle chat"
    )
    flat += " history why"
    deep = {
        "projects": "list create show rename delete migrate",
        "content": "list show history",
        "env": "list show create clone rename change delete aliases",
        "draft": "show set remove discard discarded restore load announce rebase checkpoint",
        "draft checkpoint": "save list load remove",
        "versions": "list show mark",
        "conversations": "list show end replay",
        "split": "show set history",
        "testers": "list add remove",
        "share-links": "list create revoke",
        "widgets": "show",
        "knowledge": "add list show remove sources sync search",
        "review": "show tag untag tags note rate",
        "erase": "conversation person",
        "tickets": "list show assign close",
        "executions": "list",
        "tables": "list show create alter delete rows put remove import export",
        "results": "show compare",
        "evaluations": "list show set remove run cancel results",
        "keys": "create list revoke",
        "audit": "verify",
        "numbers": "list show add assign rules remove",
        "secrets": "set list unset override restore rotate",
        "connections": "list show set remove",
        "test": "run show list cancel",
    }
    promised = {*flat.split(), *["serve", "demo", "sign-in-link", "migrate", "backup", "restore"], *deep}
    promised |= {"init", "pull", "push", "validate"}
    promised |= {f"{noun} {verb}" for noun, verbs in deep.items() for verb in verbs.split()}
    assert found == promised


def test_release_commands_can_all_be_tried_without_effect() -> None:
    tree: Any = typer.main.get_command(app)
    for name in ("publish", "promote", "rollback", "merge", "import"):
        assert any("--dry-run" in param.opts for param in tree.commands[name].params), name


def test_every_command_of_a_client_speaks_json(run: Run) -> None:
    own = {"serve", "demo", "sign-in-link", "migrate", "backup", "restore"}
    for words in commands():
        command: Any = typer.main.get_command(app)
        for word in words:
            command = command.commands[word]
        if words[0] not in own and not isinstance(command, TyperGroup):
            assert any("--json" in param.opts for param in command.params), words


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; sys.argv = ['greenroom', '--help']\n"
        "from greenroom.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'rich', 'httpx2', 'yaml', 'orjson', 'greenroom.wire', 'greenroom.sdk', 'greenroom.bootstrap',\n"
        "         'greenroom.kinds', 'fastapi', 'sqlalchemy', 'numpy', 'zipfile', 'asyncio'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "promote" in done.stdout


def test_the_reference_is_what_the_code_says() -> None:
    assert REFERENCE.read_text("utf-8") == write_reference() + "\n", (
        "run: python -m greenroom.cli.reference > docs/reference/cli.md"
    )


def test_every_error_has_an_exit_code_and_every_code_a_meaning() -> None:
    assert set(output.EXIT_CODES) == set(ERRORS)
    assert set(output.MEANINGS) == {output.OK, output.NO, output.USAGE, output.NOT_TESTED, *output.EXIT_CODES.values()}
    assert {output.EXIT_CODES[errors.Unauthenticated], output.EXIT_CODES[errors.NotAllowed]} == {9}


@pytest.mark.parametrize(
    "status, family, expected",
    [
        (422, "invalid", 3),
        (404, "not_found", 4),
        (409, "conflict", 5),
        (412, "stale", 6),
        (428, "missing", 7),
        (409, "refused", 8),
        (401, "unauthenticated", 9),
        (403, "not_allowed", 9),
        (503, "unavailable", 10),
        (413, "limit_reached", 11),
    ],
)
def test_each_refusal_has_its_exit_code(run: Run, api: FakeApi, status: int, family: str, expected: int) -> None:
    fault = {"pointer": "/note", "message": "says nothing", "code": "vague", "hint": "try: hours"}
    api.refuse("GET", "/projects/hotel/environments/live", status, family, "some_code", "it is so", errors=[fault])
    result = run("env", "show", "live")
    assert result.exit_code == expected
    assert result.stdout == ""
    assert result.stderr == "error: it is so [some_code]\n  /note: says nothing (try: hours)\n"


def test_a_refusal_is_json_where_json_was_asked_for(run: Run, api: FakeApi) -> None:
    api.refuse("GET", "/projects/hotel/environments/live", 412, "stale", "stale_sequence", "moved", seq=9)
    result = run("env", "show", "live", "--json")
    assert (result.exit_code, result.stdout) == (6, "")
    said = json.loads(result.stderr)
    assert (said["code"], said["error"], said["seq"], said["exit_code"]) == ("stale_sequence", "Stale", 9, 6)


def test_what_a_server_says_cannot_steer_the_terminal(run: Run, api: FakeApi) -> None:
    api.refuse("GET", "/projects/hotel/environments/live", 404, "not_found", "x", "a\x1b[2Jb\x9bc\u202ed")
    result = run("env", "show", "live")
    assert "\x1b" not in result.stderr
    assert "a␛[2Jb" in result.stderr


def test_a_word_that_is_no_command_is_a_usage_error(run: Run) -> None:
    assert run("promoet").exit_code == 2


def test_a_command_without_a_project_says_how_to_give_one(run: Run, api: FakeApi) -> None:
    result = run("versions", env={"GREENROOM_PROJECT": ""})
    assert result.exit_code == 2
    assert "--project" in result.stderr
    assert api.asked == []


def test_a_login_is_saved_for_its_owner_only_and_then_used(run: Run, api: FakeApi, tmp_path: Path) -> None:
    api.on("GET", "/me", ME)
    api.on("GET", "/projects/hotel", PROJECT)
    nowhere = {"GREENROOM_URL": "", "GREENROOM_API_KEY": "", "GREENROOM_PROJECT": ""}
    result = run("login", "http://server", "--project", "hotel", typed="typed-key\n", env=nowhere)
    assert result.exit_code == 0, result.output
    saved = tmp_path / "login.json"
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert load_login(saved) == Login("http://server", "typed-key", "hotel")
    assert "typed-key" not in result.output
    api.on("GET", "/projects/hotel/environments", page(environment("live")))
    assert run("status", env=nowhere).exit_code == 0
    assert api.asked[-1].headers["authorization"] == "Bearer typed-key"


def test_a_login_that_the_server_refuses_is_not_saved(run: Run, api: FakeApi, tmp_path: Path) -> None:
    api.refuse("GET", "/me", 401, "unauthenticated", "unauthenticated", "no such key")
    assert run("login").exit_code == 9
    assert not (tmp_path / "login.json").exists()


def test_a_saved_key_goes_to_its_own_server_only() -> None:
    saved = Login("http://server", "secret", "hotel")
    assert choose_login(saved, None, None) == saved
    assert choose_login(saved, "http://server/", None) == saved
    assert choose_login(saved, "http://other", None) == Login("http://other", None, None)
    assert choose_login(saved, None, "mine").key == "mine"


def test_a_saved_login_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "login.json"
    save_login(path, Login("http://a", "k"))
    save_login(path, Login("http://b"))
    assert load_login(path) == Login("http://b")
    assert [found.name for found in path.parent.iterdir()] == ["login.json"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '"x"', "\x00"])
def test_a_login_file_that_is_not_ours_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "login.json").write_text(text)
    with pytest.raises(Invalid, match="log in again"):
        load_login(tmp_path / "login.json")


def test_status_shows_who_where_and_what_is_served(run: Run, api: FakeApi) -> None:
    api.on("GET", "/me", ME)
    api.on("GET", "/projects/hotel/environments", page(environment("sandbox", version=None), environment("live")))
    result = run("status")
    assert result.exit_code == 0
    assert "ci (admin)" in result.stdout
    assert "live" in result.stdout
    assert "v1" in result.stdout


def test_a_thousand_faults_are_told_as_twenty_and_each_hint_once(capsys: pytest.CaptureFixture[str]) -> None:
    faults = [Fault(f"/{n}", "is wrong", hint="write it anew") for n in range(1_000)]
    assert output.report(Invalid("invalid_files", "many", errors=faults), as_json=False, notices=[]) == 3
    told = capsys.readouterr().err.splitlines()
    assert told[1:3] == ["  /0: is wrong (write it anew)", "  /1: is wrong"]
    assert told[-1] == "  … and 980 more; --json tells all of them"
    assert len(told) == 22
