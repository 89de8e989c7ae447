"""How a verb runs: who calls, in which transaction, and what is remembered of the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from greenroom.domain.access import Principal, require
from greenroom.domain.errors import Conflict
from greenroom.domain.events import Event
from greenroom.domain.ids import EnvironmentId, ProjectId, WorkspaceId
from greenroom.domain.kind import Registry
from greenroom.ports import Clock, Reading, Replayed, Store, Writing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A caller's key for one request. It is scoped to principal and operation; the body's hash must be the same."""

    key: str
    operation: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class Call:
    """One request: who asks, its id, and how its answer is rendered for an idempotent repeat."""

    principal: Principal
    request: str
    idempotency: Idempotency | None = None
    render: Callable[[Any], tuple[int, bytes]] | None = None

    @property
    def workspace(self) -> WorkspaceId:
        """Returns the workspace that everything in this call is confined to."""
        return self.principal.workspace

    def need(self, permission: str) -> None:
        """Raises NotAllowed when the caller lacks the permission."""
        require(self.principal, permission)


class Work:
    """What every service is built from: the store, the clock, the kinds."""

    def __init__(self, store: Store, clock: Clock, kinds: Registry) -> None:
        self.store = store
        self.clock = clock
        self.kinds = kinds

    async def read(self, call: Call, work: Callable[[Reading], T]) -> T:
        """Runs `work` on one consistent view of the caller's workspace."""
        return await self.store.read(call.workspace, work)

    async def change(self, call: Call, work: Callable[[Writing], T]) -> T:
        """Runs `work` in one transaction, with the record of the answer where the call has a key.

        `work` must append its events itself; they, the change and the record commit together or not at all.
        """

        def whole(tx: Writing) -> T:
            result = work(tx)
            if call.idempotency is not None and call.render is not None:
                status, body = call.render(result)
                answer = Replayed(call.idempotency.body_hash, status, body)
                tx.record_replay(
                    call.principal.id, call.idempotency.operation, call.idempotency.key, answer, self.clock.now()
                )
            return result

        return await self.store.write(call.workspace, whole)

    async def find_answer(self, call: Call) -> Replayed | None:
        """Returns the answer to an earlier request with the same key.

        Raises Conflict `idempotency_key_reused` when that request was a different one.
        """
        wanted = call.idempotency
        if wanted is None:
            return None
        found = await self.read(call, lambda tx: tx.find_replayed(call.principal.id, wanted.operation, wanted.key))
        if found is not None and found.body_hash != wanted.body_hash:
            raise Conflict(
                "idempotency_key_reused",
                "this Idempotency-Key was used for a different request; use a new key for a new request",
            )
        return found

    def event(
        self,
        call: Call,
        action: str,
        *,
        project: ProjectId | str = "",
        environment: EnvironmentId | str = "",
        subject: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> Event:
        """Returns an event by the caller, now."""
        return Event(
            action=action,
            actor=call.principal.id,
            at=self.clock.now(),
            request=call.request,
            project=project,
            environment=environment,
            subject=subject,
            data=data or {},
        )
