"""publish, promote, rollback: the sequence that was seen is sent, and the public is never confirmed for."""

import json

import pytest

from tests.support import fake_api
from tests.support.fake_api import DIGEST, FakeApi, environment, page
from tests.unit.cli.conftest import Run

LIVE = "/projects/hotel/environments/live"
SANDBOX = "/projects/hotel/environments/sandbox"


@pytest.fixture(autouse=True)
def environments(api: FakeApi) -> None:
    api.on("GET", "/projects/hotel/environments", page(environment("sandbox", seq=2), environment("live")))
    api.on("GET", SANDBOX, environment("sandbox", seq=2))
    api.on("GET", LIVE, environment("live", seq=4))


def unconfirmed(api: FakeApi, path: str, what: str, actual: int | str) -> None:
    detail = f"this changes what the public hears; confirm it by restating the {what} ({actual})"
    refusal = fake_api.problem(428, "missing", "confirmation_required", detail, **{what: actual})
    api.on("POST", path, fake_api.plan(), refusal)


def test_promote_shows_the_plan_and_sends_the_sequence_it_saw(run: Run, api: FakeApi) -> None:
    api.on("POST", f"{LIVE}/promote", fake_api.plan(), fake_api.release())
    result = run("promote", "v1", "--to", "live", "--confirm", "v1")
    assert result.exit_code == 0, result.output
    planned, done = api.sent("POST", "/promote")
    assert planned.query == {"dry_run": "true"}
    assert done.query == {}
    assert done.json() == {"version": 1, "expected_seq": 4, "confirm": {"version": 1}}
    assert "promote v1 in live (public; serves nothing yet)" in result.stderr
    assert "Late checkout text changed" in result.stderr
    assert "live serves v1: promoted, sequence 5" in result.stderr


def test_promote_never_confirms_for_the_public_by_itself(run: Run, api: FakeApi) -> None:
    unconfirmed(api, f"{LIVE}/promote", "version", 1)
    result = run("promote", "1", "--to", "live", "-m", "it's time", "--ack", "one", "--ack", "two")
    assert result.exit_code == 7
    assert "confirm" not in api.sent("POST", "/promote")[1].json()
    assert (
        "to confirm, repeat: greenroom promote 1 --to live --note 'it'\"'\"'s time' --ack one --ack two "
        "--confirm v1 --expected-seq 4" in result.stderr
    )


def test_the_printed_command_works_as_it_is(run: Run, api: FakeApi) -> None:
    unconfirmed(api, f"{LIVE}/promote", "version", 1)
    refused = run("promote", "v1", "--to", "live")
    api.on("POST", f"{LIVE}/promote", fake_api.plan(), fake_api.release())
    line = next(line for line in refused.stderr.splitlines() if line.startswith("to confirm"))
    words = line.partition("greenroom ")[2].split()
    assert run(*words).exit_code == 0
    assert api.sent("POST", "/promote")[-1].json() == {"version": 1, "expected_seq": 4, "confirm": {"version": 1}}


def test_a_program_finds_the_command_to_repeat_in_the_refusal(run: Run, api: FakeApi) -> None:
    api.refuse("POST", f"{LIVE}/promote", 428, "missing", "confirmation_required", "confirm it", version=1)
    refused = json.loads(run("promote", "v1", "--to", "live", "--json").stderr)
    assert refused["repeat"] == "greenroom promote v1 --to live --json --confirm v1 --expected-seq 4"


def test_somebody_at_a_terminal_restates_the_version(run: Run, api: FakeApi) -> None:
    api.on("POST", f"{LIVE}/promote", fake_api.plan(), fake_api.release())
    assert run("promote", "v1", "--to", "live", typed="v1\n").exit_code == 0
    assert api.sent("POST", "/promote")[1].json()["confirm"] == {"version": 1}


def test_a_stale_confirmation_of_a_script_reaches_the_server(run: Run, api: FakeApi) -> None:
    stale = fake_api.problem(412, "stale", "stale_sequence", "live is at sequence 4, not 3", seq=4)
    api.on("POST", f"{LIVE}/promote", stale)
    result = run("promote", "v1", "--to", "live", "--confirm", "v1", "--expected-seq", "3", "--json")
    assert result.exit_code == 6
    assert api.sent("POST", "/promote")[0].json()["expected_seq"] == 3


def test_a_hotfix_says_why(run: Run, api: FakeApi) -> None:
    api.on("POST", f"{LIVE}/promote", fake_api.release(operation="hotfix"))
    words = ("promote", "v1", "--to", "live", "--confirm", "v1", "--hotfix", "wrong phone number", "--json")
    assert run(*words).exit_code == 0
    assert api.sent("POST", "/promote")[0].json()["hotfix"] == {"reason": "wrong phone number"}


def test_json_is_the_servers_release_and_nothing_else(run: Run, api: FakeApi) -> None:
    api.on("POST", f"{LIVE}/promote", fake_api.release())
    result = run("promote", "v1", "--to", "live", "--confirm", "v1", "--json")
    assert json.loads(result.stdout) == json.loads(fake_api.release().model_dump_json())
    assert result.stderr == ""
    assert len(api.sent("POST", "/promote")) == 1


@pytest.mark.parametrize(
    "words, path",
    [
        (("publish", "-m", "Late checkout is 20 euros now"), f"{SANDBOX}/publish"),
        (("promote", "v1", "--to", "live"), f"{LIVE}/promote"),
        (("rollback", "live", "--reason", "wrong hours"), f"{LIVE}/rollback"),
    ],
)
def test_a_dry_run_asks_once_and_changes_nothing(run: Run, api: FakeApi, words: tuple[str, ...], path: str) -> None:
    api.on("POST", path, fake_api.plan())
    result = run(*words, "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["dry_run"] is True
    assert run(*words, "--dry-run").exit_code == 0
    assert [asked.query for asked in api.asked if asked.method == "POST"] == [{"dry_run": "true"}] * 2


def test_publish_goes_to_the_first_editable_environment(run: Run, api: FakeApi) -> None:
    api.on("POST", f"{SANDBOX}/publish", fake_api.plan("publish", "sandbox", "none"), fake_api.published())
    result = run(
        *("publish", "-m", "Late checkout is 20 euros now", "--details", "asked for by Ana", "--ack", "large"),
        *("--resolve", "topic/hours#/content=ours", "--taken-back", "bring-back", "--in-flight", "drain"),
        *("--drain-until", "2026-09-01T18:00:00Z"),
    )
    assert result.exit_code == 0, result.output
    assert api.sent("POST", "/publish")[1].json() == {
        "note": "Late checkout is 20 euros now",
        "details": "asked for by Ana",
        "expected_seq": 2,
        "resolutions": [{"conflict_id": "topic/hours#/content", "take": "ours"}],
        "taken_back": "bring_back",
        "acknowledged": ["large"],
        "in_flight": "drain",
        "drain_until": "2026-09-01T18:00:00Z",
    }
    assert "published v1" in result.stderr


def test_publish_asks_somebody_at_a_terminal_unless_told_not_to(run: Run, api: FakeApi) -> None:
    plan = fake_api.plan("publish", "sandbox", "none")
    api.on("POST", f"{SANDBOX}/publish", plan, fake_api.published())
    assert run("publish", "-m", "Late checkout is 20 euros", typed="n\n").exit_code == 1
    assert len(api.sent("POST", "/publish")) == 1
    api.on("POST", f"{SANDBOX}/publish", plan, fake_api.published())
    assert run("publish", "-m", "Late checkout is 20 euros", "--yes", typed="").exit_code == 0


def test_publish_to_the_public_names_the_digest_to_confirm(run: Run, api: FakeApi) -> None:
    unconfirmed(api, f"{LIVE}/publish", "digest", DIGEST)
    result = run("publish", "--env", "live", "-m", "Late checkout is 20 euros")
    assert result.exit_code == 7
    assert f"--confirm {DIGEST} --expected-seq 4" in result.stderr


def test_a_version_alone_can_be_made(run: Run, api: FakeApi) -> None:
    done = fake_api.published().model_copy(update={"release": None})
    api.on("POST", f"{SANDBOX}/publish", done)
    assert run("publish", "-m", "Late checkout is 20 euros", "--no-release", "--json").exit_code == 0
    assert api.sent("POST", "/publish")[0].json()["release"] is False


def test_rollback_sends_the_sequence_and_no_confirmation(run: Run, api: FakeApi) -> None:
    back = fake_api.release(operation="rollback").model_copy(update={"takes_back": [2], "in_flight": "switch"})
    api.on("POST", f"{LIVE}/rollback", fake_api.plan("rollback", "live", "none", takes_back=[2]), back)
    result = run("rollback", "live", "--to", "v1", "--reason", "wrong hours", "--in-flight", "switch")
    assert result.exit_code == 0, result.output
    sent = api.sent("POST", "/rollback")[1].json()
    assert sent == {"reason": "wrong hours", "to": 1, "expected_seq": 4, "in_flight": "switch"}
    assert "takes back v2; they still exist" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("promote", "live", "--to", "v1"),
        ("promote", "v0", "--to", "live"),
        ("promote", "v1"),
        ("promote", "v1", "--to", "live", "--confirm", "yes"),
        ("rollback", "live"),
        ("publish",),
        ("publish", "-m", "n", "--resolve", "x=mine"),
        ("publish", "-m", "n", "--in-flight", "stop"),
    ],
)
def test_what_cannot_be_understood_is_not_sent(run: Run, api: FakeApi, words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2
    assert [asked for asked in api.asked if asked.method != "GET"] == []


def test_a_time_that_is_none_is_refused_with_its_place(run: Run, api: FakeApi) -> None:
    result = run("rollback", "live", "--reason", "wrong", "--in-flight", "drain", "--drain-until", "tomorrow")
    assert result.exit_code == 3
    assert "/drain_until: " in result.stderr


def test_warnings_say_how_to_acknowledge_them(run: Run, api: FakeApi) -> None:
    warning = {"code": "version_marked_bad", "message": "v1 is marked as known bad", "must_acknowledge": True}
    api.on("POST", f"{LIVE}/promote", fake_api.plan(warnings=[warning]))
    result = run("promote", "v1", "--to", "live", "--dry-run")
    assert "acknowledge with --ack version_marked_bad" in result.stderr


def test_releases_are_listed(run: Run, api: FakeApi) -> None:
    api.on("GET", f"{LIVE}/releases", page(fake_api.release(), next_cursor="5"))
    result = run("releases", "live")
    assert "promote" in result.stdout
    assert "more: --cursor 5" in result.stderr
