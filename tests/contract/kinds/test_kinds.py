"""One suite, run on every kind."""

from collections.abc import Callable

import pytest

from greenroom.domain.entities import KIND_NAME
from greenroom.domain.kind import Registry
from greenroom.kinds import ALL, KINDS
from greenroom.kinds.schema import ModelKind
from tests.contract.kinds.suite import CHECKS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_a_kind_keeps_the_contract(kind: ModelKind, check: Callable[[ModelKind], None]) -> None:
    check(kind)


def test_the_list_has_each_kind_once_under_its_name() -> None:
    registry: Registry = KINDS
    assert list(registry) == [kind.name for kind in ALL]
    assert len(set(registry)) == len(ALL)
    assert all(KIND_NAME.fullmatch(name) for name in registry)


def test_links_and_singletons_are_those_that_the_domain_counts_on() -> None:
    assert KINDS["variant"].singleton == "default"
    assert {name for name, kind in KINDS.items() if kind.singleton} == {"variant", "settings"}


def test_every_link_names_a_kind_that_exists() -> None:
    named: set[str] = set()

    def collect(fields: object) -> None:
        for facts in getattr(fields, "values", list)():
            if facts.link:
                named.update(facts.link.kinds.values() if facts.link.by else {facts.link.kind})
            collect(facts.fields)
            collect(facts.items.fields if facts.items else {})

    for kind in ALL:
        collect(kind.fields)
    assert named
    assert named <= set(KINDS)
