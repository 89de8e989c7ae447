"""Which version serves a key: the pointer table in memory, kept up with the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from greenroom.domain.access import Principal
from greenroom.domain.canonical import Digest
from greenroom.domain.environments import Arm, Deprecated, SlotRange, choose_arm, choose_slot
from greenroom.domain.errors import Fault, Invalid, NotFound, Refused
from greenroom.domain.ids import ProjectId, WorkspaceId
from greenroom.domain.numbers import find_e164
from greenroom.domain.projects import Project
from greenroom.domain.share_links import ShareLink, read_link_id
from greenroom.domain.splits import WHOLE, Decider, format_weight
from greenroom.domain.testers import PERSON_KINDS, hash_person
from greenroom.ports import Clock, Reading, Store
from greenroom.services.migrations import read_deprecated
from greenroom.services.numbers import MOST as MOST_NUMBERS
from greenroom.services.numbers import NOUN as NUMBER
from greenroom.services.programs import Programs
from greenroom.services.share_links import check_token, load_links
from greenroom.services.splits import find_split
from greenroom.services.testers import load_places
from greenroom.services.work import Call


@dataclass(frozen=True, slots=True)
class Pointer:
    """What one environment serves."""

    alias: str
    seq: int
    salt: str
    arms: tuple[Arm, ...]
    digests: Mapping[int, Digest]
    said: Mapping[int, str]
    """What is told of each version as the reason of a decision."""


class Resolved(NamedTuple):
    """The decision for one key, with the reason in words."""

    environment: str
    version: int
    digest: Digest
    seq: int
    slot: int
    reason: str


class Led(NamedTuple):
    """Where a rule leads, and what is told of each version there as the reason of a decision.

    `whole` is that decision but for the slot, where everybody there is served the same version.
    """

    pointer: Pointer
    said: Mapping[int, str]
    whole: Resolved | None


@dataclass(frozen=True, slots=True)
class Rules:
    """What leads whoever names no environment: share links, testers by hash, and the default entry for all others."""

    entry: Decider[Led]
    testers: Mapping[str, Led] = field(default_factory=dict[str, Led])
    links: Mapping[str, tuple[ShareLink, Led]] = field(default_factory=dict[str, tuple[ShareLink, Led]])


@dataclass(frozen=True, slots=True)
class ProjectPointers:
    """A project's environments by alias and id, its default entry's alias, and the rules of what comes in there."""

    id: ProjectId
    default: str
    environments: Mapping[str, Pointer]
    rules: Rules
    numbers: Mapping[str, str] = field(default_factory=dict[str, str])
    """The id of the environment that each number leads to, '' for the default entry."""
    deprecated: Mapping[str, Deprecated] = field(default_factory=dict[str, Deprecated])
    """The aliases that should not be used any more."""


Table = Mapping[tuple[WorkspaceId, str], ProjectPointers]


class Traffic:
    """Decisions from memory. `follow` keeps the table current; a lost store leaves the last one standing."""

    def __init__(self, store: Store, programs: Programs, clock: Clock) -> None:
        self._store = store
        self._programs = programs
        self._clock = clock
        self._table: Table = {}
        self._keys: Mapping[str, Principal] = {}
        self._warm: set[tuple[WorkspaceId, Digest]] = set()
        self._refreshing = asyncio.Lock()
        self._begun = self._finished = 0
        self.failed: Mapping[tuple[WorkspaceId, Digest], Exception] = {}
        """Versions that are served and do not compile, with the reason."""
        self.generation = 0
        """Rises whenever keys or table were replaced: what was concluded from them before must be concluded anew."""
        self.refreshed = 0
        """How often the table was read anew."""

    @property
    def ready(self) -> bool:
        """Says whether the table was read and every served version is compiled."""
        return self.refreshed > 0

    def find_principal(self, key_hash: str) -> Principal | None:
        """Returns the owner of an API key from memory, None when it is not known (yet)."""
        return self._keys.get(key_hash)

    def find_linked(self, token: str) -> tuple[WorkspaceId, ProjectId] | None:
        """Returns the workspace and the project that a share link with this id is in; its secret is not looked at."""
        id_ = read_link_id(token)
        found = ((place[0], project.id) for place, project in self._table.items() if id_ in project.rules.links)
        return next(found, None)

    def has_project(self, workspace: WorkspaceId, slug: str) -> bool:
        """Says whether the table has a project, by slug or id."""
        return (workspace, slug) in self._table

    def find_deprecated(self, workspace: WorkspaceId, slug: str) -> Mapping[str, Deprecated]:
        """Returns a project's deprecated aliases; most have none."""
        project = self._table.get((workspace, slug))
        return {} if project is None else project.deprecated

    def decide(
        self,
        workspace: WorkspaceId,
        slug: str,
        key: str,
        environment: str | None,
        share_link: str | None = None,
        number: str | None = None,
    ) -> Resolved:
        """Returns which version serves a key: by alias or number, else share link, tester, split, default environment.

        Raises NotFound, Refused `nothing_served`, `share_link_over`, `number_unknown`.
        """
        if number is not None:
            return self._decide_by_number(workspace, slug, key, number)
        found, slot = self.decide_at_slot(workspace, slug, key, environment, share_link)
        return found._replace(slot=slot)

    def decide_at_slot(
        self, workspace: WorkspaceId, slug: str, key: str, environment: str | None, share_link: str | None = None
    ) -> tuple[Resolved, int]:
        """Returns the same decision apart from its slot, so that it need not be made anew for every key."""
        project = self._table.get((workspace, slug))
        if project is None:
            raise _no_project(slug)
        if environment is None:
            rules = project.rules
            if share_link is not None or rules.testers:
                led = self._find_led(workspace, project, key, share_link)
                if led is not None:
                    return _choose_version(led, key, None)
            led, slot = rules.entry.choose(key)
            if led is not None:
                return (led.whole, slot) if led.whole is not None else _choose_version(led, key, slot)
        alias = environment if environment is not None else project.default
        pointer = project.environments.get(alias)
        if pointer is None:
            known = ", ".join(sorted({p.alias for p in project.environments.values()}))
            raise NotFound("environment_not_found", f"{slug} has no environment '{alias[:80]}'; it has: {known}")
        slot, arm = _choose_arm(pointer, key)
        said = pointer.said[arm.version]
        reason = f"asked for {alias}; {said}"
        return Resolved(pointer.alias, arm.version, pointer.digests[arm.version], pointer.seq, slot, reason), slot

    def _decide_by_number(self, workspace: WorkspaceId, slug: str, key: str, number: str) -> Resolved:
        project = self._table.get((workspace, slug))
        if project is None:
            raise _no_project(slug)
        alias = choose_by_number(slug, project, number)
        led = self.decide(workspace, slug, key, alias)
        said = led.reason if alias is None else led.reason.partition("; ")[2]
        how = "follows the default entry" if alias is None else f"leads to {alias}"
        return led._replace(reason=f"{find_e164(number)} {how}; {said}")

    def _find_led(
        self, workspace: WorkspaceId, project: ProjectPointers, key: str, share_link: str | None
    ) -> Led | None:
        """Returns where a share link, else a tester, is led."""
        rules = project.rules
        if share_link is not None:
            link, led = rules.links.get(read_link_id(share_link), (None, None))
            check_token(link, share_link, self._clock.now())
            return led
        # A key says not whether it is a user id or a number.
        hashes = (hash_person(workspace, project.id, kind, key) for kind in PERSON_KINDS)
        return next((rules.testers[each] for each in hashes if each in rules.testers), None)

    async def resolve(
        self,
        call: Call,
        slug: str,
        key: str,
        environment: str | None,
        share_link: str | None = None,
        number: str | None = None,
    ) -> Resolved:
        """Returns which version serves a key, after making sure that the table is at least as new as this call."""
        call.need("resolve.read")
        if environment is not None and share_link is not None:
            message = "a share link leads to its own environment; give one of them"
            raise Invalid("environment_or_ref", message, errors=[Fault("/share_link", message)])
        await self.refresh()
        return self.decide(call.workspace, slug, key, environment, share_link, number)

    async def refresh(self) -> None:
        """Reads the table anew, compiling what is newly served before it is switched to here.

        Calls that come while another reads share the next reading. A version that does not compile keeps its
        project on the last table (`failed` says why); nobody else waits for it.
        """
        asked = self._begun
        async with self._refreshing:
            if self._finished > asked:
                return
            self._begun += 1
            mine = self._begun
            # First of all who may ask: a revoked key must not outlive a version that does not compile.
            self._keys = await self._store.system(lambda tx: tx.list_key_principals())
            self.generation += 1
            table: dict[tuple[WorkspaceId, str], ProjectPointers] = {}
            for workspace in await self._store.system(lambda tx: tx.list_workspaces()):
                found = await self._store.read(workspace, _read_pointers)
                table.update({(workspace, slug): pointers for slug, pointers in found.items()})
            await self._compile_new(table)
            self._table = {place: self._last_good(place, now) for place, now in table.items()}
            self.generation += 1
            self._finished = mine
            self.refreshed += 1

    async def _compile_new(self, table: Table) -> None:
        served = {(place[0], digest) for place, project in table.items() for digest in _digests_of(project)}
        failed: dict[tuple[WorkspaceId, Digest], Exception] = {}
        for workspace, digest in served - self._warm:
            try:
                await self._programs.load(workspace, digest)
            except Exception as wrong:  # noqa: BLE001 - one poisoned version must not stop everybody's table
                failed[workspace, digest] = wrong
        self._warm = served - failed.keys()
        self.failed = failed

    def _last_good(self, place: tuple[WorkspaceId, str], now: ProjectPointers) -> ProjectPointers:
        if any((place[0], digest) in self.failed for digest in _digests_of(now)):
            return self._table.get(place, now)
        return now

    async def follow(self, stop: asyncio.Event, report: Callable[[Exception], None]) -> None:
        """Keeps the table current until `stop`; what fails is reported and tried again."""
        while not stop.is_set():
            before = self.failed
            try:
                await self._store.wait_for_change(1.0)
                await self.refresh()
            except Exception as wrong:  # noqa: BLE001 - if this loop ends, revoked keys live for ever
                report(wrong)
                await asyncio.sleep(0.5)
            for digest, wrong in self.failed.items():
                if digest not in before:
                    report(wrong)


def _digests_of(project: ProjectPointers) -> set[Digest]:
    pointers = project.environments.values()
    return {pointer.digests[arm.version] for pointer in pointers for arm in pointer.arms}


def _no_project(slug: str) -> NotFound:
    return NotFound("project_not_found", f"there is no project '{slug[:80]}' here")


def _choose_arm(pointer: Pointer, key: str) -> tuple[int, Arm]:
    """Returns the slot of a key in an environment, and the arm that owns it. Raises Refused `nothing_served`."""
    slot = choose_slot(pointer.salt, key)
    # A single arm is a full one, except during a rollout: no need to look through its slots.
    arm = pointer.arms[0] if len(pointer.arms) == 1 else choose_arm(pointer.arms, slot)
    if arm is None:
        raise Refused("nothing_served", f"{pointer.alias} serves nothing yet")
    return slot, arm


def _choose_version(led: Led, key: str, slot: int | None) -> tuple[Resolved, int]:
    """Returns the decision where a rule led; `slot` is the split's, None for a rule that asks for no slot."""
    pointer = led.pointer
    own, arm = _choose_arm(pointer, key)
    said = led.said[arm.version]
    found = Resolved(pointer.alias, arm.version, pointer.digests[arm.version], pointer.seq, own, said)
    return found, own if slot is None else slot


def lead_to(pointer: Pointer, why: str) -> Led:
    """Returns what a rule that leads to an environment says of it."""
    said = {version: f"{why}; {text}" for version, text in pointer.said.items()}
    whole: Resolved | None = None
    if len(pointer.arms) == 1:
        only = pointer.arms[0].version
        whole = Resolved(pointer.alias, only, pointer.digests[only], pointer.seq, 0, said[only])
    return Led(pointer, said, whole)


def _read_rules(tx: Reading, project: Project, environments: Mapping[str, Pointer]) -> Rules:
    """Compiles what leads to environments; what leads to a deleted one is left out."""

    def lead(place: str, why: str) -> Led | None:
        pointer = environments.get(place)
        return None if pointer is None else lead_to(pointer, f"{why}, led past the split")

    testers = load_places(tx, project.id).items()
    links = load_links(tx, project.id).items()
    return Rules(
        _read_entry(tx, project, environments),
        {key: led for key, place in testers if (led := lead(place, "a tester")) is not None},
        {id_: (link, led) for id_, link in links if (led := lead(link.environment, f"share link {id_}")) is not None},
    )


def _read_entry(tx: Reading, project: Project, environments: Mapping[str, Pointer]) -> Decider[Led]:
    """Compiles the default entry: the split, a deleted environment's share of which is the default one's."""
    default, split = environments.get(project.default_environment), find_split(tx, project)
    to_default = None if default is None else lead_to(default, f"default entry of {project.slug}")
    if split is None:
        return Decider("" if default is None else default.salt, [(to_default, WHOLE)] if to_default else [])
    owned: list[tuple[Led, Sequence[SlotRange]]] = []
    for share in split.shares:
        pointer = environments.get(share.environment)
        why = f"split {split.revision} of {project.slug}: {pointer.alias if pointer else ''}"
        led = to_default if pointer is None else lead_to(pointer, f"{why} has {format_weight(share.weight)}")
        owned += [] if led is None else [(led, share.slots)]
    return Decider(split.salt, owned)


def _read_pointers(tx: Reading) -> Mapping[str, ProjectPointers]:
    found: dict[str, ProjectPointers] = {}
    after = ""
    while projects := tx.list_projects(after, 200):
        for project in projects:
            environments: dict[str, Pointer] = {}
            default = ""
            for e in tx.list_environments(project.id):
                versions = {arm.version: tx.find_version(project.id, arm.version) for arm in e.arms}
                digests = {number: v.digest for number, v in versions.items() if v is not None}
                said = {n: f"{e.alias} serves v{n} to everybody (release {e.seq})" for n in digests}
                pointer = Pointer(e.alias, e.seq, e.salt, e.arms, digests, said)
                environments[e.alias] = environments[e.id] = pointer
                if e.id == project.default_environment:
                    default = e.alias
            aliases = tx.list_aliases(project.id)
            environments |= {alias: environments[id_] for alias, id_ in aliases.items() if id_ in environments}
            rules = _read_rules(tx, project, environments)
            numbers, deprecated = _read_numbers(tx, project.id), read_deprecated(tx, project.id)
            pointers = ProjectPointers(project.id, default, environments, rules, numbers, deprecated)
            found[project.slug] = found[project.id] = pointers
        after = projects[-1].slug
    return found


def choose_by_number(slug: str, project: ProjectPointers, number: str) -> str | None:
    """Returns the alias that a number leads to, None for the default entry; its SIP rules are asked at a call only.

    Raises Refused `number_unknown` or `number_leads_nowhere`.
    """
    e164 = find_e164(number)
    where = project.numbers.get(e164) if e164 else None
    if where is None:
        message = f"{slug} has no number '{number[:40]}'; `numbers list` shows those it has"
        raise Refused("number_unknown", message, errors=[Fault("/number", message)])
    if not where:
        return None
    pointer = project.environments.get(where)
    if pointer is None:
        message = f"{e164} is assigned to an environment that is gone; assign it to another one"
        raise Refused("number_leads_nowhere", message)
    return pointer.alias


def _read_numbers(tx: Reading, project: ProjectId) -> Mapping[str, str]:
    return {record.key: record.owner for record in tx.list_records(project, NUMBER, limit=MOST_NUMBERS)}
