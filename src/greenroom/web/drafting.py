"""Which draft a page edits, what is in it that fields may name, and the addresses of entities."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from greenroom.domain.conversations import CHANNELS
from greenroom.domain.entities import Address, parse_address
from greenroom.domain.errors import Fault, Invalid, NotFound
from greenroom.domain.versions import Snapshot
from greenroom.kinds import KINDS
from greenroom.kinds.schema.facts import FieldFacts
from greenroom.services.drafts import DraftView
from greenroom.web.editing import Target
from greenroom.web.session import Visit
from greenroom.web.shell import Shell, load_shell

NAMED: Final = 500
"""So many targets of one form are shown by name; the others by slug."""
LISTED: Final = 300


async def load_drafting(visit: Visit, title: str) -> Shell:
    """Returns the shell of a page about a draft, or about another state that the address names."""
    slug, ref = visit.path("slug"), visit.query("ref")
    alias = visit.query("environment")
    if not ref and not alias:
        views = await visit.desk.environments.list(visit.call, slug)
        alias = next((view.environment.alias for view in views if view.environment.editable), "")
    return await load_shell(visit, slug, title, "build", alias="" if ref else alias, ref=ref, names=True)


async def load_draft(visit: Visit, shell: Shell) -> DraftView:
    """Returns the draft that a page edits."""
    return await visit.desk.drafts.load(visit.call, visit.path("slug"), alias_of(shell))


def alias_of(shell: Shell) -> str:
    """Returns the environment that a page edits in. Raises NotFound where there is none."""
    if shell.here is None:
        raise NotFound("nothing_editable", "this project has no environment that is edited")
    return shell.here.alias


def query_of(shell: Shell) -> str:
    """Returns what goes behind an address so that it is about the same draft."""
    first = shell.editable[0].alias if shell.editable else ""
    return "" if shell.here is None or shell.here.alias == first else f"?environment={shell.here.alias}"


def read_address(visit: Visit) -> Address:
    """Returns the entity that an address is about. Raises NotFound for an unknown kind, Invalid."""
    if visit.path("kind") not in KINDS:
        raise NotFound("entity_not_found", f"there is no kind '{visit.path('kind')[:60]}'")
    return parse_entity(visit.path("kind"), visit.path("entity"))


def parse_entity(kind: str, slug: str) -> Address:
    """Returns an address; what is wrong with it is wrong with the slug."""
    try:
        return parse_address(f"{kind}/{slug}")
    except Invalid as wrong:
        message = wrong.errors[0].message if wrong.errors else wrong.detail
        raise Invalid(wrong.code, wrong.detail, errors=[Fault("/slug", message)]) from None


@dataclass
class Links:
    """What the links of a form name in a draft, with the names of those that were looked up."""

    snapshot: Snapshot
    names: Mapping[Address, str] = field(default_factory=dict[Address, str])

    def find(self, facts: FieldFacts, group: Mapping[str, Any], slug: str) -> Target:
        """Returns what a link names."""
        if facts.link is None:
            return Target()
        chosen = facts.link.kind_in(group)
        kinds = [chosen] if chosen else list(dict.fromkeys(facts.link.kinds.values()))
        if not chosen and not facts.link.kind and str(group.get(facts.link.by, "")):
            return Target()  # a choice under which any text will do
        if not slug:
            return Target(" ".join(kinds))
        found = next((a for kind in kinds if (a := Address(kind, slug)) in self.snapshot), None)
        address = found or Address(kinds[0], slug)
        return Target(" ".join(kinds), str(address), self.names.get(address, slug), found is not None)


async def load_links(visit: Visit, shell: Shell, draft: DraftView, mentioned: Iterable[Address]) -> Links:
    """Returns what a form may link to, with the names of what it names now."""
    wanted = [address for address in dict.fromkeys(mentioned) if address in draft.snapshot][:NAMED]
    ref = f"draft:{alias_of(shell)}"
    names = await visit.desk.content.load_names(visit.call, visit.path("slug"), ref, wanted) if wanted else {}
    return Links(draft.snapshot, names)


class Known:
    """Names of a project's data that fields may hold, as lists of the page; each is read when a field asks for it."""

    def __init__(self, visit: Visit, shell: Shell) -> None:
        self._visit = visit
        self._shell = shell
        self._wanted: set[str] = set()
        self.lists: dict[str, Sequence[tuple[str, str]]] = {}

    def find(self, names: str) -> str:
        """Returns the id of a list of names, '' for none."""
        if names not in self._readers():
            return ""
        self._wanted.add(names)
        return f"names-{names.replace(' ', '-')}"

    async def load(self) -> None:
        """Reads the lists that were asked for."""
        for names in sorted(self._wanted):
            self.lists[f"names-{names.replace(' ', '-')}"] = await self._readers()[names]()

    def _readers(self) -> Mapping[str, Callable[[], Any]]:
        return {
            "environment": self._environments,
            "connection": self._connections,
            "secret": self._secrets,
            "table": self._tables,
            "document": self._documents,
            "channel": self._channels,
            "time zone": self._zones,
        }

    async def _environments(self) -> list[tuple[str, str]]:
        return [(place.alias, place.name) for place in self._shell.places]

    async def _connections(self) -> list[tuple[str, str]]:
        if not self._visit.may("connections.read"):
            return []
        found = await self._visit.desk.connections.list(self._visit.call, self._visit.path("slug"))
        return [(each.slug, each.provider or each.kind) for each in found]

    async def _secrets(self) -> list[tuple[str, str]]:
        if not self._visit.may("secrets.read"):
            return []
        found = await self._visit.desk.secrets.list(self._visit.call, self._visit.path("slug"))
        return [(each.name, "") for each in found]

    async def _tables(self) -> list[tuple[str, str]]:
        found = await self._visit.desk.tables.list(self._visit.call, self._visit.path("slug"))
        return [(each.table.slug, each.table.name) for each in found]

    async def _documents(self) -> list[tuple[str, str]]:
        found = await self._visit.desk.knowledge.list_documents(
            self._visit.call, self._visit.path("slug"), None, LISTED
        )
        return [(each.id, each.title) for each in found]

    async def _channels(self) -> list[tuple[str, str]]:
        return [(name, "") for name in CHANNELS]

    async def _zones(self) -> list[tuple[str, str]]:
        return [(name, "") for name in sorted(zoneinfo.available_timezones()) if "/" in name or name == "UTC"]
