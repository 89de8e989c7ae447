"""Telephone numbers: the pool, where each leads, what SIP headers change about that, and which way a call would go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from starlette.responses import Response
from starlette.routing import Route

from greenroom.domain.errors import Fault, GreenroomError, Invalid, NotAllowed
from greenroom.domain.numbers import Match
from greenroom.services.entries import Foreseen
from greenroom.services.keeping import Beginning
from greenroom.services.numbers import NumberChange, NumberView, WantedRule
from greenroom.web.door import Door
from greenroom.web.forms import Form, Refusal, refusal_of
from greenroom.web.pages.splits import say_shares
from greenroom.web.session import Visit, read_number
from greenroom.web.shell import Shell, load_shell

PAGE: Final = 100
DEFAULT_ENTRY: Final = ""
MATCHES: Final[Mapping[Match, str]] = {"exact": "is", "prefix": "begins with", "one_of": "is one of"}
SPARE: Final = 2
"""So many empty rules a form offers beside those there are."""
MAX_HEADERS: Final = 100


@dataclass(frozen=True)
class RuleFields:
    """A rule as its fields hold it; `then` is `env:ALIAS`, else the version counts."""

    header: str = ""
    match: str = "exact"
    values: str = ""
    then: str = ""
    version: str = ""


class NumberPages:
    """The pages of numbers."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._desk = door.desk

    def routes(self) -> list[Route]:
        """Returns the routes."""
        base = "/projects/{slug}/numbers"
        return [
            self._door.route(base, self.list, self.add),
            self._door.route(base + "/resolve", write=self.resolve),
            self._door.route(base + "/{number}", self.number, self.change),
        ]

    async def list(self, visit: Visit) -> Response:
        """Shows all numbers and where they lead."""
        return await self._list(visit, Refusal())

    async def add(self, visit: Visit) -> Response:
        """Adds a number and assigns it."""
        slug, form = visit.path("slug"), visit.form
        try:
            wanted = NumberChange(form.text("environment"), form.text("label"))
            made = await self._desk.numbers.add(visit.call, slug, form.text("number"), wanted)
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            return await self._list(visit, refusal_of(wrong))
        await self._door.catch_up()
        where = made.alias or "the default entry"
        return self._door.go(visit, f"/projects/{slug}/numbers", f"{made.number.e164} leads to {where} from now on.")

    async def resolve(self, visit: Visit) -> Response:
        """Says where a call would lead and why; who calls is in no address and in no log."""
        form = visit.form
        try:
            headers = read_headers(form.text("headers"))
            called = form.text("called").strip()
            if not called:
                message = "say which number is called"
                raise Invalid("no_number", message, errors=[Fault("/called", message)])
            begin = Beginning(channel="voice", caller=form.text("caller").strip(), called=called, sip_headers=headers)
            seen = await self._desk.entries.foresee(visit.call, visit.path("slug"), begin)
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            return await self._list(visit, Refusal(), None, refusal_of(wrong))
        return await self._list(visit, Refusal(), seen)

    async def _list(
        self, visit: Visit, refusal: Refusal, seen: Foreseen | None = None, unresolved: Refusal | None = None
    ) -> Response:
        slug = visit.path("slug")
        shell = await self._shell(visit, "Numbers")
        found = await self._desk.numbers.list(visit.call, slug, visit.query("after") or None, PAGE)
        split = await self._desk.splits.load(visit.call, slug)
        alias = "" if seen is None or seen.coming.drawn else seen.coming.alias
        return self._door.page(
            shell,
            "numbers/list.html",
            422 if refusal or unresolved else 200,
            numbers=found,
            more=found[-1].number.e164 if len(found) == PAGE else "",
            entry=say_shares(split, shell),
            form=visit.form,
            refusal=refusal,
            unresolved=unresolved or Refusal(),
            seen=seen,
            led=shell.place(alias),
        )

    async def number(self, visit: Visit) -> Response:
        """Shows a number with its rules."""
        return await self._number(visit, Refusal())

    async def change(self, visit: Visit) -> Response:
        """Assigns the number that was seen, writes its rules, or removes it."""
        slug, number, form = visit.path("slug"), visit.path("number"), visit.form
        here, seen = f"/projects/{slug}/numbers", form.text("revision") or None
        try:
            if form.has("remove"):
                await self._desk.numbers.remove(visit.call, slug, number, seen)
                said = f"{number} is removed; whoever calls it is refused."
            else:
                rules = read_rules(form)
                wanted = NumberChange(form.text("environment"), form.text("label"), rules)
                done = await self._desk.numbers.change(visit.call, slug, number, wanted, seen)
                here = f"{here}/{done.number.e164}"
                said = f"{done.number.e164} leads to {done.alias or 'the default entry'} from the next call on."
        except NotAllowed:
            raise
        except GreenroomError as wrong:
            return await self._number(visit, refusal_of(wrong))
        await self._door.catch_up()
        return self._door.go(visit, here, said)

    async def _number(self, visit: Visit, refusal: Refusal) -> Response:
        slug, form = visit.path("slug"), visit.form
        view = await self._desk.numbers.load(visit.call, slug, visit.path("number"))
        shell = await self._shell(visit, view.number.e164)
        split = await self._desk.splits.load(visit.call, slug)
        typed = form.has("revision")
        rules = [*(_typed_rules(form) if typed else _kept_rules(view))]
        stale = refusal.code == "stale_revision"
        return self._door.page(
            shell,
            "numbers/number.html",
            422 if refusal else 200,
            view=view,
            place=shell.place(view.alias),
            # Whoever was told that it changed, and saves again, means it.
            revision=view.revision if stale or not typed else form.text("revision"),
            stale=stale,
            environment=form.text("environment") if typed else view.alias,
            label=form.text("label") if typed else view.number.label,
            rules=[*rules, *([RuleFields()] * SPARE)],
            matches=MATCHES,
            entry=say_shares(split, shell),
            refusal=refusal,
        )

    @staticmethod
    async def _shell(visit: Visit, title: str) -> Shell:
        return await load_shell(visit, visit.path("slug"), title, "numbers", names=True)


def read_headers(text: str) -> dict[str, str]:
    """Returns headers from lines `Name: value`. Raises Invalid at the line that is none."""
    found: dict[str, str] = {}
    for number, line in enumerate((line for line in text.split("\n") if line.strip()), start=1):
        name, colon, value = line.partition(":")
        if not colon or not name.strip() or number > MAX_HEADERS:
            message = f"line {number} is no header; write each as X-Test-Line: yes"
            raise Invalid("invalid_header", message, errors=[Fault("/sip_headers", message)])
        found[name.strip()] = value.strip()
    return found


def read_rules(form: Form) -> list[WantedRule]:
    """Returns the rules that a form holds, in their order; one without a header is left out. Raises Invalid."""
    rules: list[WantedRule] = []
    for fields in _typed_rules(form):
        at = f"/sip_rules/{len(rules)}"
        match = cast(Match, fields.match if fields.match in MATCHES else "exact")
        lines = [line.strip() for line in fields.values.split("\n") if line.strip()]
        alias = fields.then.removeprefix("env:") if fields.then.startswith("env:") else None
        version = None
        if alias is None:
            version = read_number(fields.version.strip().removeprefix("v"))
            if version is None:
                message = "choose an environment, or say a version such as v3"
                raise Invalid("invalid_rule", message, errors=[Fault(f"{at}/then", message)])
        rules.append(WantedRule(fields.header.strip(), match, tuple(lines), alias, version))
    return rules


def _typed_rules(form: Form) -> Sequence[RuleFields]:
    """Returns the rules as typed. A row without a header and a value is an empty one, and one may be ticked away."""
    parts = zip(*(form.all(f"rule-{name}") for name in ("header", "match", "values", "then", "version")), strict=False)
    gone = {int(each) for each in form.all("rule-remove") if each.isascii() and each.isdigit() and len(each) < 4}
    rules = [RuleFields(*part) for index, part in enumerate(parts) if index not in gone]
    return [rule for rule in rules if rule.header.strip() or rule.values.strip()]


def _kept_rules(view: NumberView) -> Sequence[RuleFields]:
    return [
        RuleFields(
            rule.header,
            rule.match,
            "\n".join(rule.values),
            f"env:{view.aliases.get(rule.environment, '')}" if rule.environment else "version",
            f"v{rule.version}" if rule.version else "",
        )
        for rule in view.number.rules
    ]
