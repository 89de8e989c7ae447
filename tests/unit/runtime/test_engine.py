"""A hotel's conversations, judged by effects and traces."""

from __future__ import annotations

import json
from typing import Any

import pytest

from greenroom.domain.entities import Address
from greenroom.runtime.engine import Context, Heard, recorded, start, step
from greenroom.runtime.program import compile_program
from tests.support.agents import LATE, Talk, changed, entities, hotel, kinds, talk


def test_the_story_of_three_versions() -> None:
    texts = {}
    for version in ("v1", "v2", "v3"):
        conversation = talk(hotel(version))
        assert conversation.last.said == "Welcome to the Larkspur Quay, this is Robin. How can I help?"
        texts[version] = (conversation.say(LATE).said, conversation.say("Do you allow dogs?").said)
    assert "until 1 pm for £20" in texts["v1"][0]
    assert "until 2 pm for £20" in texts["v2"][0]
    assert texts["v3"][0] == texts["v2"][0] + " Shall I text you a link to book it?"
    assert [("£12" in pets, "at most two" in pets) for _, pets in texts.values()] == [
        (False, False),
        (True, False),
        (True, True),
    ]


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_the_demo_agent_passes_its_own_cases(version: str) -> None:
    cases = hotel(version)[Address("test_set", "smoke")]["cases"]
    for case in cases:
        conversation = talk(hotel(version), case.get("channel", "chat"), **case.get("mocks", {}))
        for turn in case["turns"]:
            taken = conversation.say(turn["say"])
            for key, wanted in turn["expect"].items():
                assert _meets(conversation, key, wanted), (case["id"], turn["say"], key, taken.said)


def _meets(conversation: Talk, key: str, wanted: Any) -> bool:
    def named(kind: str, field: str) -> list[Any]:
        return [effect[field] for effect in conversation.effects(kind)]

    return {
        "contains": lambda: wanted in conversation.last.said,
        "topic": lambda: conversation.last.trace["topic"] == wanted,
        "handed_off": lambda: wanted in named("handed_off", "handoff"),
        "sms_offered": lambda: wanted in named("sms_offered", "sms"),
        "sms_sent": lambda: wanted in named("sms_sent", "sms"),
        "sms_not_sent": lambda: wanted not in named("sms_sent", "sms"),
        "ended": lambda: conversation.last.ended is wanted,
    }[key]()


def test_a_call_hears_plain_text_with_pronunciations_and_the_voices_parameters() -> None:
    call = talk(hotel("v3"), "voice", caller="+441632960555")
    assert call.last.speech == {
        "language": "en-GB",
        "voice": "reception",
        "provider": "elevenlabs",
        "voice_id": "larkspur-robin",
        "model": "eleven_flash_v2_5",
        "style_prompt": "Calm and friendly, never hurried.",
        "stability": 0.8,
        "similarity": 0.75,
        "speed": 1,
    }
    assert call.last.trace["keyphrases"] == [
        {"phrase": "late check-out", "level": "boosted"},
        {"phrase": "Larkspur", "level": "maximum"},
    ]
    call.say(LATE)
    spoken = call.effects("said")[0]
    assert "until 2 pm for £20" in spoken["text"]
    assert "until 2 P M for 20 pounds" in spoken["speech"]
    assert [used["id"] for used in call.last.trace["pronunciations"]] == ["p1", "p3"]
    call.say("what's the wifi password")
    assert "network Larkspur Guest" in call.last.said
    assert "why-fie" in call.effects("said")[0]["speech"]
    call.say("when does the pool open")
    assert call.last.said.endswith("by appointment. towels are at the pool")

    chat = talk(hotel("v3"))
    assert chat.last.speech is None
    assert "**Larkspur Guest**" in chat.say("what's the wifi password").said
    assert "speech" not in chat.effects("said")[0]
    assert "\n- massages from £45" in chat.say("when does the pool open").said
    message = talk(hotel("v3"), "whatsapp").say("what's the wifi password")
    assert "network Larkspur Guest and" in message.said


def test_what_was_misheard_is_corrected_and_both_are_in_the_trace() -> None:
    call = talk(hotel("v3"), "voice")
    call.say("what is the Wifey password")
    assert call.last.trace["heard"] == {
        "raw": "what is the Wifey password",
        "text": "what is the wifi password",
        "corrections": [{"control": "speech", "id": "misheard", "count": 1}],
    }
    assert call.last.trace["topic"] == "wifi"


@pytest.mark.parametrize(
    "text",
    ["Who won the football world cup in 1998?", "Write me a poem about submarines", "convert 30 miles into kilometres"],
)
def test_what_is_not_about_the_stay_is_refused(text: str) -> None:
    conversation = talk(hotel("v3"))
    refused = conversation.say(text)
    assert refused.said == "I'm afraid I can only help with your stay at the hotel."
    assert "out_of_scope" in kinds(conversation)
    assert (refused.trace["in_scope"], refused.trace["topic"]) == (False, None)
    assert 0 < refused.trace["threshold"] < 1


def test_small_talk_is_short() -> None:
    conversation = talk(hotel("v3"))
    assert conversation.say("hello").said == "Hello! How can I help you?"
    assert conversation.say("thanks a lot").said.startswith("You're welcome.")
    bye = conversation.say("ok thanks, bye")
    assert bye.said == "Thank you for calling the Larkspur Quay. Goodbye!"
    assert (bye.ended, bye.ended_by) == (True, "caller")


def test_silence_is_borne_a_while() -> None:
    call = talk(hotel("v3"), "voice")
    assert call.say("", event="silence").said == "Are you still there? Take your time."
    assert call.say("").trace["decision"] == "silence"
    last = call.say("", event="silence")
    assert (last.ended_by, last.said) == ("silence", "Thank you for calling the Larkspur Quay. Goodbye!")
    hung_up = talk(hotel("v3"), "voice").say("", event="hang_up")
    assert (hung_up.ended_by, hung_up.said) == ("caller", "")


def test_variables_given_at_the_start_are_typed_and_known_to_conditions() -> None:
    given = {"nights": "5", "member": "yes", "guest_name": "Ada Lovelace", "table": 4, "booking_reference": 7.5}
    conversation = talk(hotel("v3"), variables={**given, "member": "perhaps"})
    assert conversation.last.state["vars"] == {
        "nights": 5,
        "guest_name": "Ada Lovelace",
        "table": 4,
        "booking_reference": "7.5",
    }
    assert [effect["variable"] for effect in conversation.effects("variable_set")] == [
        "nights",
        "guest_name",
        "table",
        "booking_reference",
    ]
    problems = " ".join(conversation.last.trace["problems"])
    assert "'member' is not a boolean" in problems
    assert "no variable 'table'" in problems
    assert {"key": "vars.nights", "before": None, "after": 5} in conversation.last.trace["changes"]
    early = "Can I check in early?"
    assert conversation.say(early).trace["actions"][0]["outcome"] == "started"
    assert conversation.effects("workflow_started")[0]["workflow"] == "request-early-check-in"
    none = talk(hotel("v3"), variables={"nights": 0})
    assert none.say(early).trace["actions"][0]["outcome"] == "condition_false"


def test_personal_values_are_masked_in_what_is_kept() -> None:
    agent = changed(hotel("v3"), "topic/wifi", content="Dear {{variable.guest_name}}, it is free.")
    conversation = talk(agent, variables={"guest_name": "Ada Lovelace"})
    kept = recorded(conversation.program, conversation.last)
    assert "Ada" not in json.dumps([kept.effects, kept.trace])
    taken = conversation.say("I'm Ada Lovelace, what is the wifi password?")
    assert taken.said == "Dear Ada Lovelace, it is free."
    kept = recorded(conversation.program, taken)
    assert kept.said == "Dear •••, it is free."
    assert "Ada" not in json.dumps([kept.heard, kept.effects, kept.trace])


def test_a_topic_can_be_switched_off_in_one_environment() -> None:
    agent = changed(hotel("v3"), "topic/pet-policy", enabled_in={"live": False, "sandbox": True})
    program = compile_program(agent)
    asked = "Can I bring my dog?"
    assert talk(program).say(asked).trace["topic"] != "pet-policy"
    assert talk(program, environment="sandbox").say(asked).trace["topic"] == "pet-policy"
    off = changed(hotel("v3"), "topic/pet-policy", enabled=False, enabled_in={"sandbox": True})
    assert talk(off).say(asked).trace["topic"] != "pet-policy"
    assert talk(off, environment="sandbox").say(asked).trace["topic"] == "pet-policy"


def test_the_site_fills_the_texts() -> None:
    assert "courtyard has 12" in talk(hotel("v3"), variant="garden").say("Where can I park?").said
    assert "courtyard has 12" in talk(hotel("v3"), variant="Larkspur Garden").say("Where can I park?").said
    unknown = talk(hotel("v3"), variant="castle")
    assert "no site 'castle'" in unknown.last.trace["problems"][0]
    assert "40 spaces" in unknown.say("Where can I park?").said


def test_no_placeholder_ever_leaks() -> None:
    content = (
        "A{{component.no}}B {{variable.guest_name}} {{variable.no}} {{variant.no}} {{secret.KEY}} {{fn:x}} "
        "{{handoff.front-desk}} {{function.find_invoice}} {{sms.booking-link}} {{topic.wifi}} {{ {{x}} }} end"
    )
    agent = changed(hotel("v3"), "topic/wifi", content=content)
    conversation = talk(agent, variables={"guest_name": "{{component.hotel-name}}"})
    said = conversation.say("What is the wifi password?").said
    assert said.startswith("AB component.hotel-name the front desk Find invoice Booking link Wi-Fi")
    assert said.endswith("end")
    assert "{" not in said
    assert "}" not in said
    assert any("component.no" in problem for problem in conversation.last.trace["problems"])


def test_components_take_parameters() -> None:
    agent = changed(
        hotel("v3"),
        "component/desk",
        {"text": "Ask {team} on {desk_number}, {{component.address}}. {other}", "parameters": ["team", "desk_number"]},
    )
    agent = changed(agent, "topic/wifi", content='{{component.desk team="the bar"}}')
    assert talk(agent).say("What is the wifi password?").said == (
        "Ask the bar on +441632960101, 4 Rope Walk, Whitby. {other}"
    )


def test_a_hard_rule_takes_a_forbidden_sentence_out() -> None:
    agent = changed(hotel("v3"), "topic/wifi", content="It is free. Speed is **guaranteed**. Ask the desk.")
    conversation = talk(agent)
    taken = conversation.say("What is the wifi password?")
    assert taken.said == "It is free. Ask the desk."
    assert taken.trace["forbidden"] == [{"rule": "no-promises", "phrase": "guaranteed"}]
    assert "rule_enforced" in kinds(conversation)
    only = changed(hotel("v3"), "topic/wifi", content="You get a full refund.")
    assert talk(only).say("What is the wifi password?").said.startswith("I'm sorry, I didn't quite catch")
    soft = changed(agent, "rule/no-promises", severity="soft")
    assert "guaranteed" in talk(soft).say("What is the wifi password?").said


def test_rules_are_chosen_by_their_conditions() -> None:
    def chosen(channel: str) -> list[tuple[str, str]]:
        taken = talk(hotel("v3"), channel).say("When is breakfast?")
        return [(rule["rule"], rule["severity"]) for rule in taken.trace["rules"]]

    assert chosen("chat") == [("be-brief", "soft"), ("no-promises", "hard")]
    assert chosen("voice") == [("be-brief", "soft"), ("no-card-numbers", "hard"), ("no-promises", "hard")]
    broken = talk(changed(hotel("v3"), "rule/be-brief", applies_when="vars.unknown == 1"))
    assert "rule/be-brief" in broken.say("When is breakfast?").trace["problems"][0]


def test_a_reply_keeps_to_its_longest_length() -> None:
    agent = changed(hotel("v3"), "response_control/speech", max_length=70)
    taken = talk(agent).say("Where can I park?")
    assert taken.said == "Yes, the car park behind the hotel has 40 spaces."
    assert taken.trace["shortened"] is True


def test_a_topic_for_models_only_falls_back() -> None:
    agent = changed(
        hotel("v3"),
        "topic/wifi",
        content="",
        instructions="Call {{function.find_invoice}}, then {{handoff.front-desk}} and {{sms.booking-link}}.",
    )
    conversation = talk(agent)
    conversation.say("What is the wifi password?")
    assert kinds(conversation) == ["topic_cited", "fallback", "said"]


CHANGES: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("agent/main", {"greeting": "Hello from Robin."}, "", "greets", "Hello from Robin."),
    ("topic/wifi", {"content": "The password is pebble."}, "What is the wifi password?", "says", "pebble"),
    ("handoff/front-desk", {"message": "Here is Jo."}, "operator", "says", "Here is Jo."),
    ("sms/directions", {"text": "Turn left."}, "Is there a bus from the station?", "texts", "Turn left."),
    ("voice/reception", {"stability": 0.1}, "", "speaks", '"stability": 0.1'),
    ("rule/be-brief", {"severity": "hard"}, "When is breakfast?", "traces", '"rule": "be-brief", "severity": "hard"'),
    ("variable/nights", {"default": 0}, "Can I check in early?", "traces", "condition_false"),
    ("component/address", {"text": "the moon"}, "Is there a bus from the station?", "says", "the moon"),
    ("settings/default", {"out_of_scope": "Not here."}, "Who won the football world cup?", "says", "Not here."),
    ("response_control/speech", {"max_length": 12}, "When is breakfast?", "says", "Breakfast…"),
    (
        "variant/default",
        {"rows": [{"id": "quay", "name": "Q", "default": True, "values": {"car_park": "we have one space"}}]},
        "Where can I park?",
        "says",
        "one space",
    ),
]


@pytest.mark.parametrize("address, fields, question, where, expected", CHANGES, ids=[each[0] for each in CHANGES])
def test_one_changed_entity_changes_what_the_caller_gets(
    address: str, fields: dict[str, Any], question: str, where: str, expected: str
) -> None:
    def heard(agent: Any) -> str:
        call = talk(agent, "voice", caller="+441632960555")
        if question:
            call.say(question)
        return {
            "greets": lambda: call.steps[0].said,
            "says": lambda: call.last.said,
            "texts": lambda: call.effects("sms_sent")[0]["text"],
            "speaks": lambda: json.dumps(call.last.speech),
            "traces": lambda: json.dumps([call.last.trace["rules"], call.last.trace["actions"]]),
        }[where]()

    assert expected not in heard(hotel("v3"))
    assert expected in heard(changed(hotel("v3"), address, **fields))


SPANISH = {
    "agent/main": {"greeting": "Hola, soy Sol."},
    "settings/default": {"default_language": "es-ES", "fallback": "Perdón, ¿puede repetirlo?"},
    "sms/enlace": {"text": "https://x.example"},
    "topic/desayuno": {
        "sample_questions": ["¿A qué hora es el desayuno?", "¿Hay desayuno?", "¿Cuándo puedo desayunar?"],
        "content": "El desayuno es de 7 a 10. ¡Le esperamos!",
        "actions": [{"id": "a", "type": "sms", "target": "enlace"}],
    },
    "topic/aparcar": {
        "sample_questions": ["¿Dónde puedo aparcar?", "¿Hay aparcamiento?", "¿Cuánto cuesta el parking?"],
        "content": "Detrás del hotel.",
    },
}


def test_another_language_works_without_english() -> None:
    conversation = talk(entities(SPANISH))
    offer = conversation.say("a qué hora se puede desayunar")
    assert offer.said == "El desayuno es de 7 a 10. ¡Le esperamos! ¿Quiere que se lo envíe por mensaje de texto?"
    assert conversation.say("sí, claro").said == "Le he enviado el mensaje de texto."
    assert conversation.say("gracias, adiós").said == "Adiós."


@pytest.mark.parametrize(
    "text",
    [
        "チェックアウトは何時ですか",
        "متى موعد الإفطار؟",
        "🐶🏨❓",
        "\ud800 late",
        "a\0b",
        "x" * 100_000,
        "{{component.hotel-name}} {{secret.KEY}}",
        "yes " * 3_000,
        "   \t\n",
        "%s %d {0} \\1 $1",
        "ﷺ" * 500,
        "e\u0301" * 2_000,
    ],
)
def test_nothing_that_is_said_breaks_a_turn(text: str) -> None:
    for channel in ("voice", "chat"):
        conversation = talk(hotel("v3"), channel)
        conversation.say(text)
        conversation.say(LATE)
        conversation.say(text)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"turn": "x", "vars": [], "pending": 5, "misses": None, "ended_by": 0},
        {"pending": {}},
        {"pending": {"type": "sms"}},
        {"pending": {"type": "handoff", "target": 7, "repeats": "a"}},
        {"vars": {"nights": {"a": []}, "guest_name": None}, "variant": "gone", "topic": 3, "future": 1},
    ],
)
def test_a_damaged_state_breaks_no_turn(state: dict[str, Any]) -> None:
    program = compile_program(hotel("v3"))
    for text in ("yes", "Can I check in early?", "blorp"):
        taken = step(program, state, Heard(text), Context(environment="live"))
        assert taken.said
        json.dumps(taken.state)


def test_without_a_state_a_turn_begins_the_conversation() -> None:
    context = Context(environment="live", variant="garden", variables={"nights": 4})
    taken = step(compile_program(hotel("v3")), {}, Heard("Where can I park?"), context)
    assert "courtyard" in taken.said
    assert taken.state["vars"] == {"nights": 4}


def test_a_whole_conversation_replays_to_the_last_byte() -> None:
    said = [LATE, "yes please", "blorp", "Where can I park?", "do you take dogs", "gnarf", "thanks", "bye"]

    def run() -> str:
        program = compile_program(hotel("v3"))
        context = Context(environment="live", channel="voice", caller="+44", now="2026-11-21T10:00:00Z")
        begun = start(program, context)
        steps = [begun]
        for text in said:
            state = json.loads(json.dumps(steps[-1].state))
            steps.append(step(program, state, Heard(text), context))
        return json.dumps([[each.effects, each.state, each.trace, each.speech] for each in steps])

    assert run() == run()
