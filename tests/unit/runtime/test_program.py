"""A version compiled: what is in it, what is left out, and what publishing is told."""

from typing import Any

import pytest

from greenroom.domain.entities import Address, Body
from greenroom.domain.errors import Fault
from greenroom.kinds import KINDS
from greenroom.runtime.program import check_program, compile_program
from greenroom.runtime.rules import find_forbidden
from greenroom.runtime.texts import make_plain, shorten, split_sentences, strip_marks
from tests.support.agents import changed, entities, hotel, talk, without

VERSIONS = ("v1", "v2", "v3")


def codes(faults: tuple[Fault, ...]) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in faults]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_demo_agent_is_sound(version: str) -> None:
    agent = hotel(version)
    for address, body in agent.items():
        assert KINDS[address.kind].validate(body) == (), address
    assert check_program(agent) == ((), ())
    program = compile_program(agent)
    assert program.problems == ()
    assert len(program.topics) >= 12
    for address, body in agent.items():
        if address.kind == "topic":
            assert len(body["sample_questions"]) >= 5, address


def test_the_versions_differ_as_their_story_says() -> None:
    v1, v2, v3 = map(hotel, VERSIONS)

    def differing(a: dict[Address, Body], b: dict[Address, Body]) -> set[str]:
        return {str(address) for address in a.keys() | b.keys() if a.get(address) != b.get(address)}

    both = {"topic/late-check-out", "topic/pet-policy", "test_set/smoke"}
    assert differing(v1, v2) == both
    assert differing(v2, v3) == both | {"sms/late-check-out", "voice/reception"}
    voice = Address("voice", "reception")
    assert (v2[voice]["stability"], v3[voice]["stability"]) == (0.6, 0.8)


def test_a_version_without_anything_still_talks() -> None:
    assert check_program({})[0] == ()
    assert [fault.code for fault in check_program({})[1]] == ["no_agent"]
    conversation = talk({})
    assert conversation.last.said == "Hello! How can I help you?"
    assert conversation.say("Can I check out late?").said.startswith("Sorry, I did not get that.")


CASES: list[tuple[str, dict[str, Any], str, str, str]] = [
    (
        "topic/pet-policy",
        {"actions": [{"id": "a", "type": "handoff", "target": "front-desk", "condition": "turn.cuont > 1"}]},
        "error",
        "/topic/pet-policy/actions/0/condition",
        "invalid_condition",
    ),
    ("topic/wifi", {"content": ""}, "warning", "/topic/wifi", "empty_topic"),
    (
        "rule/be-brief",
        {"applies_when": "channel = 'voice'"},
        "error",
        "/rule/be-brief/applies_when",
        "invalid_condition",
    ),
    (
        "rule/be-brief",
        {"applies_when": "vars.mood == 'bad'"},
        "warning",
        "/rule/be-brief/applies_when",
        "unknown_variable",
    ),
    (
        "topic/wifi",
        {"content": "In {{variant.tower}}"},
        "error",
        "/topic/wifi/content",
        "unknown_attribute",
    ),
    (
        "topic/wifi",
        {"content": "Ask {{ the desk }}"},
        "warning",
        "/topic/wifi/content",
        "unknown_placeholder",
    ),
    (
        "topic/wifi",
        {"content": '{{component.address floor="2"}}'},
        "error",
        "/topic/wifi/content",
        "unknown_parameter",
    ),
    (
        "topic/wifi",
        {"content": '{{component.adress floor="2"}}'},
        "error",
        "/topic/wifi/content",
        "dangling_reference",
    ),
    (
        "component/address",
        {"text": "{{component.address}}"},
        "error",
        "/component/address/text",
        "component_cycle",
    ),
    (
        "component/address",
        {"text": "Floor {floor}"},
        "warning",
        "/component/address/text",
        "unknown_parameter",
    ),
    (
        "response_control/speech",
        {"pronunciations": [{"id": "p1", "pattern": "(a", "replacement": "b"}]},
        "error",
        "/response_control/speech/pronunciations/0/pattern",
        "invalid_pattern",
    ),
    (
        "response_control/speech",
        {"corrections": [{"id": "c", "patterns": [{"pattern": "(?=a)", "replacement": "b"}]}]},
        "warning",
        "/response_control/speech/corrections/0/patterns/0/pattern",
        "unsupported_pattern",
    ),
    (
        "response_control/speech",
        {"stop_phrases": [{"id": "s", "patterns": ["fine", "["]}]},
        "error",
        "/response_control/speech/stop_phrases/0/patterns/1",
        "invalid_pattern",
    ),
    (
        "workflow/request-early-check-in",
        {"steps": [{"id": "when", "type": "branch", "branches": [{"condition": "oh no", "next": "when"}]}]},
        "error",
        "/workflow/request-early-check-in/steps/0/branches/0/condition",
        "invalid_condition",
    ),
    (
        "handoff/reservations",
        {"default": True},
        "error",
        "/handoff/front-desk/default",
        "several_default_handoffs",
    ),
]


@pytest.mark.parametrize("address, fields, degree, pointer, code", CASES)
@pytest.mark.parametrize("whole", [True, False])
def test_faults_that_only_the_whole_shows(
    address: str, fields: dict[str, Any], degree: str, pointer: str, code: str, whole: bool
) -> None:
    agent = changed(hotel("v3"), address, **fields)
    only = None if whole else {Address(*address.split("/"))}
    errors, warnings = check_program(agent, only)
    assert (pointer, code) in codes(errors if degree == "error" else warnings)
    assert all(fault.message for fault in errors + warnings)
    # Whatever is wrong with it, it compiles and talks.
    talk(agent, "voice").say("What is the wifi password?")


def test_a_longer_ring_of_components_is_found_from_any_of_them() -> None:
    agent = entities(
        {
            "component/a": {"text": "{{component.b}}"},
            "component/b": {"text": "{{component.c}} {{component.d}}"},
            "component/c": {"text": "{{component.a}}"},
            "component/d": {"text": "fine"},
        }
    )
    errors, _ = check_program(agent, {Address("component", "b")})
    assert [fault.code for fault in errors] == ["component_cycle"]
    assert "component/b → component/c → component/a → component/b" in errors[0].message
    assert len(check_program(agent)[0]) == 3


def test_several_agents_need_a_main_one() -> None:
    agent = entities({"agent/sales": {}, "agent/service": {}})
    assert [fault.code for fault in check_program(agent)[0]] == ["no_main_agent"]
    assert check_program(changed(agent, "agent/main", {}))[0] == ()


def test_checking_changes_reads_only_what_they_need() -> None:
    read: list[Address] = []

    class Watched(dict[Address, Body]):
        def __getitem__(self, address: Address) -> Body:
            read.append(address)
            return super().__getitem__(address)

        def get(self, address: Address, default: Any = None) -> Any:
            read.append(address)
            return super().get(address, default)

    many = {Address("topic", f"t{n}"): {"schema": 1, "name": "T", "content": "x"} for n in range(1_000)}
    agent = Watched({**many, **hotel("v3")})
    only = {Address("topic", "wifi"), Address("topic", "parking"), Address("topic", "removed")}
    assert check_program(agent, only) == ((), ())
    assert {str(address) for address in read} == {"topic/wifi", "topic/parking", "variant/default"}


POISON: list[Any] = [
    None,
    0,
    "text",
    [],
    ["x", None, {"id": None}],
    {},
    {"a": {"b": []}},
    True,
    2**70,
    float("nan"),
    "\ud800",
    "{{" * 500,
    "{{component.a}}",
    "(",
    [[[]]],
    [{"id": "x", "type": "sms", "target": None, "condition": 5, "message": []}],
    [{"pattern": "(", "replacement": None}, {"patterns": [{"pattern": "a", "replacement": "\\9"}]}],
    [{"name": "X", "value": "a\r\nb"}],
]


@pytest.mark.parametrize("poison", POISON, ids=range(len(POISON)))
def test_poison_in_any_field_of_any_kind_breaks_no_turn(poison: Any) -> None:
    """One body at a time has each of its fields, then all, replaced by something that no kind allows."""
    agent: dict[Address, Body] = {Address(name, kind.singleton or "a"): kind.sample for name, kind in KINDS.items()}
    agent[Address("topic", "pool")] = {"sample_questions": ["Is there a pool?"], "content": "{{component.b}}"}
    agent[Address("component", "b")] = {"text": "{{component.a}}{{component.b}}"}
    for name, kind in KINDS.items():
        address = Address(name, kind.singleton or "a")
        bodies: list[Any] = [{**agent[address], key: poison} for key in kind.shape.fields]
        bodies += [dict.fromkeys(kind.shape.fields, poison), poison]
        for body in bodies:
            program = compile_program({**agent, address: body})
            conversation = talk(program, "voice", caller="+44", variables={"nights": 2})
            for text in ("Can I check out late?", "yes", "is there a pool"):
                conversation.say(text)


def test_hidden_work_is_bounded() -> None:
    bomb = {f"component/c{n}": {"text": f"{{{{component.c{n + 1}}}}}" * 50} for n in range(30)}
    agent = entities({**bomb, "topic/t": {"sample_questions": ["hello there"], "content": "{{component.c0}} end"}})
    assert len(talk(agent).say("hello there").said) <= 20_000


def test_sentences_join_to_the_text_again() -> None:
    for text in (
        "One. Two! Three? Four",
        "It is 2.30 pm. See larkspur.example/x. Bye",
        "**Bold.** Then\n\n- a\n- b\nEnd",
        "“Quoted.” Next… and so on.",
        "はい。そうです。終わり",
        "",
        "...",
        "no end\n",
        "a" * 5_000,
    ):
        assert "".join(split_sentences(text)) == text
    assert split_sentences("It costs 2.50. Yes! ok") == ("It costs 2.50. ", "Yes! ", "ok")


def test_markdown_is_made_plain_for_a_voice_and_loses_its_marks_in_messages() -> None:
    text = "# Pool\nOpen **daily**:\n\n- from *6:30*\n- [book](https://x.example) a `lane`\n\n2 * 3 * 4 and a_b_c"
    assert make_plain(text) == "Pool. Open daily: from 6:30. book a lane. 2 * 3 * 4 and a_b_c"
    assert strip_marks(text) == (
        "Pool\nOpen daily:\n\n- from 6:30\n- book (https://x.example) a lane\n\n2 * 3 * 4 and a_b_c"
    )


def test_a_text_is_shortened_to_whole_sentences_or_words() -> None:
    assert shorten("One. Two. Three.", 10) == "One. Two."
    assert shorten("Supercalifragilistic word", 24) == "Supercalifragilistic…"
    assert shorten("Unbreakable", 5) == "Unbr…"
    assert shorten("fits", 4) == "fits"
    assert all(len(shorten("Some words. And more of them", n)) <= n for n in range(1, 30))


def test_the_phrases_that_a_rule_forbids() -> None:
    assert find_forbidden('Never say "Guaranteed" or "full refund": a person decides.') == (
        "guaranteed",
        "full refund",
    )
    assert find_forbidden("Don't promise “free nights”. Say “welcome”.") == ("free nights",)
    assert find_forbidden('Say "hello" and be kind.') == ()


def test_two_compilations_are_equal_and_a_removed_entity_is_gone() -> None:
    agent = hotel("v3")
    one, two = (talk(compile_program(each)) for each in (agent, dict(reversed(agent.items()))))
    question = "are dogs welcome in the rooms?"
    assert one.say(question) == two.say(question)
    gone = talk(without(agent, "topic/pet-policy")).say(question)
    assert gone.trace["topic"] != "pet-policy"
