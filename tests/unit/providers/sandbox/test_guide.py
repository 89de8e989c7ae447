"""docs/guides/functions.md is true: its code passes the check and does what the guide says; its lists are complete."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from greenroom.domain.asks import Answer
from greenroom.providers.sandbox import Limits, MontySandbox
from greenroom.providers.sandbox.sources import BUILT_IN, LIBRARY
from tests.support.functions import ScriptedReach, call

GUIDE = (Path(__file__).resolve().parents[4] / "docs" / "guides" / "functions.md").read_text()
BLOCKS: list[str] = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
WRONG: list[str] = re.findall(r"```python wrong\n(.*?)```", GUIDE, re.DOTALL)
MODULES = {"prices": "def rate(view):\n    return {'land': 90, 'sea': 120}[view]\n"}
ROW = {"key": "7", "values": {"name": "Ann", "visits": 1}}


def outside(request: Mapping[str, Any]) -> Answer:
    return {"status": 200, "headers": {}, "text": json.dumps({"room": "12"})}


CALLS: list[tuple[str, dict[str, Any], Any, list[str]]] = [
    ("run", {"nights": 2, "view": "sea"}, {"total": 240}, ["set", "say"]),
    ("run", {"number": "B-1"}, {"room": "12"}, ["set", "http"]),
    ("run", {}, {"room": "12"}, ["http"]),
    ("run", {"name": "Ann"}, 1, ["table", "table", "table"]),
    ("run", {"nights": 2}, 180, []),
    ("send-late-link", {"confirmed": True}, None, ["send_sms", "say", "end"]),
    ("run", {}, "12", []),
]


def test_every_block_of_the_guide_is_tried() -> None:
    assert len(BLOCKS) == len(CALLS)


@pytest.mark.parametrize("number", range(len(CALLS)))
async def test_a_block_of_the_guide_does_what_it_says(sandbox: MontySandbox, number: int) -> None:
    function, arguments, result, effects = CALLS[number]
    assert list(await sandbox.check(function, BLOCKS[number], MODULES)) == []
    reach = ScriptedReach(on_http=outside, on_table=lambda facts: {"rows": [ROW], "count": 1})
    facts = call(BLOCKS[number], function=function, arguments=arguments, modules=MODULES)
    answer = await sandbox.run(facts, reach)
    assert "error" not in answer, answer["error"]
    assert answer["result"] == result
    assert [each["type"] for each in answer["effects"]] == effects


async def test_the_other_branches_of_the_guides_code_run_too(sandbox: MontySandbox) -> None:
    late = await sandbox.run(call(BLOCKS[2]), ScriptedReach())
    assert [each["type"] for each in late["effects"]] == ["http", "handoff"]
    refused = call(BLOCKS[5], function="send-late-link", arguments={"confirmed": False})
    answer = await sandbox.run(refused, ScriptedReach())
    assert answer["result"] == "The guest said no."
    assert answer["effects"][0]["step"] == "Ask again"


async def test_what_the_guide_calls_wrong_is_found_with_its_words(sandbox: MontySandbox) -> None:
    (code,) = WRONG
    messages = [fault.message.replace("`", "") for fault in await sandbox.check("run", code, {})]
    told = re.findall(r"`(line \d+: [^`]*)`", GUIDE)
    assert len(told) == len(messages) == 2
    for said, message in zip(told, messages, strict=True):
        assert message.startswith(said)


def test_the_guide_lists_the_modules_and_limits_that_there_are() -> None:
    (listed,) = re.findall(r"There are (.*?)`\.astimezone", GUIDE, re.DOTALL)
    named = set(re.findall(r"`([a-z.0-9]+)`", listed))
    internal = {"__future__", "binascii", "os", "os.path", "pathlib", "posixpath", "sys", "tomllib"}
    assert named == (BUILT_IN - internal) | set(LIBRARY)
    limits = Limits()
    for value, text in (
        (limits.wall_ms // 1000, "5 seconds"),
        (limits.wait_ms // 1000, "30 seconds each"),
        (limits.waits_ms // 1000, "60 in all"),
        (limits.memory_bytes >> 20, "64 MiB"),
        (limits.output_chars >> 10, "64 Ki"),
        (limits.effects, "100 effects"),
        (limits.print_chars >> 10, "16 Ki"),
        (limits.host_calls, "50, HTTP"),
    ):
        assert text.startswith(str(value))
        assert text in GUIDE
