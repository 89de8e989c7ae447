"""What happened, by whom: the project's history, the workspace's audit and its proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greenroom.domain.canonical import parse_json
from greenroom.domain.events import GENESIS, AuditRecord, say_event, verify_chain
from greenroom.domain.ids import EnvironmentId
from greenroom.ports import Reading
from greenroom.services.states import load_project
from greenroom.services.work import Call, Work

_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One event with the names that ids stood for."""

    seq: int
    event: Mapping[str, Any]
    actor_name: str
    environment_alias: str

    @property
    def summary(self) -> str:
        """Returns the event in words, with its actor."""
        who = self.actor_name or self.event["actor"]
        return f"{who} {say_event(self.event, self.environment_alias)}"


@dataclass(frozen=True, slots=True)
class ChainReport:
    """The outcome of walking the whole chain."""

    records: int
    first_bad: int | None
    head: str


class History:
    """The verbs of looking back."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def list(
        self, call: Call, slug: str, before: int | None, limit: int, action: str | None = None
    ) -> Sequence[HistoryLine]:
        """Returns a project's events, newest first; `action` keeps those of this name."""
        call.need("history.read")

        def work(tx: Reading) -> Sequence[HistoryLine]:
            project = load_project(tx, slug)
            names = _names(tx)
            aliases = {e.id: e.alias for e in tx.list_environments(project.id, ever=True)}
            return [
                _line(record, names, aliases) for record in tx.list_events(project.id, before, limit, action=action)
            ]

        return await self._work.read(call, work)

    async def load_names(self, call: Call) -> Mapping[str, str]:
        """Returns the name of everybody who may be an author here: members and API keys, revoked ones too."""
        call.need("projects.read")
        return await self._work.read(call, _names)

    async def list_audit(self, call: Call, after: int, limit: int) -> Sequence[AuditRecord]:
        """Returns the workspace's chain, oldest first, as it was hashed."""
        call.need("audit.read")
        return await self._work.read(call, lambda tx: tx.list_audit(after, limit))

    async def verify(self, call: Call) -> ChainReport:
        """Walks the whole chain and says where it first breaks, if it does."""
        call.need("audit.read")

        def work(tx: Reading) -> ChainReport:
            seq, head = 0, GENESIS
            while records := tx.list_audit(seq, _BATCH):
                bad = verify_chain(records, after=(seq, head))
                if bad is not None:
                    return ChainReport(bad - 1, bad, head)
                seq, head = records[-1].seq, records[-1].digest
            return ChainReport(seq, None, head)

        return await self._work.read(call, work)


def _names(tx: Reading) -> dict[str, str]:
    keys = {str(k.id): k.name for k in tx.list_keys()}
    return keys | {str(m.id): m.name for m in tx.list_members()}


def _line(record: AuditRecord, names: Mapping[str, str], aliases: Mapping[EnvironmentId, str]) -> HistoryLine:
    event = parse_json(record.payload)["event"]
    return HistoryLine(
        record.seq,
        event,
        names.get(event["actor"], ""),
        aliases.get(EnvironmentId(event["environment"]), ""),
    )
