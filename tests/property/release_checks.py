"""What the release machine compares after every step, each promise in a function of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from greenroom.domain.canonical import parse_json
from greenroom.domain.environments import choose_stable
from tests.fault.dumps import DATA, Dump
from tests.fault.houses import Room
from tests.property.release_model import Content, Model, Rebase, Talk
from tests.property.release_model import Release as ModelRelease
from tests.property.release_model import Version as ModelVersion

LINK = "{{topic.pool}}"


class Seen:
    """What was there after the last step: the store's bytes, the audit's length, versions as first published."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.dump: Dump = room.dump()
        self.audited = len(self.audit(0))
        self.versions: dict[int, Any] = {}
        self.digests: dict[frozenset[tuple[str, str]], str] = {}

    def audit(self, after: int) -> Sequence[Any]:
        return self.room.run(self.room.desk.history.list_audit(self.room.call(), after, 1000))

    def nothing_changed(self, what: str) -> None:
        self.only_changed(set(), (), what)

    def only_changed(self, tables: set[str], actions: Sequence[str], what: str = "the call") -> None:
        """Checks the frame: what may not change has the same bytes, and the audit grew by exactly `actions`."""
        dump = self.room.dump()
        changed = {name for name in dump if dump[name] != self.dump.get(name)}
        assert changed <= tables, f"{what} changed {sorted(changed - tables)}"
        assert tables & {"conversations", "records"} or not changed & DATA, "R1: live data changed"
        news = [parse_json(record.payload)["event"] for record in self.audit(self.audited)]
        assert [event["action"] for event in news] == list(actions)
        assert all(event["request"] == "req_test" for event in news)
        self.dump, self.audited = dump, self.audited + len(news)

    def published(self, version: Any, expected: ModelVersion) -> None:
        """Checks a new version whole, and that equal contents have equal digests and others have not."""
        facts = (version.number, version.note, version.author, tuple(version.parents), version.mark)
        assert facts == (expected.number, expected.note, f"mem_{expected.author}", expected.parents, "none")
        bundle = self.room.run(self.room.desk.content.load_bundle(self.room.call(), "hotel", version.digest))
        assert {a.slug: parse_json(data)["content"] for a, data in bundle.bodies.items()} == expected.content
        assert bundle.snapshot.digest == version.digest
        key = frozenset(expected.content.items())
        assert self.digests.setdefault(key, version.digest) == version.digest
        assert len(set(self.digests.values())) == len(self.digests)
        self.versions[version.number] = version

    def planned(self, plan: Any, done: Any, beneath: int | None) -> None:
        """Checks that a dry run said what then happened."""
        release = done.release
        assert (plan.operation, plan.version, plan.policy) == (
            release.operation,
            release.version,
            release.in_flight.policy,
        )
        assert (plan.brings_back, tuple(plan.takes_back)) == (beneath, release.takes_back)


def publish_refusals(rebased: Rebase, served: Content) -> set[str]:
    if rebased.conflicts:
        return {"merge_conflicts"}
    if rebased.content == served:
        return {"nothing_to_publish"}
    broken = "pool" not in rebased.content and any(LINK in text for text in rebased.content.values())
    return {"not_publishable"} if broken else set()


def state_of(
    model: Model, what: str, alias: str, number: int, who: str, talk: Talk | None
) -> tuple[str, int | None, Content, set[str]]:
    """Returns a ref, and the version, content and refusals that the model expects of it."""
    here = model.environments[alias]
    if what == "version":
        missing = set() if model.exists(number) else {"version_not_found"}
        return f"v{number}", number, model.content_of(number) if not missing else {}, missing
    if what == "served":
        return alias, here.served, model.content_of(here.served), set() if here.served else {"nothing_served"}
    if what == "beneath":
        below = model.beneath(alias)
        refusals = {"nothing_served"} if not here.served else set() if below else {"nothing_beneath"}
        return f"{alias}~1", below, model.content_of(below), refusals
    if what == "draft":
        return f"draft:{alias}", None, model.view(who, alias), set()
    if talk is None:
        return "conversation:cnv_none", None, {}, {"conversation_not_found"}
    return f"conversation:{talk.id}", talk.version, talk.content, set()


def same_release(release: Any, expected: ModelRelease) -> None:
    facts = (release.seq, release.operation, release.version, choose_stable(release.from_arms), release.takes_back)
    assert facts == (expected.seq, expected.operation, expected.version, expected.came_from, expected.takes_back)
    said = (release.in_flight.policy, release.in_flight.drain_until, release.actor, release.reason, release.at)
    assert said == (expected.policy, expected.deadline, expected.actor, expected.reason, expected.at)
    assert release.to_arms[0].slots == ((0, 9_999),)


async def everything(machine: Any) -> None:
    """Checks every promise that can be looked at from outside."""
    room, model, seen = machine.room, machine.model, machine.seen
    await environments(room, model)
    await versions(room, model, seen)
    await drafts(machine)
    await talks(room, model, seen)
    await chain(room, seen)


async def environments(room: Room, model: Model) -> None:
    """What is served, since which release, what lies beneath, who is running, and the whole history as it was."""
    views = await room.desk.environments.list(room.call(), "hotel")
    assert [v.environment.alias for v in views] == list(model.environments)
    for view in views:
        here = model.environments[view.environment.alias]
        assert (view.environment.seq, choose_stable(view.environment.arms)) == (here.seq, here.served)
        assert view.rollback_to == model.beneath(here.alias)
        assert dict(view.running) == model.running(here.alias)
        found = await room.desk.environments.list_releases(room.call(), "hotel", here.alias, None, 1000)
        assert [r.release.seq for r in found] == list(range(here.seq, 0, -1))
        for one, expected in zip(reversed(found), here.releases, strict=True):
            same_release(one.release, expected)
        for back, number in enumerate(reversed(here.stack)):
            assert (await look(room, here.alias if back == 0 else f"{here.alias}~{back}"))[0] == number


async def versions(room: Room, model: Model, seen: Seen) -> None:
    """Every version is as it was published, but for its mark."""
    found = await room.desk.versions.list(room.call(), "hotel", None, 1000)
    assert [view.version.number for view in found] == list(range(len(model.versions), 0, -1))
    for view in found:
        before, expected = seen.versions[view.version.number], model.versions[view.version.number - 1]
        for name in ("digest", "note", "details", "tags", "author", "created_at", "parents", "published_in"):
            assert getattr(view.version, name) == getattr(before, name)
        assert view.version.mark == expected.mark
        assert view.published_in == expected.published_in
        assert list(view.served_in) == [e.alias for e in model.environments.values() if e.served == view.version.number]


async def drafts(machine: Any) -> None:
    """Everybody sees their own draft and nobody else's; where one is shared, all see that."""
    room, model = machine.room, machine.model
    for here in model.environments.values():
        for who in ("anna", "ben") if here.editable else ():
            view = await room.desk.drafts.load(machine.call(who), "hotel", here.alias)
            draft = model.find_draft(who, here.alias)
            assert {a.slug for a in view.snapshot} == set(model.view(who, here.alias))
            assert {c.address.slug for c in view.changes} == set(draft.changes if draft else ())
            assert view.revision == (draft.revision if draft else 0)
            digest = machine.seen.digests.get(frozenset(model.view(who, here.alias).items()))
            assert digest in {None, view.snapshot.digest}


async def talks(room: Room, model: Model, seen: Seen) -> None:
    """The version that would answer each open conversation's next turn."""
    for talk in model.talks.values():
        version, digest = await look(room, f"conversation:{talk.id}")
        assert version == talk.version, f"{talk.id} would be answered by {version}, not {talk.version}"
        assert digest == (seen.versions[version].digest if version else digest)


async def look(room: Room, ref: str) -> tuple[int | None, str]:
    state, _, _ = await room.desk.content.list(room.call(), "hotel", ref, None, "", 1)
    return state.version, state.digest


async def chain(room: Room, seen: Seen) -> None:
    report = await room.desk.history.verify(room.call())
    assert (report.first_bad, report.records) == (None, seen.audited)
