"""Which environment a new conversation comes in to, and why an old one came in where it did (R22, R23)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from greenroom.domain.conversations import Conversation
from greenroom.domain.entries import Coming, Past, explain, foresee
from greenroom.domain.environments import Environment, choose_arm, choose_slot
from greenroom.domain.ids import ConversationId, WorkspaceId
from greenroom.domain.numbers import Way
from greenroom.domain.projects import Project
from greenroom.domain.splits import choose_share, choose_sticky_key, weights_of
from greenroom.ports import Reading
from greenroom.services.keeping import Beginning
from greenroom.services.numbers import entry_of, find_way
from greenroom.services.share_links import load_linked
from greenroom.services.splits import find_change, find_split, load_split, name_environments
from greenroom.services.states import load_context_environment, load_environment, load_project, load_version
from greenroom.services.testers import find_tester
from greenroom.services.transcripts import load_conversation
from greenroom.services.work import Call, Work


@dataclass(frozen=True, slots=True)
class Entered:
    """Where a conversation comes in, and how: what is kept of the latter is free of personal data."""

    environment: Environment
    entry: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a conversation is where it is, in facts and in sentences."""

    conversation: Conversation
    alias: str
    entry: Mapping[str, Any]
    sentences: list[str]
    shares: Mapping[str, int]
    """The weights of the split that decided, by alias."""
    changes_since: int


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Where somebody would come in now, in facts and in sentences."""

    coming: Coming
    sentences: list[str]


class Entries:
    """The verbs of entries."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def explain(self, call: Call, id_: str) -> Explained:
        """Returns why a conversation came in where it did, whatever has changed since. Raises NotFound."""
        call.need("conversations.read")

        def work(tx: Reading) -> Explained:
            conversation = load_conversation(tx, id_)
            project = load_project(tx, conversation.project)
            entry = conversation.entry
            revision = entry.get("split", 0) if entry.get("by") == "split" else 0
            change, present = find_change(tx, project, revision), load_split(tx, project)
            then = () if change is None else change.shares
            places = {conversation.environment, *(s.environment for s in (*then, *present.shares))}
            aliases = name_environments(tx, project, places)
            alias = aliases.get(conversation.environment, "")
            since = present.revision - revision if change is not None else 0
            past = Past(
                alias,
                conversation.started_version,
                conversation.started_seq,
                conversation.ref,
                entry,
                change,
                present.shares,
                since,
                present.salted if present.salted > revision else 0,
                aliases,
            )
            shares = {aliases.get(share.environment, share.environment): share.weight for share in then}
            return Explained(conversation, alias, entry, explain(past), shares, since)

        return await self._work.read(call, work)

    async def foresee(self, call: Call, slug: str, begin: Beginning) -> Foreseen:
        """Returns where somebody would come in now, and why; begins nothing.

        Raises NotFound, Refused `number_unknown`, `share_link_over`.
        """
        call.need("resolve.read")
        clock = self._work.clock
        id_, now = ConversationId(clock.new_id("conversation")), clock.now()

        def work(tx: Reading) -> Foreseen:
            project = load_project(tx, slug)
            named = begin.environment is not None or begin.share_link is not None
            way = find_way(tx, project, begin.called, begin.sip_headers) if begin.called and not named else None
            if way is not None and way.version is not None:
                context = load_environment(tx, project, way.environment) if way.environment else None
                alias = (context or load_context_environment(tx, project)).alias
                version = load_version(tx, project, way.version).number
                coming = Coming(alias, version, entry_of(begin.called, way), ref=f"v{version}")
                return Foreseen(coming, foresee(coming))
            coming = _look_ahead(
                tx, call, project, begin, id_, enter(tx, call.workspace, project, begin, id_, now, way)
            )
            return Foreseen(coming, foresee(coming))

        return await self._work.read(call, work)


def _look_ahead(
    tx: Reading, call: Call, project: Project, begin: Beginning, id_: ConversationId, entered: Entered
) -> Coming:
    """Returns what somebody who came in there would find."""
    environment, split = entered.environment, find_split(tx, project)
    arm = choose_arm(environment.arms, choose_slot(environment.salt, begin.user_id or begin.caller or id_))
    aliases = {} if split is None else name_environments(tx, project, weights_of(split.shares))
    return Coming(
        environment.alias,
        None if arm is None else arm.version,
        entered.entry,
        environment.seq,
        split=split,
        aliases=aliases,
        arms=len(environment.arms),
    )


def enter(
    tx: Reading,
    workspace: WorkspaceId,
    project: Project,
    begin: Beginning,
    id_: ConversationId,
    now: datetime,
    way: Way | None = None,
) -> Entered:
    """Returns where traffic comes in: a named environment, else a share link, a number's, a tester's, the split's.

    `way` is where the called number leads; one without an environment follows the default entry.

    Raises NotFound for the environment or the link, Refused `share_link_over`.
    """
    if begin.environment is not None:
        return Entered(load_environment(tx, project, begin.environment), {"by": "alias"})
    if begin.share_link is not None:
        link, environment = load_linked(tx, project, begin.share_link, now)
        return Entered(environment, {"by": "share_link", "link": link.id})
    if way is not None and way.environment:
        return Entered(load_environment(tx, project, way.environment), entry_of(begin.called or "", way))
    tested = find_tester(tx, workspace, project, begin.user_id, begin.caller)
    entered = _follow_split(tx, project, begin, id_) if tested is None else None
    if tested is not None:
        entered = Entered(tested[1], {"by": "tester", "key": tested[0].kind})
    assert entered is not None, "one of them led somewhere"
    return entered if way is None else replace(entered, entry={**entry_of(begin.called, way), **entered.entry})


def _follow_split(tx: Reading, project: Project, begin: Beginning, id_: ConversationId) -> Entered:
    split = find_split(tx, project)
    if split is not None:
        key, part = choose_sticky_key(split.sticky_key, begin.user_id, begin.caller, id_)
        slot = choose_slot(split.salt, key)
        share = choose_share(split.shares, slot)
        environment = None if share is None else tx.find_environment(project.id, share.environment)
        if environment is not None and environment.deleted_at is None:
            return Entered(environment, {"by": "split", "split": split.revision, "slot": slot, "key": part})
    return Entered(load_environment(tx, project, project.default_environment), {"by": "default"})
