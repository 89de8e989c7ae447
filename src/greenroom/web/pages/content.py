"""What an agent is made of: lists by kind; what is new, and what is taken out."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.entities import Address, slugify
from greenroom.domain.errors import Conflict, Fault, GreenroomError, Invalid, NotAllowed, NotFound, Stale
from greenroom.domain.kind import Kind
from greenroom.kinds import KINDS
from greenroom.services.drafts import DraftView
from greenroom.web.door import Door
from greenroom.web.drafting import alias_of, load_draft, load_drafting, parse_entity, query_of, read_address
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.listing import list_content
from greenroom.web.session import Visit
from greenroom.web.shell import Shell

CREATE = "*"


class ContentPages:
    """The pages of content."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/build"
        return [
            self._door.route(base, self.list),
            self._door.route(base + "/new", self.ask, self.create),
            self._door.route(base + "/{kind}/{entity}/remove", self.ask_removal, self.remove),
        ]

    async def list(self, visit: Visit) -> Response:
        """Shows the entities of a draft or of another state, by kind."""
        shell = await load_drafting(visit, "Build")
        listed = await list_content(visit, shell, self._door.names)
        return self._door.page(
            shell, "content/list.html", listed=listed, kinds=self._desk.kinds, draft=listed.draft, kind=listed.kind
        )

    async def ask(self, visit: Visit) -> Response:
        """Asks for the kind and name of something new."""
        return await self._ask(visit, Refusal())

    async def create(self, visit: Visit) -> Response:
        """Makes an entity with its name alone, or with what its kind cannot be without, and opens it."""
        shell = await load_drafting(visit, "New")
        name, kind = visit.form.text("name").strip(), KINDS.get(visit.form.text("kind"))
        try:
            if kind is None:
                raise Invalid("unknown_kind", "choose a kind", errors=[Fault("/kind", "choose a kind")])
            draft = await load_draft(visit, shell)
            address = await self._choose_address(visit, shell, draft, kind, name)
            slug, alias = visit.path("slug"), alias_of(shell)
            await self._desk.drafts.save(visit.call, slug, alias, address, begin(kind, name), CREATE)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._ask(visit, refusal_of(wrong))
        back = visit.form.text("back")
        if back.startswith(f"{shell.base}/build/") and "\\" not in back:
            return self._door.go(visit, back, f"{name} is in your draft; fill it in when you are done here.")
        return self._door.go(visit, f"{shell.base}/build/{address}{query_of(shell)}", f"{name} is in your draft.")

    async def _choose_address(self, visit: Visit, shell: Shell, draft: DraftView, kind: Kind, name: str) -> Address:
        """Returns where something new goes. Raises Conflict where its slug or its name is taken, with what has it."""
        typed = visit.form.text("slug").strip()
        address = parse_entity(kind.name, kind.singleton or typed or slugify(name))
        if address in draft.snapshot:
            message = "there is only one of its kind, and it is there already" if kind.singleton else "is taken already"
            pointer = "/slug" if typed else "/name"
            fault = Fault(pointer, message, "exists")
            raise Conflict("exists", f"there is {address} already", errors=[fault], extra={"taken": str(address)})
        ref, slug = f"draft:{alias_of(shell)}", visit.path("slug")
        alike = await self._door.names.find(visit, slug, ref, draft.snapshot, name, 200, kind.name) if name else []
        same = next((line for line in alike if line.name.strip().lower() == name.lower()), None)
        if same is not None and not visit.form.has("anyway"):
            message = f"another {kind.title.lower()} has this name: people could not tell them apart"
            fault = Fault("/name", message, "name_taken")
            raise Conflict(
                "name_taken", f"'{name}' is {same.address}", errors=[fault], extra={"taken": str(same.address)}
            )
        return address

    async def _ask(self, visit: Visit, refusal: Refusal) -> Response:
        visit.call.need("drafts.edit")
        shell = await load_drafting(visit, "New")
        chosen = visit.form.text("kind") or visit.query("kind")
        status = 422 if refusal else 200
        kind = KINDS.get(chosen)
        free = ""
        if refusal.code == "exists" and kind is not None and kind.singleton is None:
            draft = await load_draft(visit, shell)
            free = find_free(draft, kind.name, visit.form.text("slug").strip() or slugify(visit.form.text("name")))
        return self._door.sheet(
            shell,
            "content/_new.html",
            status,
            kinds=KINDS,
            chosen=chosen,
            refusal=refusal,
            taken=refusal.hints.get("taken", ""),
            free=free,
        )

    async def ask_removal(self, visit: Visit) -> Response:
        """Says what removing an entity means, and who would miss it."""
        return await self._ask_removal(visit, Refusal())

    async def remove(self, visit: Visit) -> Response:
        """Takes an entity out in the draft."""
        address = read_address(visit)
        shell = await load_drafting(visit, address.slug)
        slug, if_match = visit.path("slug"), visit.form.text("if_match") or None
        try:
            await self._desk.drafts.remove(visit.call, slug, alias_of(shell), address, if_match)
        except Stale as wrong:
            return await self._ask_removal(visit, refusal_of(wrong))
        said = f"{address} is removed in your draft. Nothing changes for callers until you publish."
        return self._door.go(visit, f"{shell.base}/build{query_of(shell)}", said)

    async def _ask_removal(self, visit: Visit, refusal: Refusal) -> Response:
        address = read_address(visit)
        shell = await load_drafting(visit, address.slug)
        view = await self._desk.content.load(visit.call, visit.path("slug"), address, f"draft:{alias_of(shell)}")
        return self._door.sheet(
            shell,
            "content/_remove.html",
            412 if refusal else 200,
            address=address,
            view=view,
            kind=self._desk.kinds[address.kind],
            refusal=refusal,
        )


def begin(kind: Kind, name: str) -> dict[str, Any]:
    """Returns the least body that a kind takes under a name: the name alone, else its sample renamed."""
    least = {"name": name}
    return least if not kind.validate(least) else {**kind.sample, "name": name} if name else least


def find_free(draft: DraftView, kind: str, slug: str) -> str:
    """Returns the first slug after one that is free: `parking-2`."""
    stem = slug[:76]
    return next(f"{stem}-{n}" for n in range(2, 10_000) if Address(kind, f"{stem}-{n}") not in draft.snapshot)
