"""What the release machine's rules are made of: people, slips, and one way to call the desk and judge it."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from greenroom.domain.access import Role
from greenroom.domain.entities import Address
from greenroom.domain.errors import GreenroomError
from greenroom.services.plans import PolicyChoice
from greenroom.services.work import Call
from tests.fault.houses import House, Room
from tests.property import release_checks as checks
from tests.property.release_model import Model

QUESTIONS = {"bar": "When does the bar open?", "gym": "Is there a gym?", "pool": "Where is the pool?"}
TEXTS = ("Alpha", "Bravo", "Charlie", "See {{topic.pool}}.")
ROLES: dict[str, Role] = {"anna": "owner", "ben": "release_manager", "vera": "viewer"}
NOTE = "Opening hours are given in full"
ACTIONS = {"promote": "release.promoted", "hotfix": "release.hotfixed", "rollback": "release.rolled_back"}
SEQUENCES = ("no sequence", "old sequence", "future sequence")
CONFIRMATIONS = ("no confirmation", "other confirmation")
PUBLISH_SLIPS = (*SEQUENCES, *CONFIRMATIONS, "vague", "no deadline", "old revision")
HOTFIXES = ("hotfix", "hotfix", "hotfix without a reason")
PROMOTE_SLIPS = (*SEQUENCES, *CONFIRMATIONS, *HOTFIXES, "viewer", "acknowledge", "no deadline")

members = st.sampled_from(["anna", "ben"])
places = st.integers(0, 2)
slugs = st.sampled_from(sorted(QUESTIONS))
texts = st.sampled_from([*TEXTS, *TEXTS, None])
ages = st.integers(0, 4)
rollbacks = st.one_of(st.none(), ages)
policies = st.sampled_from([None, None, "finish", "switch", "drain", "drain"])
choices = st.sampled_from([None, "leave_out", "bring_back"])
takes = st.sampled_from([None, None, "ours", "ours", "theirs", "theirs", "unknown"])


def slips(*kinds: str) -> st.SearchStrategy[str]:
    """Returns a strategy for what a caller does wrong: mostly nothing, so that histories grow."""
    return st.integers(0, 3 * len(kinds) - 1).map(lambda n: dict(enumerate(kinds)).get(n - 2 * len(kinds), ""))


def body_of(slug: str, text: str) -> dict[str, Any]:
    return {"name": slug.title(), "sample_questions": [QUESTIONS[slug]], "content": text}


def address_of(slug: str) -> Address:
    return Address("topic", slug)


class Player(RuleBasedStateMachine):
    """One project of one template. Subclasses name the template and the house."""

    template = "pipeline"
    house: House

    @initialize()
    def make_project(self) -> None:
        self.room: Room = self.house.open()
        self.desk = self.room.desk
        call = self.room.call()
        self.room.run(self.desk.projects.create(call, "Hotel", "hotel", self.template))  # type: ignore[arg-type]
        self.model = Model(self.template, self.room.clock.now())
        self.seen = checks.Seen(self.room)

    # Doing things: every call of the desk goes through here.

    def call(self, name: str) -> Call:
        return self.room.call(name, ROLES[name])

    def attempt(
        self, doing: Coroutine[Any, Any, Any], refusals: set[str], tables: set[str], actions: Sequence[str] = ()
    ) -> Any:
        """Runs a verb that must be refused with one of `refusals`, or else changes only `tables` and logs `actions`."""
        refused: GreenroomError | None = None
        result = None
        try:
            result = self.room.run(doing)
        except GreenroomError as wrong:
            refused = wrong
        if refused is not None:
            wanted = refusals or "success"
            assert refused.code in refusals, f"refused with {refused.code}, not {wanted}: {refused.detail}"
            self.seen.nothing_changed(f"the refused call ({refused.code})")
            return None
        assert not refusals, f"accepted, but should be refused with one of {refusals}"
        self.seen.only_changed(tables, actions)
        return result

    def alias_at(self, place: int, editable: bool = False) -> str:
        aliases = [e.alias for e in self.model.environments.values() if e.editable or not editable]
        return aliases[place % len(aliases)]

    def number_at(self, age: int, slip: str = "") -> int:
        """Returns the version of an age, 0 the newest; a number that does not exist after that slip."""
        count = len(self.model.versions)
        return count + 1 if slip == "no such version" else count - age % max(count, 1)

    def sequence(self, alias: str, slip: str) -> int | None:
        seq = self.model.environments[alias].seq
        return {"no sequence": None, "old sequence": seq - 1, "future sequence": seq + 1}.get(slip, seq)

    def in_flight(self, policy: str | None, slip: str) -> tuple[PolicyChoice, set[str]]:
        """Returns the choice; deadlines lie between the whole seconds at which things happen."""
        if slip == "no deadline":
            return PolicyChoice("drain"), {"invalid_in_flight"}
        if policy == "drain":
            return PolicyChoice("drain", self.model.now + timedelta(seconds=90.5)), set()
        return PolicyChoice(policy), set()  # type: ignore[arg-type]

    def served_somewhere(self, place: int, slip: str) -> str:
        """Returns an environment that serves something, where there is one and the caller does not slip."""
        aliases = [e.alias for e in self.model.environments.values() if e.stack or slip == "anywhere"]
        return aliases[place % len(aliases)] if aliases else self.alias_at(place)

    def step_clock(self, seconds: float = 1) -> None:
        self.room.clock.pass_seconds(seconds)
        self.model.pass_time(self.room.clock.now())

    @staticmethod
    def sequence_refusals(slip: str, required: bool) -> set[str]:
        if slip == "no sequence" and required:
            return {"expected_seq_required"}
        return {"stale_sequence"} if slip in {"old sequence", "future sequence"} else set()

    @staticmethod
    def confirmation_refusals(slip: str) -> set[str]:
        return {"no confirmation": {"confirmation_required"}, "other confirmation": {"stale_confirmation"}}.get(
            slip, set()
        )

    def place_of(self, alias: str) -> int:
        return list(self.model.environments).index(alias)
