"""A push under way: all is checked first, then sent one by one, and what was sent is noted whatever happens.

An import would be one request, but it has no precondition for each entity: a save in between would be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from greenroom.cli.checkouts import Checkout
from greenroom.cli.states import load_entity, load_revisions
from greenroom.domain.canonical import Digest
from greenroom.domain.entities import Address, parse_address
from greenroom.domain.errors import Conflict, Fault, NotFound, Stale
from greenroom.kinds import KINDS
from greenroom.sdk import Client
from greenroom.wire.checkouts import Local, Origin, Pulled, Pushed, PushPlan, PushStep, digest_of_base, plan_push
from greenroom.wire.folders import FolderOut, PushedEntityOut, PushOut
from greenroom.wire.problems import FaultOut

MOST_SHOWN = 20
"""Of so many refused entities both sides are told."""


@dataclass(slots=True)
class Push:
    """The steps of one push, and what came of them."""

    client: Client
    checkout: Checkout
    origin: Origin
    local: Local
    pushed: Pushed
    found: PushPlan
    sent: dict[Address, Digest | None] = field(default_factory=dict[Address, "Digest | None"])
    raced: list[Fault] = field(default_factory=list[Fault])

    @classmethod
    def plan(cls, client: Client, checkout: Checkout, origin: Origin, local: Local, *, whole: bool) -> Push:
        """Returns what is to be sent. Raises Stale `server_moved`, with both sides, before anything is written."""
        ref = f"draft:{origin.environment}"
        draft = client.drafts.load(origin.project, origin.environment)
        if draft.digest == digest_of_base(checkout.base):
            revisions = {address: pulled.revision for address, pulled in checkout.base.items()}
        else:
            revisions = load_revisions(client, origin.project, ref)
        pushed = checkout.pushed(origin.environment, draft.owner)
        changed = [parse_address(change.address) for change in draft.changes]
        found = plan_push(checkout.base, pushed, local, revisions, KINDS, changed)
        push = cls(client, checkout, origin, local, pushed, found)
        if found.moved:
            push._refuse_moved(ref, found.moved)
        if whole and found.elsewhere:
            faults = [Fault(_path(address), f"{ref} has another {address}") for address in found.elsewhere]
            detail = f"{ref} differs from this folder in what was not changed here; pull first. Nothing was sent"
            raise Stale("draft_differs", detail, errors=faults)
        return push

    @property
    def steps(self) -> Sequence[PushStep]:
        """Returns what is to be sent, removals last."""
        return self.found.steps

    @property
    def follows_draft(self) -> bool:
        """Says whether the folder follows the very draft that it is pushed to, so that the push is its new base."""
        return self.origin.ref == f"draft:{self.origin.environment}" and self.origin.owner == self.pushed.owner

    def describe(self, folder: FolderOut, warnings: list[FaultOut], *, dry_run: bool) -> PushOut:
        """Returns the answer of the command; without a dry run `send` adds what was sent."""
        planned = [PushedEntityOut(address=str(step.address), op=step.op) for step in self.steps] if dry_run else []
        return PushOut(
            folder=folder,
            draft=f"draft:{self.origin.environment}",
            dry_run=dry_run,
            pushed=planned,
            present=[str(address) for address in self.found.present],
            elsewhere=[str(address) for address in self.found.elsewhere],
            warnings=warnings,
        )

    def send(self, done: PushOut, tell: Callable[[], None]) -> None:
        """Sends every step on the revision that was seen; one that somebody was faster with is noted and left."""
        for step in self.steps:
            try:
                done.pushed.append(self._send_one(step))
            except (Stale, Conflict, NotFound) as raced:
                self.raced.append(Fault(_path(step.address), raced.detail, raced.code, "pull, then push again"))
            tell()

    def _send_one(self, step: PushStep) -> PushedEntityOut:
        project, environment = self.origin.project, self.origin.environment
        at = str(step.address)
        if step.body is None:
            saved = self.client.drafts.remove(project, environment, at, if_match=step.if_match)
        else:
            saved = self.client.drafts.save(project, environment, at, step.body, if_match=step.if_match)
        self.sent[step.address] = None if saved.revision is None else Digest(saved.revision)
        return PushedEntityOut(address=at, op=step.op, revision=saved.revision, warnings=saved.warnings)

    def record(self) -> None:
        """Notes what the draft has now of this folder, so that a repeat goes on from there."""
        there = {**self.found.present, **self.sent}
        if not there:
            return
        if not self.follows_draft:
            revisions = {**self.pushed.revisions, **there}
            self.checkout.save(
                self.checkout.load_origin(), self.checkout.base, replace(self.pushed, revisions=revisions)
            )
            return
        base = dict(self.checkout.base)
        for address, revision in there.items():
            if revision is None:
                base.pop(address, None)
            else:
                base[address] = Pulled(revision, self.local.entities[address])
        self.checkout.save(self.origin, base)

    def refuse_raced(self) -> None:
        """Raises Stale `raced` where somebody saved the same entity between the check and the sending."""
        if self.raced:
            sent = ", ".join(map(str, self.sent)) or "nothing"
            detail = f"somebody was faster with {len(self.raced)} of {len(self.steps)}; sent: {sent}"
            raise Stale("raced", detail, errors=self.raced)

    def _refuse_moved(self, ref: str, moved: Sequence[Address]) -> None:
        sides: dict[str, Any] = {}
        for address in moved[:MOST_SHOWN]:
            theirs = load_entity(self.client, self.origin.project, ref, address)
            sides[str(address)] = {
                "yours": self.local.entities.get(address),
                "theirs": None if theirs is None else theirs.body,
                "revision": None if theirs is None else theirs.revision,
            }
        faults = [Fault(_path(address), _both_sides(sides.get(str(address))), "server_moved") for address in moved]
        detail = f"{ref} has another revision of what was changed here; `greenroom pull` first. Nothing was sent"
        raise Stale("server_moved", detail, errors=faults, extra={"entities": sides})


def _path(address: Address) -> str:
    return f"{address}.yaml:1"


def _both_sides(sides: Any) -> str:
    if sides is None:
        return "changed on both sides"
    if sides["yours"] is None:
        return "removed here, but changed on the server"
    if sides["theirs"] is None:
        return "changed here, but removed on the server"
    names = sorted(
        name for name in {*sides["yours"], *sides["theirs"]} if sides["yours"].get(name) != sides["theirs"].get(name)
    )
    return f"yours and the server's differ in: {', '.join(names)}"
