"""Secrets: project-wide values, and other ones for an environment's traffic or its drafts (R32).

A record's key is `NAME`, or `NAME/environment-id/side` for an override; its data is the sealed value, bound to
workspace, project and key. Nothing here returns a value but `find_values`, which only an agent's calls use.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from greenroom.domain.asks import Place, Side
from greenroom.domain.errors import Invalid, NotFound, Refused
from greenroom.domain.ids import EnvironmentId, WorkspaceId
from greenroom.domain.projects import Project
from greenroom.domain.records import Record
from greenroom.domain.secrets import SIDES, Override, Secret, check_name, check_value
from greenroom.ports import Cipher, Reading, Writing
from greenroom.services.resealing import SECRET as NOUN
from greenroom.services.resealing import Rotation, reseal
from greenroom.services.states import load_environment, load_project
from greenroom.services.work import Call, Work

MOST = 1_000
"""Secrets and overrides of one project."""
_PORTION = 100


class Secrets:
    """The verbs of secrets."""

    def __init__(self, work: Work, cipher: Cipher | None) -> None:
        self._work = work
        self._cipher = cipher

    async def list(self, call: Call, slug: str) -> Sequence[Secret]:
        """Returns the project's secrets by name: where each has a value, since when and by whom."""
        call.need("secrets.read")

        def work(tx: Reading) -> Sequence[Secret]:
            project = load_project(tx, slug)
            aliases = _aliases(tx, project)
            by_name: dict[str, list[Record]] = {}
            for record in tx.list_records(project.id, NOUN, limit=MOST):
                by_name.setdefault(record.key.partition("/")[0], []).append(record)
            return [_secret(name, records, aliases) for name, records in sorted(by_name.items())]

        return await self._work.read(call, work)

    async def set(
        self, call: Call, slug: str, name: str, value: str, alias: str | None = None, side: str | None = None
    ) -> Secret:
        """Sets the value, everywhere or for one side of one environment. Raises Invalid, NotFound, Refused."""
        call.need("secrets.manage")
        check_name(name)
        check_value(value)

        def work(tx: Writing) -> Secret:
            project = load_project(tx, slug)
            key, environment = _key(tx, project, name, alias, side)
            before = tx.find_record(project.id, NOUN, key)
            if before is None and tx.count_records(project.id, NOUN) >= MOST:
                raise Refused("too_many_secrets", f"a project has at most {MOST:,} secrets and overrides")
            now = self._work.clock.now()
            sealed = self._seal(value, self._about(call, project, key))
            revision = 1 if before is None else before.revision + 1
            tx.put_record(Record(project.id, NOUN, key, now, now, {"by": call.principal.id}, name, revision, sealed))
            data = {"name": name, "side": side or "", "alias": alias or ""}
            tx.append(
                self._work.event(
                    call, "secret.set", project=project.id, environment=environment, subject=name, data=data
                )
            )
            records = tx.list_records(project.id, NOUN, owner=name, limit=MOST)
            return _secret(name, records, _aliases(tx, project))

        return await self._work.change(call, work)

    async def unset(self, call: Call, slug: str, name: str, alias: str | None = None, side: str | None = None) -> None:
        """Removes the value, with all overrides, or one override. Raises NotFound `secret_not_found`."""
        call.need("secrets.manage")
        check_name(name)

        def work(tx: Writing) -> None:
            project = load_project(tx, slug)
            key, environment = _key(tx, project, name, alias, side)
            gone = tx.delete_record(project.id, NOUN, key) if alias else tx.delete_records(project.id, NOUN, name)
            if not gone:
                raise NotFound("secret_not_found", f"there is no value of the secret '{name}' there")
            data = {"name": name, "side": side or "", "alias": alias or ""}
            tx.append(
                self._work.event(
                    call, "secret.unset", project=project.id, environment=environment, subject=name, data=data
                )
            )

        await self._work.change(call, work)

    async def rotate(self, call: Call, slug: str, cursor: str | None = None) -> Rotation:
        """Seals the next portion of what is sealed anew with the server's present key; says where to go on.

        Values, users' raw inputs, their variables and the states of conversations. Raises Invalid `invalid_cursor`.
        """
        call.need("secrets.manage")

        def work(tx: Writing) -> Rotation:
            project = load_project(tx, slug)
            done = reseal(self._sealing(), tx, call.workspace, project.id, cursor)
            count = sum(done.anew.values())
            if count or cursor is None:
                data = {"count": count, **done.anew, "unopened": done.unopened}
                tx.append(self._work.event(call, "secret.rotated", project=project.id, data=data))
            return done

        return await self._work.change(call, work)

    def copy_overrides(
        self, tx: Writing, call: Call, project: Project, source: EnvironmentId, target: EnvironmentId
    ) -> int:
        """Gives one environment the overrides of another, inside the caller's transaction; returns how many (R19)."""
        now, copied = self._work.clock.now(), 0
        for record in tx.list_records(project.id, NOUN, limit=MOST):
            name, _, place = record.key.partition("/")
            if place.partition("/")[0] != source:
                continue
            if tx.count_records(project.id, NOUN) >= MOST:
                raise Refused("too_many_secrets", f"a project has at most {MOST:,} secrets and overrides")
            key = f"{name}/{target}/{place.partition('/')[2]}"
            value = self._open(record.data, self._about(call, project, record.key))
            sealed = self._seal(value, self._about(call, project, key))
            tx.put_record(Record(project.id, NOUN, key, now, now, record.body, name, data=sealed))
            copied += 1
        return copied

    async def check_sealed(self) -> None:
        """Opens every value of every workspace, as a server should when it starts.

        Raises Invalid `wrong_secret_key` when one was sealed with a key that this server was not given.
        """
        for workspace in await self._work.store.system(lambda tx: tx.list_workspaces()):
            after: str | None = ""
            while after is not None:
                after = await self._work.store.read(workspace, lambda tx, w=workspace, a=after: self._check(tx, w, a))

    def _check(self, tx: Reading, workspace: WorkspaceId, after: str) -> str | None:
        projects = tx.list_projects(after, _PORTION)
        for project in projects:
            for record in tx.list_records(project.id, NOUN, limit=MOST):
                try:
                    self._open(record.data, f"{workspace}/{project.id}/{record.key}")
                except Invalid:
                    message = (
                        f"the secret {record.owner} of the project {project.slug} was sealed with another key: set "
                        "GREENROOM_SECRET_KEY to the key it was sealed with, or name that one in "
                        "GREENROOM_FORMER_SECRET_KEYS"
                    )
                    raise Invalid("wrong_secret_key", message) from None
        return projects[-1].slug if len(projects) == _PORTION else None

    async def find_values(self, place: Place, names: Collection[str]) -> Mapping[str, str]:
        """Returns the values of the names that have one in a place: its side's override, else the project's."""

        def work(tx: Reading) -> Mapping[str, bytes]:
            found: dict[str, bytes] = {}
            for name in names:
                own = tx.find_record(place.project, NOUN, f"{name}/{place.environment}/{place.side}")
                record = own or tx.find_record(place.project, NOUN, name)
                if record is not None:
                    about = f"{place.workspace}/{place.project}/{record.key}"
                    found[name] = self._open(record.data, about).encode()
            return found

        sealed = await self._work.store.read(place.workspace, work)
        return {name: value.decode() for name, value in sealed.items()}

    @staticmethod
    def find_missing(tx: Reading, place: Place, names: Collection[str]) -> list[str]:
        """Returns the names that have no value in a place."""

        def has(name: str) -> bool:
            keys = (f"{name}/{place.environment}/{place.side}", name)
            return any(tx.find_record(place.project, NOUN, key) is not None for key in keys)

        return [name for name in sorted(names) if not has(name)]

    @staticmethod
    def _about(call: Call, project: Project, key: str) -> str:
        return f"{call.workspace}/{project.id}/{key}"

    def _seal(self, value: str, about: str) -> bytes:
        return self._sealing().seal(value.encode(), about)

    def _open(self, data: bytes, about: str) -> str:
        return self._sealing().open(data, about).decode()

    def _sealing(self) -> Cipher:
        if self._cipher is None:
            raise Refused("no_secret_key", "this server has no key to seal secrets with")
        return self._cipher


def _key(tx: Reading, project: Project, name: str, alias: str | None, side: str | None) -> tuple[str, str]:
    """Returns the key of a value's record, and the environment it is for."""
    if alias is None:
        return name, ""
    if side not in SIDES:
        raise Invalid("unknown_side", f"'{str(side)[:20]}' is no side of an environment; sides are: live, draft")
    environment = load_environment(tx, project, alias)
    return f"{name}/{environment.id}/{side}", environment.id


def _aliases(tx: Reading, project: Project) -> Mapping[str, str]:
    return {str(each.id): each.alias for each in tx.list_environments(project.id)}


def _secret(name: str, records: Sequence[Record], aliases: Mapping[str, str]) -> Secret:
    overrides: list[Override] = []
    set_at, set_by = None, ""
    for record in records:
        by = str(record.body.get("by", ""))
        if record.key == name:
            set_at, set_by = record.changed_at, by
            continue
        _, environment, side = record.key.split("/")
        shown: Side = "draft" if side == "draft" else "live"
        overrides.append(Override(aliases.get(environment, environment), shown, record.changed_at, by))
    return Secret(name, set_at, set_by, tuple(overrides))
