"""What the check at publish finds in a function's code, and what it leaves alone."""

import asyncio
import re
from collections.abc import Sequence

import pytest

from greenroom.domain.errors import Fault
from greenroom.providers.clock import SystemClock
from greenroom.providers.sandbox import MontySandbox

UTILITIES = "from functions.deep import BASE\n\n\ndef price(nights: int) -> int:\n    return nights * BASE\n"
MODULES = {"utilities": UTILITIES, "deep": "BASE = 100\n", "bad": "x = 1\nclass Late(Exception):\n    pass\n"}

SOUND = """\
from _gen import *  # <AUTO GENERATED>
import json
import re
import requests
from datetime import datetime, timedelta
from functions.utilities import price
from typing import Optional


@func_description("Finds a room.")
@func_parameter("nights", "how many")
def find_room(conv: Conversation, flow: Flow, nights: int, view: str = None):
    if not conv.state.tries:
        conv.state.tries = 0
    conv.state.tries += 1
    conv.state["room"] = conv.state.get("room", "12")
    number = conv.caller_number.replace("+", "")
    found = re.match(r"\\d+", number)
    digits = found.group(0)
    conv.log.info("price", price=price(nights), digits=digits)
    answer = conv.http.get("https://x", params={"n": nights}, timeout=5).json()["rooms"]
    later = datetime.now() + timedelta(days=1)
    conv.say(f"{later:%A}")
    conv.send_sms_template(to_number=conv.caller_number, template="Link")
    for row in conv.table("rooms").find(view="sea"):
        conv.state.view = row["view"]
    conv.variant.address.upper()
    flow.goto_step("Confirm", "label")
    if conv.functions.utilities:
        return conv.functions.price(1)
    return {"content": answer, "utterance": conv.sip_headers.get("X", ""), "hangup": False}
"""


async def faults(sandbox: MontySandbox, code: str, name: str = "run") -> Sequence[Fault]:
    return await sandbox.check(name, code, MODULES)


async def test_sound_code_has_no_faults(sandbox: MontySandbox) -> None:
    code = SOUND.replace("conv.functions.price(1)", "conv.functions.utilities(1)")
    assert list(await faults(sandbox, code, "find-room")) == []


@pytest.mark.parametrize(
    "line, expected",
    [
        ("conv.sya('x')", "`Conversation` has no attribute `sya`"),
        ("conv.say(3)", "Argument to bound method `Conversation.say` is incorrect"),
        ("conv.goto()", "No argument provided for required parameter `workflow`"),
        ("conv.http.gett('x')", "`Http` has no attribute `gett`"),
        ("conv.http.get('x', header={})", "Argument `header` does not match any known parameter"),
        ("conv.http.get('x').jsn()", "`Response` has no attribute `jsn`"),
        ("conv.table('x').find(limit='2')", "Argument to bound method `Table.find` is incorrect"),
        ("flow.goto('x')", "`Flow` has no attribute `goto`"),
        ("return undefined_name", "Name `undefined_name` used when not defined"),
        ("return price()", "No argument provided for required parameter `nights`"),
        ("return price(1, 2, 3)", "Too many positional arguments"),
        ("return 'a'.foo()", "has no attribute `foo`"),
        ("return 1 + 'a'", "Operator `+` is not supported"),
        ("conv.functions.gone()", "there is no function 'gone' to call"),
    ],
)
async def test_a_wrong_attribute_or_argument_is_found_on_its_line(
    sandbox: MontySandbox, line: str, expected: str
) -> None:
    code = f"from functions.utilities import price\n\n\ndef run(conv, flow):\n    x = 1\n    {line}\n"
    (fault,) = await faults(sandbox, code)
    assert (fault.pointer, fault.code) == ("/code", "function_type")
    assert fault.message.startswith("line 6: ")
    assert expected in fault.message
    assert fault.hint


@pytest.mark.parametrize(
    "code, line, construct",
    [
        ("def run(conv):\n    yield 1\n", 2, "`yield`"),
        ("def run(conv):\n    yield from []\n", 2, "`yield`"),
        ("def run(conv):\n    x = {}\n    del x['a']\n", 3, "`del`"),
        ("class A(Exception):\n    pass\n\ndef run(conv): pass\n", 1, "class inheritance (`class A(Exception)`)"),
        ("class A(metaclass=type):\n    pass\n\ndef run(conv): pass\n", 1, "class inheritance"),
        (
            "class A:\n    @property\n    def x(self): return 1\n\ndef run(conv): pass\n",
            2,
            "a decorated method (`@property`)",
        ),
        ("class A:\n    if True:\n        x = 1\n\ndef run(conv): pass\n", 2, "`if` in the body of a class"),
        ("async def run(conv):\n    async for x in conv: pass\n", 2, "`async for`"),
        ("async def run(conv):\n    return [x async for x in conv]\n", 2, "an async comprehension"),
        ("async def run(conv):\n    async with conv: pass\n", 2, "`async with`"),
        ("def run(conv):\n    try: pass\n    except* ValueError: pass\n", 2, "`except*`"),
        ("def run(conv):\n    return callable(conv)\n", 2, "the built-in `callable`"),
        ("def run(conv):\n    return globals()\n", 2, "the built-in `globals`"),
        ("import pandas\n\ndef run(conv): pass\n", 1, "the sandbox has no module 'pandas'"),
        ("from functions.gone import x\n\ndef run(conv): pass\n", 1, "there is no function 'functions.gone' to import"),
        ("from functions import gone\n\ndef run(conv): pass\n", 1, "there is no function 'functions.gone' to import"),
        ("from typing import NamedTuple\n\ndef run(conv): pass\n", 1, "cannot import name 'NamedTuple'"),
        ("def run(conv):\n    from collections import OrderedDict\n", 2, "cannot import name 'OrderedDict'"),
        ("from math import *\n\ndef run(conv): pass\n", 1, "Wildcard imports"),
        ("from functions.bad import x\n\ndef run(conv): pass\n", 1, "it uses 'bad'"),
        ("from zoneinfo import ZoneInfo\n\ndef run(conv): pass\n", 1, "a ZoneInfo has here, for all dates"),
        ("def run(conv):\n    conv.set_voice('x')\n", 2, "`conv.set_voice` has no counterpart here"),
        ("def run(conv):\n    conv.send_email('x')\n", 2, "no `conv.send_email`"),
    ],
)
async def test_what_monty_lacks_is_named_with_its_line(
    sandbox: MontySandbox, code: str, line: int, construct: str
) -> None:
    found = [each for each in await faults(sandbox, code) if each.code == "function_unsupported"]
    assert len(found) == 1, found
    assert found[0].message.startswith(f"line {line}: ")
    assert construct in found[0].message
    assert found[0].hint


async def test_a_function_called_like_a_missing_builtin_is_its_own(sandbox: MontySandbox) -> None:
    assert (
        list(await faults(sandbox, "def callable(x):\n    return x\n\n\ndef run(conv):\n    return callable(1)\n"))
        == []
    )


@pytest.mark.parametrize(
    "code, message",
    [
        ("def run(conv:\n    pass\n", "line 1: "),
        ("def run(conv):\nreturn 1\n", "line 2: "),
        ("x = '\n", "line 1: "),
        ("\0", "null bytes"),
    ],
)
async def test_broken_syntax_is_one_fault(sandbox: MontySandbox, code: str, message: str) -> None:
    (fault,) = await faults(sandbox, code)
    assert fault.code == "function_syntax"
    assert message in fault.message


async def test_code_without_a_function_to_call_is_told_apart(sandbox: MontySandbox) -> None:
    (fault,) = await faults(sandbox, "def helper(x):\n    return x\n", "price-of")
    message = "line 1: the code defines neither `def price_of(conv, …)` nor `def run(conv, …)`"
    assert (fault.code, fault.message) == ("function_no_entry", message)
    (fault,) = await faults(sandbox, "def run(nights):\n    return nights\n")
    assert (fault.code, fault.hint) == ("function_type", "write `def run(conv, …)`")


async def test_code_that_fails_while_it_loads_is_found(sandbox: MontySandbox) -> None:
    (fault,) = await faults(sandbox, "TABLE = {'a': 1}\nRATE = TABLE['b']\n\n\ndef run(conv): pass\n")
    assert fault.message == "line 2: loading the code fails: KeyError: 'b'"
    (fault,) = await faults(sandbox, "while True: pass\n\n\ndef run(conv): pass\n")
    assert "TimeoutError" in fault.message or "takes too long" in fault.message


async def test_checking_runs_no_function_and_tells_of_all_faults_by_line(sandbox: MontySandbox) -> None:
    code = "def run(conv):\n    conv.sya()\n    yield 1\n    conv.http.gett()\n" + "    conv.sya()\n" * 40
    found = await faults(sandbox, code)
    lines = [int(re.findall(r"line (\d+)", each.message)[0]) for each in found]
    assert lines == sorted(lines)
    assert len(found) == 20
    assert {each.code for each in found} == {"function_type", "function_unsupported"}


async def test_what_the_type_check_cannot_manage_is_said(sandbox: MontySandbox) -> None:
    code = f"def run(conv):\n    return {'[' * 90}{']' * 90}\n"
    (fault,) = await faults(sandbox, code)
    assert fault.code == "function_unsupported"
    assert "the type check gave up" in fault.message


async def test_imports_of_the_future_are_no_matter(sandbox: MontySandbox) -> None:
    code = '"""Says."""\nfrom __future__ import annotations\n\n\ndef run(conv):\n    conv.sya()\n'
    (fault,) = await faults(sandbox, code)
    assert fault.message.startswith("line 6: ")


async def test_the_same_code_is_looked_at_once(sandbox: MontySandbox) -> None:
    clock = SystemClock()
    await faults(sandbox, SOUND, "find-room")
    begun = clock.monotonic_ms()
    for _ in range(50):
        await faults(sandbox, SOUND, "find-room")
    assert clock.monotonic_ms() - begun < 200
    changed = {**MODULES, "deep": "BASE = 'x'\nclass A(B): pass\n"}
    assert any("'deep'" in each.message for each in await sandbox.check("find-room", SOUND, changed))


async def test_many_functions_are_checked_side_by_side(sandbox: MontySandbox) -> None:
    codes = [f"def run(conv):\n    conv.say({n})\n" for n in range(30)]
    found = await asyncio.gather(*(faults(sandbox, code) for code in codes))
    assert all(len(each) == 1 for each in found)
