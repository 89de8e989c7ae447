"""The whole way of a change through parallel environments, twice, by the command line against a real server.

Main is cloned, the clone is worked on and published, a tenth of the users are sent there, then half; the results say
what was put in; the clone is merged and deleted, and everybody hears it. `GREENROOM_PROFILE=long` sends 20,000 users.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.contract.parallel.crowd import (
    SLOTS,
    Book,
    Crowd,
    Talk,
    Visit,
    chance_of,
    count_rows,
    draw_visit,
    draw_visits,
    share_out,
    slot_of,
    true_share,
)
from tests.contract.parallel.hands import Hands
from tests.contract.parallel.harbour import (
    AGENT,
    BETTER,
    BREAKFAST,
    DESK,
    FIRST,
    FROM_EIGHT,
    GARAGE,
    LATE,
    LATER,
    PARKING,
    PETS,
    SPA,
    WITH_SPA,
)
from tests.contract.walkthrough.test_walkthrough import serving
from tests.fault.profile import LONG, SEED, say_seed

USERS = 20_000 if LONG else 400
CALLERS = 16 if LONG else 8
AFTERWARDS = 2_000 if LONG else 60
"""So many come again once the clone is gone."""
TESTER = "anna-of-quality"
KEPT = 6
"""So many conversations of each share are left open when the clone is merged."""
LIKELY = 0.02
"""Users are drawn anew until they fall to the shares no less probably than this: chance must not fail a test."""


class Story:
    """A project, who works on it, and who talks to it."""

    def __init__(self, hands: Hands, crowd: Crowd, dice: random.Random) -> None:
        self.hands, self.crowd, self.dice = hands, crowd, dice
        self.users: list[str] = []
        self.clone = ""

    def open(self) -> None:
        """Makes the project; Main serves v1."""
        self.hands.run("projects", "create", "Hotel", "--template", "parallel")
        bodies = {"handoff/desk": DESK, "topic/breakfast": BREAKFAST, "topic/late": LATE, "topic/parking": PARKING}
        for address, body in {"agent/main": AGENT, **bodies}.items():
            self.hands.edit("main", address, body)
        done = self.hands.confirmed("publish", "-m", "The desk as it was until today")
        self.serve("main", done["version"]["number"], FIRST)

    def serve(self, alias: str, version: int, book: Book) -> None:
        """Takes note of what an environment serves from now on."""
        self.crowd.serves[alias] = version
        self.crowd.books[version] = book

    def make_clone(self, name: str) -> None:
        """Clones Main: by reference, so at once."""
        main = self.hands.json("env", "show", "main")
        made = self.hands.json("env", "clone", "main", name)["environment"]
        assert made["serves"]["digest"] == main["serves"]["digest"]
        assert (made["public"], made["editable"], made["draft_changes"]) == (False, True, 0)
        self.clone = made["alias"]
        self.serve(self.clone, made["serves"]["version"], self.crowd.books[made["serves"]["version"]])

    def publish(self, alias: str, note: str, book: Book, changes: Mapping[str, Any]) -> None:
        """Edits an environment, tries the draft in a chat, and publishes it."""
        for address, body in changes.items():
            self.hands.edit(alias, address, body)
            said = self.hands.lines("chat", "--ref", f"draft:{alias}", "--say", body["sample_questions"][0])[-1]
            assert said["reply"] == body["content"]
        words = ("publish", "-m", note, "--env", alias)
        public = self.hands.json("env", "show", alias)["public"]
        done = self.hands.confirmed(*words) if public else self.hands.json(*words)
        self.serve(alias, done["version"]["number"], book)

    def split(self, note: str, **weights: int) -> str:
        """Sets the split, checks who owns which slot since, and returns when that was. The clone is `clone`."""
        shares = {self.clone if alias == "clone" else alias: percent for alias, percent in weights.items()}
        words = ("split", "set", *(f"{alias}={percent}" for alias, percent in shares.items()), "--note", note)
        before = self.crowd.owners or dict.fromkeys(range(SLOTS), "main")
        order = sorted(shares, key=lambda alias: self.hands.json("env", "show", alias)["id"])
        owners = share_out(before, {alias: percent * 100 for alias, percent in shares.items()}, order)
        plan = self.hands.json(*words, "--dry-run")
        assert plan["moved_slots"] == sum(owners[slot] != before[slot] for slot in owners)
        assert self.hands.json("split", "show")["revision"] == plan["revision"], "a dry run changes nothing"
        found = self.hands.json(*words)
        self.crowd.owners = owners
        self.crowd.salt = self.crowd.salt or found["salt"]
        self.check_split(found)
        return found["changed_at"]

    def check_split(self, found: Any) -> None:
        """Compares a split with who must own which slot."""
        assert found["salt"] == self.crowd.salt, "the salt survives every edit"
        owned = {n: each["environment"] for each in found["shares"] for a, b in each["slots"] for n in range(a, b + 1)}
        assert owned == self.crowd.owners

    def draw_users(self, *firsts: int) -> None:
        """Draws who will talk; they fall to the shares behind each of these slots as chance would have it."""
        while True:
            run = self.dice.randrange(10**6)
            self.users = [f"guest-{run}-{number}" for number in range(USERS)]
            slots = [slot_of(self.crowd.salt, user) for user in self.users]
            counts = [sum(slot < first for slot in slots) for first in firsts]
            pairs = zip(counts, firsts, strict=True)
            if min(chance_of((n, USERS - n), (first, SLOTS - first)) for n, first in pairs) > LIKELY:
                return

    def come(self, users: Sequence[str] | None = None) -> list[Talk]:
        """Has everybody talk, some twice, and a few by the name of an environment; returns their conversations."""
        visits = draw_visits(self.users if users is None else users, self.dice)
        named = [
            draw_visit(user, self.dice, environment=alias)
            for alias in dict.fromkeys(self.crowd.owners.values())
            for user in self.dice.sample(self.users, 5)
        ]
        self.crowd.ask_where(self.users)
        testing = [draw_visit(user, self.dice) for user in self.crowd.testers for _ in range(3)]
        return self.crowd.hold([*visits, *named, *testing])

    def stay(self) -> dict[str, list[Talk]]:
        """Begins conversations in every share that are left open; returns them by share."""
        found: dict[str, list[Talk]] = {}
        for alias in dict.fromkeys(self.crowd.owners.values()):
            mine = [user for user in self.users if self.crowd.place_of(user) == alias][:KEPT]
            found[alias] = self.crowd.hold([Visit(user, ("late",), stays=True) for user in mine])
        return found

    def check_results(self) -> None:
        """Compares the table of results with the truth, whole."""
        public = [talk for talk in self.crowd.talks if talk.by != "tester"]
        for words, talks in (((), public), (("--with-testers",), self.crowd.talks)):
            rows = self.hands.list_all("results", "--by", "environment,version", *words)
            truth = count_rows(talks)
            assert {(row["environment"], row["version"]) for row in rows} == truth.keys()
            for row in rows:
                check_row(row, truth[row["environment"], row["version"]])

    def compare(self, since: str, talks: Sequence[Talk], weights: tuple[int, int], *more: str) -> Any:
        """Compares the clone with Main since a time, and the comparison with the truth about these conversations."""
        found = self.hands.json("results", "compare", "main", self.clone, "--from", since, *more)
        counts: list[int] = []
        for arm, alias in zip(found["arms"], ("main", self.clone), strict=True):
            mine = [talk for talk in talks if talk.by == "split" and talk.environment == alias]
            over = [talk for talk in mine if talk.ended]
            counts.append(len({talk.visit.user for talk in mine}))
            assert (arm["name"], arm["conversations"], arm["n"]) == (alias, len(mine), len(over))
            assert arm["keys"] == len({talk.visit.user for talk in over})
            assert arm["value"] == pytest.approx(sum(talk.outcome == "contained" for talk in over) / len(over))
        assert found["ratio"]["observed"] == counts
        assert found["ratio"]["p"] == pytest.approx(chance_of(counts, weights), rel=1e-6, abs=1e-12)
        return found


def check_row(row: Any, truth: Any) -> None:
    for name in ("conversations", "running", "moved"):
        assert row[name] == truth[name], (name, row, truth)
    assert {name: count for name, count in row["outcomes"].items() if count} == truth["outcomes"]
    for metric, outcome in (("containment", "contained"), ("hand_off", "handed_off"), ("no_match", "no_match")):
        if truth["shares"]:
            assert row["metrics"][metric]["value"] == pytest.approx(truth["shares"][outcome])
    if truth["turns"] is not None:
        assert row["metrics"]["turns"]["value"] == pytest.approx(truth["turns"])
    if truth["feedback"] is None:
        assert "feedback" not in row["metrics"]
    else:
        said = row["metrics"]["feedback"]
        assert (said["value"], said["n"]) == (pytest.approx(truth["feedback"][0]), truth["feedback"][1])


def check_holds_truth(found: Any, main: Book, clone: Book) -> None:
    """The interval of the difference in containment holds what was put in."""
    assert not found["ratio"]["mismatch"]
    difference = found["arms"][1]["difference"]
    truth = true_share(clone, "contained") - true_share(main, "contained")
    assert difference["low"] <= truth <= difference["high"], (difference, truth)
    for arm, book in zip(found["arms"], (main, clone), strict=True):
        assert arm["interval"]["low"] <= true_share(book, "contained") <= arm["interval"]["high"]


def tell_first_round(story: Story) -> None:
    hands, crowd = story.hands, story.crowd
    story.make_clone("Pets beta")
    assert story.clone == "pets-beta"
    wrong = {**PETS, "content": "No pets."}
    story.publish(story.clone, "Pets are answered for the first time", {}, {"topic/pets": wrong})
    story.publish(
        story.clone, "Small pets are welcome, and the garage", BETTER, {"topic/pets": PETS, "topic/parking": GARAGE}
    )
    assert hands.json("env", "show", "main")["serves"]["version"] == 1
    hands.json("testers", "add", "--env", story.clone, "--user-id", TESTER)
    crowd.testers[TESTER] = story.clone
    began = story.split("A tenth hears about pets", main=90, clone=10)
    story.draw_users(9_000, 5_000, 6_000)
    tenth = story.come()
    story.check_results()
    found = story.compare(began, tenth, (90, 10))
    if LONG:
        check_holds_truth(found, FIRST, BETTER)
    else:
        assert not found["ratio"]["mismatch"]
        assert found["verdict"].startswith("not enough data: pets-beta has ")
    there = {user for user in story.users if crowd.place_of(user) == story.clone}
    began = story.split("Half of the guests, to know more", main=50, clone=50)
    assert there <= {user for user in story.users if crowd.place_of(user) == story.clone}, (
        "a growing share keeps its keys"
    )
    half = story.come()
    story.check_results()
    found = story.compare(began, half, (50, 50))
    check_holds_truth(found, FIRST, BETTER)
    assert found["verdict"].startswith("pets-beta is better by ")


def check_skew_is_seen(story: Story) -> None:
    """Many of those who should hear the clone do not get through: what is left must not be read."""
    since = datetime.now(UTC).isoformat()
    # Of 400 users so few that chance alone cannot hide it: at a half, one run in a hundred would not see it.
    kept = 0.5 if LONG else 0.2
    through = [user for user in story.users if story.crowd.place_of(user) == "main" or story.dice.random() < kept]
    left = story.crowd.hold([draw_visit(user, story.dice) for user in through[: USERS // 2 if LONG else USERS]])
    found = story.compare(since, left, (50, 50))
    assert found["ratio"]["mismatch"]
    assert found["verdict"].startswith("do not read this: sample ratio mismatch")
    story.check_results()


def merge_and_delete(story: Story) -> None:
    """Merges the clone and deletes it, in two steps; whoever talks there finishes."""
    hands, crowd, clone = story.hands, story.crowd, story.clone
    kept = story.stay()
    here, there = crowd.serves["main"], crowd.serves[clone]
    done = hands.confirmed("merge", clone, "--into", "main", "-m", "Pets and the garage for everybody")
    number = done["version"]["number"]
    assert done["version"]["parents"] == [here, there]
    assert done["version"]["digest"] == hands.json("versions", "show", f"v{there}")["digest"]
    story.serve("main", number, crowd.books[there])
    busy = hands.refused("environment_in_use", "env", "delete", clone, exit_code=8)
    assert {each["what"] for each in busy["dependants"]} == {"split share", "tester", "running conversations"}
    gone = hands.confirmed("env", "delete", clone, "--move-to", "main", "--in-flight", "finish")
    assert (gone["moved_to"], gone["conversations_end_at"]) == ("main", None)
    after_deletion(story)
    crowd.go_on(kept["main"], here)
    crowd.go_on(kept[clone], there)
    story.check_results()


def merge_with_deletion(story: Story) -> None:
    """Merges the clone and deletes it in one step; whoever talks there is cut off, whoever talks to Main moves."""
    hands, crowd, clone = story.hands, story.crowd, story.clone
    kept = story.stay()
    parents = [crowd.serves["main"], crowd.serves[clone]]
    words = (
        "merge",
        clone,
        "--into",
        "main",
        "-m",
        "The spa for everybody",
        "--delete-source",
        "--in-flight",
        "switch",
    )
    done = hands.confirmed(*words)
    assert done["version"]["parents"] == parents
    assert (done["deletion"]["environment"], done["deletion"]["moved_to"]) == (clone, "main")
    story.serve("main", done["version"]["number"], {**WITH_SPA, **FROM_EIGHT})
    after_deletion(story)
    crowd.go_on(kept["main"], done["version"]["number"])
    crowd.go_on(kept[clone], None)
    story.check_results()


def after_deletion(story: Story) -> None:
    """Everybody hears Main, testers too, and the clone's alias leads nowhere."""
    hands, crowd, clone = story.hands, story.crowd, story.clone
    crowd.testers[TESTER] = "main"
    crowd.owners = dict.fromkeys(range(SLOTS), "main")
    story.check_split(hands.json("split", "show"))
    assert [each["alias"] for each in hands.json("env", "list")["items"]] == ["main"]
    hands.refused("environment_deleted", "env", "show", clone, exit_code=4)
    hands.refused("environment_deleted", "chat", "--env", clone, "--say", "Hello", exit_code=4)
    crowd.ask_where(story.users, "main")
    story.come(story.users[:AFTERWARDS])
    said = hands.json("resolve", story.users[0])
    assert (said["environment"], said["version"]) == ("main", crowd.serves["main"])


def tell_second_round(story: Story) -> None:
    """The same again, while Main goes on as well: nothing of it is lost."""
    hands = story.hands
    story.make_clone("Pets beta")
    assert story.clone == "pets-beta-2", "the name is free again, the alias never"
    story.publish(story.clone, "The spa is answered for the first time", WITH_SPA, {"topic/spa": SPA})
    began = story.split("Four in ten hear about the spa", main=60, clone=40)
    came = story.come()
    story.publish("main", "Breakfast begins an hour later", {**BETTER, **FROM_EIGHT}, {"topic/breakfast": LATER})
    came += story.come(story.users[: USERS // 2])
    story.check_results()
    check_holds_truth(story.compare(began, came, (60, 40)), BETTER, WITH_SPA)
    ended = datetime.now(UTC).isoformat()
    merge_with_deletion(story)
    # Where the split is gone, one says what it was.
    words = ("--to", ended, "--weights", "60,40", "--entry", "split")
    check_holds_truth(story.compare(began, came, (60, 40), *words), BETTER, WITH_SPA)
    assert hands.json("content", "show", "topic/breakfast", "--ref", "main")["body"]["content"] == LATER["content"]
    assert hands.json("content", "show", "topic/spa", "--ref", "main")["body"]["content"] == SPA["content"]


def check_nothing_is_lost(story: Story) -> None:
    """What happened is all there: in the history, the releases, the conversations and the reasons."""
    hands, talks = story.hands, story.crowd.talks
    actions = Counter(each["action"] for each in hands.list_all("history"))
    wanted = {
        "environment.created": 2,
        "environment.deleted": 2,
        "version.published": 5,
        "version.merged": 2,
        "release.cloned": 2,
        "release.published": 5,
        "release.merged": 2,
        "split.changed": 5,
    }
    assert {name: actions[name] for name in wanted} == wanted
    assert hands.json("audit", "verify")["sound"]
    changes = [
        (each["note"], [s["environment"] for s in each["after"]]) for each in hands.json("split", "history")["items"]
    ]
    assert [aliases for _, aliases in changes] == [
        ["main"],
        ["main", "pets-beta-2"],
        ["main"],
        ["main", "pets-beta"],
        ["main", "pets-beta"],
    ]
    for alias, operations in (("pets-beta", ["publish", "publish", "clone"]), ("pets-beta-2", ["publish", "clone"])):
        assert [each["operation"] for each in hands.json("releases", alias)["items"]] == operations
        listed = {each["id"] for each in hands.list_all("conversations", "list", "--env", alias, "--origin", "public")}
        assert listed == {talk.id for talk in talks if talk.environment == alias}
        one = next(talk for talk in talks if talk.environment == alias and talk.by == "split")
        told = hands.json("why", one.id)
        assert (told["by"], told["environment"], told["version"]) == ("split", alias, one.version)
        assert told["slot"] == slot_of(story.crowd.salt, one.visit.user)
        past = next(talk for talk in talks if talk.environment == alias and talk.by == "alias")
        assert hands.json("why", past.id)["by"] == "alias"


@pytest.mark.timeout(7_200 if LONG else 300)
def test_two_rounds_of_parallel_work_say_what_was_put_in(tmp_path: Path) -> None:
    with serving(tmp_path / "data", None) as (url, key):
        story = Story(Hands(url, key, tmp_path), Crowd(url, key, CALLERS), say_seed("the story", SEED))
        story.open()
        tell_first_round(story)
        check_skew_is_seen(story)
        merge_and_delete(story)
        tell_second_round(story)
        check_nothing_is_lost(story)


@pytest.mark.parametrize("fault", [{"conversations": 4}, {"moved": 1}, {"outcomes": {"contained": 2, "no_match": 1}}])
def test_the_check_of_the_table_can_fail(fault: dict[str, Any]) -> None:
    talks = [Talk(Visit("ada", ("late",)), "main", 1, "split", heard=[FIRST["late"]], ended=True) for _ in range(3)]
    ((_, truth),) = count_rows(talks).items()
    values = {"containment": {"value": 1.0}, "hand_off": {"value": 0.0}, "no_match": {"value": 0.0}}
    row = {**truth, "metrics": {**values, "turns": {"value": 1.0}}}
    check_row(row, truth)
    with pytest.raises(AssertionError):
        check_row({**row, **fault}, truth)
