"""What topics do besides answering: messages with consent, hand-offs, stop phrases, functions."""

from __future__ import annotations

import pytest

from greenroom.runtime.program import compile_program
from tests.support.agents import LATE, changed, hotel, kinds, kinds_after, talk, without


def test_a_text_message_is_sent_only_after_a_yes() -> None:
    call = talk(hotel("v3"), "voice", caller="+441632960555")
    call.say(LATE)
    assert kinds(call) == ["topic_cited", "said", "said", "sms_offered"]
    assert call.effects("sms_offered")[0]["sms"] == "late-check-out"
    assert call.last.trace["actions"][0]["outcome"] == "offered"
    call.say("Yes, that would be lovely, thanks")
    assert kinds(call) == ["sms_sent", "said"]
    assert call.effects("sms_sent") == [
        {
            "type": "sms_sent",
            "sms": "late-check-out",
            "name": "Late check-out link",
            "text": "Your late check-out at the Larkspur Quay (until 2 pm, £20): https://larkspur.example/late",
            "to": "+441632960555",
            "sender": "+441632960999",
            "delivery": "recorded",
        }
    ]
    assert call.last.trace["actions"][0]["consent"] == "yes"
    assert call.last.state["pending"] is None
    assert "sms_sent" not in kinds_after(call, "yes")


def test_the_sender_follows_the_environment() -> None:
    call = talk(hotel("v3"), "voice", environment="sandbox", caller="+44")
    call.say(LATE)
    call.say("yes")
    assert call.effects("sms_sent")[0]["sender"] == "Larkspur"


@pytest.mark.parametrize("text", ["no", "No thanks.", "nah, not now", "never mind", "nein danke", "non merci"])
def test_a_no_is_kept(text: str) -> None:
    conversation = talk(hotel("v3"))
    conversation.say(LATE)
    assert kinds_after(conversation, text) == ["sms_declined", "said"]
    assert conversation.last.trace["actions"][0]["outcome"] == "declined"
    assert "sms_sent" not in kinds_after(conversation, "yes")


@pytest.mark.parametrize("text", ["yes", "Yeah sure", "ok", "please do!", "go ahead", "sí, por favor", "oui", "ja"])
def test_a_yes_is_understood(text: str) -> None:
    conversation = talk(hotel("v3"))
    conversation.say(LATE)
    assert "sms_sent" in kinds_after(conversation, text)


@pytest.mark.parametrize(
    "text", ["yes but don't text me", "yes no", "maybe", "okay, what about parking?", "don't you have a car park"]
)
def test_what_is_not_clearly_a_yes_sends_nothing(text: str) -> None:
    conversation = talk(hotel("v3"))
    conversation.say(LATE)
    assert "sms_sent" not in kinds_after(conversation, text)


def test_another_question_lets_the_offer_lapse() -> None:
    conversation = talk(hotel("v3"))
    conversation.say(LATE)
    conversation.say("Where can we park?")
    assert conversation.last.trace["topic"] == "parking"
    assert conversation.last.trace["actions"] == [
        {
            "topic": "late-check-out",
            "action": "offer-link",
            "type": "sms",
            "target": "late-check-out",
            "outcome": "lapsed",
        }
    ]
    assert "sms_sent" not in kinds_after(conversation, "yes")


def test_yes_and_a_question_are_both_answered() -> None:
    conversation = talk(hotel("v3"))
    conversation.say(LATE)
    conversation.say("Yes please, and where can we park?")
    assert kinds(conversation) == ["sms_sent", "said", "topic_cited", "said"]
    assert "car park" in conversation.last.said


def test_an_unclear_answer_is_asked_again_once() -> None:
    conversation = talk(hotel("v3"))
    conversation.say(LATE)
    again = conversation.say("hmm what")
    assert again.trace["decision"] == "offer_repeated"
    assert again.said.endswith("Shall I text you a link to book it?")
    assert conversation.say("hmm what").trace["actions"][0]["outcome"] == "lapsed"


def test_a_message_that_needs_no_consent_is_sent_at_once_where_its_condition_holds() -> None:
    question = "Is there a bus from the station?"
    call = talk(hotel("v3"), "voice", caller="+441632960555")
    call.say(question)
    assert "sms_sent" in kinds(call)
    assert call.effects("sms_sent")[0]["text"].startswith("the Larkspur Quay, 4 Rope Walk, Whitby.")
    chat = talk(hotel("v3"))
    chat.say(question)
    assert "sms_sent" not in kinds(chat)
    assert chat.last.trace["actions"][0]["outcome"] == "condition_false"


def test_a_group_is_handed_off_with_sip_headers() -> None:
    call = talk(
        hotel("v3"), "voice", variant="garden", variables={"booking_reference": "AB12\r\nX-Evil: 1", "nights": "3"}
    )
    call.say("Do you have group rates?")
    assert kinds(call) == ["topic_cited", "said", "said", "handed_off", "ended"]
    assert call.last.said == (
        "From eight rooms on you get our group rate. Our reservations team can do that. I'm connecting you now."
    )
    handed = call.effects("handed_off")[0]
    assert handed["destination"] == {"type": "sip", "value": "sip:reservations@larkspur.example"}
    assert handed["method"] == "invite"
    assert handed["sip_headers"] == [
        {"name": "X-Hotel", "value": "the Larkspur Garden"},
        {"name": "X-Booking", "value": "AB12 X-Evil: 1"},
        {"name": "X-Nights", "value": "3"},
    ]
    assert (call.last.ended, call.last.ended_by) == (True, "handoff")
    assert call.last.state["handed_off"] == "reservations"
    after = call.say("hello?")
    assert (after.effects, after.trace["decision"]) == ((), "ended")


@pytest.mark.parametrize(
    "text",
    [
        "Can I speak to a person?",
        "operator",
        "I want to talk to a real human please",
        "put me through to reception",
        "could you connect me with somebody",
        "agent please",
    ],
)
def test_who_asks_for_a_person_gets_the_default_hand_off(text: str) -> None:
    call = talk(hotel("v3"), "voice")
    call.say(text)
    assert call.effects("handed_off")[0]["handoff"] == "front-desk"
    assert call.effects("handed_off")[0]["destination"]["value"] == "+441632960101"
    assert "put you through to the front desk" in call.last.said


def test_nobody_to_hand_off_to_is_said() -> None:
    conversation = talk(without(without(hotel("v3"), "handoff/front-desk"), "handoff/reservations"))
    assert conversation.say("operator").said == "I'm sorry, there is nobody I can connect you with here."


def test_fallbacks_in_a_row_offer_the_default_hand_off() -> None:
    conversation = talk(hotel("v3"))
    first = conversation.say("blorp")
    assert first.said == "I'm sorry, I didn't quite catch that. Could you put it another way?"
    assert kinds(conversation) == ["fallback", "said"]
    second = conversation.say("gnarf")
    assert kinds(conversation) == ["fallback", "said", "said", "handoff_offered"]
    assert second.said.endswith("Would you like me to connect you with the front desk?")
    declined = talk(hotel("v3"))
    declined.steps = list(conversation.steps)
    assert declined.say("no thank you").said == "All right. What else can I help you with?"
    conversation.say("yes please")
    assert conversation.effects("handed_off")[0]["handoff"] == "front-desk"


def test_an_answer_in_between_starts_the_count_again() -> None:
    conversation = talk(hotel("v3"))
    conversation.say("blorp")
    conversation.say("Where can I park?")
    conversation.say("gnarf")
    assert kinds(conversation) == ["fallback", "said"]


def test_a_function_is_called_and_its_answer_said() -> None:
    conversation = talk(hotel("v3"), variables={"booking_reference": "AB12CD"})
    answer = {"result": "It is on its way.", "effects": [], "prints": ["found"], "ms": 2.5}
    assert conversation.say("Can I have an invoice?", answers=[answer]).said.endswith("It is on its way.")
    called = conversation.effects("function_called")[0]
    assert (called["function"], called["prints"], called["ms"]) == ("find_invoice", ["found"], 2.5)
    asked = conversation.last.asks[0]
    assert asked["to"] == "function"
    assert asked["facts"]["conv"]["state"]["booking_reference"] == "AB12CD"
    assert talk(hotel("v3")).say("Can I have an invoice?").trace["actions"][0]["outcome"] == "condition_false"


def test_a_function_that_fails_is_noted_and_not_answered_for() -> None:
    conversation = talk(hotel("v3"), variables={"booking_reference": "AB12CD"})
    conversation.say("Can I have an invoice?", answers=[{"error": {"code": "timeout", "message": "took 5 s"}, "ms": 1}])
    assert conversation.effects("function_called")[0]["error"]["code"] == "timeout"
    assert conversation.last.trace["actions"][0]["outcome"] == "failed"


def test_a_hand_off_or_message_that_is_gone_is_noted_not_fatal() -> None:
    agent = without(without(hotel("v3"), "handoff/reservations"), "sms/late-check-out")
    conversation = talk(agent)
    assert conversation.say("Do you have group rates?").trace["actions"][0]["outcome"] == "missing_target"
    offered = talk(hotel("v3"))
    offered.say(LATE)
    offered.program = compile_program(agent)
    taken = offered.say("yes")
    assert taken.trace["actions"][0]["outcome"] == "missing_target"
    assert "sms_sent" not in kinds(offered)


def test_a_stop_phrase_hands_off_instead_of_being_said() -> None:
    agent = changed(hotel("v3"), "topic/wifi", content="Sorry, I am not able to help with that.")
    call = talk(agent, "voice")
    taken = call.say("What is the wifi password?")
    assert taken.said == "I'll put you through to the front desk. One moment, please."
    assert taken.trace["stop_phrases"] == [
        {"control": "speech", "id": "cannot-help", "found": "I am not able to help with that", "action": "handoff"}
    ]
    assert call.effects("handed_off")[0]["reason"] == "stop phrase cannot-help"


@pytest.mark.parametrize(
    "say_phrase, said", [(True, "Have a lovely day."), (False, "Thank you for calling the Larkspur Quay. Goodbye!")]
)
def test_a_stop_phrase_ends_the_conversation(say_phrase: bool, said: str) -> None:
    phrase = {
        "id": "bye",
        "patterns": ["(?i)lovely day"],
        "say_phrase": say_phrase,
        "action": "end",
        "function": "find_invoice",
    }
    agent = changed(hotel("v3"), "response_control/speech", stop_phrases=[phrase])
    agent = changed(agent, "topic/wifi", content="Have a lovely day.")
    conversation = talk(agent)
    taken = conversation.say("What is the wifi password?")
    assert (taken.said, taken.ended_by) == (said, "agent")
    assert conversation.effects("function_called")[0]["because"] == "stop phrase bye"


def test_an_answer_that_leaves_nothing_open_asks_for_more() -> None:
    asking = changed(hotel("v3"), "settings/default", end_of_call={"ask_again": "Anything else?"})
    chat = talk(asking)
    assert chat.say("Can I bring my dog?").said.endswith("Anything else?")
    assert chat.last.effects[-1] == {"type": "said", "text": "Anything else?", "part": "ask_again"}
    for text in (LATE, "no thanks", "thank you", "Who won the football match yesterday?"):
        assert "Anything else?" not in chat.say(text).said, text
    assert "Anything else?" not in chat.say("Do you have group rates?").said, "it is handed off"


WAYS_ASIDE: dict[str, tuple[str, dict[str, object], str]] = {
    "a guardrail": (
        "guardrail/palace",
        {"patterns": ["palace"], "message": "Not that. Shall we go on?"},
        "The palace?",
    ),
    "a workflow": (
        "workflow/boat",
        {
            "trigger": {"phrases": ["I want a boat"]},
            "start": "a",
            "steps": [{"id": "a", "type": "say", "text": "Noted. Is that right?"}],
        },
        "I want a boat",
    ),
}


@pytest.mark.parametrize("way", WAYS_ASIDE)
def test_a_yes_to_something_else_is_no_consent(way: str) -> None:
    address, body, text = WAYS_ASIDE[way]
    conversation = talk(changed(hotel("v3"), address, body))
    conversation.say(LATE)
    conversation.say(text)
    assert conversation.last.state["pending"] is None
    assert conversation.last.trace["actions"][-1]["outcome"] == "lapsed"
    assert "sms_sent" not in kinds_after(conversation, "yes")


def test_a_yes_to_a_workflows_question_is_no_consent_to_an_offer_before_it() -> None:
    actions = [
        {"id": "a", "type": "sms", "target": "late-check-out", "message": "Shall I text you?"},
        {"id": "b", "type": "workflow", "target": "request-early-check-in"},
    ]
    conversation = talk(changed(hotel("v3"), "topic/late-check-out", actions=actions))
    conversation.say(LATE)
    for text in ("yes", "Ada Lovelace", "yes", "yes"):
        assert "sms_sent" not in kinds_after(conversation, text), text


def test_the_same_offer_twice_is_still_open() -> None:
    conversation = talk(hotel("v3"))
    conversation.say(LATE)
    conversation.say(LATE)
    assert "sms_sent" in kinds_after(conversation, "yes")


def test_an_offer_that_was_never_heard_cannot_be_agreed_to() -> None:
    silent = changed(hotel("v3"), "guardrail/fee", {"patterns": ["2 pm"], "message": "Ask the desk, please."})
    conversation = talk(silent)
    assert conversation.say(LATE).said == "Ask the desk, please."
    assert conversation.effects("sms_offered") == []
    assert "sms_sent" not in kinds_after(conversation, "yes")


def test_what_was_asked_is_asked_again_after_a_silence() -> None:
    conversation = talk(hotel("v3"))
    conversation.say(LATE)
    assert conversation.say("", "silence").said.endswith("Shall I text you a link to book it?")
    assert "sms_sent" in kinds_after(conversation, "yes")
    step = {"id": "a", "type": "ask", "text": "Shall I book it?"}
    asking = changed(hotel("v3"), "workflow/boat", {"trigger": {"phrases": ["a boat"]}, "start": "a", "steps": [step]})
    conversation = talk(asking)
    conversation.say("a boat")
    assert conversation.say("", "silence").said.endswith("Shall I book it?")
