"""What a function that fails answers: what went wrong, on which line of the user's code, and what it printed before."""

import asyncio
from typing import Any

import pytest

from greenroom.domain.asks import Answer
from greenroom.providers.clock import SystemClock
from greenroom.providers.sandbox import Limits, MontySandbox
from tests.support.functions import ScriptedReach, call
from tests.support.gaps import note_fact

DEEP = "def outer(x):\n    y = 1\n    return inner(x)\n\n\ndef inner(x):\n    return 10 / x\n"


async def error(sandbox: MontySandbox, code: str, **facts: Any) -> dict[str, Any]:
    answer = await sandbox.run(call(code, **facts), ScriptedReach())
    assert answer["result"] is None
    return answer["error"]


@pytest.mark.parametrize(
    "code, expected",
    [
        (
            "def run(conv):\n    x = 1\n    return x / 0\n",
            ("exception", 3, "line 3: ZeroDivisionError: division by zero"),
        ),
        ("def run(conv):\n    raise ValueError\n", ("exception", 2, "line 2: ValueError")),
        ("def run(conv):\n    return nothing\n", ("exception", 2, "line 2: NameError: name 'nothing' is not defined")),
        ("import pandas\n\ndef run(conv):\n    pass\n", ("exception", 1, "ModuleNotFoundError")),
        ("def run(conv):\n    def f():\n        return f()\n    return f()\n", ("exception", 3, "RecursionError")),
        ("def run(conv):\n    while True: pass\n", ("timeout", None, "it ran longer than 0.3 s")),
        ("def run(conv):\n    x = 'a'\n    while True: x += x\n", ("memory", 3, "it used more than 64 MiB")),
        ("def run(conv):\n    return 'a' * 70000\n", ("output", None, "too large")),
        (
            "def run(conv):\n    while True: print('a' * 100)\n",
            ("output", None, "it printed more than 16,384 characters"),
        ),
        ("def run(conv):\n    return conv\n", ("result", None, "a value is a Conversation")),
        ("def run(conv):\n    conv.state.x = conv.http\n", ("result", None, "conv.state['x']: a value is a Http")),
        ("def run(conv):\n    return {1j: 2}\n", ("result", None, "a key is a complex")),
        ("def run(conv):\n    return float('inf')\n", ("result", None, "not finite")),
        ("def run(conv):\n    return 1 << 64\n", ("result", None, "more than 64 bits")),
        ("def run(conv):\n    for _ in range(101): conv.say('x')\n", ("exception", 2, "100 effects")),
        ("def run(conv):\n    yield 1\n", ("unsupported", 2, "the sandbox's Python does not know yield expressions")),
        ("x = 1\nclass A(Exception):\n    pass\n\ndef run(conv): pass\n", ("unsupported", 2, "class inheritance")),
        ("def run(conv):\n    return (\n", ("syntax", 2, "line 2: '(' was never closed")),
        ("x = 1\n", ("not_found", None, "the code defines no `def run(conv, …)`")),
        ("def run(conv):\n    conv.say(3)\n", ("exception", 2, "what is said must be a text, not int")),
        ("def run(conv):\n    conv.nothing\n", ("exception", 2, "no attribute 'nothing'")),
    ],
)
async def test_each_way_to_fail_has_a_code_a_message_and_a_line(
    sandbox: MontySandbox, code: str, expected: tuple[str, int | None, str]
) -> None:
    found = await error(sandbox, code, limits={"wall_ms": 300})
    assert (found["code"], found.get("line")) == expected[:2], found
    assert expected[2] in found["message"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({}, "the function needs the argument 'nights', which was not given"),
        ({"nights": 1, "vew": 2}, "the function takes no argument 'vew'"),
        ({"nights": 1, "conv": 2}, "'conv' is not for callers to give"),
        (
            {"nights": {1, 2}},
            "what the function is given is no plain JSON: Object of type set is not JSON serializable",
        ),
    ],
)
async def test_arguments_that_do_not_fit(sandbox: MontySandbox, arguments: dict[str, Any], message: str) -> None:
    code = "def run(conv, nights, *, view='sea'):\n    return nights\n"
    assert await error(sandbox, code, arguments=arguments) == {"code": "arguments", "message": message}


async def test_an_error_in_a_module_names_the_module_and_its_line(sandbox: MontySandbox) -> None:
    code = "from functions.deep import (\n    outer,\n)\n\n\ndef run(conv):\n    return outer(0)\n"
    found = await error(sandbox, code, modules={"deep": DEEP, "other": "def x(): pass\n"})
    message = "deep, line 7: ZeroDivisionError: division by zero"
    assert found == {"code": "exception", "message": message, "type": "ZeroDivisionError", "line": 7, "module": "deep"}


@pytest.mark.parametrize(
    "code, message",
    [
        ("from functions.deep import nothing\n\ndef run(conv): pass\n", "cannot import name 'nothing' from 'deep'"),
        ("from functions.gone import x\n\ndef run(conv): pass\n", "No module named 'functions'"),
        (
            "from functions.broken import x\n\ndef run(conv): pass\n",
            "line 1: ImportError: the function 'broken' cannot be imported: its code does not parse",
        ),
        (
            "def run(conv):\n    conv.functions.gone()\n",
            "line 2: AttributeError: 'Functions' object has no attribute 'gone'",
        ),
    ],
)
async def test_imports_that_fail_say_so(sandbox: MontySandbox, code: str, message: str) -> None:
    assert message in (await error(sandbox, code, modules={"deep": DEEP, "broken": "def ("}))["message"]


async def test_prints_before_an_error_are_kept_in_order(sandbox: MontySandbox) -> None:
    code = "import sys\n\ndef run(conv):\n    print('a', 1)\n    conv.log.info('b')\n"
    code += "    print('c', file=sys.stderr)\n    1 / 0\n"
    answer = await sandbox.run(call(code), ScriptedReach())
    assert answer["prints"] == ["a 1", "info: b", "c"]


async def test_what_a_failed_function_asked_for_is_not_done(sandbox: MontySandbox) -> None:
    answer = await sandbox.run(call("def run(conv):\n    conv.say('x')\n    1 / 0\n"), ScriptedReach())
    assert answer["effects"] == []


async def test_limits_can_be_lowered_by_a_call_and_never_raised(sandbox: MontySandbox) -> None:
    code = "def run(conv):\n    while True: pass\n"
    tight = MontySandbox(SystemClock(), limits=Limits(wall_ms=300), workers=1)
    answer = await tight.run(call(code, limits={"wall_ms": 60_000, "unknown": 1, "memory_bytes": "x"}), ScriptedReach())
    await tight.close()
    assert answer["error"]["message"] == "it ran longer than 0.3 s"


async def test_a_killed_worker_is_an_answer_and_the_next_call_works(sandbox: MontySandbox) -> None:
    code = "def run(conv):\n    class A: pass\n    a = A()\n    x = 9 ** 9\n    for _ in range(99): x = x * x\n"
    answer = await sandbox.run(call(code, limits={"wall_ms": 200}), ScriptedReach())
    assert answer["error"]["code"] in {"timeout", "memory"}
    assert answer["ms"] < 1_200
    assert (await sandbox.run(call("def run(conv):\n    return 1\n"), ScriptedReach()))["result"] == 1


async def test_who_finds_all_workers_busy_is_told(sandbox: MontySandbox) -> None:
    small = MontySandbox(SystemClock(), limits=Limits(wall_ms=800, grace_ms=100), workers=1)
    code = "def run(conv):\n    while True: pass\n"
    quick = "def run(conv):\n    return 1\n"
    runs = [small.run(call(code), ScriptedReach()), *(small.run(call(quick), ScriptedReach()) for _ in range(2))]
    first, *others = await asyncio.gather(*runs)
    assert first["error"]["code"] == "timeout"
    assert all(each.get("result") == 1 or each["error"]["code"] == "busy" for each in others)
    twice = await asyncio.gather(*(small.run(call(code), ScriptedReach()) for _ in range(3)))
    assert {each["error"]["code"] for each in twice} == {"busy", "timeout"}
    await small.close()


async def test_a_caller_that_goes_away_leaves_a_pool_that_works() -> None:
    small = MontySandbox(SystemClock(), limits=Limits(wall_ms=500), workers=1)
    running = asyncio.create_task(small.run(call("def run(conv):\n    while True: pass\n"), ScriptedReach()))
    await asyncio.sleep(0.2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    answer = await small.run(call("def run(conv):\n    return 1\n"), ScriptedReach())
    await small.close()
    assert answer["result"] == 1


async def test_a_closed_sandbox_begins_again(sandbox: MontySandbox) -> None:
    for _ in range(2):
        answer = await sandbox.run(call("def run(conv):\n    return 1\n"), ScriptedReach())
        assert answer["result"] == 1
        await sandbox.close()
        await sandbox.close()


async def test_calls_run_side_by_side(sandbox: MontySandbox) -> None:
    code = "def run(conv, n):\n    conv.state.n = n\n    return [conv.state.n, sum(range(20000))]\n"
    runs = [sandbox.run(call(code, arguments={"n": n}, state={"n": -1}), ScriptedReach()) for n in range(40)]
    answers: list[Answer] = await asyncio.gather(*runs)
    assert [each["result"][0] for each in answers] == list(range(40))


async def test_what_a_call_costs(sandbox: MontySandbox) -> None:
    code = "def run(conv, n: int):\n    conv.state.nights = n\n    conv.say('Hello')\n    return conv.caller\n"
    costs: list[float] = []
    for n in range(120):
        costs.append((await sandbox.run(call(code, arguments={"n": n}), ScriptedReach()))["ms"])
    warm = sorted(costs[20:])
    note_fact(
        f"sandbox: a call costs {warm[50]:.1f} ms (p50 of 100 warm ones; p95 {warm[95]:.1f}; the first {costs[0]:.0f})"
    )
    assert warm[50] < 100
