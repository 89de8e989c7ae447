"""What the importer of PolyAI's ADK makes of small folders, and how it refuses broken ones."""

import ast
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.entities import Address, parse_address
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.references import Link, check_links
from greenroom.importers.polyai import read_project
from greenroom.kinds import KINDS
from greenroom.wire.imports import Imported, ReportRow, count_by_status

PROJECT = "project_id: P-1\naccount_id: acme\nregion: uk-1\nproject_name: Lighthouse Hotel\n"

LIGHTHOUSE = {
    "project.yaml": PROJECT,
    "topics/late_checkout.yaml": """\
name: Late check-out
enabled: false
example_queries: [Can I stay longer?, Late check-out?, Can I stay longer?]
content: Until {{attr:latest}}.
actions: |-
  Ask {{fn:find_room}}, then send {{twilio_sms:late-link}} or use {{ho:FRONT_DESK}}.
  The guest is $guest_name in {{vrbl:room}}. It costs $20. Try {{fn:nowhere}}.
""",
    "functions/find_room.py": """\
@func_description("Finds a room.")
@func_parameter("floor", "which floor")
@func_parameter("view", "sea or land")
@func_latency_control(delay_before_responses_start=1, delay_responses=[("One moment.", 2)])
def find_room(conv: Conversation, floor: int, view: str, note: Optional[str] = None):
    conv.state.room = "12"
    conv.state.tries = conv.state.tries + 1
    conv.state.vip = False
    return conv.state.get("x")""",
    "functions/tide_tables.py": "def high_tide():\n    return 1\n",
    "flows/change_room/flow_config.yaml": """\
name: Change room
description: Moves a guest.
start_step: Ask Why
""",
    "flows/change_room/steps/ask_why.yaml": """\
step_type: default_step
name: Ask Why
asr_biasing: {is_enabled: true}
extracted_entities: [reason]
conditions:
- {name: told, condition_type: step_condition, child_step: move, required_entities: [reason]}
prompt: Ask for {{entity:reason}}, then {{ft:why_told}}.
""",
    "flows/change_room/function_steps/move.py": "def move(conv, flow):\n    pass\n",
    "flows/change_room/functions/why_told.py": """\
@func_description("Told.")
def why_told(conv, flow):
    pass
""",
    "config/handoffs.yaml": """\
handoffs:
- name: FRONT_DESK
  description: People.
  is_default: true
  sip_config:
    method: invite
    phone_number: "+4420"
    outbound_endpoint: pbx.example
    outbound_encryption: TLS/SRTP
  sip_headers: [{key: X-Room, value: $room}]
- name: hang up
  sip_config: {method: bye}
""",
    "config/sms_templates.yaml": """\
sms_templates:
- name: late-link
  text: Dear {{vrbl:guest_name}}
  env_phone_numbers: {sandbox: '', pre_release: "+441", live: "+442"}
""",
    "config/variant_attributes.yaml": """\
variants: [{name: Old Pier, is_default: true}, {name: Harbour}]
attributes:
- name: latest
  values: {Old Pier: '14:00', Harbour: '15:00'}
- name: beds
  kind: number
  values: {Old Pier: 12, Harbour: 30}
""",
    "config/entities.yaml": """\
entities:
- {name: reason, description: Why., entity_type: free_text, config: {}}
- {name: phone, entity_type: phone_number, config: {country_codes: [GB]}}
""",
    "config/translations.yaml": """\
translations:
- name: hello
  translations: {en-GB: Hello, fr-FR: Salut}
""",
    "agent_settings/role.yaml": """\
value: Other
additional_info: At the sea.
custom: You keep the desk of {{attr:latest}}.
""",
    "agent_settings/personality.yaml": "adjectives: {Kind: true, Calm: false}\ncustom: Dry humour.\n",
    "agent_settings/rules.txt": "Be brief. {{tn:hello}} {{user.name}} {{tn:late_checkout}}",
    "agent_settings/languages.yaml": "default_language: en-GB\nadditional_languages: [fr-FR]\n",
    "agent_settings/safety_filters.yaml": "categories: {hate: {enabled: true, level: strict}} # ours\n",
    "agent_settings/experimental_config.json": '{"vad": {"end": 800}}',
    "voice/configuration.yaml": """\
greeting: {welcome_message: Good day., language_code: en-GB}
style_prompt: {prompt: Slowly.}
disclaimer_messages: {message: Calls are recorded., enabled: true, language_code: en-GB}
""",
    "chat/configuration.yaml": """\
greeting: {welcome_message: Hi!, language_code: en-GB}
style_prompt: {prompt: Short.}
""",
    "voice/response_control/phrase_filtering.yaml": """\
phrase_filtering:
- {name: Good bye, regular_expressions: [bye], say_phrase: true, function: find_room}
- {name: other, regular_expressions: [x, y], function: missing_one, language_code: en-GB}
""",
    "voice/response_control/pronunciations.yaml": """\
pronunciations:
- {regex: 24/7, replacement: always}
- {regex: 24/7, replacement: ever}
""",
    "voice/speech_recognition/transcript_corrections.yaml": """\
corrections:
- name: Pier
  regular_expressions:
  - {regular_expression: beer, replacement: pier, replacement_type: partial}
  - {regular_expression: peer, replacement: pier}
""",
    "voice/speech_recognition/keyphrase_boosting.yaml": """\
keyphrases:
- {keyphrase: yes, level: maximum}
- {keyphrase: no}
- {keyphrase: yes, level: maximum}
""",
    "voice/speech_recognition/asr_settings.yaml": "barge_in: false\n",
    "test_suite/late.yaml": """\
name: late
scenario: You want to stay.
channel: webchat
language: en-GB
variant: Harbour
caller_number: "+4477"
tags: [smoke]
prompt_assertions: [The agent names the hour.]
function_call_assertions: [{name: find_room, arguments: []}]
""",
    "tests/test_rooms.py": "def test_room():\n    assert True\n",
    "context/NOTES.MD": "# Notes\n{{fn:inert}}\n",
    "_gen/__init__.py": "this is not python (",
}


def folder(changes: Mapping[str, str | bytes | None] | None = None) -> dict[str, bytes]:
    """Returns the lighthouse's files with some replaced, added or, where None, left out."""
    files: dict[str, Any] = {**LIGHTHOUSE, **(changes or {})}
    return {path: data.encode() if isinstance(data, str) else data for path, data in files.items() if data is not None}


def body(imported: Imported, address: str) -> Mapping[str, Any]:
    return imported.entities[parse_address(address)]


def rows(imported: Imported, path: str, item: str = "") -> list[ReportRow]:
    return [row for row in imported.report if row.path == path and row.item.startswith(item)]


def faults(changes: Mapping[str, str | bytes | None]) -> tuple[Fault, ...]:
    with pytest.raises(Invalid) as refused:
        read_project(folder(changes))
    assert refused.value.code == "import_refused"
    return refused.value.errors


def one_fault(changes: Mapping[str, str | bytes | None]) -> Fault:
    found = faults(changes)
    assert len(found) == 1, found
    return found[0]


@pytest.fixture(scope="module")
def hotel() -> Imported:
    return read_project(folder())


def test_every_file_is_in_the_report(hotel: Imported) -> None:
    assert {row.path for row in hotel.report} == set(LIGHTHOUSE)


def test_what_is_not_read_says_why(hotel: Imported) -> None:
    assert all(row.reason for row in hotel.report if row.status != "read")
    assert min(count_by_status(hotel.report).values()) > 0


@pytest.mark.parametrize(
    "more", [{}, {"__MACOSX/hotel/._project.yaml": b"\0", "hotel/.DS_Store": b"\0\1"}], ids=["plain", "mac"]
)
def test_a_folder_that_was_packed_whole_is_read_alike(hotel: Imported, more: dict[str, bytes]) -> None:
    wrapped = {f"hotel/{path}": text.encode() for path, text in LIGHTHOUSE.items()}
    found = read_project({**wrapped, **more})
    assert found.entities == read_project({path: text.encode() for path, text in LIGHTHOUSE.items()}).entities
    assert found.entities.keys() <= hotel.entities.keys()
    assert not any(row.path.startswith("hotel/") for row in found.report)


def test_two_projects_in_one_archive_are_refused() -> None:
    with pytest.raises(Invalid) as refused:
        read_project({"a/project.yaml": PROJECT.encode(), "b/project.yaml": PROJECT.encode()})
    assert any(fault.code == "missing_file" for fault in refused.value.errors)


def test_every_reference_resolves(hotel: Imported) -> None:
    links = [
        Link(address, mention)
        for address, found in hotel.entities.items()
        for mention in KINDS[address.kind].mentions(found)
    ]
    errors, warnings = check_links(links, lambda address: address in hotel.entities, frozenset(KINDS))
    assert (errors, warnings) == ((), ())
    assert len(links) > 15


def test_bodies_are_in_their_stored_form(hotel: Imported) -> None:
    assert all(KINDS[address.kind].complete(found) == found for address, found in hotel.entities.items())


def test_a_topic(hotel: Imported) -> None:
    topic = body(hotel, "topic/late_checkout")
    assert topic["name"] == "Late check-out"
    assert topic["enabled"] is False
    assert topic["sample_questions"] == ["Can I stay longer?", "Late check-out?"]
    assert topic["content"] == "Until {{variant.latest}}."
    assert topic["instructions"] == (
        "Ask {{function.find_room}}, then send {{sms.late-link}} or use {{handoff.front_desk}}.\n"
        "The guest is {{variable.guest_name}} in {{variable.room}}. It costs $20. Try {{fn:nowhere}}."
    )
    path = "topics/late_checkout.yaml"
    assert [row.count for row in rows(hotel, path, "duplicate")] == [1]
    [left] = rows(hotel, path, "reference {{fn:nowhere}}")
    assert (left.status, left.count) == ("not_supported", 1)


def test_a_function_is_kept_to_the_byte_and_parsed(hotel: Imported) -> None:
    function = body(hotel, "function/find_room")
    assert function["code"] == LIGHTHOUSE["functions/find_room.py"]
    assert not function["code"].endswith("\n")
    assert function["description"] == "Finds a room."
    assert function["parameters"] == {
        "type": "object",
        "properties": {
            "floor": {"type": "integer", "description": "which floor"},
            "view": {"type": "string", "description": "sea or land"},
            "note": {},
        },
        "required": ["floor", "view"],
    }
    assert function["latency"] == {"delay_before_responses_start": 1, "delay_responses": [["One moment.", 2]]}
    assert body(hotel, "function/tide_tables")["role"] == "helper"
    assert rows(hotel, "functions/find_room.py", "type of parameter note")[0].status == "not_supported"


@pytest.mark.parametrize("ending", ["\r\n", "\n\n\n", "", "\n# \N{SNOWMAN}"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_code_keeps_its_bytes(ending: str, mark: str) -> None:
    code = f"{mark}def f(conv):\r\n    return 'x'{ending}"
    made = read_project(folder({"functions/f.py": code}))
    assert body(made, "function/f")["code"].encode() == code.encode()


def test_code_is_never_run() -> None:
    read_project(folder({"functions/f.py": "raise SystemExit(3)\ndef f(conv): pass\n"}))


def test_state_variables_are_found_in_code_with_their_types(hotel: Imported) -> None:
    variables = {address.slug: found for address, found in hotel.entities.items() if address.kind == "variable"}
    assert set(variables) == {"reason", "phone", "guest_name", "room", "tries", "vip"}
    assert variables["vip"]["type"] == "boolean"
    assert "type" not in variables["tries"]
    assert variables["phone"]["pii"] is True
    assert {row.address for row in hotel.report if row.item == "state variable"} == {
        Address("variable", slug) for slug in ("guest_name", "room", "tries", "vip")
    }


def test_a_flow(hotel: Imported) -> None:
    flow = body(hotel, "workflow/change_room")
    assert flow["start"] == "ask_why"
    ask, move = flow["steps"]
    assert ask["type"] == "prompt"
    assert ask["text"] == "Ask for {{variable.reason}}, then {{function.change_room--why_told}}."
    assert ask["settings"]["extracted_entities"] == ["reason"]
    assert ask["settings"]["conditions"][0]["child_step"] == "move"
    assert (move["type"], move["function"]) == ("function", "change_room--move")
    assert body(hotel, "function/change_room--move")["role"] == "step"
    assert body(hotel, "function/change_room--why_told")["workflow"] == "change_room"


def test_a_flow_function_cannot_be_named_outside_its_flow() -> None:
    made = read_project(folder({"agent_settings/rules.txt": "Call {{ft:why_told}}."}))
    assert body(made, "agent/main")["instructions"] == "Call {{ft:why_told}}."
    assert rows(made, "agent_settings/rules.txt", "reference {{ft:why_told}}")[0].status == "not_supported"


def test_a_transition_function_comes_before_a_step_of_its_name() -> None:
    made = read_project(folder({"flows/change_room/functions/move.py": "def move(conv, flow): pass\n"}))
    assert body(made, "function/change_room--move")["code"] == "def move(conv, flow): pass\n"
    assert body(made, "workflow/change_room")["steps"][1]["function"] == "change_room--move-2"
    assert rows(made, "flows/change_room/function_steps/move.py", "renamed function")


@pytest.mark.parametrize("start", ["move", "ask_why", "ASK WHY"])
def test_a_first_step_is_found_by_file_and_by_clean_name(start: str) -> None:
    made = read_project(folder({"flows/change_room/flow_config.yaml": f"start_step: {start}\n"}))
    assert body(made, "workflow/change_room")["start"] == ("move" if start == "move" else "ask_why")
    assert body(made, "workflow/change_room")["name"] == "change_room"


def test_configuration(hotel: Imported) -> None:
    desk = body(hotel, "handoff/front_desk")
    assert desk["destination"] == {"type": "sip", "value": "sip:+4420@pbx.example"}
    assert (desk["method"], desk["default"]) == ("invite", True)
    assert desk["sip_headers"] == [{"name": "X-Room", "value": "{{variable.room}}"}]
    assert body(hotel, "handoff/hang-up")["method"] == "bye"
    assert body(hotel, "sms/late-link")["senders"] == {"pre-release": "+441", "live": "+442"}
    table = body(hotel, "variant/default")
    assert table["attributes"] == ["latest", "beds"]
    assert table["rows"][0] == {
        "id": "old-pier",
        "name": "Old Pier",
        "default": True,
        "values": {"latest": "14:00", "beds": "12"},
    }
    assert body(hotel, "component/hello")["text"] == "Hello"


def test_the_agent(hotel: Imported) -> None:
    agent = body(hotel, "agent/main")
    assert agent["name"] == "Lighthouse Hotel"
    assert agent["persona"] == "You keep the desk of {{variant.latest}}.\nAt the sea."
    assert agent["style"] == "Kind\nDry humour."
    assert agent["greeting"] == "Calls are recorded. Good day."
    assert agent["languages"] == ["en-GB", "fr-FR"]
    assert agent["voice"] == "main"
    assert body(hotel, "voice/main")["style_prompt"] == "Slowly."
    assert body(hotel, "settings/default")["default_language"] == "en-GB"
    assert body(hotel, "settings/default")["imported"]["region"] == "uk-1"


def test_words_that_only_look_like_ours_stay_words(hotel: Imported) -> None:
    rules = body(hotel, "agent/main")["instructions"]
    assert rules == "Be brief. {{component.hello}} { {user.name}} {{topic.late_checkout}}"


def test_response_control(hotel: Imported) -> None:
    control = body(hotel, "response_control/main")
    assert control["stop_phrases"][0] == {"id": "good-bye", "patterns": ["bye"], "function": "find_room"}
    assert control["stop_phrases"][1]["say_phrase"] is False
    assert "function" not in control["stop_phrases"][1]
    assert [each["id"] for each in control["pronunciations"]] == ["24-7", "24-7-2"]
    assert [each.get("whole", False) for each in control["corrections"][0]["patterns"]] == [False, True]
    assert control["keyphrases"] == [{"phrase": "yes", "level": "maximum"}, {"phrase": "no"}]
    phrases = "voice/response_control/phrase_filtering.yaml"
    assert rows(hotel, phrases, "function missing_one")[0].status == "not_supported"
    assert rows(hotel, phrases, "field phrase_filtering.language_code")[0].status == "not_supported"


def test_test_cases(hotel: Imported) -> None:
    tests = body(hotel, "test_set/imported")
    assert tests["name"] == "Imported tests"
    [case] = tests["cases"]
    assert case["id"] == "late"
    assert case["judged"] == ["The agent names the hour."]
    assert case["mocks"] == {"caller": "+4477", "variant": "harbour"}
    assert case["expect"] == {"called": [{"name": "find_room"}]}
    assert rows(hotel, "test_suite/late.yaml", "function call")[0].status == "read"


CALLS = """\
name: late
scenario: You want to stay.
simulated_at: "2026-05-01T10:00:00Z"
sip_headers: {X-Site: harbour}
integration_attributes: {room: "12"}
api_mocks: {rooms: {list: []}}
function_call_assertions:
- name: find_room
  arguments:
  - {parameter_name: name, expected_value: Ada, value_type: string}
  - {parameter_name: nights, expected_value: "2", value_type: integer}
  - {parameter_name: price, expected_value: 12.5, value_type: number}
  - {parameter_name: sea, expected_value: "true", value_type: boolean}
  - {parameter_name: beds, expected_value: two, value_type: integer}
- name: never_there
  order: 1
"""


def test_expected_calls_have_typed_arguments_and_what_cannot_be_read_is_reported() -> None:
    path = "test_suite/late.yaml"
    made = read_project(folder({path: CALLS}))
    [case] = body(made, "test_set/imported")["cases"]
    arguments = {"name": "Ada", "nights": 2, "price": 12.5, "sea": True}
    assert case["expect"]["called"] == [{"name": "find_room", "arguments": arguments}, {"name": "never_there"}]
    assert case["expect"]["called"][0]["arguments"]["sea"] is True
    assert case["mocks"] == {"now": "2026-05-01T10:00:00Z", "sip_headers": {"X-Site": "harbour"}}
    unread = {row.item for row in rows(made, path) if row.status == "not_supported"}
    assert unread == {
        "expected argument",
        "function never_there",
        "mock integration_attributes",
        "mock api_mocks",
        "field function_call_assertions.order",
    }
    kept = {each["path"]: each["text"] for each in body(made, "settings/default")["imported_files"]}
    assert kept[path] == CALLS


def test_a_call_of_a_flows_function_names_it_whole_and_several_are_reported() -> None:
    call = "name: late\nscenario: You stay.\nfunction_call_assertions: [{name: choose}]\n"
    code = "def choose(conv: Conversation):\n    return None\n"
    flows = {
        f"flows/{flow}/{file}": text
        for flow in ("b_flow", "a_flow")
        for file, text in (
            ("flow_config.yaml", f"name: {flow}\nstart_step: one\n"),
            ("steps/one.yaml", "name: one\nstep_type: default_step\nprompt: Ask.\n"),
            ("functions/choose.py", code),
        )
    }
    made = read_project(folder({"test_suite/late.yaml": call, **flows}))
    [case] = body(made, "test_set/imported")["cases"]
    assert case["expect"] == {"called": [{"name": "a_flow--choose"}]}
    assert rows(made, "test_suite/late.yaml", "ambiguous function call")[0].status == "kept"
    del flows["flows/b_flow/functions/choose.py"]
    alone = read_project(folder({"test_suite/late.yaml": call, **flows}))
    assert not rows(alone, "test_suite/late.yaml", "ambiguous function call")


def test_a_case_that_asserts_nothing_is_reported() -> None:
    made = read_project(folder({"test_suite/late.yaml": "name: late\nscenario: You stay.\n"}))
    assert rows(made, "test_suite/late.yaml", "case without an assertion")[0].status == "kept"


def test_a_type_of_argument_that_is_not_known_refuses_the_import() -> None:
    text = (
        "name: late\nscenario: You stay.\nfunction_call_assertions:\n- name: find_room\n  arguments:\n"
        "  - {parameter_name: a, expected_value: x, value_type: colour}\n"
    )
    fault = one_fault({"test_suite/late.yaml": text})
    assert (fault.pointer, "string, integer, number, boolean" in fault.hint) == ("test_suite/late.yaml:6", True)


def test_kept_files_are_verbatim(hotel: Imported) -> None:
    kept = {each["path"]: each for each in body(hotel, "settings/default")["imported_files"]}
    assert {
        "agent_settings/safety_filters.yaml",
        "agent_settings/experimental_config.json",
        "chat/configuration.yaml",
        "config/entities.yaml",
        "config/handoffs.yaml",
        "config/translations.yaml",
        "config/variant_attributes.yaml",
        "context/NOTES.MD",
        "tests/test_rooms.py",
        "voice/configuration.yaml",
        "voice/response_control/phrase_filtering.yaml",
        "voice/speech_recognition/asr_settings.yaml",
        "voice/speech_recognition/transcript_corrections.yaml",
    } == set(kept)
    assert all(each["text"] == LIGHTHOUSE[path] and each["reason"] for path, each in kept.items())


def test_comments_and_unknown_fields_are_not_lost() -> None:
    text = "name: Pool\ntags: [fun]\ncontent: Open. # till nine\n# not in winter\n"
    made = read_project(folder({"topics/pool.yaml": text}))
    kept = {each["path"]: each["text"] for each in body(made, "settings/default")["imported_files"]}
    assert kept["topics/pool.yaml"] == text
    assert [row.count for row in rows(made, "topics/pool.yaml", "comment")] == [2]
    assert rows(made, "topics/pool.yaml", "field tags")[0].status == "not_supported"


def test_a_number_sign_in_text_is_not_a_comment() -> None:
    made = read_project(folder({"topics/pool.yaml": "name: 'Pool # 1'\ncontent: |-\n  # Title\n  é #\nactions: a#b\n"}))
    assert not rows(made, "topics/pool.yaml", "comment")


def test_equal_slugs_get_a_number_and_a_row() -> None:
    made = read_project(folder({"topics/Late Pool.yaml": "name: A\n", "topics/late-pool.yaml": "name: B\n"}))
    assert body(made, "topic/late-pool")["name"] == "A"
    assert body(made, "topic/late-pool-2")["name"] == "B"
    assert rows(made, "topics/late-pool.yaml", "renamed topic")


def test_a_name_without_letters_gets_a_slug() -> None:
    made = read_project(folder({"topics/部屋.yaml": "name: 部屋\n"}))
    assert body(made, "topic/topic")["name"] == "部屋"


def test_an_entity_and_a_state_variable_of_one_name_are_one() -> None:
    made = read_project(folder({"functions/f.py": "def f(conv):\n    conv.state.reason = 'x'\n"}))
    assert body(made, "variable/reason")["description"] == "Why."
    assert "one variable" in rows(made, "functions/f.py", "state variable")[0].reason


def test_the_order_of_files_does_not_matter(hotel: Imported) -> None:
    files = folder()
    assert read_project(dict(reversed(files.items()))) == hotel


FLOW = "flows/change_room/flow_config.yaml"
SETTINGS = "agent_settings/experimental_config.json"
BOOST = "voice/speech_recognition/keyphrase_boosting.yaml"
RULES = "agent_settings/rules.txt"
SMS = "config/sms_templates.yaml"

BROKEN: dict[str, tuple[str, str | bytes | None, int, str]] = {
    "bad YAML": ("topics/a.yaml", "name: A\ncontent: b: c\n", 2, "':'"),
    "UTF-16": ("topics/a.yaml", "name: A\n".encode("utf-16"), 1, "UTF-16"),
    "Latin-1": (RULES, b"ok\ncaf\xe9", 2, "UTF-8"),
    "NUL": (RULES, b"some text\nab\0c", 2, "NUL"),
    "a list": ("topics/a.yaml", "- name\n", 1, "a list"),
    "empty": ("topics/a.yaml", "", 1, "empty"),
    "unknown file": ("README.rst", "x", 1, "not part of"),
    "unknown file deep": ("flows/change_room/layout.json", "{}", 1, "not part of"),
    "missing name": ("topics/a.yaml", "enabled: true\n", 1, "'name' is missing"),
    "empty name": ("topics/a.yaml", "enabled: true\nname: ' '\n", 2, "'name' is empty"),
    "wrong type": ("topics/a.yaml", "name: A\nenabled: 'no'\n", 2, "not true or false"),
    "wrong element": ("topics/a.yaml", "name: A\nexample_queries:\n- one\n- 2\n", 4, "the number 2"),
    "Python": ("functions/f.py", "def f(conv):\n    x = 1\n    return (\n", 3, "does not parse"),
    "Python test": ("tests/test_f.py", "def f(:\n", 1, "does not parse"),
    "JSON": (SETTINGS, '{\n"a": 1\n"b": 2}', 3, "JSON"),
    "path up": ("topics/../../etc/passwd.yaml", "name: x\n", 1, "not a path"),
    "absolute path": ("/topics/a.yaml", "name: x\n", 1, "not a path"),
    "backslash": ("topics\\a.yaml", "name: x\n", 1, "not a path"),
    "no project": ("project.yaml", None, 1, "missing"),
    "no flow config": (FLOW, None, 1, "missing"),
    "broken first step": ("flows/change_room/steps/ask_why.yaml", "- name\n", 1, "a list"),
    "no first step": (FLOW, "name: x\n", 1, "'start_step' is missing"),
    "unknown first step": (FLOW, "name: x\nstart_step: Fly\n", 2, "no step 'Fly'"),
    "name twice": (SMS, "sms_templates:\n- {name: a, text: b}\n- {name: a, text: c}\n", 3, "second time"),
    "unknown level": (BOOST, "keyphrases:\n- {keyphrase: a, level: loud}\n", 2, "not a level"),
    "number for text": ("test_suite/late.yaml", "name: a\nscenario: b\ncaller_number: +4477\n", 3, "4477"),
    "a name too long": ("topics/a.yaml", f"name: {'x' * 121}\n", 1, "120"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_refuses_the_import(case: str) -> None:
    path, data, line, words = BROKEN[case]
    fault = one_fault({path: data})
    assert fault.pointer == f"{path}:{line}"
    assert words in fault.message


def test_an_alias_bomb_is_refused_unread() -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"k{n}: &k{n} [*a, *a]\n" for n in range(30))
    found = faults({"topics/a.yaml": bomb})
    assert all(fault.pointer.startswith("topics/a.yaml:") for fault in found)


def test_all_faults_come_at_once_in_order() -> None:
    found = faults(
        {
            "topics/a.yaml": "name: 1\nenabled: maybe\n",
            "functions/f.py": "def f(",
            "odd.bin": b"\xff",
            "config/handoffs.yaml": "handoffs:\n- {name: A, sip_config: {method: fly}}\n- {}\n",
        }
    )
    assert [fault.pointer for fault in found] == [
        "config/handoffs.yaml:2",
        "config/handoffs.yaml:3",
        "functions/f.py:1",
        "odd.bin:1",
        "topics/a.yaml:1",
        "topics/a.yaml:2",
    ]


def test_deep_python_is_refused_not_fatal() -> None:
    assert one_fault({"functions/f.py": "x = " + "(" * 5000 + ")" * 5000}).code == "invalid_python"


def test_too_much_to_keep_is_refused() -> None:
    large = {f"context/N{n}.md": "x" * 200_000 for n in range(4)}
    assert one_fault(large).code == "too_large"


def read_or_refuse(files: Mapping[str, bytes]) -> Imported | Invalid:
    try:
        return read_project(files)
    except Invalid as refused:
        return refused


@given(st.sampled_from(sorted(LIGHTHOUSE)), st.integers(0, 400), st.binary(max_size=6))
def test_any_damage_is_read_or_refused(path: str, at: int, damage: bytes) -> None:
    data = LIGHTHOUSE[path].encode()
    files = folder({path: data[:at] + damage + data[at + 2 :]})
    made = read_or_refuse(files)
    if isinstance(made, Invalid):
        assert made.code == "import_refused"
        assert all(fault.pointer.rpartition(":")[2].isdecimal() for fault in made.errors)
    else:
        assert {row.path for row in made.report} == set(files)


def test_the_fixture_itself_is_sound_python() -> None:
    for path, text in LIGHTHOUSE.items():
        if path.endswith(".py") and not path.startswith("_gen"):
            ast.parse(text)
