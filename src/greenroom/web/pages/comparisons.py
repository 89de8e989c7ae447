"""Any two states side by side."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import GreenroomError
from greenroom.services.comparisons import Compared
from greenroom.web.differences import MAX_SHOWN, Wanted, draw
from greenroom.web.door import Door
from greenroom.web.forms import Refusal, refusal_of
from greenroom.web.session import Visit
from greenroom.web.shell import Shell, load_shell

VERSIONS = 100


class ComparisonPages:
    """The page of comparing."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        return [self._door.route("/projects/{slug}/compare", self.compare)]

    async def compare(self, visit: Visit) -> Response:
        """Shows how two refs differ; the address says all of it, so it may be shared."""
        slug = visit.path("slug")
        picked = visit.request.query_params.getlist("pick")
        if len(picked) == 2:
            base, head = sorted(picked, key=lambda ref: (len(ref), ref))
            return self._door.go(visit, f"/projects/{slug}/compare?{urlencode({'base': base, 'head': head})}")
        shell = await load_shell(visit, slug, "Compare", "compare", names=True)
        base, head = visit.query("base"), visit.query("head")
        if not base and not head:
            base, head = _suggest(shell)
        compared, refusal = await self._compare(visit, slug, base, head)
        text, start = visit.query("q").strip()[:200], visit.number("start") or 0
        wanted = Wanted(visit.query("kind"), visit.query("op"), visit.query("author"), text, start)
        kinds = self._desk.kinds
        groups = await asyncio.to_thread(draw, compared, kinds, shell.names, wanted) if compared else []
        versions = await self._desk.versions.list(visit.call, slug, None, VERSIONS)
        return self._door.page(
            shell,
            "comparisons/compare.html",
            base=base,
            head=head,
            compared=compared,
            groups=groups,
            wanted=wanted,
            refusal=refusal,
            kinds=kinds,
            versions=[view.version for view in versions],
            view="unified" if visit.query("view") == "unified" else "split",
            counts=_count(compared) if compared else {},
            found=len(wanted.choose(compared)) if compared else 0,
            page_size=MAX_SHOWN,
            link=_Links(shell.base, base, head, visit),
        )

    async def _compare(self, visit: Visit, slug: str, base: str, head: str) -> tuple[Compared | None, Refusal]:
        if not base or not head:
            return None, Refusal()
        try:
            return await self._desk.comparisons.compare(visit.call, slug, base, head), Refusal()
        except GreenroomError as wrong:
            return None, refusal_of(wrong)


class _Links:
    """Makes addresses of the same comparison with another view or filter."""

    def __init__(self, project: str, base: str, head: str, visit: Visit) -> None:
        self._path = f"{project}/compare"
        asked = {key: visit.query(key) for key in ("view", "kind", "op", "author", "q") if visit.query(key)}
        self._now = {"base": base, "head": head, **asked}

    def to(self, **changes: str) -> str:
        """Returns the address with something changed; '' takes a filter away."""
        wanted = {key: value for key, value in {**self._now, **changes}.items() if value}
        return f"{self._path}?{urlencode(wanted)}"

    def swap(self) -> str:
        """Returns the address of the comparison the other way round."""
        return self.to(base=self._now["head"], head=self._now["base"])


def _suggest(shell: Shell) -> tuple[str, str]:
    """Returns what is most often compared: what the public hears with what comes next."""
    served = [place for place in shell.places if place.version is not None]
    live = shell.live.alias if shell.live and shell.live.version else ""
    edited = next((place for place in shell.editable if place.view.draft_changes), None)
    if edited is not None and edited.version is not None:
        return edited.alias, f"draft:{edited.alias}"
    others = [place.alias for place in served if place.alias != live]
    return (live or (others[0] if others else ""), others[0] if others else live)


def _count(compared: Compared) -> dict[str, int]:
    counts: dict[str, int] = {}
    for change in compared.comparison.changes:
        counts[change.address.kind] = counts.get(change.address.kind, 0) + 1
    return counts
