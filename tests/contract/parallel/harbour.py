"""The desk of a hotel in its versions, and the book of what each answers."""

from __future__ import annotations

from typing import Any

from tests.contract.parallel.crowd import Answer, Book

FALLBACK = "I'm sorry, I can't help with that here."
PASS = "I'll pass you on."
AGENT = {"name": "Front desk", "greeting": "Harbour Hotel, how can I help?", "languages": ["en-GB"]}
DESK = {"name": "Desk", "method": "ticket", "message": PASS, "default": True}
PASSED = {"actions": [{"id": "pass", "type": "handoff", "target": "desk"}]}


def topic(name: str, content: str, *questions: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "content": content, "sample_questions": list(questions), **more}


BREAKFAST = topic("Breakfast", "Breakfast is from seven.", "When is breakfast?", "What do you serve in the morning?")
LATER = {**BREAKFAST, "content": "Breakfast is from eight."}
LATE = topic("Late check-out", "You can stay until noon.", "Can I check out late?", "Until when can I keep the room?")
PARKING = topic("Parking", "A colleague knows.", "Where can I park my car?", "Do you have a garage?", **PASSED)
GARAGE = topic("Parking", "The garage is below the house.", "Where can I park my car?", "Do you have a garage?")
PETS = topic("Pets", "Small pets are welcome.", "Can I bring my dog?", "Are pets allowed?")
SPA = topic("Spa", "The sauna is on the roof.", "Is there a sauna in the house?", "Do you have a spa?")

FIRST: Book = {
    "breakfast": Answer("Breakfast is from seven.", "contained"),
    "late": Answer("You can stay until noon.", "contained"),
    "pets": Answer(FALLBACK, "no_match"),
    "parking": Answer(f"A colleague knows. {PASS}", "handed_off"),
    "spa": Answer(FALLBACK, "no_match"),
    "weather": Answer(FALLBACK, "no_match"),
    "person": Answer(PASS, "handed_off"),
}
BETTER: Book = {
    **FIRST,
    "pets": Answer("Small pets are welcome.", "contained"),
    "parking": Answer("The garage is below the house.", "contained"),
}
WITH_SPA: Book = {**BETTER, "spa": Answer("The sauna is on the roof.", "contained")}
FROM_EIGHT = {"breakfast": Answer("Breakfast is from eight.", "contained")}
