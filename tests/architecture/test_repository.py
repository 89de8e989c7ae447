"""What is committed: decisions name their check; no registry, no machine and no foreign data is in it."""

import ast
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

from tests.support.data import has_shared_data, shared_data

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = ROOT / "docs" / "decisions"

# Written in pieces, so that this file does not name them either.
REGISTRY_HOSTS = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "yarn" + "pkg.com",
)
REGISTRY_HOSTS += ("proxy.golang" + ".org", "crates" + ".io")
MACHINE_PATHS = re.compile(r"(?<![\w.$}/])/(?:root|work|home/\w+|Users/\w+|opt/(?:wheels|pypi))(?=/|\b)(?!-)")


@cache
def tracked() -> tuple[Path, ...]:
    """Returns committed files, and those that would be with `git add .`"""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    return tuple(path for name in names if name and (path := ROOT / name).is_file())


def texts() -> list[tuple[str, str]]:
    found = []
    for path in tracked():
        raw = path.read_bytes()
        if b"\0" not in raw[:8000]:
            found.append((str(path.relative_to(ROOT)), raw.decode(errors="replace")))
    return found


def named_checks(text: str) -> list[str]:
    """Returns what the lines starting with `Enforced by:` put in backticks."""
    lines = re.findall(r"^Enforced by:(.*)$", text, re.MULTILINE)
    return [name for line in lines for name in re.findall(r"`([^`]+)`", line)]


def exists(check: str) -> bool:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    if target := re.fullmatch(r"make ([a-z]+)", check):
        return bool(re.search(rf"^{target[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE))
    return (ROOT / check.partition("::")[0]).exists() or check in {one["id"] for one in contracts}


@pytest.mark.parametrize("record", sorted(DECISIONS.glob("*.md")), ids=lambda record: record.name)
def test_a_decision_names_the_check_that_enforces_it(record: Path) -> None:
    checks = named_checks(record.read_text())
    assert checks, "no line starts with `Enforced by:` and names a file, make target or contract in backticks"
    assert [check for check in checks if not exists(check)] == []


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(record.name[:4]) for record in sorted(DECISIONS.glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_no_file_names_a_package_registry() -> None:
    assert [(name, host) for name, text in texts() for host in REGISTRY_HOSTS if host in text.lower()] == []


def test_no_file_names_a_place_on_one_machine() -> None:
    found = [(name, line.strip()) for name, text in texts() for line in text.splitlines() if MACHINE_PATHS.search(line)]
    # This file and the line above it must be able to say what they look for.
    assert [hit for hit in found if hit[0] != "tests/architecture/test_repository.py"] == []


def test_every_requirement_in_the_lock_files_has_a_hash() -> None:
    for name in ("requirements.lock", "requirements-bench.lock"):
        blocks = re.split(r"^(?=[a-zA-Z0-9])", (ROOT / name).read_text(), flags=re.MULTILINE)
        bare = [block.split()[0] for block in blocks if block.strip() and "--hash=sha256:" not in block]
        assert bare == [], name


@pytest.mark.parametrize(
    "line, caught",
    [
        ("see /root/x", True),
        ("cd /work/main", True),
        ("path = '/home/anna/greenroom'", True),
        ("/Users/anna/x", True),
        ("GET /v1/workspaces/main", False),
        ("/workspaces/w/projects", False),
        ("https://example.test/home/page", False),
        ("../work/x", False),
    ],
)
def test_places_on_one_machine_are_told_from_routes(line: str, caught: bool) -> None:
    assert bool(MACHINE_PATHS.search(line)) is caught


@pytest.mark.skipif(not has_shared_data(), reason="the foreign data is not on this machine, so none can be copied")
def test_no_foreign_data_was_copied() -> None:
    foreign_files: set[bytes] = set()
    foreign_lines: set[str] = set()
    for path in shared_data().rglob("*"):
        if path.is_file() and (raw := path.read_bytes()) and len(raw) > 64:
            foreign_files.add(raw)
            foreign_lines |= {
                line.strip() for line in raw.decode(errors="replace").splitlines() if len(line.strip()) >= 60
            }
    copied = [str(path.relative_to(ROOT)) for path in tracked() if path.read_bytes() in foreign_files]
    assert copied == []
    data_folders = ("tests/fixtures/", "tests/golden/", "examples/", "src/")
    lines = [(name, line) for name, text in texts() if name.startswith(data_folders) for line in text.splitlines()]
    assert [(name, line) for name, line in lines if line.strip() in foreign_lines] == []


@pytest.mark.parametrize("bench", sorted((ROOT / "tests" / "bench").glob("bench_*.py")), ids=lambda path: path.stem)
def test_every_benchmark_can_be_run(bench: Path) -> None:
    tree = ast.parse(bench.read_text("utf-8"))
    run = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "run"), None)
    assert run is not None, "`make bench` calls run()"
    assert not run.args.args
