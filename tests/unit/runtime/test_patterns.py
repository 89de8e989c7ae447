"""Patterns that users write: linear, bounded, refused with a hint; replacements that mean what they say."""

import time

import pytest
import yaml

from greenroom.domain.errors import Invalid
from greenroom.runtime.patterns import compile_pattern, compile_replacement
from tests.support import data


def replaced(pattern: str, new: str, text: str, **options: bool) -> str:
    return compile_replacement(pattern, new, **options).apply(text)[0]


@pytest.mark.parametrize(
    "pattern, new, text, result",
    [
        ("wifey", "wifi", "the wifey password", "the wifi password"),
        (r"£(\d+)", r"\1 pounds", "it is £20", "it is 20 pounds"),
        (r"£(\d+)", "$1 pounds", "it is £20", "it is 20 pounds"),
        (r"(?P<n>\d+)pm", r"\g<n> P M", "until 2pm", "until 2 P M"),
        (r"(?P<n>\d+)pm", "${n} P M", "until 2pm", "until 2 P M"),
        (r"(\d)(\d)", r"\2\1", "12", "21"),
        (r"(a)|(b)", r"[\1\2]", "ab", "[a][b]"),
        ("!", ".", "Hi!", "Hi."),
        ("x", r"C:\\new", "x", r"C:\new"),
        ("x", r"\x", "x", "x"),
        ("x", "$$5", "x", "$5"),
        ("x", "$", "x", "$"),
        ("ä", "ae", "Bär", "Baer"),
        ("o", "", "foo", "f"),
        ("", "", "", None),
    ],
)
def test_a_replacement_means_what_it_says(pattern: str, new: str, text: str, result: str | None) -> None:
    if result is None:
        with pytest.raises(Invalid, match="empty"):
            compile_replacement(pattern, new)
    else:
        assert replaced(pattern, new, text) == result


def test_case_counts_where_it_is_asked_for() -> None:
    assert replaced("ach", "A C H", "ACH", case_sensitive=False) == "A C H"
    assert replaced("ach", "A C H", "ACH") == "ACH"


def test_whole_words_are_not_found_inside_others() -> None:
    text = "art: check artful, Kunstart, art"
    assert replaced("art", "out", text, whole=True) == "out: check artful, Kunstart, out"
    assert replaced("é", "e", "café é", whole=True) == "café e"


def test_what_one_replacement_wrote_another_leaves_alone() -> None:
    first = compile_replacement("a", "bb").apply("xaxbxa")
    assert first == ("xbbxbxbb", ((1, 3), (6, 8)), 2)
    second = compile_replacement("b", "c").apply(first[0], first[1])
    assert second == ("xbbxcxbb", ((1, 3), (4, 5), (6, 8)), 1)
    assert [second[0][begin:end] for begin, end in second[1]] == ["bb", "c", "bb"]


def test_a_replacement_cannot_blow_a_text_up() -> None:
    assert compile_replacement("a", "b" * 2_000).apply("a" * 4_000) == ("a" * 4_000, (), 0)


@pytest.mark.parametrize(
    "pattern, hint",
    [
        ("(?=a)b", "look-ahead"),
        ("(?!a)b", "negative look-ahead"),
        ("(?<=a)b", "look-behind"),
        ("(?<!a)b", "negative look-behind"),
        (r"(a)\1", "refer back"),
        ("(?P<n>a)(?P=n)", "refer back"),
        ("(?>a)", "atomic"),
        (r"a\Z", r"\z"),
    ],
)
def test_what_re2_leaves_out_is_explained(pattern: str, hint: str) -> None:
    with pytest.raises(Invalid) as refused:
        compile_pattern(pattern)
    assert refused.value.code == "unsupported_pattern"
    assert hint in refused.value.errors[0].hint


@pytest.mark.parametrize("pattern", ["(", "[", "*", "a**", "(?P<a", "\\", "a{99999}", "x" * 2_001, "\ud800"])
def test_a_broken_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(Invalid) as refused:
        compile_pattern(pattern)
    assert refused.value.code == "invalid_pattern"


def test_a_pattern_that_grows_when_spelled_out_is_refused() -> None:
    with pytest.raises(Invalid, match=r"too large|not understood"):
        compile_pattern("((((x{100}){100}){100}){100})")


def test_a_group_that_is_not_there_is_refused() -> None:
    for new in (r"\2", "$2", "${n}", r"\g<n>"):
        with pytest.raises(Invalid, match="names another"):
            compile_replacement("(a)", new)


def test_evil_patterns_are_linear() -> None:
    began = time.monotonic()
    assert not compile_pattern(r"^(a+)+$").found_in("a" * 4_000 + "b")
    assert time.monotonic() - began < 2


def test_patterns_of_real_agents_compile() -> None:
    if not data.has_shared_data():
        pytest.skip("no real data")
    seen = 0
    for path in sorted(data.shared_data_wanted().glob("polyai-*/**/voice/**/*.yaml")):
        body = yaml.safe_load(path.read_text())
        for entry in body.get("pronunciations") or []:
            compile_replacement(entry["regex"], entry["replacement"], case_sensitive=entry["case_sensitive"])
            seen += 1
        for entry in body.get("corrections") or []:
            for each in entry["regular_expressions"]:
                compile_replacement(each["regular_expression"], each["replacement"])
                seen += 1
        for entry in body.get("phrase_filtering") or []:
            for each in entry["regular_expressions"]:
                compile_pattern(each)
                seen += 1
    assert seen > 30
