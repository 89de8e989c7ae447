"""What a function can do with conv and flow, and what becomes of it outside."""

from collections.abc import Callable
from typing import Any

import pytest

from greenroom.providers.sandbox import MontySandbox
from tests.support.functions import ScriptedReach, call

HELPER = """\
from functions.deep import BASE

RATES = {"sea": 20}


def price(nights, view="land"):
    return nights * (BASE + RATES.get(view, 0))


def utilities(conv, more=""):
    conv.say("from the helper" + more)
    return "helped"
"""
MODULES = {
    "utilities": HELPER,
    "deep": "BASE = 100\n",
    "sms_flow__save_number": "def save_number(conv, flow):\n    flow.goto_step('Read back')\n    return 'saved'\n",
}


def body(text: str) -> str:
    return "def run(conv):\n" + "".join(f"    {line}\n" for line in text.split("\n"))


async def run(sandbox: MontySandbox, code: str, **facts: Any) -> Any:
    answer = await sandbox.run(call(code, **facts), ScriptedReach())
    assert "error" not in answer, answer["error"]
    assert answer["ms"] > 0
    return answer


async def effects(sandbox: MontySandbox, code: str, **facts: Any) -> list[dict[str, Any]]:
    return (await run(sandbox, code, **facts))["effects"]


async def test_a_function_gets_its_arguments_and_gives_a_result(sandbox: MontySandbox) -> None:
    code = "def run(conv, nights: int, view: str = 'sea'):\n    return {'total': nights * 2, 'view': view}\n"
    answer = await run(sandbox, code, arguments={"nights": 3})
    assert answer["result"] == {"total": 6, "view": "sea"}
    assert answer["effects"] == []
    assert answer["prints"] == []


@pytest.mark.parametrize(
    "function, code",
    [
        ("find-room", "def find_room(conv):\n    return 'it'\n"),
        ("find-room", "def helper(conv):\n    return 'no'\n\ndef run(conv):\n    return 'it'\n"),
        ("sms-flow--find-room", "def find_room(conv, flow):\n    return 'it'\n"),
        ("out-of-scope", "def OUT_OF_SCOPE(conv):\n    return 'it'\n"),
        ("other", "def _private(conv):\n    return 'no'\n\ndef the_only_one(conv):\n    return 'it'\n"),
        ("plain", "def plain():\n    return 'it'\n"),
        ("waiting", "async def waiting(conv):\n    return 'it'\n"),
    ],
)
async def test_the_function_to_call_is_found(sandbox: MontySandbox, function: str, code: str) -> None:
    assert (await run(sandbox, code, function=function))["result"] == "it"


async def test_what_conv_says_of_the_conversation(sandbox: MontySandbox) -> None:
    code = """\
def run(conv):
    return [conv.caller, conv.called, conv.channel, conv.environment, conv.env, conv.language, conv.user_id,
        conv.caller_number, conv.callee_number, conv.channel_type, conv.id, conv.conversation_id, conv.turn_number,
        conv.sip_headers.get("X-Room"), conv.variant.address, conv.variant["address"], conv.history[0]["text"],
        conv.current_flow, conv.current_step, str(conv.now), conv.time_zone]
"""
    facts: dict[str, Any] = {
        "sip_headers": {"X-Room": "12"}, "variant": {"address": "1 Pier Road"},
        "history": [{"role": "user", "text": "hi"}], "step": {"workflow": "book", "step": "ask"},
    }  # fmt: skip
    answer = await run(sandbox, code, **facts)
    caller, called = "+442071234567", "+442079999999"
    assert answer["result"] == [
        caller, called, "voice", "live", "live", "en", "guest-1", caller, called, "voice", "cnv_1", "cnv_1", 3, "12",
        "1 Pier Road", "1 Pier Road", "hi", "book", "ask", "2026-07-01 13:00:00+01:00", "Europe/London",
    ]  # fmt: skip
    nobody = await run(sandbox, "def run(conv):\n    return [conv.caller, conv.caller_number]\n", caller="")
    assert nobody["result"] == ["", None]


async def test_state_is_read_and_written_by_name_and_as_a_mapping(sandbox: MontySandbox) -> None:
    code = """\
def run(conv):
    seen = [conv.state.nights, conv.state["nights"], conv.state.get("nights"), conv.state.unset,
        conv.state.get("unset", 7), "nights" in conv.state, "unset" in conv.state,
        sorted(conv.state.keys()), dict(conv.state.items())["nights"]]
    state = conv.state
    if not state.tries:
        state.tries = 0
    state.tries += 1
    state["room number"] = "12"
    state.update({"view": "sea"}, floor=2)
    state.setdefault("floor", 9)
    setattr(state, "by_" + "name", True)
    state.guests.append("Bo")
    state.pop("old")
    state.items = [1]
    state["items"] = [2]
    seen += [state.setdefault("nights", 1), state.copy()["floor"], state.pop("never", "gone")]
    return seen
"""
    answer = await run(sandbox, code, state={"nights": 2, "guests": ["Al"], "old": 1, "same": {"a": [1]}})
    assert answer["result"] == [2, 2, 2, None, 7, True, False, ["guests", "nights", "old", "same"], 2, 2, 2, "gone"]
    written = {each["variable"]: each["value"] for each in answer["effects"]}
    assert all(each["type"] == "set" for each in answer["effects"])
    assert written == {
        "tries": 1, "room number": "12", "view": "sea", "floor": 2, "by_name": True, "guests": ["Al", "Bo"],
        "old": None, "items": [2],
    }  # fmt: skip


async def test_a_missing_name_in_square_brackets_is_a_key_error(sandbox: MontySandbox) -> None:
    code = body("try: return conv.state['no']\nexcept KeyError as wrong: return str(wrong)")
    assert (await run(sandbox, code))["result"] == "'no'"


async def test_dates_in_state_become_texts(sandbox: MontySandbox) -> None:
    code = """\
from datetime import date, timedelta
from decimal import Decimal

def run(conv):
    conv.state.day = date(2026, 7, 1) + timedelta(days=1)
    conv.state.total = Decimal("1.50")
    conv.state.tags = {"a"}
    conv.state.pair = (1, 2)
"""
    written = {each["variable"]: each["value"] for each in await effects(sandbox, code)}
    assert written == {"day": "2026-07-02", "total": "1.50", "tags": ["a"], "pair": [1, 2]}


async def test_what_a_function_asks_for_keeps_its_order(sandbox: MontySandbox) -> None:
    code = """\
def run(conv):
    conv.say("One moment.")
    conv.send_sms("directions")
    conv.send_sms(text="Room 12", to="+4411")
    conv.state.sent = True
    conv.goto("book-room", step="ask")
    conv.handoff("front-desk", reason="asked", message="I put you through.", sip_headers={"X-Room": 12})
    conv.end()
"""
    assert await effects(sandbox, code) == [
        {"type": "set", "variable": "sent", "value": True},
        {"type": "say", "text": "One moment."},
        {"type": "send_sms", "sms": "directions", "text": "", "to": ""},
        {"type": "send_sms", "sms": "", "text": "Room 12", "to": "+4411"},
        {"type": "goto", "workflow": "book-room", "step": "ask"},
        {
            "type": "handoff",
            "handoff": "front-desk",
            "reason": "asked",
            "message": "I put you through.",
            "sip_headers": {"X-Room": "12"},
        },
        {"type": "end"},
    ]


async def test_the_words_of_other_builders_mean_the_same(sandbox: MontySandbox) -> None:
    code = """\
from _gen import *  # <AUTO GENERATED>

@func_description("Sends it.")
@func_parameter("code", "the code")
@func_latency_control(delay_before_responses_start=1, delay_responses=[("One second", 3)])
def send_link(conv: Conversation, flow: Flow, code: str):
    conv.log.info("sending", code=code)
    conv.send_sms_template(to_number="+4411", template="Late link")
    conv.send_sms("+4412", "+4413", "hello")
    conv.write_metric("SENT", 1)
    conv.set_voice("x")
    conv.goto_flow("SMS flow")
    conv.exit_flow()
    flow.goto_step("Collect zip code", "label")
    conv.call_handoff(destination="CUSTOMER CARE", reason="R", utterance="Bye")
    return "done"
"""
    answer = await run(sandbox, code, function="send-link", arguments={"code": "x"})
    assert answer["effects"] == [
        {"type": "send_sms", "sms": "late-link", "text": "", "to": "+4411"},
        {"type": "send_sms", "sms": "", "text": "hello", "to": "+4412"},
        {"type": "goto", "workflow": "sms-flow", "step": ""},
        {"type": "goto", "workflow": "", "step": ""},
        {"type": "goto", "workflow": "", "step": "Collect zip code"},
        {"type": "handoff", "handoff": "customer-care", "reason": "R", "message": "Bye", "sip_headers": {}},
    ]
    assert answer["prints"] == [
        "info: sending code='x'",
        "note: conv.write_metric('SENT', 1) has no counterpart here and did nothing",
        "note: conv.set_voice('x') has no counterpart here and did nothing",
    ]
    assert answer["result"] == "done"


@pytest.mark.parametrize(
    "returned, result, wanted",
    [
        ("'Say: hello'", "Say: hello", []),
        ("{'content': 'tell them'}", "tell them", []),
        ("{'utterance': 'Hello', 'end_turn': False}", None, [{"type": "say", "text": "Hello"}]),
        ("{'utterance': 'Bye', 'hangup': True}", None, [{"type": "say", "text": "Bye"}, {"type": "end"}]),
        ("{'utterance': '', 'listen': {'asr': {'timeout': 1}}}", None, []),
        ("{'transition': {'goto_flow': 'Book room'}}", None, [{"type": "goto", "workflow": "book-room", "step": ""}]),
        ("{'transition': {'goto_step': 'Ask'}}", None, [{"type": "goto", "workflow": "", "step": "Ask"}]),
        ("{'transition': {'exit_flow': True}}", None, [{"type": "goto", "workflow": "", "step": ""}]),
        ("{'price': 3, 'content': 'x'}", {"price": 3, "content": "x"}, []),
        ("{}", {}, []),
        ("None", None, []),
    ],
)
async def test_what_a_function_returns(sandbox: MontySandbox, returned: str, result: Any, wanted: list[Any]) -> None:
    answer = await run(sandbox, f"def run(conv):\n    return {returned}\n")
    assert (answer["result"], answer["effects"]) == (result, wanted)


@pytest.mark.parametrize("asked", ["'DESK'", "{'type': 'DESK', 'reason': 'late'}", "{'destination': 'desk', 'x': {}}"])
async def test_a_returned_handoff_hands_off(sandbox: MontySandbox, asked: str) -> None:
    (effect,) = await effects(sandbox, f"def run(conv):\n    return {{'handoff': {asked}}}\n")
    assert (effect["type"], effect["handoff"]) == ("handoff", "desk")


@pytest.mark.parametrize(
    "code",
    [
        "from functions.utilities import price\n\ndef run(conv):\n    return price(2, view='sea')\n",
        "from functions.utilities import (\n    price as p,\n    RATES,\n)\n" + body("return p(2) + 2 * RATES['sea']"),
        "import functions.utilities\n\ndef run(conv):\n    return functions.utilities.price(2, 'sea')\n",
        "import functions.utilities as u, json\n" + body("return json.loads(json.dumps(u.price(2, 'sea')))"),
        "from functions import utilities\n\ndef run(conv):\n    return utilities.price(2, 'sea')\n",
        "from .utilities import price\n\ndef run(conv):\n    return price(2, 'sea')\n",
        "from . import utilities\n\ndef run(conv):\n    return utilities.price(2, 'sea')\n",
        "import utilities\n\ndef run(conv):\n    return utilities.price(2, 'sea')\n",
        "from utilities import *\n\ndef run(conv):\n    return price(2, 'sea')\n",
        "def run(conv):\n    from functions.utilities import price; x = 2\n    return price(x, 'sea')\n",
    ],
)
async def test_other_functions_of_the_version_can_be_imported(sandbox: MontySandbox, code: str) -> None:
    assert (await run(sandbox, code, modules=MODULES))["result"] == 240


async def test_modules_do_not_share_names(sandbox: MontySandbox) -> None:
    one = "def check(x):\n    return 'one'\n\ndef one(conv):\n    return check(1)\n"
    code = "from functions.one import one\n\ndef check(x):\n    return 'mine'\n\n" + body(
        "return [one(conv), check(1)]"
    )
    assert (await run(sandbox, code, modules={"one": one}))["result"] == ["one", "mine"]


async def test_functions_call_one_another_through_conv_and_flow(sandbox: MontySandbox) -> None:
    code = """\
def run(conv, flow):
    return [conv.functions.utilities(more="!"), flow.functions.save_number()]
"""
    answer = await run(sandbox, code, function="sms-flow--run", modules=MODULES)
    assert answer["result"] == ["helped", "saved"]
    assert answer["effects"] == [
        {"type": "say", "text": "from the helper!"},
        {"type": "goto", "workflow": "", "step": "Read back"},
    ]


async def test_small_parts_of_the_library_that_monty_lacks_are_there(sandbox: MontySandbox) -> None:
    code = """\
import calendar, string, logging
import urllib.parse
from datetime import datetime
from operator import itemgetter
from urllib.parse import quote, unquote, urlencode
from uuid import uuid4
from zoneinfo import ZoneInfo

log = logging.getLogger(__name__)

def run(conv):
    log.warning("seen %s", 2)
    return [calendar.monthrange(2024, 2), string.digits, quote("a b/ü"), unquote("a%20b%C3%BC"),
        urlencode({"a": "b c"}), urllib.parse.quote("x y"),
        sorted([{"n": 2}, {"n": 1}], key=itemgetter("n"))[0], len(str(uuid4())),
        str(datetime.now(ZoneInfo("America/New_York"))), datetime(2026, 12, 1, 9).astimezone().isoformat()]
"""
    answer = await run(sandbox, code)
    assert answer["result"] == [
        [3, 29], "0123456789", "a%20b/%C3%BC", "a bü", "a=b+c", "x%20y", {"n": 1}, 36, "2026-07-01 08:00:00-04:00",
        "2026-12-01T09:00:00+00:00",
    ]  # fmt: skip
    assert answer["prints"] == ["warning: seen 2"]


async def test_the_same_call_gives_the_same_again(sandbox: MontySandbox) -> None:
    code = """\
import random, time
from datetime import datetime
from uuid import uuid4

def run(conv):
    return [random.random(), random.randint(1, 1000000), str(uuid4()), datetime.now().isoformat(), time.time(),
        time.perf_counter(), time.process_time()]
"""
    first, second = await run(sandbox, code), await run(sandbox, code)
    assert first["result"] == second["result"]
    assert first["result"][3] == "2026-07-01T13:00:00"
    other = await run(sandbox, code, turn=4)
    assert other["result"][:3] != first["result"][:3]


async def test_an_unknown_time_zone_is_utc_and_a_missing_time_is_now(sandbox: MontySandbox) -> None:
    code = "from datetime import datetime\n\ndef run(conv):\n    return datetime.now().isoformat()\n"
    assert (await run(sandbox, code, time_zone="Mars/Olympus"))["result"] == "2026-07-01T12:00:00"
    assert (await run(sandbox, code, now="", time_zone=""))["result"] > "2026-01-01"


async def test_sleep_costs_nothing(sandbox: MontySandbox) -> None:
    slept = "time.sleep(3600)\nawait asyncio.sleep(3600)\nreturn 'awake'"
    code = "import time, asyncio\n\nasync " + body(slept)
    answer = await run(sandbox, code)
    assert answer["result"] == "awake"
    assert answer["ms"] < 2_000


async def test_asking_other_builders_for_what_would_be_a_lie_is_an_error(sandbox: MontySandbox) -> None:
    answer = await sandbox.run(call("def run(conv):\n    conv.send_email('a', 'b')\n"), ScriptedReach())
    assert answer["error"]["message"] == "line 2: NotImplementedError: conv.send_email is not supported here"


@pytest.mark.parametrize("join", [lambda slug: slug, lambda slug: slug.replace("-", "_")], ids=["slugs", "names"])
async def test_functions_of_the_same_flow_come_first(sandbox: MontySandbox, join: Callable[[str], str]) -> None:
    def named(text: str) -> str:
        return f"def save(conv, flow):\n    return {text!r}\n"

    slugs = {
        "a-flow--save": named("a"),
        "b-flow--save": named("b"),
        "save-all": "def save_all(conv):\n    return 'all'\n",
    }
    modules = {join(slug): code for slug, code in slugs.items()}
    code = "def run(conv, flow):\n    return [flow.functions.save(), conv.functions.save_all()]\n"
    assert (await run(sandbox, code, function="b-flow--run", modules=modules))["result"] == ["b", "all"]
    assert (await run(sandbox, code, function="run", modules=modules))["result"] == ["a", "all"]
    assert list(await sandbox.check("b-flow--run", code, modules)) == []
