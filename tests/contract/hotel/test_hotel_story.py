"""The hotel's story, told through the API and read from its traces; every conversation is replayed from its record."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contract.hotel.guests import CALLER, PLACE, House, facts, open_hotel
from tests.support.agents import LATE
from tests.support.api import good

BOOKING = {"booking_reference": "LQ77AB"}


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_hotel() as opened:
        yield opened


async def test_late_check_out_in_a_chat_and_in_a_call(house: House) -> None:
    chat, call = await house.arrive(channel="chat"), await house.arrive(channel="voice", caller=CALLER)
    written, spoken = await chat.say(LATE), await call.say("Can I large check out?")
    assert written["trace"]["topic"] == spoken["trace"]["topic"] == "late-check-out"
    assert "until 2 pm for *£20*" in written["reply"]
    assert "**11 am**" in written["reply"]
    assert "*" not in spoken["reply"]
    said = " ".join(event["speech"] for event in facts(spoken, "said"))
    assert "until 2 P M for 20 pounds" in said
    assert spoken["trace"]["heard"]["corrections"]
    assert [each["id"] for each in spoken["trace"]["pronunciations"]] == ["p1", "p3"]
    assert spoken["trace"]["speech"]["voice"] == "reception"
    assert "speech" not in written["trace"]
    assert all("speech" not in event for event in facts(written, "said"))
    for guest in (chat, call):
        await guest.replay()


async def test_the_fee_is_that_of_the_guests_house(house: House) -> None:
    guest = await house.arrive(channel="chat", variant="garden")
    turn = await guest.say(LATE)
    assert "for *£15*" in turn["reply"]
    await guest.replay()


async def test_an_sms_is_sent_only_after_a_yes(house: House) -> None:
    refusing, agreeing = [await house.arrive(channel="voice", caller=CALLER) for _ in range(2)]
    for guest in (refusing, agreeing):
        turn = await guest.say(LATE)
        (offer,) = facts(turn, "sms_offered")
        assert offer["sms"] == "late-check-out"
        assert turn["trace"]["actions"][-1]["outcome"] == "offered"
        assert facts(turn, "sms_sent") == []
    refused = await refusing.say("No, thank you")
    assert [event["sms"] for event in facts(refused, "sms_declined")] == ["late-check-out"]
    assert refused["trace"]["actions"][-1] == {
        "topic": "late-check-out",
        "action": "offer-link",
        "type": "sms",
        "target": "late-check-out",
        "consent": "no",
        "outcome": "declined",
    }
    assert not any(facts(turn, "sms_sent") for turn in (await refusing.told())["transcript"])
    agreed = await agreeing.say("Yes, please")
    (sent,) = facts(agreed, "sms_sent")
    assert (sent["sms"], sent["sender"]) == ("late-check-out", "+441632960999")
    assert "until 2 pm, £20" in sent["text"]
    assert agreed["trace"]["actions"][-1]["outcome"] == "sent"
    for guest in (refusing, agreeing):
        await guest.replay()


async def test_the_pet_policy_is_answered_from_its_topic(house: House) -> None:
    guest = await house.arrive(channel="chat")
    turn = await guest.say("Can I bring my dog?")
    assert turn["trace"]["decision"] == "answer"
    assert [event["topic"] for event in facts(turn, "topic_cited")] == ["pet-policy"]
    assert turn["trace"]["topics"][0]["topic"] == "pet-policy"
    assert "£12 a night" in turn["reply"]
    await guest.replay()


async def test_a_room_is_booked_step_by_step_and_kept_in_a_table(house: House) -> None:
    guest = await house.arrive(channel="chat", variables=BOOKING)
    asked = await guest.say("I would like to book a room")
    assert [event["workflow"] for event in facts(asked, "workflow_started")] == ["book-room"]
    assert asked["reply"] == "For how many nights?"
    again = await guest.say("ninety")
    assert again["reply"] == "From one to fourteen nights, please."
    (refused,) = facts(again, "slot_refused")
    assert (refused["step"], refused["problem"], refused["count"]) == ("nights", "is above 14", 1)
    beside = await guest.say("Are pets allowed?")
    assert [event["topic"] for event in facts(beside, "digression")] == ["pet-policy"]
    assert beside["reply"].endswith("From one to fourteen nights, please.")
    assert (await guest.say("three nights"))["reply"] == "A double or a suite?"
    quoted = await guest.say("the suite, please")
    assert quoted["reply"] == "That is £630. Shall I book it?"
    (called,) = facts(quoted, "function_called")
    assert called["arguments"] == {"nights": 3, "room": "suite"}
    assert called["result"] == {"price": 630, "large": False}
    assert called["prints"] == ["quoted suite for 3"]
    booked = await guest.say("Yes please")
    assert booked["reply"] == "It is booked: 3 nights, suite."
    (used,) = facts(booked, "table_used")
    assert (used["table"], used["op"]) == ("bookings", "put")
    assert facts(booked, "workflow_ended")[0]["how"] == "done"
    assert booked["trace"]["workflow"] is None
    (row,) = good(await house.client.get(f"{PLACE}/tables/bookings/rows"))["items"]
    assert (row["key"], row["values"]["nights"], row["values"]["price"]) == ("LQ77AB", 3, 630)
    ran = good(await house.client.get(f"{PLACE}/executions"))["items"]
    assert {each["kind"] for each in ran} >= {"function"}
    steps = await guest.replay()
    assert steps[-1].state["vars"]["price"] == 630


async def test_nothing_is_booked_without_a_yes_and_large_sums_go_to_people(house: House) -> None:
    unsure, rich, vague = [await house.arrive(channel="chat", variables=BOOKING) for _ in range(3)]
    turn = await unsure.say("Can I reserve a room?", "two", "double", "no thanks")
    assert turn["reply"] == "Then nothing is booked."
    turn = await rich.say("Can I reserve a room?", "14", "suite")
    assert facts(turn, "handed_off")[0]["handoff"] == "reservations"
    turn = await vague.say("Can I reserve a room?", "a hundred", "two hundred")
    assert facts(turn, "slot_refused")[0]["count"] == 2
    assert facts(turn, "handed_off")[0]["handoff"] == "reservations"
    assert good(await house.client.get(f"{PLACE}/tables/bookings/rows"))["items"] == []
    for guest in (unsure, rich, vague):
        await guest.replay()


async def test_a_hand_off_takes_its_sip_headers_along(house: House) -> None:
    guest = await house.arrive(channel="voice", caller=CALLER, variant="garden", variables={"nights": 3, **BOOKING})
    turn = await guest.say("Do you have group rates?")
    (passed,) = facts(turn, "handed_off")
    assert passed["destination"] == {"type": "sip", "value": "sip:reservations@larkspur.example"}
    assert passed["method"] == "invite"
    headers = {header["name"]: header["value"] for header in passed["sip_headers"]}
    assert (headers["X-Hotel"], headers["X-Nights"]) == ("the Larkspur Garden", "3")
    assert "LQ77AB" not in str(await guest.told()), "a booking reference is personal"
    told = await guest.told()
    assert (told["ended"], told["ended_by"]) == (True, "handoff")
    steps = await guest.replay()
    (in_clear,) = [effect for effect in steps[-1].effects if effect["type"] == "handed_off"]
    assert {"name": "X-Booking", "value": "LQ77AB"} in in_clear["sip_headers"]


async def test_a_squad_passes_the_guest_on_with_what_is_known(house: House) -> None:
    guest = await house.arrive(channel="chat", variables={"nights": 4})
    before = await guest.say("Can I bring my dog?")
    assert before["trace"]["agent"] == "main"
    turn = await guest.say("Can I book a massage?")
    (moved,) = facts(turn, "agent_changed")
    assert (moved["before"], moved["agent"]) == ("main", "spa")
    assert turn["trace"]["agent"] == "spa"
    assert turn["reply"].startswith("I'll hand you to our spa.")
    assert "For your 4 nights" in turn["reply"]
    after = await guest.say("Can I bring my dog?")
    assert after["trace"]["agent"] == "spa"
    assert after["trace"]["topic"] is None, "the spa answers from its own topics only"
    await guest.replay()


async def test_what_is_not_its_business_is_declined(house: House) -> None:
    guest = await house.arrive(channel="chat")
    turn = await guest.say("Who won the football match yesterday evening?")
    assert (turn["trace"]["decision"], turn["trace"]["in_scope"]) == ("out_of_scope", False)
    assert turn["reply"] == "I'm afraid I can only help with your stay at the hotel."
    assert facts(turn, "topic_cited") == []
    await guest.replay()


async def test_a_guardrail_stops_what_may_not_be_heard(house: House) -> None:
    guest = await house.arrive(channel="chat")
    turn = await guest.say("Is the Grand Palace cheaper?")
    assert turn["reply"] == "I'd rather speak of our own house."
    (fired,) = turn["trace"]["guardrails"]
    assert (fired["guardrail"], fired["side"], fired["action"]) == ("rivals", "input", "block")
    assert facts(turn, "topic_cited") == []
    assert (await guest.say("Can I bring my dog?"))["trace"]["topic"] == "pet-policy"
    await guest.replay()


async def test_a_replay_lives_on_the_recorded_answers_alone(house: House) -> None:
    guest = await house.arrive(channel="chat", variables=BOOKING)
    await guest.say("I would like to book a room", "two", "double")
    steps = await guest.replay()
    assert [ask["to"] for ask in steps[-1].asks] == ["function"]
    assert "£240" in steps[-1].said
    with pytest.raises(AssertionError, match="£240"):
        await guest.replay(with_answers=False)
