"""Numbers as they are written, their rules, and where they lead."""

from __future__ import annotations

from typing import Any

import pytest

from greenroom.domain.environments import Environment
from greenroom.domain.errors import Invalid, Refused
from greenroom.domain.ids import EnvironmentId, ProjectId
from greenroom.domain.numbers import Number, SipRule, Way, check_number, decide_entry, find_e164, read_e164


def environment(id_: str, *, internal: bool) -> Environment:
    return Environment(
        EnvironmentId(id_), ProjectId("prj_1"), id_, id_.title(), 0, False, internal, None, "private", "salt"
    )


LIVE, SANDBOX, STAGING = (environment(name, internal=name != "live") for name in ("live", "sandbox", "staging"))
PLACES = {each.id: each for each in (LIVE, SANDBOX, STAGING)}
DESK = "+442079460000"
TEST = SipRule("X-Test", "exact", ("yes",), "sandbox")


@pytest.mark.parametrize(
    "written",
    [
        "+442079460000",
        "+44 20 7946 0000",
        "+44 (0)20 7946-0000",
        "0044 20.7946.0000",
        "+44\u00a020\u20117946\u20110000",
        "tel:+442079460000",
        "sip:+442079460000@trunk.example;user=phone",
        "  +44/20/7946/0000  ",
    ],
)
def test_a_number_is_known_however_it_is_written(written: str) -> None:
    assert read_e164(written) == DESK


@pytest.mark.parametrize(
    "written",
    ["", "020 7946 0000", "442079460000", "+0442079460000", "+44", "+1234567890123456", "+44 20 79x6 0000", "desk",
     "sip:desk@hotel.example", "+４４2079460000", "+" + "1" * 200, "+442079460000\x00", "++442079460000"],
)  # fmt: skip
def test_what_has_no_country_or_is_no_number_is_refused_with_an_example(written: str) -> None:
    assert find_e164(written) is None
    with pytest.raises(Invalid, match=r"\+44 20 7946 0000") as refused:
        read_e164(written)
    assert [fault.pointer for fault in refused.value.errors] == ["/number"]


def test_the_first_rule_that_holds_decides() -> None:
    rules = (
        SipRule("X-Line", "prefix", ("qa-",), "staging"),
        SipRule("X-Line", "one_of", ("qa-1", "dev"), "sandbox"),
        SipRule("X-Version", "exact", ("two",), version=2),
    )
    number = Number(DESK, "", "live", rules)

    def decided(headers: dict[str, str]) -> Way:
        return decide_entry(number, headers, PLACES)

    assert decided({}) == Way("live")
    assert decided({"X-Line": "qa-1"}) == Way("staging", None, 0)
    assert decided({"x-line": " dev "}) == Way("sandbox", None, 1)
    assert decided({"X-LINE": "other", "X-Version": "two"}) == Way("", 2, 2)
    assert decided({"X-Version": "Two"}) == Way("live")


def test_a_number_without_an_environment_follows_the_default_entry() -> None:
    assert decide_entry(Number(DESK), {}, PLACES) == Way("")
    assert decide_entry(Number(DESK, rules=(TEST,)), {"X-Test": "yes"}, PLACES) == Way("sandbox", None, 0)


def test_a_rule_to_an_environment_that_is_gone_does_not_hold() -> None:
    number = Number(DESK, "", "live", (SipRule("X-Test", "exact", ("yes",), "gone"), TEST))
    assert decide_entry(number, {"X-Test": "yes"}, PLACES) == Way("sandbox", None, 1)


def test_a_number_of_an_environment_that_is_gone_leads_nowhere() -> None:
    with pytest.raises(Refused) as refused:
        decide_entry(Number(DESK, "", "gone"), {}, PLACES)
    assert refused.value.code == "number_leads_nowhere"


def test_an_internal_number_is_not_led_to_the_public_whoever_wrote_the_rule() -> None:
    number = Number(DESK, "", "sandbox", (SipRule("X-Test", "exact", ("yes",), "live"),))
    with pytest.raises(Invalid) as unwritten:
        check_number(number, PLACES)
    assert [(f.pointer, f.code) for f in unwritten.value.errors] == [
        ("/sip_rules/0/then/environment", "internal_number")
    ]
    with pytest.raises(Refused) as undecided:
        decide_entry(number, {"X-Test": "yes"}, PLACES)
    assert undecided.value.code == "internal_number"


def test_a_version_is_tested_where_an_internal_number_belongs() -> None:
    rule = SipRule("X-Version", "exact", ("two",), version=2)
    assert decide_entry(Number(DESK, "", "staging", (rule,)), {"X-Version": "two"}, PLACES) == Way("staging", 2, 0)


@pytest.mark.parametrize(
    "changes, pointer",
    [
        ({"header": "X Test"}, "/sip_rules/0/header"),
        ({"header": ""}, "/sip_rules/0/header"),
        ({"values": ()}, "/sip_rules/0/matches"),
        ({"values": ("",)}, "/sip_rules/0/matches"),
        ({"values": ("a", "b")}, "/sip_rules/0/matches"),
        ({"match": "one_of", "values": ("a", " ")}, "/sip_rules/0/matches"),
        ({"values": ("a\r\nb",)}, "/sip_rules/0/matches"),
        ({"values": ("x" * 201,)}, "/sip_rules/0/matches"),
        ({"environment": ""}, "/sip_rules/0/then"),
        ({"version": 3}, "/sip_rules/0/then"),
        ({"environment": "elsewhere"}, "/sip_rules/0/then/environment"),
    ],
)
def test_a_rule_that_could_mislead_is_refused_where_it_is_wrong(changes: dict[str, Any], pointer: str) -> None:
    fields: dict[str, Any] = {"header": "X-Test", "match": "exact", "values": ("yes",), "environment": "sandbox"}
    with pytest.raises(Invalid) as refused:
        check_number(Number(DESK, "", "live", (SipRule(**{**fields, **changes}),)), PLACES)
    assert pointer in [fault.pointer for fault in refused.value.errors]


@pytest.mark.parametrize(
    "number, pointer",
    [
        (Number(DESK, "x" * 121), "/label"),
        (Number(DESK, "two\nlines"), "/label"),
        (Number(DESK, "", "elsewhere"), "/environment"),
        (Number(DESK, rules=(TEST,) * 21), "/sip_rules"),
    ],
)
def test_a_number_that_could_mislead_is_refused(number: Number, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_number(number, PLACES)
    assert [fault.pointer for fault in refused.value.errors] == [pointer]
