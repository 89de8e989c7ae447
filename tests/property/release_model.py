"""What a release system does, written a second time from rules R3 and R7 to R15, as simply as possible.

Lists and dictionaries, nothing of `greenroom`. Conversations are moved eagerly here, at each release and at
each deadline, where the server works the answer out anew for every turn: two ways that must agree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

Content = dict[str, str]
"""Slug of a topic → its text."""

TEMPLATES: dict[str, list[tuple[str, bool, bool, str | None]]] = {
    # alias, editable, public, the step before
    "pipeline": [
        ("sandbox", True, False, None),
        ("pre-release", False, False, "sandbox"),
        ("live", False, True, "pre-release"),
    ],
    "simple": [("production", True, True, None)],
    "parallel": [("main", True, True, None)],
}
SHARED = {"simple", "parallel"}
"""Templates whose editors share one draft."""
IDLE = {"api": timedelta(hours=24), "voice": timedelta(minutes=10)}
DEFAULT_POLICY = {"publish": "finish", "promote": "finish", "hotfix": "finish", "rollback": "switch"}


@dataclass
class Version:
    number: int
    content: Content
    note: str
    author: str
    parents: tuple[int, ...]
    published_in: str
    mark: str = "none"


@dataclass
class Draft:
    base_version: int | None
    base: Content
    seq: int
    changes: dict[str, str | None] = field(default_factory=dict)
    revision: int = 0

    @property
    def content(self) -> Content:
        return changed(self.base, self.changes)


@dataclass
class Release:
    seq: int
    operation: str
    version: int
    came_from: int | None
    takes_back: tuple[int, ...]
    policy: str
    deadline: datetime | None
    actor: str
    reason: str
    at: datetime


@dataclass
class Environment:
    alias: str
    editable: bool
    public: bool
    source: str | None
    stack: list[int] = field(default_factory=list)
    releases: list[Release] = field(default_factory=list)

    @property
    def seq(self) -> int:
        return len(self.releases)

    @property
    def served(self) -> int | None:
        return self.stack[-1] if self.stack else None

    @property
    def ever(self) -> set[int]:
        return {release.version for release in self.releases}


@dataclass
class Talk:
    """A conversation; `version` is what answers its next turn, None when it was opened on a draft."""

    id: str
    environment: str
    version: int | None
    content: Content
    pinned: bool
    channel: str
    last_at: datetime
    turns: int = 1
    ended: bool = False


@dataclass
class Rebase:
    content: Content
    conflicts: list[str]
    taken_back: list[int]
    parents: tuple[int, ...]


def changed(base: Content, changes: dict[str, str | None]) -> Content:
    after = {**base, **{slug: text for slug, text in changes.items() if text is not None}}
    return {slug: text for slug, text in after.items() if changes.get(slug, text) is not None}


def difference(before: Content, after: Content) -> dict[str, str | None]:
    return {slug: after.get(slug) for slug in {*before, *after} if before.get(slug) != after.get(slug)}


class Model:
    """One project."""

    def __init__(self, template: str, now: datetime) -> None:
        self.now = now
        self.shared = template in SHARED
        self.environments = {e[0]: Environment(*e) for e in TEMPLATES[template]}
        self.versions: list[Version] = []
        self.drafts: dict[tuple[str, str], Draft] = {}
        self.revisions: dict[tuple[str, str], int] = {}
        """The last revision of closed drafts: the next one goes on from there."""
        self.talks: dict[str, Talk] = {}
        self.drains: list[tuple[datetime, str, list[Talk]]] = []

    # Time and conversations (R14).

    def pass_time(self, now: datetime) -> None:
        self.now = now
        due = sorted((d for d in self.drains if d[0] <= now), key=lambda d: d[0])
        self.drains = [d for d in self.drains if d[0] > now]
        for _, alias, talks in due:
            self._move(talks, self.environments[alias].served)

    def _move(self, talks: list[Talk], served: int | None) -> None:
        for talk in talks:
            if served is not None:
                talk.version, talk.content = served, self.content_of(served)

    def running(self, alias: str) -> dict[int, int]:
        counts: dict[int, int] = {}
        for talk in self.talks.values():
            idle = self.now - talk.last_at > IDLE[talk.channel]
            if talk.environment == alias and not (talk.ended or talk.pinned or idle) and talk.version is not None:
                counts[talk.version] = counts.get(talk.version, 0) + 1
        return counts

    # Versions and releases (R11, R13).

    def content_of(self, number: int | None) -> Content:
        return dict(self.versions[number - 1].content) if number is not None else {}

    def exists(self, number: int) -> bool:
        return 1 <= number <= len(self.versions)

    def promotion_of(self, alias: str, number: int, hotfix: bool) -> str | None:
        """Returns the operation that putting a version there is; None when it may not be."""
        here = self.environments[alias]
        if number in here.ever:
            return "rollback"
        if self.versions[number - 1].published_in == alias:
            return "promote"
        if here.source is not None and number in self.environments[here.source].ever:
            return "promote"
        return "hotfix" if hotfix else None

    def beneath(self, alias: str) -> int | None:
        stack = self.environments[alias].stack
        return stack[-2] if len(stack) > 1 else None

    def release(
        self,
        alias: str,
        operation: str,
        number: int,
        policy: str | None,
        deadline: datetime | None,
        actor: str,
        reason: str,
    ) -> Release:
        here = self.environments[alias]
        came_from, takes_back = here.served, ()
        if operation == "rollback" and number in here.stack:
            place = here.stack.index(number) + 1
            takes_back = tuple(reversed(here.stack[place:]))
            del here.stack[place:]
        else:
            takes_back = ()  # undoing a rollback pushes: what was served stays beneath
            here.stack.append(number)
        policy = policy or DEFAULT_POLICY[operation]
        release = Release(
            here.seq + 1, operation, number, came_from, takes_back, policy, deadline, actor, reason, self.now
        )
        here.releases.append(release)
        moving = [t for t in self.talks.values() if t.environment == alias and not t.pinned]
        if policy == "switch":
            self._move(moving, number)
        if policy == "drain" and deadline is not None:
            self.drains.append((deadline, alias, moving))
        return release

    # Drafts (R7, R8).

    def key(self, member: str, alias: str) -> tuple[str, str]:
        return ("everybody" if self.shared else member, alias)

    def find_draft(self, member: str, alias: str) -> Draft | None:
        return self.drafts.get(self.key(member, alias))

    def begin_draft(self, member: str, alias: str) -> Draft:
        draft, key = self.find_draft(member, alias), self.key(member, alias)
        if draft is None:
            here = self.environments[alias]
            draft = self.drafts[key] = Draft(here.served, self.content_of(here.served), here.seq)
            draft.revision = self.revisions.get(key, 0)
        return draft

    def close_draft(self, member: str, alias: str) -> None:
        key = self.key(member, alias)
        self.revisions[key] = self.drafts.pop(key).revision + 1

    def view(self, member: str, alias: str) -> Content:
        draft = self.find_draft(member, alias)
        return draft.content if draft is not None else self.content_of(self.environments[alias].served)

    def edit(self, member: str, alias: str, slug: str, text: str | None) -> None:
        draft = self.begin_draft(member, alias)
        draft.changes[slug] = text
        if draft.base.get(slug) == text:
            del draft.changes[slug]
        draft.revision += 1

    def replace(self, member: str, alias: str, content: Content) -> None:
        draft = self.begin_draft(member, alias)
        draft.changes = difference(draft.base, content)
        draft.revision += 1

    def rebase(self, member: str, alias: str, choice: str | None, take: str | None) -> Rebase:
        """Returns the member's draft on what is served now. `take` settles every conflict."""
        draft, served = self.drafts[self.key(member, alias)], self.environments[alias].served
        theirs, ours, base = self.content_of(served), draft.content, dict(draft.base)
        parents = () if served is None else (served,)
        if base == theirs:
            return Rebase(ours, [], [], parents)
        had, kept = self.ancestors(draft.base_version), self.ancestors(served)
        gone = sorted(had - kept, reverse=True)
        if gone and choice == "bring_back":
            base = self.content_of(max(had & kept, default=None))
            parents = (*parents, *((draft.base_version,) if draft.base_version else ()))
        merged: Content = {}
        conflicts: list[str] = []
        for slug in sorted({*base, *ours, *theirs}):
            b, o, t = base.get(slug), ours.get(slug), theirs.get(slug)
            if b not in {o, t} and o != t:
                conflicts.append(slug)
                text = {"ours": o, "theirs": t}.get(take or "", b)
            else:
                text = t if o == b else o
            if text is not None:
                merged[slug] = text
        return Rebase(merged, [] if take else conflicts, gone, parents)

    def ancestors(self, number: int | None) -> set[int]:
        if number is None:
            return set()
        return {number}.union(*(self.ancestors(parent) for parent in self.versions[number - 1].parents))

    def publish(self, member: str, alias: str, rebased: Rebase, note: str) -> Version:
        version = Version(len(self.versions) + 1, rebased.content, note, member, rebased.parents, alias)
        self.versions.append(version)
        self.close_draft(member, alias)
        return version
