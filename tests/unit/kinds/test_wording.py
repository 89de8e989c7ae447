"""Changes in plain words, and the tests that they call for."""

from typing import Any

import pytest

from greenroom.domain.body_diffs import diff_bodies
from greenroom.domain.changes import Change
from greenroom.domain.entities import Address
from greenroom.kinds import KINDS

TOPIC = {
    "schema": 1,
    "name": "Late check-out",
    "sample_questions": ["Can I check out late?"],
    "content": "Until noon.",
    "actions": [{"id": "offer", "type": "sms", "target": "late"}],
}


def edit(kind: str, before: dict[str, Any], after: dict[str, Any]) -> Change:
    fields = diff_bodies(before, after, KINDS[kind].shape)
    return Change(Address(kind, "x"), "edited", after["name"], fields, before, after)


def words(kind: str, before: dict[str, Any], after: dict[str, Any]) -> str:
    return KINDS[kind].describe_change(edit(kind, before, after))


CASES = [
    ("topic", TOPIC, {"content": "Until one."}, "Late check-out: text changed"),
    ("topic", TOPIC, {"content": None}, "Late check-out: text removed"),
    (
        "topic",
        TOPIC,
        {"sample_questions": ["Can I check out late?", "a", "b", "c"]},
        "Late check-out: 3 sample questions added",
    ),
    ("topic", TOPIC, {"sample_questions": ["a"]}, None),
    ("topic", TOPIC, {"sample_questions": None}, "Late check-out: sample question 'Can I check out late?' removed"),
    (
        "topic",
        {**TOPIC, "actions": []},
        {"actions": TOPIC["actions"]},
        "Late check-out: new SMS action 'offer'",
    ),
    ("topic", TOPIC, {"actions": None}, "Late check-out: SMS action 'offer' removed"),
    (
        "topic",
        TOPIC,
        {"actions": [{"id": "offer", "type": "sms", "target": "early"}]},
        "Late check-out: action 'offer' target 'late' → 'early'",
    ),
    ("topic", TOPIC, {"enabled": False}, "Late check-out: switched off"),
    ("topic", TOPIC, {"enabled_in": {"live": False}}, "Late check-out: switch for 'live' set to off"),
    ("topic", TOPIC, {"name": "Later"}, "Later: name 'Late check-out' → 'Later'"),
    ("voice", {"name": "Ava", "stability": 0.6}, {"stability": 0.8}, "voice stability 0.6 → 0.8"),
    ("voice", {"name": "Ava"}, {"speed": 1.25}, "voice speed set to 1.25"),
    ("handoff", {"name": "Desk"}, {"default": True}, "Desk: made the default"),
    (
        "handoff",
        {"name": "Desk", "destination": {"value": "+44 1"}},
        {"destination": {"value": "+44 2"}},
        "Desk: destination address '+44 1' → '+44 2'",
    ),
    ("settings", {"name": "S"}, {"fallback": "What?"}, "settings fallback text changed"),
    ("settings", {"name": "S", "fallback": "What?"}, {"fallback": None}, "settings fallback text back to the default"),
    ("settings", {"name": "S"}, {"silence": {"max_count": 2}}, "settings silence most times set to 2"),
    (
        "variant",
        {"name": "V", "rows": [{"id": "a", "name": "A", "values": {"street": "x"}}]},
        {"rows": [{"id": "a", "name": "A", "values": {"street": "y"}}]},
        "variants site 'a' value of 'street' changed",
    ),
    (
        "workflow",
        {"name": "W", "steps": [{"id": "a", "type": "say"}, {"id": "b", "type": "end"}]},
        {"steps": [{"id": "b", "type": "end"}, {"id": "a", "type": "say"}]},
        "W: order of steps changed",
    ),
]


@pytest.mark.parametrize("kind, before, edits, expected", CASES, ids=[str(case[3]) for case in CASES])
def test_an_edit_reads_as_a_sentence(
    kind: str, before: dict[str, Any], edits: dict[str, Any], expected: str | None
) -> None:
    after = {key: value for key, value in {**before, **edits}.items() if value is not None}
    said = words(kind, before, after)
    if expected is None:
        expected = "Late check-out: sample question 'a' added, sample question 'Can I check out late?' removed"
    assert said == expected


def test_entities_that_come_and_go_are_named() -> None:
    sms = KINDS["sms"]
    assert sms.describe_change(Change(Address("sms", "x"), "added", "Link")) == "new SMS 'Link'"
    assert sms.describe_change(Change(Address("sms", "x"), "removed", "Link")) == "SMS 'Link' removed"


def test_many_changes_are_cut_with_their_number() -> None:
    sample = dict(KINDS["agent"].sample)
    said = words("agent", {"name": sample["name"]}, sample)
    assert said.endswith("more changes")
    assert said.count(",") == 5


def test_a_new_text_is_tried_with_a_question_of_the_topic() -> None:
    tests = KINDS["topic"].tests_for(edit("topic", TOPIC, {**TOPIC, "content": "Until one."}))
    assert tests == ('Ask "Can I check out late?" in chat and in a call; the reply must give the new text.',)


def test_added_questions_are_asked_in_other_words() -> None:
    after = {**TOPIC, "sample_questions": ["Can I check out late?", "May I stay longer?"]}
    tests = KINDS["topic"].tests_for(edit("topic", TOPIC, after))
    assert tests[0] == "Ask \"May I stay longer?\" in other words; the topic 'Late check-out' must answer."


def test_an_sms_action_is_accepted_and_refused() -> None:
    (test,) = KINDS["topic"].tests_for(edit("topic", {**TOPIC, "actions": []}, TOPIC))
    assert "accept the SMS offer once and refuse it once; 'late' must arrive only when accepted" in test


def test_a_voice_is_listened_to() -> None:
    tests = KINDS["voice"].tests_for(edit("voice", {"name": "Ava"}, {"name": "Ava", "stability": 0.8}))
    assert tests[0].startswith("Make a test call with 'Ava' and listen")


def test_a_handoff_names_where_the_call_must_arrive() -> None:
    before = {"name": "Desk", "destination": {"value": "+44 1"}}
    after = {"name": "Desk", "destination": {"value": "+44 20 1234"}}
    (test,) = KINDS["handoff"].tests_for(edit("handoff", before, after))
    assert test == "Ask for a person in a call; the call reaches +44 20 1234 and is answered there."


def test_a_removed_topic_must_no_longer_answer() -> None:
    change = Change(Address("topic", "x"), "removed", "Late check-out", (), TOPIC, None)
    (test,) = KINDS["topic"].tests_for(change)
    assert test.startswith('Ask "Can I check out late?" in chat and in a call; the topic')


def test_a_change_that_no_test_was_written_for_still_asks_for_one() -> None:
    (test,) = KINDS["settings"].tests_for(edit("settings", {"name": "S"}, {"name": "T"}))
    assert test == "Have a conversation that settings 'T' takes part in."
