"""What is filled into a call: the version's words, and values in which no secret can be named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.services.outside import names_in
from tests.unit.runtime.test_leads import house

SECRET = "{{secret.OTHER}}"
PIECES = ["{", "}", "{{", "}}", "{{{", "secret.OTHER", SECRET, "\ue000secret.OTHER\ue001", " ", "{q}", "{said}", "\\"]


def asked(said: str, **tool: Any) -> Any:
    """Returns the facts of a tool that a workflow calls, with a caller's words in a variable and an argument."""
    step = {"id": "c", "type": "call", "tool": "t", "arguments": {"said": "{{variable.said}}"}}
    changes: dict[str, dict[str, Any]] = {
        "tool/t": tool,
        "variable/said": {},
        "workflow/w": {"start": "c", "steps": [step]},
        "routing_rule/r": {"target": {"type": "workflow", "value": "w"}},
    }
    call = house(changes=changes, variables={"said": said})
    call.say("go")
    return call.last.asks[0]["facts"]


EVERYWHERE: dict[str, Any] = {
    "url": "https://x.example/{{secret.KEY}}/{said}?a={{variable.said}}",
    "headers": [{"name": "X", "value": "{{{variable.said}} {said}"}],
    "query": [{"name": "q", "value": "{{variable.said}}{{variable.said}}"}],
    "body": {"a": "{{variable.said}}", "b": ["{said}{{secret.KEY}}{said}"], "c": "{{{said}"},
}


@pytest.mark.parametrize("said", [SECRET, "{" + SECRET, "{{" + SECRET + "}}", "\ue000secret.OTHER\ue001", "{", "{{"])
def test_a_caller_cannot_name_a_secret(said: str) -> None:
    assert names_in(asked(said, **EVERYWHERE)) == {"KEY"}


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=6))
def test_whatever_a_caller_says_names_no_secret(pieces: list[str]) -> None:
    assert names_in(asked("".join(pieces), **EVERYWHERE)) == {"KEY"}
