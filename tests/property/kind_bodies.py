"""Hypothesis strategies for sound bodies of any kind, made from its fields and its sample."""

from collections.abc import Mapping
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from greenroom.domain.entities import Body
from greenroom.kinds.schema import FieldFacts, ModelKind

_AWKWARD = [*" \t\n\r\x85\u2028\u2029\ufeff\0\x07\x7f:#-?|>'\"\\&*!%@`{}[],ab1.~=<é😀\ufffe\U0010ffff"]
_LINES = ["", "  ", "\t", "a", " a", "a ", "---", "...", "- b", "# c", "\tx", "k: v", "é😀", "%Y"]
_WORDS = [
    "yes",
    "no",
    "on",
    "null",
    "~",
    "1",
    "0x1F",
    "1e3",
    ".inf",
    "-",
    "2026-01-01",
    "12:30",
    "<<",
    "=",
    "+1",
    "x" * 1100,
]

texts = st.one_of(
    st.text(st.sampled_from(_AWKWARD), max_size=14),
    st.lists(st.sampled_from(_LINES), max_size=7).map("\n".join),
    st.sampled_from(_WORDS),
    st.text(max_size=30),
)
"""Text that is hard to write and read back: line ends, spaces, quotes, control characters, YAML words."""

json_values = st.recursive(
    texts | st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-(2.0**53), 2.0**53),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def sound_bodies(kind: ModelKind) -> st.SearchStrategy[Body]:
    """Returns bodies that the kind accepts, in the form that is stored."""
    made = _group(kind.fields, kind.sample)

    # Not `made.filter(…)`: Hypothesis writes that out when it tries again, and a workflow's has 30,000 characters.
    @st.composite
    def sound_body(draw: st.DrawFn) -> Body:
        for _ in range(4):
            body = draw(made)
            if not kind.validate(body):
                return kind.complete(body)
        return reject()

    return sound_body()


def _group(fields: Mapping[str, FieldFacts], sample: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    made = {name: _value(name, facts, sample[name]) for name, facts in fields.items() if name in sample}
    may_go = {name for name in made if not fields[name].required and not fields[name].fact.expects}
    required = {name: each for name, each in made.items() if name not in may_go}
    return st.fixed_dictionaries(required, optional={name: made[name] for name in may_go})


def _value(name: str, facts: FieldFacts, sample: Any) -> st.SearchStrategy[Any]:
    if facts.fields:
        return _group(facts.fields, sample)
    if facts.widget in ("line", "text", "code") and not facts.link:
        return _text(name, facts, sample)
    if facts.widget == "switch":
        return st.booleans() if name != "default" else st.just(sample)
    if facts.widget == "number" and facts.least is not None:
        return st.floats(facts.least, facts.most)
    if facts.widget == "integer" and facts.least is not None:
        return st.integers(int(facts.least), int(facts.most or 2**53))
    if facts.widget == "json":
        return (
            st.dictionaries(texts, json_values, max_size=3)
            if isinstance(sample, dict)
            else json_values | st.just(sample)
        )
    if facts.widget == "mapping" and facts.items is not None:
        return st.fixed_dictionaries({key: _value(key, facts.items, each) for key, each in sample.items()})
    if facts.widget == "list" and facts.items is not None and facts.items.fact.expects in ("", "visible text"):
        return st.lists(_value("", facts.items, sample[0]), max_size=4, unique=True)
    if facts.widget == "table" and facts.items is not None:
        return st.tuples(*(_value("", facts.items, each) for each in sample)).map(list)
    return st.just(sample)


def _text(name: str, facts: FieldFacts, sample: str) -> st.SearchStrategy[str]:
    if facts.fact.expects == "visible text":
        return texts.map(lambda text: f"v{text}"[:400])
    if facts.fact.expects == "one line of visible text":
        return texts.map(lambda text: f"{text.replace(chr(10), '').replace(chr(13), '')}v"[-120:])
    if facts.fact.expects or facts.choices or name in ("start", "next", "on_fail", "value", "pattern"):
        return st.just(sample)
    return texts.map(lambda text: text[: int(facts.most or 30)])
