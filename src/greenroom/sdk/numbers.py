"""Telephone numbers: list, load, add, change, remove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from greenroom.sdk.exchange import Call, as_model, as_nothing, fill, path_of, read_call, write_call
from greenroom.sdk.verb import ListVerb, Noun, S_co, Verb
from greenroom.wire.model import Page
from greenroom.wire.numbers import NumberChangeIn, NumberIn, NumberOut

Rules = Sequence[Mapping[str, Any]]
"""`[{"header": "X-Test", "matches": {"exact": "yes"}, "then": {"environment": "sandbox"}}]`"""


class Numbers(Noun[S_co]):
    """The telephone numbers of a project, and where each leads: an environment, or the default entry."""

    @ListVerb
    def list(self, project: str, *, cursor: str | None = None, limit: int | None = None) -> Call[Page[NumberOut]]:
        """Lists numbers, rising."""
        query = {"cursor": cursor, "limit": limit}
        return read_call(as_model(Page[NumberOut]), path_of("projects", project, "numbers"), query)

    @Verb
    def load(self, project: str, number: str) -> Call[NumberOut]:
        """Loads a number."""
        return read_call(as_model(NumberOut), path_of("projects", project, "numbers", number))

    @Verb
    def add(
        self,
        project: str,
        number: str,
        *,
        environment: str | None = None,
        default_entry: bool | None = None,
        sip_rules: Rules | None = None,
        label: str | None = None,
    ) -> Call[NumberOut]:
        """Adds a number and assigns it to an environment or the default entry: one of them."""
        rules = None if sip_rules is None else [dict(rule) for rule in sip_rules]
        given = {"environment": environment, "default_entry": default_entry, "sip_rules": rules, "label": label}
        body = fill(NumberIn, number=number, **given)
        return write_call("POST", as_model(NumberOut), path_of("projects", project, "numbers"), body=body)

    @Verb
    def change(
        self,
        project: str,
        number: str,
        *,
        revision: int,
        environment: str | None = None,
        default_entry: bool | None = None,
        sip_rules: Rules | None = None,
        label: str | None = None,
    ) -> Call[NumberOut]:
        """Changes what is given of the number whose revision was read."""
        rules = None if sip_rules is None else [dict(rule) for rule in sip_rules]
        given = {"environment": environment, "default_entry": default_entry, "sip_rules": rules, "label": label}
        path, headers = path_of("projects", project, "numbers", number), {"If-Match": f'"{revision}"'}
        return write_call("PATCH", as_model(NumberOut), path, body=fill(NumberChangeIn, **given), headers=headers)

    @Verb
    def remove(self, project: str, number: str, *, revision: int) -> Call[None]:
        """Removes the number whose revision was read."""
        path, headers = path_of("projects", project, "numbers", number), {"If-Match": f'"{revision}"'}
        return write_call("DELETE", as_nothing, path, headers=headers)
