"""test_suite/*.yaml (tests/*.yaml in older folders) → the cases of test_set/imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from greenroom.domain.entities import Address, slugify
from greenroom.importers.polyai.names import Names
from greenroom.importers.polyai.sheets import Sheet

TESTS = Address("test_set", "imported")
CHANNELS = {"voice": "voice", "webchat": "chat"}
_MOCKS = {
    "caller_number": "caller",
    "simulated_at": "now",
    "sip_headers": "sip_headers",
    "variant": "variant",
}
_UNREAD = {
    "integration_attributes": "attributes that an integration hands over reach no function here; the file is kept",
    "api_mocks": "functions cannot call conv.api here, so there is nothing to answer for; the file is kept",
}
_TRUTHS = {"true": True, "false": False}

NO_FUNCTION = "there is no function of this name; the call is expected all the same, so the case fails"
SEVERAL = "several flows have a function of this name; the call of {slug} is expected"
NO_VALUE = "'{value}' is not a {kind}; the argument is not looked at, and the file is kept"
NO_ASSERTION = "it asserts nothing, so it can neither pass nor fail: a run says so"


def read_case(sheet: Sheet, taken: dict[str, str], names: Names) -> dict[str, Any]:
    """Returns one test case. What is asserted of the whole conversation is expected of it here, too."""
    desk, path = sheet.desk, sheet.path
    stem = path.rpartition("/")[2].rpartition(".")[0]
    case_id = names.pick(slugify(stem), stem, path, taken, "case", TESTS)
    channel = sheet.text("channel", "voice")
    if channel not in CHANNELS:
        sheet.fault("channel", f"'{channel}' is not a channel", f"channels are: {', '.join(CHANNELS)}")
    tags = list(dict.fromkeys(sheet.texts("tags")))
    judged = sheet.texts("prompt_assertions")
    called = [_read_call(call, names) for call in sheet.sheets("function_call_assertions")]
    case = {
        "id": case_id,
        "name": sheet.needed("name"),
        "channel": CHANNELS.get(channel, "voice"),
        "language": sheet.text("language"),
        "tags": tags,
        "scenario": sheet.needed("scenario"),
        "judged": judged,
        "expect": {"called": called} if called else {},
        "mocks": _read_mocks(sheet, names),
    }
    desk.read(path, "test case", TESTS)
    desk.read(path, "test tag", TESTS, len(tags))
    desk.read(path, "assertion", TESTS, len(judged))
    desk.read(path, "function call assertion", TESTS, len(called))
    if not judged and not called:
        desk.note(path, "case without an assertion", "kept", NO_ASSERTION, address=TESTS)
    sheet.close()
    return case


def _read_call(call: Sheet, names: Names) -> dict[str, Any]:
    """Returns an expected function call: its order and what else is called does not matter, here as there."""
    wanted: dict[str, Any] = {"name": _function(call, names)}
    arguments: dict[str, Any] = {}
    for argument in call.sheets("arguments"):
        name = argument.needed("parameter_name")
        kind = argument.text("value_type", "string")
        value = argument.raw("expected_value")
        read = _READERS.get(kind)
        if read is None:
            argument.fault("value_type", f"'{kind}' is not a type", f"types are: {', '.join(_READERS)}")
            continue
        found = read(_word(value))
        if found is None:
            reason = NO_VALUE.format(value=str(value)[:40], kind=kind)
            call.desk.keep(call.path, "expected argument", reason, status="not_supported")
        else:
            arguments[name] = found
    return {**wanted, "arguments": arguments} if arguments else wanted


def _function(call: Sheet, names: Names) -> str:
    name = call.needed("name")
    found = names.functions.get(("", name))
    flows = sorted(slug for (flow, stem), slug in names.functions.items() if flow and stem == name)
    if found is None and len(flows) > 1:
        reason = SEVERAL.format(slug=flows[0])
        call.desk.note(call.path, "ambiguous function call", "kept", reason, address=TESTS)
    if found is None and not flows and name:
        call.desk.note(call.path, f"function {name[:60]}", "not_supported", NO_FUNCTION, address=TESTS)
    return found or next(iter(flows), name)


def _word(value: Any) -> str:
    """Returns a scalar as it stands in the file; YAML may have read a number or a truth."""
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _integer(text: str) -> int | None:
    try:
        number = int(text.strip())
    except ValueError:
        return None
    return number if abs(number) < 2**53 else None


def _number(text: str) -> float | None:
    try:
        number = float(text.strip())
    except ValueError:
        return None
    return number if abs(number) < 2**53 else None


_READERS: Mapping[str, Callable[[str], Any]] = {
    "string": lambda text: text,
    "integer": _integer,
    "number": _number,
    "boolean": lambda text: _TRUTHS.get(text.strip().lower()),
}


def _read_mocks(sheet: Sheet, names: Names) -> dict[str, Any]:
    """Returns what a case pretends: the caller's number, the time, SIP headers, the variant."""
    mocks: dict[str, Any] = {}
    for key, mock in _MOCKS.items():
        given = sheet.mapping(key) if key == "sip_headers" else sheet.text(key)
        if given:
            mocks[mock] = names.variants.get(str(given), given) if mock == "variant" else given
            sheet.desk.read(sheet.path, f"mock {key}", TESTS)
    for key, reason in _UNREAD.items():
        count = len(sheet.mapping(key))
        sheet.desk.keep(sheet.path, f"mock {key}", reason, count=count, status="not_supported")
    return mocks


def put_cases(cases: list[dict[str, Any]], paths: list[str], names: Names) -> None:
    """Lays down the one test set, when there are cases."""
    if cases:
        names.desk.put(TESTS, paths[0], {"name": "Imported tests", "cases": cases})
