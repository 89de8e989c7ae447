"""Connections: model providers, help desks, shops; saved by revision, used by what agents do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from greenroom.domain.asks import Place
from greenroom.domain.connections import Connection, check_connection, choose_connection, provider_of, serves
from greenroom.domain.errors import Fault, Missing, NotFound, Refused, Stale
from greenroom.domain.projects import Project
from greenroom.domain.records import Record
from greenroom.ports import ModelKey, Reading, Writing
from greenroom.services.states import load_project
from greenroom.services.work import Call, Work

NOUN = "connection"
MOST = 200
"""Connections of one project."""
SecretsOf = Callable[[Place, Collection[str]], Awaitable[Mapping[str, str]]]


class Connections:
    """The verbs of connections. `secrets` finds the values of secrets in a place."""

    def __init__(self, work: Work, secrets: SecretsOf) -> None:
        self._work = work
        self._secrets = secrets

    async def list(self, call: Call, slug: str) -> Sequence[Connection]:
        """Returns the project's connections by slug."""
        call.need("connections.read")
        return await self._work.read(call, lambda tx: list_connections(tx, load_project(tx, slug)))

    async def load(self, call: Call, slug: str, name: str) -> Connection:
        """Returns a connection. Raises NotFound."""
        call.need("connections.read")
        return await self._work.read(call, lambda tx: _load(tx, load_project(tx, slug), name))

    async def save(self, call: Call, slug: str, wanted: Connection, seen: str | None) -> Connection:
        """Makes a connection (`seen` is `*`) or replaces the one whose revision was seen.

        Raises Invalid, Missing, Refused `too_many_connections`, and Stale with the present one.
        """
        call.need("connections.manage")
        check_connection(wanted)
        now = self._work.clock.now()

        def work(tx: Writing) -> Connection:
            project = load_project(tx, slug)
            before = tx.find_record(project.id, NOUN, wanted.slug)
            present = None if before is None else _read(before)
            _check_seen(present, wanted.slug, seen)
            if before is None and tx.count_records(project.id, NOUN) >= MOST:
                raise Refused("too_many_connections", f"a project has at most {MOST} connections")
            made = now if before is None else before.at
            revision = 1 if before is None else before.revision + 1
            kept = replace(
                wanted, revision=revision, created_at=made, changed_at=now, changed_by=str(call.principal.id)
            )
            record = Record(project.id, NOUN, kept.slug, made, now, _body(kept), kept.kind, revision)
            if not tx.put_record(record, revision - 1):
                raise _stale(kept.slug, None)
            self._append(tx, call, project, "connection.saved", kept)
            return kept

        return await self._work.change(call, work)

    async def remove(self, call: Call, slug: str, name: str, seen: str | None) -> None:
        """Removes the connection whose revision was seen. Raises NotFound, Missing, Stale."""
        call.need("connections.manage")

        def work(tx: Writing) -> None:
            project = load_project(tx, slug)
            found = _load(tx, project, name)
            _check_seen(found, name, seen)
            tx.delete_record(project.id, NOUN, name)
            self._append(tx, call, project, "connection.removed", found)

        await self._work.change(call, work)

    def _append(self, tx: Writing, call: Call, project: Project, action: str, connection: Connection) -> None:
        data = {"kind": connection.kind, "provider": connection.provider, "secret": connection.secret}
        tx.append(self._work.event(call, action, project=project.id, subject=connection.slug, data=data))

    async def find_model_key(self, place: Place, slug: str, model: str) -> ModelKey:
        """Returns how to reach a model's provider: by the connection an agent names, else by the project's for it.

        An empty key where the project has none. Raises Refused `connection_not_found`, `connection_unfit` for one
        that is to somebody else (its key would go to a stranger) and `secret_missing`.
        """
        connection = await self.find_connection(place, slug, model)
        if connection is None:
            return ModelKey()
        key = await self.find_secret(place, connection)
        return ModelKey(key, connection.base_url)

    async def find_connection(self, place: Place, slug: str, model: str) -> Connection | None:
        """Returns the connection that an agent's model is reached by, None where the project has none."""
        provider = provider_of(model)

        def work(tx: Reading) -> Connection | None:
            if not slug:
                found = tx.list_records(place.project, NOUN, owner="model", limit=MOST)
                return choose_connection([_read(record) for record in found], provider)
            record = tx.find_record(place.project, NOUN, slug)
            if record is None:
                raise Refused("connection_not_found", f"there is no connection '{slug[:80]}'; see `connections list`")
            return _read(record)

        connection = await self._work.store.read(place.workspace, work)
        if connection is not None and not serves(connection, provider):
            whose = connection.provider or connection.kind
            raise Refused("connection_unfit", f"the connection '{connection.slug}' is to {whose}, not to {provider}")
        return connection

    async def find_secret(self, place: Place, connection: Connection) -> str:
        """Returns the value that opens a connection in a place, '' where it needs none. Raises Refused."""
        if not connection.secret:
            return ""
        values = await self._secrets(place, [connection.secret])
        if connection.secret not in values:
            where = f"in {place.alias} ({place.side})"
            raise Refused("secret_missing", f"there is no value for the secret {connection.secret} {where}")
        return values[connection.secret]


def list_connections(tx: Reading, project: Project, kind: str | None = None) -> Sequence[Connection]:
    """Returns a project's connections by slug, of one kind or all."""
    return [_read(record) for record in tx.list_records(project.id, NOUN, owner=kind, limit=MOST)]


def _load(tx: Reading, project: Project, name: str) -> Connection:
    found = tx.find_record(project.id, NOUN, name)
    if found is None:
        message = f"{project.slug} has no connection '{name[:80]}'; `connections list` shows them"
        raise NotFound("connection_not_found", message)
    return _read(found)


def _read(record: Record) -> Connection:
    body: Mapping[str, Any] = record.body
    return Connection(
        record.key,
        str(body["kind"]),
        str(body["provider"]),
        str(body["base_url"]),
        str(body["secret"]),
        body["settings"],
        record.revision,
        record.at,
        record.changed_at,
        str(body["by"]),
    )


def _body(connection: Connection) -> dict[str, Any]:
    return {
        "kind": connection.kind,
        "provider": connection.provider,
        "base_url": connection.base_url,
        "secret": connection.secret,
        "settings": dict(connection.settings),
        "by": connection.changed_by,
    }


def _check_seen(present: Connection | None, name: str, seen: str | None) -> None:
    """Refuses a write that did not see what is there: `*` makes a new one, a revision replaces that one."""
    if seen is None:
        message = "send If-Match: the revision you saw in quotes, or * to make a new one"
        raise Missing("precondition_required", message, errors=[Fault("/If-Match", message)])
    if seen != ("*" if present is None else str(present.revision)):
        raise _stale(name, present)


def _stale(name: str, present: Connection | None) -> Stale:
    now = "is not there" if present is None else f"is at revision {present.revision}"
    shown = None if present is None else {"revision": present.revision, **_body(present)}
    detail = f"the connection '{name[:80]}' {now}, not what you saw; read it again"
    return Stale("stale_revision", detail, extra={"present": shown})
