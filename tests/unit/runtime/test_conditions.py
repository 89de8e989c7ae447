"""Conditions: what they may name, and that whatever goes wrong counts as no."""

from typing import Any

import pytest

from greenroom.domain.errors import Invalid
from greenroom.runtime.conditions import activation_of, compile_condition


def seen(variables: dict[str, Any] | None = None, **more: Any) -> Any:
    plain = {
        "variant": {"late-fee": "20"},
        "turn_count": 4,
        "channel": "voice",
        "environment": "live",
        "caller": "+441632960555",
        "called": "+441632960101",
        "language": "en-GB",
        "text": "can I check out late",
    }
    return activation_of(variables=variables or {}, **{**plain, **more})


@pytest.mark.parametrize(
    "text, holds",
    [
        ("true", True),
        ("turn.count > 3", True),
        ("turn.count > 4", False),
        ("channel == 'voice' && environment == 'live'", True),
        ("caller.startsWith('+44') && called != ''", True),
        ("language == 'en-GB'", True),
        ("text.contains('late')", True),
        ("vars.nights > 2", True),
        ("vars.member", True),
        ("vars.guests.exists(guest, guest == 'Ada')", True),
        ("vars.booking.room == 12", True),
        ("vars.price > 10", True),
        ("vars['check-out'] == 'late' && vars.check_out == 'late'", True),
        ("variant.late_fee == '20'", True),
        ("has(vars.nothing)", False),
        ("vars.unset == null", True),
    ],
)
def test_a_condition_sees_the_conversation(text: str, holds: bool) -> None:
    variables = {
        "nights": 3,
        "member": True,
        "guests": ["Ada", "Max"],
        "booking": {"room": 12},
        "price": 10.5,
        "check-out": "late",
        "unset": None,
    }
    assert compile_condition(text).holds(seen(variables)) == (holds, None)


@pytest.mark.parametrize(
    "text, problem",
    [
        ("vars.nothing", "Key not found"),
        ("vars.nothing == 1", "Key not found"),
        ("vars.name > 1", "No matching overloads"),
        ("vars.name", "gives str"),
        ("vars.count", "gives int"),
        ("text.matches('(')", "invalid regular expression"),
        ("vars.count / 0 == 1", "divi"),
    ],
)
def test_what_cannot_be_decided_is_no_with_a_reason(text: str, problem: str) -> None:
    holds, why = compile_condition(text).holds(seen({"name": "Ada", "count": 1}))
    assert holds is False
    assert why is not None
    assert problem in why


def test_an_endless_comprehension_is_no() -> None:
    numbers = f"[{','.join('1' for _ in range(300))}]"
    bomb = f"{numbers}.all(a, {numbers}.all(b, {numbers}.all(c, a + b + c > 0)))"
    try:
        condition = compile_condition(bomb)
    except Invalid:
        return
    holds, why = condition.holds(seen())
    assert (holds, bool(why)) == (False, True)


@pytest.mark.parametrize(
    "value", [2**70, -(2**200), float("inf"), "\ud800", ("a", 1), object(), {"a": {1: 2}}, [[2**64]]]
)
def test_an_odd_value_spoils_no_other_condition(value: Any) -> None:
    activation = seen({"odd": value, "fine": 1}, text="\ud800 hello", caller="\udfff")
    assert compile_condition("vars.fine == 1").holds(activation) == (True, None)


def test_a_value_nested_without_end_is_cut() -> None:
    deep: list[Any] = []
    deep.append(deep)
    assert compile_condition("true").holds(seen({"deep": deep})) == (True, None)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "ends too early"),
        ("turn.count >", "column 13"),
        ("turn.cuont > 1", "undeclared reference to 'turn.cuont'"),
        ("nights > 1", "undeclared reference to 'nights'"),
        ("channel == 1", "no matching overload"),
        ("channel", "gives string, not true or false"),
        ("1 + 1", "gives int, not true or false"),
        ("\ud800", "not text"),
        ("true || " * 600 + "true", "at most 4,000"),
        ("(" * 200 + "true" + ")" * 200, "recursion limit"),
        ("true\n&& nope", "line 2, column 4"),
    ],
)
def test_a_broken_condition_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(Invalid) as refused:
        compile_condition(text)
    assert refused.value.code == "invalid_condition"
    assert message in refused.value.detail
    assert "vars" in refused.value.errors[0].hint


def test_the_result_of_a_call_is_known_in_workflows_only() -> None:
    assert compile_condition("result == null", in_workflow=True)
    with pytest.raises(Invalid, match="result"):
        compile_condition("result == null")


def test_a_condition_names_the_variables_that_it_reads() -> None:
    condition = compile_condition("vars.nights > 1 && vars['check-out'] == '' && vars.nights < 9")
    assert condition.variables == ("nights", "check-out")
