"""The command line in this process, against a real API on SQLite; a folder for each person."""

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from greenroom.domain.entities import Body
from greenroom.domain.errors import NotFound
from greenroom.sdk import Client
from greenroom.storage.sql import migrate
from tests.support.api import AGENT, BREAKFAST, HOME, TOPIC, key_of
from tests.support.in_thread import StageInThread, run_words

URL = "http://greenroom.test"
PROJECT = "hotel"
FUNCTION = {
    "name": "greet",
    "description": "Greets the caller.",
    "code": "def greet(conv):\n    hour = 1\n    name = 'x'\n    minute = 2\n    second = 3\n    return name\n",
}


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("migrated") / "greenroom.db"
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, migrate(f"sqlite:///{file}")).result()
    return file


@pytest.fixture
def server(migrated: Path, tmp_path: Path) -> Iterator[StageInThread]:
    file = tmp_path / "server" / "greenroom.db"
    file.parent.mkdir()
    shutil.copyfile(migrated, file)
    made = StageInThread(f"sqlite:///{file}")
    yield made
    made.stop()


@dataclass
class Person:
    """Somebody with a key and a folder."""

    server: StageInThread
    role: str
    folder: Path
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(URL, key_of(HOME, self.role), transport=self.server)

    def run(self, *words: str, code: int = 0, project: str | None = PROJECT) -> Result:
        """Runs `greenroom` and checks its exit code."""
        env = {
            "GREENROOM_URL": URL,
            "GREENROOM_API_KEY": key_of(HOME, self.role),
            "GREENROOM_PROJECT": project,
            "GREENROOM_CONFIG": str(self.folder.parent / "login.json"),
        }
        result = run_words(self.server, words, env)
        assert result.exit_code == code, f"{words}: {result.exit_code}\n{result.stdout}\n{result.stderr}"
        return result

    def at(self, verb: str, *words: str, code: int = 0) -> Result:
        """Runs a command on this person's folder."""
        return self.run(verb, str(self.folder), *words, code=code)

    def json(self, verb: str, *words: str, code: int = 0) -> Any:
        return json.loads(self.at(verb, "--json", *words, code=code).stdout)

    def path(self, name: str) -> Path:
        return self.folder / name

    def text(self, name: str) -> str:
        return self.path(name).read_text("utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        text = self.text(name)
        assert old in text, f"{old!r} is not in {name}:\n{text}"
        self.path(name).write_text(text.replace(old, new), "utf-8")

    def draft(self, address: str) -> Any:
        """Returns the body that this person's draft has."""
        return self.client.content.load(PROJECT, address, ref="draft:sandbox").body

    def save(self, address: str, **fields: Any) -> None:
        """Changes an entity in this person's draft, as somebody in a browser would."""
        try:
            found = self.client.content.load(PROJECT, address, ref="draft:sandbox")
            body: Body = {**found.body, **fields}
            revision = found.revision
        except NotFound:
            body, revision = fields, "*"
        self.client.drafts.save(PROJECT, "sandbox", address, body, if_match=revision)

    def remove(self, address: str) -> None:
        found = self.client.content.load(PROJECT, address, ref="draft:sandbox")
        self.client.drafts.remove(PROJECT, "sandbox", address, if_match=found.revision)

    def publish(self, note: str = "A sentence about this change") -> None:
        self.run("publish", "-m", note, "--env", "sandbox", "--yes")


@pytest.fixture
def person(server: StageInThread, tmp_path: Path) -> Callable[..., Person]:
    def make(name: str = "ada", role: str = "owner") -> Person:
        return Person(server, role, tmp_path / name)

    return make


@pytest.fixture
def ada(person: Callable[..., Person]) -> Person:
    """Somebody with a project: an agent, two topics and a function are published."""
    found = person()
    found.client.projects.create("Hotel", slug=PROJECT)
    for address, body in {
        "agent/main": AGENT,
        "topic/late-checkout": TOPIC,
        "topic/breakfast": BREAKFAST,
        "function/greet": FUNCTION,
    }.items():
        found.client.drafts.save(PROJECT, "sandbox", address, body, if_match="*")
    found.publish("The first version of the hotel")
    return found


@pytest.fixture
def bob(ada: Person, person: Callable[..., Person]) -> Person:
    """The same person at another machine: the same draft, another folder."""
    return person("bob")


@pytest.fixture
def eve(ada: Person, person: Callable[..., Person]) -> Person:
    """A colleague with a draft of her own."""
    return person("eve", "admin")
