"""What is wrong with a body, in the words of the person who wrote it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast

from pydantic import ValidationError

from greenroom.domain.canonical import canonical_json
from greenroom.domain.entities import Body
from greenroom.domain.errors import Fault, Invalid
from greenroom.domain.references import walk_texts
from greenroom.kinds.schema.facts import FieldFacts, Part, escape


def plain_value(body: Body) -> dict[str, Any]:
    """Returns the body as plain JSON values, integral floats as integers. Raises Invalid."""
    try:
        return cast(dict[str, Any], json.loads(canonical_json(body)))
    except Invalid as wrong:
        faults = [each if each.pointer else Fault(_unencodable(body), each.message) for each in wrong.errors]
        raise Invalid("invalid_body", wrong.detail, errors=faults) from None


def _unencodable(body: Body) -> str:
    for pointer, text in walk_texts(body):
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            return pointer
    return ""


def faults_of(wrong: ValidationError, root: Mapping[str, FieldFacts]) -> Iterator[Fault]:
    """Yields a fault for each error that the model found."""
    for error in wrong.errors(include_url=False, include_context=True):
        of_key = "[key]" in error["loc"]
        steps = tuple(step for step in error["loc"] if step != "[key]")
        facts, owner, around = _find(root, steps)
        context = cast(Mapping[str, Any], error.get("ctx", {}))
        pointer = "".join(f"/{escape(step)}" for step in steps)
        problem = _Problem(pointer, _subject(steps), error["input"], context, owner if of_key else facts, of_key)
        sort = error["type"]
        if sort == "extra_forbidden":
            yield _unknown_field(pointer, str(steps[-1]), around)
        elif sort == "missing":
            yield problem.fault("is required", "required")
        elif sort in _SENTENCES:
            yield _SENTENCES[sort](problem)
        else:
            yield problem.fault(f"is not valid: {_shown(error['input'])}", "invalid")


def duplicates(value: Any, facts: FieldFacts, pointer: str) -> Iterator[Fault]:
    """Yields a fault for each element of a list whose identity another element before it has."""
    if isinstance(value, list) and facts.items is not None:
        elements = cast(list[Any], value)
        if facts.keyed is not None:
            yield from _repeated(elements, facts, facts.keyed.identity, pointer)
        for index, element in enumerate(elements):
            yield from duplicates(element, facts.items, f"{pointer}/{index}")
    elif isinstance(value, Mapping):
        group = cast(Mapping[str, Any], value)
        for key, item in group.items():
            inner = facts.fields.get(key) or facts.items
            if inner is not None:
                yield from duplicates(item, inner, f"{pointer}/{escape(key)}")


def _repeated(elements: Sequence[Any], facts: FieldFacts, identity: str, pointer: str) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for index, element in enumerate(elements):
        if identity == "value":
            key, place = element, f"{pointer}/{index}"
        else:
            key = cast(Mapping[str, Any], element).get(identity) if isinstance(element, Mapping) else None
            place = f"{pointer}/{index}/{identity}"
        if not isinstance(key, str):
            continue
        if key in seen:
            message = f"{facts.noun} {_shown(key)} is there twice (first as number {seen[key] + 1})"
            yield Fault(place, message, "duplicate", f"every {facts.noun} needs its own {_identity_word(identity)}")
        seen.setdefault(key, index)


def _identity_word(identity: str) -> str:
    return "text" if identity == "value" else identity


def faults_within(value: Any, pointer: str = "") -> Iterator[Fault]:
    """Yields what the groups of a sound model find wrong between their fields."""
    if isinstance(value, Part):
        for fault in value.faults():
            yield Fault(pointer + fault.pointer, fault.message, fault.code, fault.hint)
        for name in type(value).model_fields:
            yield from faults_within(getattr(value, name), f"{pointer}/{name}")
    elif isinstance(value, list):
        for index, item in enumerate(cast(list[Any], value)):
            if isinstance(item, Part):
                yield from faults_within(item, f"{pointer}/{index}")


_LONGEST_WORD = 80


def suggestion(word: str, known: Iterable[str]) -> str:
    """Returns `; did you mean 'x'?`, or '' when nothing known is like the word."""
    near = get_close_matches(word[:_LONGEST_WORD], list(known), 1, 0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


def _find(
    root: Mapping[str, FieldFacts], steps: Sequence[str | int]
) -> tuple[FieldFacts | None, FieldFacts | None, Mapping[str, FieldFacts]]:
    """Returns the facts at a place, those of the list or mapping it is in, and of the group around it."""
    facts: FieldFacts | None = None
    owner: FieldFacts | None = None
    around = root
    for step in steps:
        if facts is not None and facts.items is not None:
            owner, facts = facts, facts.items
            continue
        owner, around = None, facts.fields if facts is not None else root
        facts = around.get(str(step))
        if facts is None:
            break
    return facts, owner, around


def _subject(steps: Sequence[str | int]) -> str:
    if not steps:
        return "the body"
    last = steps[-1]
    if isinstance(last, int):
        name = next((step for step in reversed(steps) if isinstance(step, str)), "the list")
        return f"element {last + 1} of '{name}'"
    return f"'{last}'"


def _unknown_field(pointer: str, name: str, around: Mapping[str, FieldFacts]) -> Fault:
    message = f"there is no field '{name[:60]}'{suggestion(name, around)}"
    return Fault(pointer, message, "unknown_field", f"fields here are: {', '.join(around)}")


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    if value is None:
        return "nothing"
    return "a list" if isinstance(value, list) else "a group of fields"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else f"'{value}'"
    return text if len(text) <= 60 else f"{text[:59]}…"


def _hint_for(wanted: str, value: Any) -> str:
    if value is None:
        return "leave the field out, or give it a value"
    if wanted == "text" and isinstance(value, bool | int | float):
        return "put it in quotes"
    if isinstance(value, str) and wanted == "true or false":
        return "write true or false, without quotes"
    if isinstance(value, str) and wanted in ("a number", "a whole number"):
        return "write it without quotes"
    return "begin each element with '- ' on its own line" if wanted == "a list" else ""


@dataclass(frozen=True, slots=True)
class _Problem:
    """One error of the model, ready to be put into words."""

    pointer: str
    subject: str
    value: Any
    context: Mapping[str, Any]
    facts: FieldFacts | None
    of_key: bool

    def fault(self, says: str, code: str, hint: str = "") -> Fault:
        return Fault(self.pointer, f"{self.subject} {says}", code, hint)


_Sentence = Callable[[_Problem], Fault]


def _must_be(wanted: str) -> _Sentence:
    def say(problem: _Problem) -> Fault:
        value = problem.value
        is_fraction = isinstance(value, float) and wanted == "a whole number"
        got = _shown(value) if is_fraction else _kind_of(value)
        return problem.fault(f"must be {wanted}, not {got}", "wrong_type", _hint_for(wanted, value))

    return say


def _choice(problem: _Problem) -> Fault:
    known = tuple(problem.facts.choices) if problem.facts else ()
    listed = ", ".join(f"'{each}'" for each in known)
    near = suggestion(problem.value, known) if isinstance(problem.value, str) else ""
    return problem.fault(f"must be one of {listed}, not {_shown(problem.value)}{near}", "not_a_choice")


def _wrong_form(problem: _Problem) -> Fault:
    facts = problem.facts
    expects = (facts.key_expects if problem.of_key else facts.fact.expects) if facts else ""
    if not expects:
        return problem.fault(f"has a form that is not allowed here: {_shown(problem.value)}", "wrong_form")
    return problem.fault(f"must be {expects}, not {_shown(problem.value)}", "wrong_form")


def _length(problem: _Problem) -> Fault:
    unit = "characters" if isinstance(problem.value, str) else "elements"
    if (most := problem.context.get("max_length")) is not None:
        says = f"has {len(problem.value):,} {unit}; at most {most:,} are allowed"
        return problem.fault(says, "too_long")
    if len(problem.value) == 0:
        return problem.fault("must not be empty", "too_short")
    return problem.fault(f"needs at least {problem.context.get('min_length', 1):,} {unit}", "too_short")


def _range(problem: _Problem) -> Fault:
    least, most = (problem.facts.least, problem.facts.most) if problem.facts else (None, None)
    if least is not None and most is not None:
        between = f"from {least:g} to {most:g}"
    else:
        between = f"at least {least:g}" if least is not None else f"at most {most:g}"
    return problem.fault(f"must be {between}, not {_shown(problem.value)}", "out_of_range")


_SENTENCES: Mapping[str, _Sentence] = {
    "string_type": _must_be("text"),
    "bool_type": _must_be("true or false"),
    "int_type": _must_be("a whole number"),
    "float_type": _must_be("a number"),
    "list_type": _must_be("a list"),
    "dict_type": _must_be("a group of fields"),
    "model_type": _must_be("a group of fields"),
    "literal_error": _choice,
    "string_pattern_mismatch": _wrong_form,
    "string_too_long": _length,
    "string_too_short": _length,
    "too_long": _length,
    "too_short": _length,
    "greater_than_equal": _range,
    "less_than_equal": _range,
}
