"""test_suite/*.yaml (tests/*.yaml in older folders) → the cases of test_set/imported."""

from __future__ import annotations

from typing import Any

from greenroom.domain.entities import Address, slugify
from greenroom.importers.polyai.names import Names
from greenroom.importers.polyai.sheets import Sheet

TESTS = Address("test_set", "imported")
CHANNELS = {"voice": "voice", "webchat": "chat"}
_MOCKS = {
    "caller_number": "caller_number",
    "simulated_at": "now",
    "sip_headers": "sip_headers",
    "integration_attributes": "attributes",
    "variant": "variant",
    "api_mocks": "api",
}
_GROUPS = frozenset({"sip_headers", "integration_attributes", "api_mocks"})

CALL_ASSERTION = "a case with a scenario has no place for an expected function call yet; the file is kept"
API_MOCK = "mocked answers of API integrations are carried; calls to tools come with a later milestone"


def read_case(sheet: Sheet, taken: dict[str, str], names: Names) -> dict[str, Any]:
    """Returns one test case."""
    desk, path = sheet.desk, sheet.path
    stem = path.rpartition("/")[2].rpartition(".")[0]
    case_id = names.pick(slugify(stem), stem, path, taken, "case", TESTS)
    channel = sheet.text("channel", "voice")
    if channel not in CHANNELS:
        sheet.fault("channel", f"'{channel}' is not a channel", f"channels are: {', '.join(CHANNELS)}")
    tags = list(dict.fromkeys(sheet.texts("tags")))
    judged = sheet.texts("prompt_assertions")
    case = {
        "id": case_id,
        "name": sheet.needed("name"),
        "channel": CHANNELS.get(channel, "voice"),
        "language": sheet.text("language"),
        "tags": tags,
        "scenario": sheet.needed("scenario"),
        "judged": judged,
        "mocks": _read_mocks(sheet, names),
    }
    desk.read(path, "test case", TESTS)
    desk.read(path, "test tag", TESTS, len(tags))
    desk.read(path, "assertion", TESTS, len(judged))
    calls = sheet.sheets("function_call_assertions")
    for call in calls:
        call.needed("name")
        for argument in call.sheets("arguments"):
            argument.rest()
    desk.keep(path, "function call assertion", CALL_ASSERTION, count=len(calls), status="not_supported")
    sheet.close()
    return case


def _read_mocks(sheet: Sheet, names: Names) -> dict[str, Any]:
    """Returns what a case pretends: the caller's number, the time, SIP headers, the variant."""
    mocks: dict[str, Any] = {}
    for key, mock in _MOCKS.items():
        given = sheet.mapping(key) if key in _GROUPS else sheet.text(key)
        if not given:
            continue
        mocks[mock] = names.variants.get(str(given), given) if mock == "variant" else given
        if mock == "api":
            sheet.desk.note(sheet.path, "API mock", "kept", API_MOCK, count=len(given), address=TESTS)
        else:
            sheet.desk.read(sheet.path, f"mock {key}", TESTS)
    return mocks


def put_cases(cases: list[dict[str, Any]], paths: list[str], names: Names) -> None:
    """Lays down the one test set, when there are cases."""
    if cases:
        names.desk.put(TESTS, paths[0], {"name": "Imported tests", "cases": cases})
