"""Where documents are listed: by which source of which version or draft, pinned, and changed since it was published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from greenroom.domain.access import Principal
from greenroom.domain.entities import Address
from greenroom.domain.errors import Fault, Invalid, NotFound
from greenroom.domain.knowledge import KIND, listings_of
from greenroom.domain.projects import Project
from greenroom.ports import Reading
from greenroom.services.drafts import Drafts, Saved
from greenroom.services.knowledge_contents import load_digests, load_document, load_knowledge
from greenroom.services.states import (
    State,
    find_draft,
    load_bodies,
    load_draft_snapshot,
    load_project,
    load_snapshot,
    load_state,
)
from greenroom.services.work import Call, Work

Deed = Literal["list", "unlist", "pin", "unpin"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A place that lists a document. `version` None stands for the caller's draft of the environment."""

    alias: str
    version: int | None
    source: str
    pinned: str
    """The digest that it is pinned to, '' where it moves."""
    changed: bool
    """Whether its content is another one than when the version was published."""


@dataclass(frozen=True, slots=True)
class DraftSource:
    """A source of the caller's draft that documents may be listed in."""

    alias: str
    slug: str
    name: str


class KnowledgeListings:
    """The verbs of listing documents."""

    def __init__(self, work: Work, drafts: Drafts) -> None:
        self._work = work
        self._drafts = drafts

    async def load(self, call: Call, slug: str) -> Mapping[str, Sequence[Listed]]:
        """Returns the places that list each document: what environments serve, and the caller's drafts."""
        call.need("knowledge.read")
        return await self._work.read(call, lambda tx: find_listings(tx, load_project(tx, slug), call.principal))

    async def list_draft_sources(self, call: Call, slug: str) -> Sequence[DraftSource]:
        """Returns the sources of the caller's drafts, and of what editable environments serve where there is none."""
        call.need("knowledge.read")

        def work(tx: Reading) -> Sequence[DraftSource]:
            project, found = load_project(tx, slug), list[DraftSource]()
            now = self._work.clock.now()
            for environment in tx.list_environments(project.id):
                if environment.editable:
                    state = load_state(tx, project, f"draft:{environment.alias}", call.principal, now)
                    bodies = load_knowledge(tx, state.snapshot)
                    found += [
                        DraftSource(environment.alias, address.slug, str(body.get("name") or address.slug))
                        for address, body in sorted(bodies.items())
                    ]
            return found

        return await self._work.read(call, work)

    async def change(self, call: Call, slug: str, alias: str, source: str, document: str, deed: Deed) -> Saved:
        """Lists a document in a source of the caller's draft, takes it off, pins it to what it holds now, or lets go.

        Raises NotFound, Invalid `not_listed`, and as `Drafts.save`.
        """
        call.need("drafts.edit")
        address = Address(KIND, source)

        def work(tx: Reading) -> tuple[Mapping[str, Any], str]:
            project = load_project(tx, slug)
            state = load_state(tx, project, f"draft:{alias}", call.principal, self._work.clock.now())
            return self._change(tx, project, state, address, document, deed)

        body, revision = await self._work.read(call, work)
        return await self._drafts.save(call, slug, alias, address, body, revision)

    def _change(
        self, tx: Reading, project: Project, state: State, address: Address, document: str, deed: Deed
    ) -> tuple[Mapping[str, Any], str]:
        if address not in state.snapshot:
            raise NotFound("source_not_found", f"your draft has no source '{address.slug}'; make it first")
        body = self._work.kinds[KIND].upgrade(load_bodies(tx, state.snapshot, [address])[address])
        listed: dict[str, dict[str, Any]] = {str(each["document"]): dict(each) for each in body.get("documents") or ()}
        if deed == "list":
            kept = load_document(tx, project.id, document)
            listed.setdefault(document, {"document": document, "title": kept.title[:400]})
        elif document not in listed:
            message = f"'{address.slug}' of your draft does not list '{document[:200]}'; list it first"
            raise Invalid("not_listed", message, errors=[Fault("/document", message)])
        elif deed == "unlist":
            del listed[document]
        elif deed == "pin":
            listed[document]["pinned"] = str(load_document(tx, project.id, document).digest)
        else:
            listed[document].pop("pinned", None)
        return {**body, "documents": list(listed.values())}, str(state.snapshot[address])


def find_listings(tx: Reading, project: Project, who: Principal) -> Mapping[str, Sequence[Listed]]:
    """Returns the places that list each document, in the order of environments."""
    digests = load_digests(tx, project.id)
    found: dict[str, list[Listed]] = {}
    for environment in tx.list_environments(project.id):
        for number in sorted({arm.version for arm in environment.arms}):
            version = tx.find_version(project.id, number)
            if version is None:
                continue
            for each in listings_of(load_knowledge(tx, load_snapshot(tx, version.digest))):
                seen = version.documents.get(each.document)
                moved = not each.pinned and seen is not None and seen != digests.get(each.document, "")
                place = Listed(environment.alias, number, each.knowledge, each.pinned, moved)
                found.setdefault(each.document, []).append(place)
        draft = find_draft(tx, environment, who) if environment.editable else None
        if draft is not None:
            for each in listings_of(load_knowledge(tx, load_draft_snapshot(tx, draft)[0])):
                place = Listed(environment.alias, None, each.knowledge, each.pinned, changed=False)
                found.setdefault(each.document, []).append(place)
    return found
