"""One entity through time: who changed it, field by field, in which version, where that is served; and the way back."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.entities import Address
from greenroom.domain.errors import GreenroomError, NotAllowed, NotFound
from greenroom.services.content import EntityView
from greenroom.web.differences import draw_bodies
from greenroom.web.door import Door
from greenroom.web.drafting import alias_of, load_draft, load_drafting, query_of, read_address
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit, read_number

SHOWN = 6
"""So many changed fields of one change are named."""


class EntityHistoryPages:
    """The pages of an entity's past."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/build/{kind}/{entity}"
        return [
            self._door.route(base + "/history", self.history),
            self._door.route(base + "/back", self.ask_back, self.go_back),
        ]

    async def history(self, visit: Visit) -> Response:
        """Shows the versions that changed an entity, and for each field who made it what it is."""
        address = read_address(visit)
        shell = await load_drafting(visit, f"History of {address.slug}")
        ref = shell.ref or f"draft:{alias_of(shell)}"
        told = await self._desk.entity_history.load(
            visit.call, visit.path("slug"), address, ref, visit.number("before")
        )
        return self._door.page(
            shell,
            "content/history.html",
            address=address,
            kind=self._desk.kinds[address.kind],
            told=told,
            ref=ref,
            shown=SHOWN,
            is_first=visit.number("before") is None,
            can_go_back=not shell.ref and visit.may("drafts.edit"),
        )

    async def ask_back(self, visit: Visit) -> Response:
        """Shows what bringing an entity back to an older version would change in the draft."""
        return await self._ask_back(visit, Refusal())

    async def go_back(self, visit: Visit) -> Response:
        """Takes one entity from an older version into the draft."""
        address, form = read_address(visit), visit.form
        shell = await load_drafting(visit, address.slug)
        ref = f"v{read_number(form.text('version')) or 0}"
        seen = form.number("revision") or 0
        try:
            loaded = await self._desk.draft_loads.load_ref(
                visit.call, visit.path("slug"), alias_of(shell), ref, [address], seen
            )
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._ask_back(visit, refusal_of(wrong))
        gone = address not in loaded.draft.snapshot
        said = f"{address} is as it was in {ref}, in your draft. Nothing changes for callers until you publish."
        path = f"{shell.base}/build{query_of(shell)}" if gone else f"{shell.base}/build/{address}{query_of(shell)}"
        return self._door.go(visit, path, f"{said} {' '.join(loaded.warnings)}".strip())

    async def _ask_back(self, visit: Visit, refusal: Refusal) -> Response:
        visit.call.need("drafts.edit")
        address = read_address(visit)
        shell = await load_drafting(visit, address.slug)
        number = read_number(visit.form.text("version") or visit.query("version")) or 0
        draft = await load_draft(visit, shell)
        now = await self._find(visit, address, f"draft:{alias_of(shell)}")
        then = await self._find(visit, address, f"v{number}")
        if now is None and then is None:
            raise NotFound("entity_not_found", f"neither your draft nor v{number} has {address}")
        kind = self._desk.kinds[address.kind]
        bodies = [kind.upgrade(view.body) if view else {} for view in (now, then)]
        return self._door.sheet(
            shell,
            "content/_back.html",
            412 if refusal else 200,
            address=address,
            name=str((bodies[0] or bodies[1]).get("name") or address.slug),
            number=number,
            revision=draft.revision,
            fields=draw_bodies(bodies[0], bodies[1], kind) if now and then else (),
            now=now,
            then=then,
            same=now is not None and then is not None and now.revision == then.revision,
            refusal=refusal,
        )

    async def _find(self, visit: Visit, address: Address, ref: str) -> EntityView | None:
        try:
            return await self._desk.content.load(visit.call, visit.path("slug"), address, ref)
        except NotFound as wrong:
            if wrong.code == "entity_not_found":
                return None
            raise
