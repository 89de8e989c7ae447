"""R3: which notes are refused, and what becomes of the others."""

from __future__ import annotations

import pytest

from greenroom.domain.errors import Invalid, Refused
from greenroom.domain.notes import Note, check_note, is_vague

SUGGESTION = "Late check-out text changed"


@pytest.mark.parametrize(
    "note",
    [
        "",
        "   ",
        "updates",
        "Updates!!!",
        "fix",
        "  FIX.  ",
        "fixes",
        "changes",
        "wip",
        "W.I.P.",
        "test test test",
        "misc",
        "update",
        "minor changes",
        "Some minor fixes and updates",
        "bug fixes",
        "stuff",
        "small tweaks...",
        "new version",
        "version 12 release",
        "too short",
        "aaaaaaaaaaaaaaa",
        "..............",
        "checkout checkout checkout",
        "[HOTFIX]",
        "[HOTFIX] fix",
        "[HOTFIX][SEASONAL]   updates updates",
        "ｆｉｘｅｓ　ａｎｄ　ｃｈａｎｇｅｓ",
        "2026-11-20 14:00",
    ],
)
def test_vague_notes_are_refused_with_a_suggestion(note: str) -> None:
    with pytest.raises(Refused) as refused:
        check_note(note, SUGGESTION)
    wrong = refused.value
    assert wrong.code == "vague_note"
    assert wrong.extra == {"suggestion": SUGGESTION}
    assert [(fault.pointer, fault.hint) for fault in wrong.errors] == [("/note", SUGGESTION)]


@pytest.mark.parametrize(
    "note",
    [
        "Late check-out until 4 pm",
        "Fix refunds after 30 days",
        "Tests for the spa booking",
        "Initial version",
        "返金ルールを追加",
        "Ändere Öffnungszeiten",
    ],
)
def test_notes_that_say_something_pass(note: str) -> None:
    assert check_note(note, SUGGESTION) == Note(note)


def test_tags_at_the_head_are_taken_off() -> None:
    note = check_note("  [hotfix] [Seasonal][hotfix]  Late check-out [again]\n until 4 pm ", SUGGESTION, " Why. ")
    assert note == Note("Late check-out [again] until 4 pm", ("HOTFIX", "SEASONAL"), "Why.")


@pytest.mark.parametrize("head", ["[]", "[ ]", "[!]", "[" + "x" * 31 + "]", "[open"])
def test_what_is_no_tag_stays_in_the_text(head: str) -> None:
    assert check_note(f"{head} Late check-out", SUGGESTION).tags == ()


@pytest.mark.parametrize(
    "note,details,code,pointer",
    [
        ("x y " * 51, "", "note_too_long", "/note"),
        ("Late check-out", "x" * 5_001, "details_too_long", "/details"),
        ("[a][b][c][d][e][f] Late check-out", "", "too_many_tags", "/note"),
    ],
)
def test_limits_are_named(note: str, details: str, code: str, pointer: str) -> None:
    with pytest.raises(Invalid) as wrong:
        check_note(note, SUGGESTION, details)
    assert (wrong.value.code, wrong.value.errors[0].pointer) == (code, pointer)


def test_limits_are_kept_to_the_letter() -> None:
    assert check_note("ab" * 100, SUGGESTION, "x" * 5_000)
    assert is_vague("abcdefghi")
    assert not is_vague("abcdefghij")
