"""What an agent is made of: lists by kind, and an editor for each kind that saves into the draft."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from greenroom.domain.entities import Address, Body, parse_address, slugify
from greenroom.domain.errors import Conflict, Fault, GreenroomError, Invalid, NotAllowed, NotFound, Stale
from greenroom.domain.kind import Kind
from greenroom.kinds import KINDS
from greenroom.kinds.schema.facts import FieldFacts
from greenroom.services.content import EntityLine
from greenroom.services.drafts import DraftView, Saved
from greenroom.web.differences import FieldDiff, draw_bodies
from greenroom.web.door import Door
from greenroom.web.editing import Drawing, has_unreadable, read_body
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.listing import Listed, list_content
from greenroom.web.session import Visit
from greenroom.web.shell import Shell, load_shell

SUGGESTED = 2_000
"""Entities whose slugs links may choose from; others can be typed."""
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
            self._door.route(base + "/{kind}/{entity}", self.entity, self.save),
            self._door.route(base + "/{kind}/{entity}/remove", self.ask_removal, self.remove),
        ]

    async def list(self, visit: Visit) -> Response:
        """Shows the entities of a draft or of another state, by kind."""
        shell = await self._shell(visit, "Build")
        listed = await list_content(visit, shell, self._door.names)
        return self._door.page(
            shell, "content/list.html", listed=listed, kinds=self._desk.kinds, draft=listed.draft, kind=listed.kind
        )

    async def entity(self, visit: Visit) -> Response:
        """Shows one entity: to edit in a draft, to read anywhere else."""
        address = _address(visit)
        shell = await self._shell(visit, address.slug)
        if shell.ref:
            return await self._read(visit, shell, address)
        return await self._edit(visit, shell, address)

    async def save(self, visit: Visit) -> Response:
        """Saves what was edited. A refusal shows all that was typed, with the message beside the field."""
        address = _address(visit)
        shell = await self._shell(visit, address.slug)
        fields = KINDS[address.kind].fields
        body, faults = read_body(fields, visit.form)
        if visit.form.has("add") or visit.form.has("remove"):
            return await self._edit(visit, shell, address, body)
        try:
            if faults:
                raise Invalid("unreadable", "something typed cannot be read", errors=faults)
            saved = await self._save(visit, shell, address, body)
        except GreenroomError as wrong:
            return await self._refuse(visit, shell, address, body, wrong)
        if visit.request.headers.get("x-autosave"):
            draft = await self._draft(visit, shell)
            told = {"revision": saved.revision, "warnings": list(saved.warnings), "changes": len(draft.changes)}
            return JSONResponse(told)
        path = f"{shell.base}/build/{address}{_query(shell)}"
        return self._door.go(visit, path, f"Saved in your draft. {' '.join(saved.warnings)}".strip())

    async def _save(self, visit: Visit, shell: Shell, address: Address, body: Body) -> Saved:
        alias, if_match = _alias(shell), visit.form.text("if_match") or None
        return await self._desk.drafts.save(visit.call, visit.path("slug"), alias, address, body, if_match)

    async def _refuse(
        self, visit: Visit, shell: Shell, address: Address, body: dict[str, Any], wrong: GreenroomError
    ) -> Response:
        if isinstance(wrong, NotFound):
            raise wrong
        if visit.request.headers.get("x-autosave"):
            status = 412 if isinstance(wrong, Stale) else 422
            faults = [{"pointer": f.pointer, "message": f.message} for f in wrong.errors]
            return JSONResponse({"detail": wrong.detail, "faults": faults}, status)
        return await self._edit(visit, shell, address, body, wrong)

    async def _edit(
        self,
        visit: Visit,
        shell: Shell,
        address: Address,
        typed: dict[str, Any] | None = None,
        wrong: GreenroomError | None = None,
    ) -> Response:
        slug, kind = visit.path("slug"), KINDS[address.kind]
        draft = await self._draft(visit, shell)
        if address in draft.snapshot:
            view = await self._desk.content.load(visit.call, slug, address, f"draft:{_alias(shell)}")
            body, revision, users = kind.upgrade(view.body), str(view.revision), view.where_used
        elif typed is None:
            removed = any(change.address == address for change in draft.changes)
            here = "your draft removes it" if removed else f"there is no {address} in your draft of {_alias(shell)}"
            raise NotFound("entity_not_found", here)
        else:
            body, revision, users = {}, CREATE, ()
        shown = typed if typed is not None else body
        links = await self._links(visit, shell, draft)
        refusal = refusal_of(wrong) if wrong else Refusal()
        stale = isinstance(wrong, Stale)
        theirs: Sequence[FieldDiff] = ()
        if stale and not has_unreadable(shown):
            theirs = draw_bodies(body, _complete(kind, shown), kind)
        drawing = Drawing(refusal, links.find)
        change = next((change for change in draft.changes if change.address == address), None)
        status = 200 if wrong is None else 412 if stale else 422
        return self._door.page(
            shell,
            "content/edit.html",
            status,
            address=address,
            kind=kind,
            name=str(shown.get("name") or address.slug),
            controls=drawing.fields(kind.fields, shown),
            revision=revision if stale or not visit.form.has("if_match") else visit.form.text("if_match"),
            users=users,
            draft=draft,
            change=draft.op_of(change) if change else "",
            refusal=refusal,
            theirs=theirs,
            stale=stale,
            links=links,
        )

    async def _read(self, visit: Visit, shell: Shell, address: Address) -> Response:
        view = await self._desk.content.load(visit.call, visit.path("slug"), address, shell.ref)
        kind = self._desk.kinds[address.kind]
        body = kind.upgrade(view.body)
        return self._door.page(
            shell,
            "content/read.html",
            address=address,
            kind=kind,
            name=str(body.get("name") or address.slug),
            fields=draw_bodies({}, body, kind),
            users=view.where_used,
        )

    async def ask(self, visit: Visit) -> Response:
        """Asks for the kind and name of something new."""
        return await self._ask(visit, Refusal())

    async def create(self, visit: Visit) -> Response:
        """Makes an entity with its name alone, or with what its kind cannot be without, and opens it."""
        shell = await self._shell(visit, "New")
        name, kind = visit.form.text("name").strip(), KINDS.get(visit.form.text("kind"))
        try:
            if kind is None:
                raise Invalid("unknown_kind", "choose a kind", errors=[Fault("/kind", "choose a kind")])
            wanted = kind.singleton or visit.form.text("slug").strip() or slugify(name)
            address = _parse(kind.name, wanted)
            draft = await self._draft(visit, shell)
            if address in draft.snapshot:
                raise Conflict("exists", f"there is {address} already", errors=[Fault("/slug", "is taken already")])
            body = _begin(kind, name)
            await self._desk.drafts.save(visit.call, visit.path("slug"), _alias(shell), address, body, CREATE)
        except (NotFound, NotAllowed):
            raise
        except GreenroomError as wrong:
            return await self._ask(visit, refusal_of(wrong))
        return self._door.go(visit, f"{shell.base}/build/{address}{_query(shell)}", f"{name} is in your draft.")

    async def _ask(self, visit: Visit, refusal: Refusal) -> Response:
        shell = await self._shell(visit, "New")
        chosen = visit.form.text("kind") or visit.query("kind")
        status = 422 if refusal else 200
        return self._door.sheet(shell, "content/_new.html", status, kinds=KINDS, chosen=chosen, refusal=refusal)

    async def ask_removal(self, visit: Visit) -> Response:
        """Says what removing an entity means, and who would miss it."""
        return await self._ask_removal(visit, Refusal())

    async def remove(self, visit: Visit) -> Response:
        """Takes an entity out in the draft."""
        address = _address(visit)
        shell = await self._shell(visit, address.slug)
        slug, if_match = visit.path("slug"), visit.form.text("if_match") or None
        try:
            await self._desk.drafts.remove(visit.call, slug, _alias(shell), address, if_match)
        except Stale as wrong:
            return await self._ask_removal(visit, refusal_of(wrong))
        said = f"{address} is removed in your draft. Nothing changes for callers until you publish."
        return self._door.go(visit, f"{shell.base}/build{_query(shell)}", said)

    async def _ask_removal(self, visit: Visit, refusal: Refusal) -> Response:
        address = _address(visit)
        shell = await self._shell(visit, address.slug)
        view = await self._desk.content.load(visit.call, visit.path("slug"), address, f"draft:{_alias(shell)}")
        return self._door.sheet(
            shell,
            "content/_remove.html",
            412 if refusal else 200,
            address=address,
            view=view,
            kind=self._desk.kinds[address.kind],
            refusal=refusal,
        )

    async def _shell(self, visit: Visit, title: str) -> Shell:
        """Returns the shell of a page about a draft, or about another state that the address names."""
        slug, ref = visit.path("slug"), visit.query("ref")
        alias = visit.query("environment")
        if not ref and not alias:
            views = await self._desk.environments.list(visit.call, slug)
            alias = next((view.environment.alias for view in views if view.environment.editable), "")
        return await load_shell(visit, slug, title, "build", alias="" if ref else alias, ref=ref)

    async def _draft(self, visit: Visit, shell: Shell) -> DraftView:
        return await self._desk.drafts.load(visit.call, visit.path("slug"), _alias(shell))

    async def _links(self, visit: Visit, shell: Shell, draft: DraftView) -> Links:
        slug, ref = visit.path("slug"), f"draft:{_alias(shell)}"
        return Links(await self._door.names.find(visit, slug, ref, draft.snapshot, "", SUGGESTED))


class Links:
    """The slugs that links may name, as one list for each kind (or choice of kinds)."""

    def __init__(self, lines: Sequence[EntityLine]) -> None:
        self._by_kind: dict[str, list[EntityLine]] = {}
        for line in lines:
            self._by_kind.setdefault(line.address.kind, []).append(line)
        self.used: dict[str, Sequence[EntityLine]] = {}

    def find(self, facts: FieldFacts, group: Mapping[str, Any]) -> str:
        """Returns the id of the list for a link, and keeps the list for the page."""
        if facts.link is None:
            return ""
        name = facts.link.kind_in(group) or "-".join(sorted(set(facts.link.kinds.values())))
        kinds = [name] if name in self._by_kind else list(facts.link.kinds.values())
        self.used[f"slugs-{name}"] = [line for kind in kinds for line in self._by_kind.get(kind, [])]
        return f"slugs-{name}"


def _address(visit: Visit) -> Address:
    if visit.path("kind") not in KINDS:
        raise NotFound("entity_not_found", f"there is no kind '{visit.path('kind')[:60]}'")
    return _parse(visit.path("kind"), visit.path("entity"))


def _parse(kind: str, slug: str) -> Address:
    try:
        return parse_address(f"{kind}/{slug}")
    except Invalid as wrong:
        message = wrong.errors[0].message if wrong.errors else wrong.detail
        raise Invalid(wrong.code, wrong.detail, errors=[Fault("/slug", message)]) from None


def _alias(shell: Shell) -> str:
    if shell.here is None:
        raise NotFound("nothing_editable", "this project has no environment that is edited")
    return shell.here.alias


def _query(shell: Shell) -> str:
    first = shell.editable[0].alias if shell.editable else ""
    return "" if shell.here is None or shell.here.alias == first else f"?environment={shell.here.alias}"


def _begin(kind: Kind, name: str) -> dict[str, Any]:
    """Returns the least body that a kind takes under a name: the name alone, else its sample renamed."""
    least = {"name": name}
    return least if not kind.validate(least) else {**kind.sample, "name": name} if name else least


def _complete(kind: Kind, body: Body) -> Body:
    try:
        return kind.complete(body)
    except Invalid:
        return body


__all__ = ["ContentPages", "Listed"]
