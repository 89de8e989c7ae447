"""Telephone numbers on the network: which environment each one leads to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import orjson
from fastapi import Header, Path
from starlette.responses import Response

from greenroom.api.asking import Given, ProjectPath, reply
from greenroom.api.etags import parse_if_match, quote_tag
from greenroom.api.nouns import Noun
from greenroom.api.paging import DEFAULT_LIMIT, Cursor, Limit, page_of, read_text_cursor
from greenroom.domain.numbers import MAX_WRITTEN, SipRule
from greenroom.services.numbers import NumberChange, NumberView, WantedRule
from greenroom.wire.model import Page
from greenroom.wire.numbers import (
    MatchIn,
    MatchOut,
    NumberChangeIn,
    NumberFields,
    NumberIn,
    NumberOut,
    SipRuleIn,
    SipRuleOut,
    ThenOut,
)

NOUN: Final = Noun("numbers")
_ALL: Final = "/projects/{project}/numbers"
_ONE: Final = _ALL + "/{phone}"
PhonePath = Annotated[
    str, Path(min_length=1, max_length=MAX_WRITTEN, description="The number with its country: +442079460000.")
]
IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=200, description="The revision that was read, in quotes.")
]


@NOUN.verb("GET", _ALL, "list", Page[NumberOut])
async def list_(ask: Given, project: ProjectPath, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Response:
    """Lists a project's telephone numbers, rising, and where each leads."""
    after = read_text_cursor("numbers", cursor)
    found = await ask.desk.numbers.list(ask.call, project, after, limit + 1)
    return reply(page_of("numbers", found, limit, lambda view: view.number.e164, number_out))


@NOUN.verb("POST", _ALL, "add", NumberOut, 201)
async def add(ask: Given, project: ProjectPath, body: NumberIn) -> Response:
    """Adds a number, which belongs to one project of the workspace, and assigns it.

    A number of an internal environment is a test number: no SIP rule may lead it to the public.
    """
    wanted = _change(body)
    return await ask.write(
        lambda call: ask.desk.numbers.add(call, project, body.number, wanted),
        number_out,
        status=201,
        moves=True,
        tag=_revision_tag,
    )


@NOUN.verb("GET", _ONE, "load", NumberOut)
async def load(ask: Given, project: ProjectPath, phone: PhonePath) -> Response:
    """Loads a number; its revision is the ETag."""
    view = await ask.desk.numbers.load(ask.call, project, phone)
    return reply(number_out(view), quote_tag(str(view.revision)))


@NOUN.verb("PATCH", _ONE, "change", NumberOut)
async def change(
    ask: Given, project: ProjectPath, phone: PhonePath, body: NumberChangeIn, if_match: IfMatch = None
) -> Response:
    """Assigns the number whose revision was seen elsewhere, or changes its rules or label. New calls alone notice."""
    wanted, seen = _change(body), parse_if_match(if_match)
    return await ask.write(
        lambda call: ask.desk.numbers.change(call, project, phone, wanted, seen),
        number_out,
        moves=True,
        tag=_revision_tag,
    )


@NOUN.verb("DELETE", _ONE, "remove", None, 204)
async def remove(ask: Given, project: ProjectPath, phone: PhonePath, if_match: IfMatch = None) -> Response:
    """Removes the number whose revision was seen; whoever calls it then is refused."""
    seen = parse_if_match(if_match)
    return await ask.write(
        lambda call: ask.desk.numbers.remove(call, project, phone, seen), lambda _: None, status=204, moves=True
    )


def number_out(view: NumberView) -> NumberOut:
    """Returns a number as it is sent."""
    number = view.number
    return NumberOut(
        number=number.e164,
        label=number.label,
        environment=view.alias or None,
        default_entry=not number.environment,
        public=view.public,
        sip_rules=[
            SipRuleOut(
                header=rule.header,
                matches=_matches_out(rule),
                then=ThenOut(environment=view.aliases.get(rule.environment), version=rule.version),
            )
            for rule in number.rules
        ],
        revision=view.revision,
        created_at=view.created_at,
        changed_at=view.changed_at,
        changed_by=view.changed_by,
    )


def _matches_out(rule: SipRule) -> MatchOut:
    if rule.match == "one_of":
        return MatchOut(one_of=list(rule.values))
    return MatchOut(exact=rule.values[0]) if rule.match == "exact" else MatchOut(prefix=rule.values[0])


def _change(body: NumberFields) -> NumberChange:
    environment = "" if body.default_entry else body.environment
    return NumberChange(environment, body.label, None if body.sip_rules is None else _rules(body.sip_rules))


def _rules(rules: Sequence[SipRuleIn]) -> tuple[WantedRule, ...]:
    return tuple(
        WantedRule(rule.header, *_matches(rule.matches), rule.then.environment, rule.then.version) for rule in rules
    )


def _matches(matches: MatchIn):
    if matches.exact is not None:
        return "exact", (matches.exact,)
    if matches.prefix is not None:
        return "prefix", (matches.prefix,)
    return "one_of", tuple(matches.one_of or ())


def _revision_tag(body: bytes) -> str | None:
    return quote_tag(str(orjson.loads(body)["revision"]))
