"""Two folders and the server, edited at random: no edit is ever lost without somebody having put another over it."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom.cli import pushes
from greenroom.domain.errors import NotFound
from greenroom.sdk import Client
from greenroom.wire import checkouts, pulls
from tests.support.api import HOME, key_of
from tests.support.in_thread import StageInThread, run_words

URL = "http://greenroom.test"
KEY = key_of(HOME, "owner")
WORD = re.compile(r"\bw\d+\b")
LINES = 5
ADDRESSES = ("topic/a", "topic/b", "function/f")
NUMBERS = count()

FIELDS = {"topic": ("name", "content", "instructions"), "function": ("name", *map(str, range(LINES)))}

STEP = st.one_of(
    st.tuples(st.sampled_from(["edit", "remove"]), st.sampled_from(["one", "two", "server"]), st.integers(0, 99)),
    st.tuples(st.sampled_from(["pull", "push", "settle"]), st.sampled_from(["one", "two"]), st.integers(0, 1)),
)


@pytest.fixture(scope="module")
def stage() -> Iterator[StageInThread]:
    made = StageInThread()
    yield made
    made.stop()


class World:
    """Two folders and a draft, and the words that were put under others by somebody who saw them."""

    def __init__(self, stage: StageInThread) -> None:
        self.stage = stage
        self.words = count(1)
        self.replaced: set[str] = set()
        self.written: set[str] = set()
        self.project = f"p{next(NUMBERS)}"
        self.home = Path(tempfile.mkdtemp(prefix="greenroom-folders-"))
        self.client = Client(URL, KEY, transport=stage)
        self.client.projects.create(self.project, slug=self.project)
        for address in ADDRESSES:
            self.edit_server(address, 0)
        for who in ("one", "two"):
            self.run("pull", who)

    def run(self, verb: str, who: str) -> int:
        env = {
            "GREENROOM_URL": URL,
            "GREENROOM_API_KEY": KEY,
            "GREENROOM_PROJECT": self.project,
            "GREENROOM_CONFIG": str(self.home / "login.json"),
        }
        words = [verb, str(self.home / who)]
        result = run_words(self.stage, words, env)
        assert result.exit_code in (0, 3, 5, 6), result.output
        return result.exit_code

    def word(self) -> str:
        word = f"w{next(self.words)}"
        self.written.add(word)
        return word

    # What is where.

    def files(self, who: str) -> dict[str, str]:
        root = self.home / who
        found = [path for kind in FIELDS for path in sorted((root / kind).glob("*")) if path.is_file()]
        return {path.relative_to(root).as_posix(): path.read_text() for path in found}

    def seen(self, where: str) -> set[str]:
        if where != "server":
            return set(WORD.findall("\n".join(self.files(where).values())))
        return set(WORD.findall("\n".join(str(body) for body in self.server().values())))

    def server(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for address in ADDRESSES:
            try:
                body = self.client.content.load(self.project, address, ref="draft:sandbox").body
            except NotFound:
                continue
            found[address] = body
        return found

    # Edits: whoever writes over a word has seen it.

    def edit(self, where: str, address: str, choice: int) -> None:
        before = self.seen(where)
        if where == "server":
            self.edit_server(address, choice)
        else:
            self.edit_file(where, address, choice)
        self.replaced |= before - self.seen(where)

    def edit_server(self, address: str, choice: int) -> None:
        kind = address.partition("/")[0]
        body = self.server().get(address)
        if body is None:
            self.client.drafts.save(self.project, "sandbox", address, self.fresh(kind), if_match="*")
            return
        field = FIELDS[kind][choice % len(FIELDS[kind])]
        if field.isdigit():
            body["code"] = change_line(body["code"], int(field), self.word())
        else:
            body[field] = self.word()
        revision = self.client.content.load(self.project, address, ref="draft:sandbox").revision
        self.client.drafts.save(self.project, "sandbox", address, body, if_match=revision)

    def edit_file(self, who: str, address: str, choice: int) -> None:
        kind = address.partition("/")[0]
        yaml, code = self.home / who / f"{address}.yaml", self.home / who / f"{address}.py"
        if not yaml.exists():
            fresh = self.fresh(kind)
            yaml.parent.mkdir(exist_ok=True)
            if "code" in fresh:
                code.write_text(fresh.pop("code"))
            yaml.write_text("".join(f"{name}: {value}\n" for name, value in fresh.items()))
            return
        field = FIELDS[kind][choice % len(FIELDS[kind])]
        target = code if field.isdigit() else yaml
        text = target.read_text()
        if "<<<<<<<" in text:
            return
        if field.isdigit():
            target.write_text(change_line(text, int(field), self.word()))
        elif re.search(rf"^{field}: .*$", text, re.MULTILINE):
            target.write_text(re.sub(rf"^{field}: .*$", f"{field}: {self.word()}", text, flags=re.MULTILINE))
        else:
            target.write_text(f"{text}{field}: {self.word()}\n")

    def fresh(self, kind: str) -> dict[str, Any]:
        if kind == "topic":
            return {name: self.word() for name in FIELDS[kind]}
        lines = "".join(f"    x{n} = '{self.word()}'\n    keep = {n}\n" for n in range(LINES))
        return {"name": self.word(), "description": "Says hello.", "code": f"def f(conv):\n{lines}"}

    def remove(self, where: str, address: str) -> None:
        before = self.seen(where)
        if where == "server":
            if address in self.server():
                revision = self.client.content.load(self.project, address, ref="draft:sandbox").revision
                self.client.drafts.remove(self.project, "sandbox", address, if_match=revision)
        else:
            for ending in (".yaml", ".py"):
                (self.home / where / f"{address}{ending}").unlink(missing_ok=True)
        self.replaced |= before - self.seen(where)

    def settle(self, who: str, side: int) -> None:
        """Takes one side of every conflict; what the other said was seen, and put away."""
        before = self.seen(who)
        for name, text in self.files(who).items():
            if "<<<<<<<" not in text:
                continue
            text = re.sub(
                r"^<<<<<<< yours\n(.*?)^=======\n(.*?)^>>>>>>> server\n",
                rf"\{side + 1}",
                text,
                flags=re.MULTILINE | re.DOTALL,
            )
            path = self.home / who / name
            if text:
                path.write_text(text)
            else:
                path.unlink()
                path.with_suffix(".py").unlink(missing_ok=True)
        self.replaced |= before - self.seen(who)

    # What must hold.

    def sync(self, verb: str, who: str) -> None:
        """Pulls or pushes; no word may leave the place that is written to unless somebody put another over it."""
        target = who if verb == "pull" else "server"
        other = "server" if verb == "pull" else who
        before, kept = self.seen(target), self.seen(other)
        self.run(verb, who)
        lost = before - self.seen(target) - self.replaced
        assert not lost, f"{verb} of {who} lost {sorted(lost)}"
        assert self.seen(other) == kept, f"{verb} changed where it only reads"

    def check(self) -> None:
        anywhere = self.seen("one") | self.seen("two") | self.seen("server")
        lost = self.written - anywhere - self.replaced
        assert not lost, f"nowhere any more: {sorted(lost)}"

    def converge(self) -> None:
        """Whatever happened, a few rounds of settling, pulling and pushing make all three the same."""
        for _ in range(2):
            for who in ("one", "two"):
                self.settle(who, 0)
                self.sync("pull", who)
                self.settle(who, 0)
                self.sync("push", who)
                self.check()
        self.sync("pull", "one")
        assert self.seen("one") == self.seen("two") == self.seen("server")
        for who in ("one", "two"):
            assert self.run("push", who) == 0
            assert self.run("validate", who) == 0


def change_line(code: str, number: int, word: str) -> str:
    return re.sub(rf"x{number} = '\w+'", f"x{number} = '{word}'", code)


def play(stage: StageInThread, steps: list[tuple[str, str, int]]) -> None:
    world = World(stage)
    try:
        for verb, who, number in steps:
            address = ADDRESSES[number % len(ADDRESSES)]
            if verb == "edit":
                world.edit(who, address, number // len(ADDRESSES))
            elif verb == "remove":
                world.remove(who, address)
            elif verb == "settle":
                world.settle(who, number)
            else:
                world.sync(verb, who)
            world.check()
        world.converge()
    finally:
        shutil.rmtree(world.home)


@settings(max_examples=min(max(10, settings().max_examples // 3), 200))
@given(steps=st.lists(STEP, min_size=4, max_size=16))
def test_no_edit_is_lost_in_silence(stage: StageInThread, steps: list[tuple[str, str, int]]) -> None:
    play(stage, steps)


RACE = [("edit", "one", 3), ("edit", "two", 3), ("push", "one", 0), ("push", "two", 0), ("pull", "one", 0)]
MEETING = [("edit", "one", 3), ("edit", "server", 3), ("pull", "one", 0)]


def test_a_push_that_overwrites_is_caught(stage: StageInThread, monkeypatch: pytest.MonkeyPatch) -> None:
    def plan(base: Any, pushed: Any, local: Any, revisions: Any, kinds: Any, unpublished: Any) -> Any:
        seen = {a: checkouts.Pulled(revisions[a], pulled.body) for a, pulled in base.items() if a in revisions}
        return checkouts.plan_push(seen, pushed, local, revisions, kinds, unpublished)

    play(stage, RACE)
    monkeypatch.setattr(pushes, "plan_push", plan)
    with pytest.raises(AssertionError, match="lost"):
        play(stage, RACE)


def test_a_pull_that_overwrites_is_caught(stage: StageInThread, monkeypatch: pytest.MonkeyPatch) -> None:
    def merge(base: Any, ours: Any, theirs: Any, shape: Any, **_: Any) -> Any:
        return theirs, ()

    play(stage, MEETING)
    monkeypatch.setattr(pulls, "merge_bodies", merge)
    with pytest.raises(AssertionError, match="lost"):
        play(stage, MEETING)
