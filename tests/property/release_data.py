"""Rules of the release machine: data that no version holds, changed by people between releases only (R1)."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from greenroom.domain.tables import Column, Table
from tests.fault.dumps import CHAIN, RECORDS
from tests.property.release_player import members
from tests.property.release_talks import TalkRules

ROOMS = Table("rooms", "Rooms", "", (Column("number", "number"), Column("view")), "number")
SLUGS = ("rooms", "halls")
numbers = st.integers(0, 3)


class DataRules(TalkRules):
    """Tables are made, filled and removed; conversations are tagged, noted and rated."""

    tables: dict[str, set[int]]

    def known(self) -> dict[str, set[int]]:
        """Returns the tables that there must be, with the keys of their rows."""
        if not hasattr(self, "tables"):
            self.tables = {}
        return self.tables

    @rule(slug=st.sampled_from(SLUGS))
    def make_table(self, slug: str) -> None:
        self.step_clock()
        table = Table(slug, "Rooms", "", ROOMS.columns, ROOMS.key)
        refusals = {"table_exists"} if slug in self.known() else set[str]()
        doing = self.desk.tables.create(self.call("anna"), "hotel", table)
        if self.attempt(doing, refusals, RECORDS | CHAIN, ["table.created"]) is not None:
            self.known()[slug] = set()

    @rule(who=members, slug=st.sampled_from(SLUGS), number=numbers, view=st.sampled_from(["sea", "hill"]))
    def put_row(self, who: str, slug: str, number: int, view: str) -> None:
        self.step_clock()
        refusals = set[str]() if slug in self.known() else {"table_not_found"}
        values = {"number": number, "view": view}
        doing = self.desk.tables.put_row(self.call(who), "hotel", slug, values)
        if self.attempt(doing, refusals, RECORDS | CHAIN, ["table.row_saved"]) is not None:
            self.known()[slug].add(number)

    @precondition(lambda self: self.known())
    @rule(slug=st.sampled_from(SLUGS))
    def drop_table(self, slug: str) -> None:
        self.step_clock()
        refusals = set[str]() if slug in self.known() else {"table_not_found"}
        doing = self.desk.tables.delete(self.call("anna"), "hotel", slug)
        done: Any = self.attempt(doing, refusals, RECORDS | CHAIN, ["table.deleted"])
        if done is not None:
            assert done.rows == len(self.known().pop(slug))

    @precondition(lambda self: self.model.talks)
    @rule(which=st.integers(0, 11), what=st.sampled_from(["tag", "note", "rate"]))
    def review_talk(self, which: int, what: str) -> None:
        self.step_clock()
        talk = list(self.model.talks.values())[which % len(self.model.talks)]
        verbs, call = self.desk.transcripts, self.call("ben")
        if what == "tag":
            known = "vip" in self.room.run(verbs.load(call, talk.id)).conversation.tags
            changed = set[str]() if known else RECORDS | CHAIN | {"conversations"}
            actions = [] if known else ["conversation.tagged"]
            self.attempt(verbs.add_tag(call, talk.id, "vip"), set(), changed, actions)
        elif what == "note":
            self.attempt(verbs.add_note(call, talk.id, "call back"), set(), RECORDS | CHAIN, ["conversation.noted"])
        else:
            self.attempt(verbs.rate(call, talk.id, 1), set(), RECORDS | CHAIN, ["conversation.rated"])
