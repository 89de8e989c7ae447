"""The editor of each kind: a form that saves into the draft as one types, and says what is wrong beside its field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from greenroom.domain.canonical import Digest
from greenroom.domain.entities import Address, Body
from greenroom.domain.errors import GreenroomError, Invalid, NotFound, Stale
from greenroom.kinds import KINDS
from greenroom.kinds.schema import ModelKind
from greenroom.services.content import EntityView
from greenroom.services.drafts import DraftView
from greenroom.services.entity_checks import CONDITION_NAMES, Looked
from greenroom.web.differences import FieldDiff, draw_bodies
from greenroom.web.door import Door
from greenroom.web.drafting import Known, Links, alias_of, load_draft, load_drafting, load_links, query_of, read_address
from greenroom.web.editing import Control, Drawing
from greenroom.web.elements import carry_out, read_act
from greenroom.web.findings import findings_of
from greenroom.web.flows import read_flow
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import Shell
from greenroom.web.typed import has_unreadable, read_body

FOUND = 20
CREATE = "*"


@dataclass
class Editing:
    """One entity in a draft, and what stands in its form: as it is kept, or as it was typed."""

    visit: Visit
    shell: Shell
    address: Address
    kind: ModelKind
    draft: DraftView
    kept: EntityView | None
    body: dict[str, Any]
    """What is kept, as the present schema writes it; empty where it is new."""
    shown: dict[str, Any]
    typed: bool = False
    wrong: GreenroomError | None = None
    looked: Looked = field(default_factory=Looked)
    focus: str = ""
    as_json: str = ""

    @property
    def revision(self) -> str:
        """Returns what the next save must have seen."""
        kept = str(self.kept.revision) if self.kept else CREATE
        stale = isinstance(self.wrong, Stale)
        return kept if stale or not self.visit.form.has("if_match") else self.visit.form.text("if_match")


class EditorPages:
    """The pages that edit entities."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/build"
        return [
            self._door.route(base + "/find", self.find),
            self._door.route(base + "/{kind}/{entity}", self.entity, self.save),
        ]

    async def find(self, visit: Visit) -> Response:
        """Returns what a link may name, for the field that asks while one types: by kinds and a part of the name."""
        shell = await load_drafting(visit, "Find")
        draft = await load_draft(visit, shell)
        kinds = [kind for kind in visit.query("kinds").split() if kind in KINDS] or list(KINDS)
        query, slug, ref = visit.query("q").strip()[:200], visit.path("slug"), f"draft:{alias_of(shell)}"
        found = [
            line
            for kind in (kinds if len(kinds) < len(KINDS) else [""])
            for line in await self._door.names.find(visit, slug, ref, draft.snapshot, query, FOUND, kind)
        ]
        lines = [
            {
                "kind": line.address.kind,
                "slug": line.address.slug,
                "name": line.name,
                "title": KINDS[line.address.kind].title if line.address.kind in KINDS else line.address.kind,
                "where": f"{shell.base}/build/{line.address}{query_of(shell)}",
            }
            for line in found[:FOUND]
        ]
        exact = any(Address(kind, query) in draft.snapshot for kind in kinds)
        return JSONResponse({"found": lines, "exact": exact})

    async def entity(self, visit: Visit) -> Response:
        """Shows one entity: to edit in a draft, to read anywhere else."""
        address = read_address(visit)
        shell = await load_drafting(visit, address.slug)
        if shell.ref or not visit.may("drafts.edit"):
            return await self._read(visit, shell, address)
        editing = await self._open(visit, shell, address)
        return await self._draw(editing, 200)

    async def save(self, visit: Visit) -> Response:
        """Saves what was edited. A refusal shows all that was typed, with the message beside the field."""
        address = read_address(visit)
        shell = await load_drafting(visit, address.slug)
        kind = KINDS[address.kind]
        body, faults = read_body(kind.fields, visit.form)
        act = read_act(visit.form)
        if act is not None:
            focus = carry_out(act, kind.fields, body)
            editing = await self._open(visit, shell, address, body)
            editing.focus, editing.as_json = focus, act.pointer if act.verb == "as_json" else ""
            return await self._draw(editing, 200)
        try:
            if faults:
                raise Invalid("unreadable", "something typed cannot be read", errors=faults)
            if_match = visit.form.text("if_match") or None
            slug, alias = visit.path("slug"), alias_of(shell)
            saved = await self._desk.drafts.save(visit.call, slug, alias, address, body, if_match)
        except NotFound:
            raise
        except GreenroomError as wrong:
            editing = await self._open(visit, shell, address, body, wrong)
            status = 412 if isinstance(wrong, Stale) else 422
            return await (self._tell if visit.request.headers.get("x-autosave") else self._draw)(editing, status)
        if visit.request.headers.get("x-autosave"):
            editing = await self._open(visit, shell, address, body)
            return await self._tell(editing, 200, saved.revision)
        path = f"{shell.base}/build/{address}{query_of(shell)}"
        return self._door.go(visit, path, f"Saved in your draft. {' '.join(saved.warnings)}".strip())

    async def _open(
        self,
        visit: Visit,
        shell: Shell,
        address: Address,
        typed: dict[str, Any] | None = None,
        wrong: GreenroomError | None = None,
    ) -> Editing:
        """Returns an entity of a draft with what was typed. Raises NotFound where there is neither."""
        slug, kind, alias = visit.path("slug"), KINDS[address.kind], alias_of(shell)
        draft = await load_draft(visit, shell)
        if address in draft.snapshot:
            kept = await self._desk.content.load(visit.call, slug, address, f"draft:{alias}")
            body = dict(kind.upgrade(kept.body))
            looked = await self._desk.entity_checks.look(visit.call, slug, alias, address)
        elif typed is None:
            removed = any(change.address == address for change in draft.changes)
            here = "your draft removes it" if removed else f"there is no {address} in your draft of {alias}"
            raise NotFound("entity_not_found", here)
        else:
            kept, body, looked = None, dict[str, Any](), Looked()
        shown = body if typed is None else typed
        return Editing(visit, shell, address, kind, draft, kept, body, shown, typed is not None, wrong, looked)

    async def _controls(self, editing: Editing) -> tuple[list[Control], Drawing, Known, Links]:
        """Returns the form of an entity with what is wrong beside its fields."""
        findings = findings_of(refusal_of(editing.wrong) if editing.wrong else Refusal(), editing.looked)
        mentions = editing.kind.mentions(editing.shown) if not has_unreadable(editing.shown) else ()
        links = await load_links(editing.visit, editing.shell, editing.draft, [m.target for m in mentions])
        known = Known(editing.visit, editing.shell)
        flow = read_flow(editing.kind.fields, editing.shown)
        at = editing.focus or editing.visit.query("at")
        drawing = Drawing(findings, links.find, known.find, flow=flow, as_json=editing.as_json, at=at)
        controls = drawing.fields(editing.kind.fields, editing.shown)
        return controls, drawing, known, links

    async def _draw(self, editing: Editing, status: int) -> Response:
        """Returns the page, or, for a form that is open, its fields alone."""
        controls, drawing, known, links = await self._controls(editing)
        await known.load()
        stale = isinstance(editing.wrong, Stale)
        theirs: Sequence[FieldDiff] = ()
        if stale and not has_unreadable(editing.shown):
            theirs = draw_bodies(editing.body, complete(editing.kind, editing.shown), editing.kind)
        parts = self._parts(editing, controls, drawing, links)
        if editing.visit.request.headers.get("x-redraw"):
            return self._door.part(editing.shell, "content/_form.html", 200, known=known, **parts)
        change = next((each for each in editing.draft.changes if each.address == editing.address), None)
        return self._door.page(
            editing.shell,
            "content/edit.html",
            status,
            known=known,
            revision=editing.revision,
            kept=editing.kept,
            users=editing.kept.where_used if editing.kept else (),
            draft=editing.draft,
            change=editing.draft.op_of(change) if change else "",
            refusal=refusal_of(editing.wrong) if editing.wrong else Refusal(),
            theirs=theirs,
            stale=stale,
            condition_names=CONDITION_NAMES,
            **parts,
        )

    def _parts(self, editing: Editing, controls: Sequence[Control], drawing: Drawing, links: Links) -> dict[str, Any]:
        mentions = sorted(links.names) if not editing.wrong else ()
        broken = [m.target for m in _mentions(editing) if m.target not in editing.draft.snapshot]
        return {
            "address": editing.address,
            "kind": editing.kind,
            "name": str(editing.shown.get("name") or editing.address.slug),
            "controls": controls,
            "findings": drawing.findings,
            "flow": drawing.flow,
            "focus": editing.focus,
            "mentions": [(a, links.names[a]) for a in mentions if a != editing.address],
            "broken": list(dict.fromkeys(broken)),
        }

    async def _tell(self, editing: Editing, status: int, revision: Digest | None = None) -> Response:
        """Returns to a form that saves as one types how that went, and the parts of the page that follow from it."""
        controls, drawing, _, links = await self._controls(editing)
        parts = self._parts(editing, controls, drawing, links)
        told = self._door.part(editing.shell, "content/_parts.html", 200, **parts)
        found = [{"pointer": f.pointer, "text": f.told, "tone": f.tone, "line": f.line} for f in drawing.findings.found]
        detail = editing.wrong.detail if editing.wrong else ""
        return JSONResponse(
            {
                "detail": detail,
                "revision": revision,
                "findings": found,
                "changes": len(editing.draft.changes),
                "parts": bytes(told.body).decode(),
            },
            status,
        )

    async def _read(self, visit: Visit, shell: Shell, address: Address) -> Response:
        ref = shell.ref or f"draft:{alias_of(shell)}"
        view = await self._desk.content.load(visit.call, visit.path("slug"), address, ref)
        kind = self._desk.kinds[address.kind]
        body = kind.upgrade(view.body)
        return self._door.page(
            shell,
            "content/read.html",
            address=address,
            ref=ref,
            kind=kind,
            name=str(body.get("name") or address.slug),
            fields=draw_bodies({}, body, kind),
            users=view.where_used,
            flow=read_flow(KINDS[address.kind].fields, body) if address.kind in KINDS else None,
            view=view,
        )


def _mentions(editing: Editing) -> Sequence[Any]:
    return editing.kind.mentions(editing.shown) if not has_unreadable(editing.shown) else ()


def complete(kind: ModelKind, body: Body) -> Body:
    """Returns a body as it would be stored, or as it is where it is not sound."""
    try:
        return kind.complete(body)
    except Invalid:
        return body
