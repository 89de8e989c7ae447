"""Which environment a new conversation comes in to, and why an old one came in where it did (R22, R23)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greenroom.domain.conversations import Conversation
from greenroom.domain.entries import Past, explain
from greenroom.domain.environments import Environment, choose_slot
from greenroom.domain.ids import ConversationId, WorkspaceId
from greenroom.domain.numbers import Way
from greenroom.domain.projects import Project
from greenroom.domain.splits import choose_share, choose_sticky_key
from greenroom.ports import Reading
from greenroom.services.keeping import Beginning
from greenroom.services.numbers import entry_of
from greenroom.services.share_links import load_linked
from greenroom.services.splits import find_change, find_split, load_split, name_environments
from greenroom.services.states import load_environment, load_project
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
                aliases,
            )
            shares = {aliases.get(share.environment, share.environment): share.weight for share in then}
            return Explained(conversation, alias, entry, explain(past), shares, since)

        return await self._work.read(call, work)


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
    if tested is not None:
        return Entered(tested[1], {"by": "tester", "key": tested[0].kind})
    return _follow_split(tx, project, begin, id_)


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
