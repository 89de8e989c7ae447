"""People who talk to the hotel, and the truth about them.

What everybody will ask is drawn beforehand, and what each version answers is written in a book. So the truth about
every share is counted here, from the rules as docs/reference/traffic.md tells them, by none of Greenroom's own code.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import httpx2

from tests.support.api import PREFIX, good

SLOTS = 10_000
QUESTIONS = {
    "breakfast": "When is breakfast?",
    "late": "Can I check out late?",
    "pets": "Can I bring my dog?",
    "parking": "Where can I park my car?",
    "spa": "Is there a sauna in the house?",
    "weather": "Will it rain on Sunday?",
    "person": "I want to speak to a human",
}
MIX: Mapping[tuple[str, ...], int] = {
    ("breakfast",): 22,
    ("late",): 15,
    ("pets",): 14,
    ("parking",): 14,
    ("weather",): 8,
    ("person",): 7,
    ("spa",): 5,
    ("pets", "breakfast"): 4,
    ("breakfast", "parking"): 4,
    ("late", "weather"): 3,
    (): 4,
}
"""What a conversation asks, one after the other, and how often."""
SCORES = (("thumbs", 1), ("thumbs", 0), ("thumbs", -1), ("stars", 5), ("stars", 2))
RATED = 0.3
RETURNING = 0.2


@dataclass(frozen=True)
class Answer:
    """What a version answers to a question, and what that comes to."""

    reply: str
    outcome: str


Book = Mapping[str, Answer]
"""What one version answers, by question."""


def outcome_of(heard: Iterable[Answer]) -> str:
    """Returns how a conversation went: once handed over it is over, once answered it stays contained."""
    now = "abandoned"
    for answer in heard:
        if answer.outcome == "handed_off":
            return "handed_off"
        now = "contained" if "contained" in (now, answer.outcome) else answer.outcome
    return now


def true_share(book: Book, outcome: str) -> float:
    """Returns the share of all conversations of the mix that go so with a version."""
    hits = sum(n for asked, n in MIX.items() if outcome_of(book[each] for each in asked) == outcome)
    return hits / sum(MIX.values())


def slot_of(salt: str, key: str) -> int:
    """Returns the slot of a traffic key, as the published rule says."""
    digest = blake2b(salt.encode() + b"\0" + key.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") * SLOTS >> 64


def share_out(before: Mapping[int, str], weights: Mapping[str, int], order: Sequence[str]) -> dict[int, str]:
    """Returns who owns each slot after an edit; `order` has the shares by the ids of their environments."""
    after: dict[int, str] = {}
    for alias, weight in weights.items():
        after |= dict.fromkeys(sorted(slot for slot, owner in before.items() if owner == alias)[:weight], alias)
    free = [slot for slot in range(SLOTS) if slot not in after]
    for alias in order:
        missing = weights[alias] - sum(owner == alias for owner in after.values())
        after |= dict.fromkeys(free[:missing], alias)
        free = free[missing:]
    return after


def chance_of(counts: Sequence[int], weights: Sequence[int]) -> float:
    """Returns how probable counts of two arms this far or further from their weights are (chi-square)."""
    total = sum(counts)
    due = [total * weight / sum(weights) for weight in weights]
    return math.erfc(math.sqrt(sum((n - d) ** 2 / d for n, d in zip(counts, due, strict=True)) / 2))


@dataclass
class Visit:
    """A conversation that will be held."""

    user: str
    asked: tuple[str, ...]
    score: tuple[str, int] | None = None
    environment: str | None = None
    """Asked for by name, past the split."""
    stays: bool = False
    """Whether it is left open."""


@dataclass
class Talk:
    """A conversation that was held: where it had to begin, and what had to be heard there."""

    visit: Visit
    environment: str
    version: int
    by: str
    """How it must come in."""
    id: str = ""
    heard: list[Answer] = field(default_factory=list[Answer])
    ended: bool = False
    moved: bool = False

    @property
    def outcome(self) -> str:
        return outcome_of(self.heard)

    @property
    def rating(self) -> float | None:
        """Returns the feedback from 0 to 1."""
        if self.visit.score is None:
            return None
        scale, score = self.visit.score
        return (score - 1) / 4 if scale == "stars" else (score + 1) / 2


def draw_visit(user: str, dice: random.Random, **more: Any) -> Visit:
    """Returns what a user will ask."""
    asked = dice.choices(list(MIX), list(MIX.values()))[0]
    return Visit(user, asked, dice.choice(SCORES) if dice.random() < RATED else None, **more)


def draw_visits(users: Sequence[str], dice: random.Random) -> list[Visit]:
    """Returns a visit of everybody, and then those of who comes again, some of them twice."""
    again = [user for user in users if dice.random() < RETURNING]
    return [draw_visit(user, dice) for user in (*users, *again, *again[::7])]


class Crowd:
    """Everybody who ever talked. `owners` are the slots of the split, `serves` the versions of the environments."""

    def __init__(self, url: str, key: str, callers: int) -> None:
        self._url, self._key, self._callers = url, key, callers
        self._client: httpx2.AsyncClient
        self.books: dict[int, Book] = {}
        self.salt = ""
        self.owners: dict[int, str] = {}
        self.serves: dict[str, int] = {}
        self.testers: dict[str, str] = {}
        """Where each tester is led."""
        self.talks: list[Talk] = []

    def place_of(self, user: str) -> str:
        """Returns the environment that a user is led to who names none."""
        return self.testers.get(user) or self.owners[slot_of(self.salt, user)]

    def await_talk(self, visit: Visit) -> Talk:
        """Returns the conversation that a visit must become, before it is held."""
        by = "alias" if visit.environment else "tester" if visit.user in self.testers else "split"
        where = visit.environment or self.place_of(visit.user)
        return Talk(visit, where, self.serves[where], by)

    def hold(self, visits: Sequence[Visit]) -> list[Talk]:
        """Holds conversations, many at once, and checks every reply; returns them in their order."""
        talks = list(map(self.await_talk, visits))
        self._all(self._hold(each) for each in talks)
        self.talks += talks
        return talks

    def ask_where(self, users: Sequence[str], alias: str | None = None) -> None:
        """Asks for each user which version serves them: the one of their share, or of the environment named here."""
        self._all(self._ask_where(user, alias or self.place_of(user)) for user in users)

    def go_on(self, talks: Sequence[Talk], version: int | None) -> None:
        """Asks once more in open conversations and ends them; `version` is the one that answers, None for no one."""
        self._all(self._go_on(each, version) for each in talks)

    def _all(self, works: Iterable[Any]) -> None:
        asyncio.run(self._carry_out(list(works)))

    async def _carry_out(self, works: list[Any]) -> None:
        headers = {"Authorization": f"Bearer {self._key}"}
        async with httpx2.AsyncClient(base_url=self._url, headers=headers, timeout=60) as self._client:
            queue = iter(works)

            async def work() -> None:
                for one in queue:
                    await one

            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(self._callers):
                        group.create_task(work())
            finally:
                for one in queue:
                    one.close()

    async def _ask_where(self, user: str, alias: str) -> None:
        found = good(await self._client.get(f"{PREFIX}/projects/hotel/resolve", params={"key": user}))
        assert (found["environment"], found["version"]) == (alias, self.serves[alias]), user
        assert found["slot"] == slot_of(self.salt, user)

    async def _hold(self, talk: Talk) -> None:
        visit = talk.visit
        sent = {"user_id": visit.user, "channel": "chat"}
        sent |= {"environment": visit.environment} if visit.environment else {}
        begun = good(await self._client.post(f"{PREFIX}/projects/hotel/conversations", json=sent))
        talk.id = begun["id"]
        assert (begun["environment"], begun["version"]) == (talk.environment, talk.version), visit
        assert begun["entry"]["by"] == talk.by, begun
        for question in visit.asked:
            await self._ask(talk, question, talk.version)
            if talk.ended:
                break
        if not visit.stays:
            await self._leave(talk)

    async def _ask(self, talk: Talk, question: str, version: int) -> None:
        place, text = f"{PREFIX}/conversations/{talk.id}/turns", QUESTIONS[question]
        turn = good(await self._client.post(place, json={"text": text}))
        answer = self.books[version][question]
        assert (turn["version"], turn["reply"]) == (version, answer.reply), (talk, turn)
        talk.heard.append(answer)
        talk.moved = talk.moved or version != talk.version
        talk.ended = turn["ended"]
        assert talk.ended == (answer.outcome == "handed_off")

    async def _leave(self, talk: Talk) -> None:
        place = f"{PREFIX}/conversations/{talk.id}"
        if not talk.ended:
            good(await self._client.post(f"{place}/end"))
        talk.ended = True
        if talk.visit.score is not None:
            scale, score = talk.visit.score
            good(await self._client.post(f"{place}/feedback", json={"scale": scale, "score": score}))

    async def _go_on(self, talk: Talk, version: int | None) -> None:
        if version is None:
            place = f"{PREFIX}/conversations/{talk.id}/turns"
            refused = await self._client.post(place, json={"text": "When is breakfast?"})
            assert (refused.status_code, refused.json()["code"]) == (409, "conversation_ended"), refused.text
            talk.ended = True
            return
        await self._ask(talk, "breakfast", version)
        await self._leave(talk)


def count_rows(talks: Iterable[Talk]) -> dict[tuple[str, int], dict[str, Any]]:
    """Returns the truth about every environment and version, as a table of results would have it."""
    groups: dict[tuple[str, int], list[Talk]] = {}
    for talk in talks:
        groups.setdefault((talk.environment, talk.version), []).append(talk)
    return {of: _count(mine) for of, mine in groups.items()}


def _count(talks: Sequence[Talk]) -> dict[str, Any]:
    over = [talk for talk in talks if talk.ended]
    outcomes = Counter(talk.outcome for talk in over)
    ratings = [talk.rating for talk in over if talk.rating is not None]
    return {
        "conversations": len(talks),
        "running": len(talks) - len(over),
        "moved": sum(talk.moved for talk in talks),
        "outcomes": dict(outcomes),
        "shares": {name: outcomes[name] / len(over) for name in ("contained", "handed_off", "no_match")}
        if over
        else {},
        "turns": sum(len(talk.heard) for talk in over) / len(over) if over else None,
        "feedback": (sum(ratings) / len(ratings), len(ratings)) if ratings else None,
    }
