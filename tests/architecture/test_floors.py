"""The floors hold, and a floor plan broken on purpose is noticed: docs/decisions/0001-floors.md."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "greenroom"
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
RUFF = Path(sys.executable).with_name("ruff")


def lint_imports(source: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    """Runs the real contracts over our tree or one of stubs; `source` is the folder that holds greenroom/."""
    chosen = [f"--contract={contract}" for contract in contracts]
    return subprocess.run(
        [str(LINT_IMPORTS), "--config", str(ROOT / "pyproject.toml"), "--no-cache", "--no-logo", *chosen],
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(source), "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def broken(output: str) -> set[str]:
    """Returns the ids of the contracts that the output calls broken."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = config["tool"]["importlinter"]["contracts"]
    return {one["id"] for one in contracts if re.search(rf"^{re.escape(one['name'])} BROKEN", output, re.MULTILINE)}


def test_every_import_goes_downstairs() -> None:
    done = lint_imports(ROOT / "src")
    assert done.returncode == 0, done.stdout + done.stderr


LATER = """
domain/releases.py domain/splits.py kinds/schema/facts.py kinds/topics.py kinds/functions.py
services/releases.py services/drafts.py storage/memory.py storage/sql/work.py providers/models.py
importers/polyai.py importers/rasa.py api/releases.py web/releases.py sdk/client.py wire/releases.py
cli/main.py cli/releases.py cli/server.py runtime/driver.py mcp/tools.py jobs/schedules.py
channels/channel.py channels/webchat.py channels/whatsapp.py
"""


@pytest.fixture
def stubs(tmp_path: Path) -> Path:
    """A tree with an empty module for each of ours, and a few that later issues bring."""
    names = {str(file.relative_to(SRC)) for file in SRC.rglob("*.py")} | set(LATER.split())
    modules = {name for name in names if not any(other.startswith(name[:-3] + "/") for other in names)}
    for name in modules:
        file = tmp_path / "greenroom" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    for folder in {file.parent for file in tmp_path.rglob("*.py")} | {tmp_path / "greenroom"}:
        (folder / "__init__.py").touch()
    return tmp_path


def plant(stubs: Path, where: str, what: str) -> None:
    file = stubs / "greenroom" / where
    if file.with_suffix("").is_dir():
        file = file.with_suffix("") / "__init__.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(what + "\n")


def test_the_stub_tree_is_sound(stubs: Path) -> None:
    done = lint_imports(stubs)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "where, what",
    [
        ("cli/server.py", "import greenroom.bootstrap"),
        ("cli/releases.py", "from greenroom.sdk import client\nfrom greenroom.wire import releases"),
        ("bootstrap.py", "import greenroom.settings, greenroom.api.releases, greenroom.storage.sql.work"),
        ("storage/sql/work.py", "import sqlalchemy, alembic, asyncpg, sqlite3"),
        ("kinds/topics.py", "import pydantic\nfrom greenroom.kinds.schema import facts"),
        ("kinds/__init__.py", "from greenroom.kinds import functions, topics"),
        ("kinds/list.py", "from greenroom.kinds import functions, topics"),
        ("domain/canonical.py", "import orjson, hashlib"),
        (
            "channels/webchat.py",
            "import greenroom.ports, greenroom.services.releases, greenroom.channels.channel",
        ),
        (
            "services/releases.py",
            "import greenroom.ports, greenroom.runtime.program, greenroom.wire.releases",
        ),
    ],
)
def test_what_the_floor_plan_allows_is_let_through(stubs: Path, where: str, what: str) -> None:
    plant(stubs, where, what)
    done = lint_imports(stubs)
    assert done.returncode == 0, done.stdout + done.stderr


PLANTED = [
    ("service imports storage", "services/releases.py", "import greenroom.storage.memory", "floors"),
    ("storage imports service", "storage/memory.py", "import greenroom.services.releases", "floors"),
    ("service imports provider", "services/releases.py", "import greenroom.providers.models", "floors"),
    ("service reads settings", "services/releases.py", "import greenroom.settings", "floors"),
    ("provider imports sdk", "providers/models.py", "import greenroom.sdk.client", "floors"),
    ("web imports api", "web/releases.py", "import greenroom.api.releases", "floors"),
    ("domain knows the kinds", "domain/releases.py", "import greenroom.kinds.topics", "floors"),
    ("new top-level folder", "utils/__init__.py", "", "floors"),
    ("new top-level module", "helpers.py", "", "floors"),
    (
        "back-import under TYPE_CHECKING",
        "domain/releases.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import greenroom.services.releases",
        "floors",
    ),
    ("domain imports random", "domain/releases.py", "import random", "pure-core"),
    ("domain imports os in a function", "domain/releases.py", "def f():\n    import os", "pure-core"),
    ("domain reads the clock", "domain/releases.py", "from time import time", "pure-core"),
    ("engine imports asyncio", "runtime/engine.py", "import asyncio", "pure-core"),
    ("program logs, two imports away", "runtime/program.py", "import greenroom.wire.releases", "pure-core"),
    ("kind touches files", "kinds/topics.py", "from pathlib import Path", "pure-core"),
    ("domain uses orjson elsewhere", "domain/releases.py", "import orjson", "domain-stdlib"),
    ("domain uses pydantic", "domain/releases.py", "import pydantic", "domain-stdlib"),
    ("api imports storage", "api/releases.py", "import greenroom.storage.memory", "doors"),
    ("web imports ports", "web/releases.py", "import greenroom.ports", "doors"),
    ("mcp imports runtime", "mcp/tools.py", "import greenroom.runtime.engine", "doors"),
    ("job imports sdk", "jobs/schedules.py", "import greenroom.sdk.client", "doors"),
    ("channel imports provider", "channels/webchat.py", "import greenroom.providers.models", "channel-doors"),
    ("cli imports services", "cli/releases.py", "import greenroom.services.releases", "cli-is-a-client"),
    ("cli builds the server elsewhere", "cli/releases.py", "import greenroom.bootstrap", "cli-is-a-client"),
    ("kind imports kind", "kinds/topics.py", "import greenroom.kinds.functions", "kinds-are-strangers"),
    (
        "kind imports the list of kinds",
        "kinds/topics.py",
        "import greenroom.kinds.list",
        "kinds-are-strangers",
    ),
    (
        "schema imports a kind",
        "kinds/schema/facts.py",
        "import greenroom.kinds.topics",
        "kinds-are-strangers",
    ),
    (
        "importer imports importer",
        "importers/rasa.py",
        "import greenroom.importers.polyai",
        "importers-are-strangers",
    ),
    (
        "channel imports channel",
        "channels/webchat.py",
        "import greenroom.channels.whatsapp",
        "channels-are-strangers",
    ),
    ("service imports sqlalchemy", "services/releases.py", "from sqlalchemy import select", "sql-stays-home"),
    ("memory store imports sqlite3", "storage/memory.py", "import sqlite3", "sql-stays-home"),
    ("service imports fastapi", "services/releases.py", "import fastapi", "network-at-the-edge"),
    ("sdk imports runtime", "sdk/client.py", "import greenroom.runtime.engine", "sdk-is-small"),
    ("sdk imports rich", "sdk/client.py", "import rich", "sdk-is-small"),
    ("a ring of services", "services/drafts.py", "import greenroom.services.releases", "no-cycles"),
    ("a ring in the domain", "domain/splits.py", "import greenroom.domain.releases", "no-cycles"),
]
GROUND = {
    "program logs, two imports away": ("wire/releases.py", "import logging"),
    "kind imports the list of kinds": ("kinds/list.py", "import greenroom.kinds.functions"),
    "a ring of services": ("services/releases.py", "def f():\n    import greenroom.services.drafts"),
    "a ring in the domain": ("domain/releases.py", "import greenroom.domain.splits"),
}


@pytest.mark.parametrize("name, where, what, contract", PLANTED, ids=[case[0] for case in PLANTED])
def test_a_planted_violation_is_caught(stubs: Path, name: str, where: str, what: str, contract: str) -> None:
    if name in GROUND:
        plant(stubs, *GROUND[name])
    plant(stubs, where, what)
    done = lint_imports(stubs)
    assert done.returncode == 1, done.stdout + done.stderr
    assert contract in broken(done.stdout), done.stdout


def test_every_contract_was_seen_to_break() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = {one["id"] for one in config["tool"]["importlinter"]["contracts"]}
    assert contracts == {case[3] for case in PLANTED}


BANNED = [
    "import datetime\nnow = datetime.datetime.now(datetime.UTC)",
    "from datetime import UTC, datetime\nnow = datetime.now(UTC)",
    "from datetime import datetime\nnow = datetime.utcnow()",
    "import time\nnow = time.time()",
    "from time import monotonic\nnow = monotonic()",
    "import uuid\nnew = uuid.uuid4()",
    "import random\ndice = random.random()",
    "from random import choice\ndice = choice([1, 2])",
    "import secrets\nkey = secrets.token_urlsafe(32)",
    "import os\nhome = os.environ['HOME']",
    "import os\nhome = os.getenv('HOME')",
]


def banned(text: str, where: str) -> str:
    command = [str(RUFF), "check", "--no-cache", "--select", "TID251", "--output-format", "concise"]
    done = subprocess.run(
        [*command, "--stdin-filename", str(ROOT / where), "-"],
        input=text + "\n",
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize("text", BANNED)
def test_time_dice_and_environment_are_caught_where_imports_say_nothing(text: str) -> None:
    assert "TID251" in banned(text, "src/greenroom/services/releases.py")
    for allowed in (
        "src/greenroom/providers/clock.py",
        "src/greenroom/sdk/clock.py",
        "src/greenroom/settings.py",
    ):
        assert "TID251" not in banned(text, allowed)


def imported_tops(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(
    "floor, allowed",
    [("domain", {"greenroom", "orjson"}), ("sdk", {"greenroom", "httpx2"})],
)
def test_a_small_floor_uses_nothing_that_the_contracts_forgot_to_name(floor: str, allowed: set[str]) -> None:
    for file in (SRC / floor).rglob("*.py"):
        strangers = imported_tops(file) - allowed - sys.stdlib_module_names
        assert not strangers, f"{file.relative_to(ROOT)} imports {', '.join(sorted(strangers))}"


def test_lint_imports_is_the_installed_one() -> None:
    assert LINT_IMPORTS.exists()
    assert shutil.which(str(RUFF))
