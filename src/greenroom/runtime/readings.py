"""Reads the answer to a question into a value: numbers in words, dates, yes or no, one of some options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from greenroom.runtime.flow_plans import ValidationPlan
from greenroom.runtime.matcher_text import words
from greenroom.runtime.phrases import read_consent

_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen"""
_UNITS = {word: number for number, word in enumerate(_SMALL.split())} | {"a": 1, "an": 1, "oh": 0}
_ROUND = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TENS = {word: number * 10 for number, word in enumerate(_ROUND, 2)}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_NUMBER = re.compile(r"[-+]?\d{1,15}(?:[.,]\d{1,6})?")
_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_DAY_MONTH = re.compile(r"\b(?P<day>\d{1,2})(?:st|nd|rd|th)?(?: of)? (?P<month>[a-z]{3,9})\b")
_MONTH_DAY = re.compile(r"\b(?P<month>[a-z]{3,9}) (?P<day>\d{1,2})(?:st|nd|rd|th)?\b")
_LEAD = re.compile(
    r"^(?:(?:um+|uh+|er+|well|so|yes|ok(?:ay)?|sure)[,.]? )*(?:it(?:'s| is)|that(?:'s| is)|this is|i(?:'m| am)|"
    r"my name(?:'s| is)|the name(?:'s| is)|i(?:'d| would) like|i want|please|make it|put down|for)? ?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A value, or why there is none."""

    value: Any = None
    problem: str = ""


def read_answer(text: str, kind: str, wanted: ValidationPlan, today: str) -> Reading:
    """Returns the value of a variable's type in an answer; `today` is an ISO date. Conditions are not checked here."""
    if wanted.options:
        return _option(text, wanted.options)
    if wanted.pattern is not None:
        return _matching(text, wanted)
    reading = _READERS.get(kind, _text)(text, today)
    if reading.problem or not isinstance(reading.value, int | float) or isinstance(reading.value, bool):
        return reading
    if wanted.minimum is not None and reading.value < wanted.minimum:
        return Reading(problem=f"is below {wanted.minimum:g}")
    if wanted.maximum is not None and reading.value > wanted.maximum:
        return Reading(problem=f"is above {wanted.maximum:g}")
    return reading


def _option(text: str, options: tuple[str, ...]) -> Reading:
    said = f" {' '.join(words(text))} "
    found = [option for option in options if f" {' '.join(words(option))} " in said]
    longest = [each for each in found if not any(each != other and each.lower() in other.lower() for other in found)]
    if len(longest) == 1:
        return Reading(longest[0])
    place = _ordinal(said)
    if not longest and 0 < place <= len(options):
        return Reading(options[place - 1])
    return Reading(problem="names more than one of the options" if longest else "is none of the options")


def _ordinal(said: str) -> int:
    ordinals = ("first", "second", "third", "fourth", "fifth")
    return next((at + 1 for at, word in enumerate(ordinals) if f" {word} " in said), 0)


def _matching(text: str, wanted: ValidationPlan) -> Reading:
    assert wanted.pattern is not None
    for candidate in (text.strip(), "".join(text.split()), _spoken_digits(text)):
        found = wanted.pattern.first_in(candidate)
        if found:
            return Reading(found)
    return Reading(problem="does not have the form asked for")


def _spoken_digits(text: str) -> str:
    """Returns `four one two` as 412, with letters and digits together."""
    return "".join(str(_UNITS[word]) if word in _UNITS and word not in {"a", "an"} else word for word in words(text))


def _text(text: str, _today: str) -> Reading:
    value = _LEAD.sub("", text.strip(), count=1).strip(" .!,;") or text.strip()
    return Reading(value) if value else Reading(problem="is empty")


def _number(text: str, _today: str) -> Reading:
    found = _NUMBER.findall(text.replace(",", "") if re.search(r"\d,\d{3}\b", text) else text)
    if found:
        number = found[0].replace(",", ".")
        return Reading(float(number) if "." in number else int(number))
    total, seen = 0, False
    for word in words(text):
        if word in _TENS or word in _UNITS:
            if word in {"a", "an"}:
                continue
            total, seen = total + (_TENS[word] if word in _TENS else _UNITS[word]), True
        elif word == "hundred":
            total, seen = max(total, 1) * 100, True
        elif seen and word != "and":
            break
    return Reading(total) if seen else Reading(problem="has no number in it")


def _boolean(text: str, _today: str) -> Reading:
    answer = read_consent(text).answer
    return Reading(problem="is neither yes nor no") if answer == "other" else Reading(answer == "yes")


def _date(text: str, today: str) -> Reading:
    now = date.fromisoformat(today)
    said = text.casefold()
    iso = _ISO.search(said)
    try:
        if iso:
            return Reading(date(*(int(part) for part in iso.groups())).isoformat())
        if "day after tomorrow" in said:
            return Reading((now + timedelta(2)).isoformat())
        for word, days in (("today", 0), ("tonight", 0), ("tomorrow", 1)):
            if word in said:
                return Reading((now + timedelta(days)).isoformat())
        month = _month_day(said, now)
        if month is not None:
            return Reading(month.isoformat())
    except ValueError:
        return Reading(problem="is not a day of the calendar")
    for number, day in enumerate(_DAYS):
        if re.search(rf"\b{day}\b", said):
            ahead = (number - now.weekday()) % 7 or 7
            return Reading((now + timedelta(ahead)).isoformat())
    return Reading(problem="has no date in it")


def _month_day(said: str, now: date) -> date | None:
    for match in (*_DAY_MONTH.finditer(said), *_MONTH_DAY.finditer(said)):
        day, month = match["day"], match["month"]
        number = next((at + 1 for at, name in enumerate(_MONTHS) if name.startswith(month)), 0)
        if number:
            found = date(now.year, number, int(day))
            return found if found >= now else date(now.year + 1, number, int(day))
    return None


def _list(text: str, today: str) -> Reading:
    parts = [part.strip(" .") for part in re.split(r",|;|\band\b", _text(text, today).value or "")]
    found = [part for part in parts if part]
    return Reading(found) if found else Reading(problem="is empty")


_READERS: Mapping[str, Any] = {
    "text": _text,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "list": _list,
}
