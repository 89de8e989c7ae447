"""The walkthrough, against a real server process on both databases, and its comparison checked from the folders."""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.contract.walkthrough.folders import KINDS, Change, compare_folders, plain
from tests.support import data

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "examples" / "walkthrough.sh"
READY = "Greenroom is ready at "
START_SECONDS = 60
STEPS = 21
OWN = (data.FIXTURES / "polyai-clinic" / "2026-01-01", data.FIXTURES / "polyai-clinic" / "2026-02-01")

Exports = tuple[Path, Path]


@contextmanager
def serving(folder: Path, database_url: str | None) -> Iterator[tuple[str, str]]:
    """Yields the URL of a fresh server process and its owner's key."""
    key = "gr_" + secrets.token_urlsafe(32)
    env = {name: value for name, value in os.environ.items() if not name.startswith("GREENROOM_")}
    env |= {"GREENROOM_BOOTSTRAP_KEY": key}
    if database_url:
        env["GREENROOM_DATABASE_URL"] = database_url
    command = [sys.executable, "-m", "greenroom.cli.main", "serve", "--port", "0", "--data-dir", str(folder)]
    log = folder.with_suffix(".log")
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=env, cwd=ROOT) as server,
    ):
        try:
            yield wait_until_ready(server, log), key
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(timeout=20)
            except subprocess.TimeoutExpired:
                server.kill()


def wait_until_ready(server: "subprocess.Popen[str]", log: Path) -> str:
    """Returns the URL that the server printed, once `/readyz` is green."""
    assert server.stdout is not None
    alarm = threading.Timer(START_SECONDS, server.kill)
    alarm.start()
    try:
        url = next((line[len(READY) :].strip() for line in server.stdout if line.startswith(READY)), None)
        assert url is not None, f"the server did not start: {log.read_text()[-2000:]}"
        assert httpx2.get(f"{url}/readyz", timeout=10).status_code == 200
    finally:
        alarm.cancel()
    return url


def tell(folder: Path, database_url: str | None, exports: Exports) -> dict[str, Any]:
    """Runs the script against a fresh server and returns the comparison that it kept."""
    store, out = folder / "data", folder / "out"
    with serving(store, database_url) as (url, key):
        env = {**os.environ, "GREENROOM_URL": url, "GREENROOM_API_KEY": key, "WALKTHROUGH_OUT": str(out)}
        env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
        command = [str(SCRIPT), *map(str, exports)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{store.with_suffix('.log').read_text()[-3000:]}"
    *steps, last = done.stdout.splitlines()
    assert len(steps) == STEPS
    assert last == f"walkthrough: all {STEPS} steps held"
    return json.loads((out / "compare.json").read_text())


def changes_of(comparison: dict[str, Any]) -> dict[tuple[str, str], Change]:
    """Returns the changes of the compared kinds, with the first part of each field's pointer."""
    found: dict[tuple[str, str], Change] = {}
    for change in comparison["changes"]:
        kind, _, slug = change["address"].partition("/")
        if kind in KINDS:
            parts = {field["pointer"].strip("/").split("/")[0] for field in change["fields"]}
            found[kind, plain(slug)] = Change(
                change["op"], frozenset(parts) if change["op"] == "edited" else frozenset()
            )
    return found


def differences(comparison: dict[str, Any], exports: Exports) -> list[str]:
    """Returns where the comparison and the folders disagree, entity by entity."""
    said, wanted = changes_of(comparison), compare_folders(*exports)
    return [
        f"{'/'.join(name)}: the comparison says {said.get(name)}, the folders say {wanted.get(name)}"
        for name in sorted(said.keys() | wanted.keys())
        if not agree(said.get(name), wanted.get(name))
    ]


def agree(said: Change | None, wanted: Change | None) -> bool:
    if said is None or wanted is None or said.op != wanted.op:
        return False
    # What is derived from a function's code (its description, its parameters) may change with it.
    return said.parts == wanted.parts or (said.parts >= wanted.parts == {"code"})


def check_comparison(comparison: dict[str, Any], exports: Exports) -> None:
    assert differences(comparison, exports) == []
    changed = {change["kind"] for change in comparison["changes"]}
    assert changed.isdisjoint(comparison["unchanged_kinds"])
    wanted = {kind for kind, _ in compare_folders(*exports)}
    assert set(KINDS) - wanted == set(KINDS) & set(comparison["unchanged_kinds"])


@pytest.fixture(scope="module")
def told_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return tell(tmp_path_factory.mktemp("walkthrough"), None, OWN)


def test_the_story_of_our_own_agent_holds_on_sqlite(told_of_our_own: dict[str, Any]) -> None:
    check_comparison(told_of_our_own, OWN)


def test_the_story_of_a_real_agent_holds_on_sqlite(tmp_path: Path) -> None:
    check_comparison(tell(tmp_path, None, data.polyai_exports()), data.polyai_exports())


def test_the_story_of_a_real_agent_holds_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    check_comparison(tell(tmp_path, postgres_url, data.polyai_exports()), data.polyai_exports())


@pytest.mark.parametrize("fault", ["missing", "phantom", "other op", "other part"])
def test_the_check_of_the_comparison_can_fail(told_of_our_own: dict[str, Any], fault: str) -> None:
    own = [change for change in told_of_our_own["changes"] if change["kind"] in KINDS]
    edited = next(change for change in own if change["op"] == "edited" and change["kind"] == "topic")
    others = [change for change in own if change is not edited]
    planted: dict[str, list[Any]] = {
        "missing": others,
        "phantom": [*own, {**edited, "address": "topic/never-there"}],
        "other op": [*others, {**edited, "op": "added"}],
        "other part": [*others, {**edited, "fields": [*edited["fields"], {"pointer": "/voice"}]}],
    }
    assert len(differences({**told_of_our_own, "changes": planted[fault]}, OWN)) == 1
