"""Chunks join back to their document, are bounded, and begin where sense does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from greenroom.domain.chunks import MAX_CHUNK, split_document

TEXTS = st.one_of(st.text(max_size=400), st.text(alphabet=" \n#.!aé。", max_size=400))


@given(text=TEXTS, most=st.integers(5, 80), overlap=st.integers(0, 30))
def test_chunks_join_back_and_are_bounded(text: str, most: int, overlap: int) -> None:
    chunks = split_document(text, most, overlap)
    assert "".join(chunk.new_text for chunk in chunks) == text
    assert all(0 < len(chunk.text) <= most for chunk in chunks)
    assert all(chunk.text == text[chunk.start : chunk.end] for chunk in chunks)
    assert chunks == split_document(text, most, overlap)


def test_a_heading_stands_over_what_follows_it() -> None:
    long = "The house is quiet after ten. " * 10
    text = f"# House\n\n{long}\n\n## Pets\n\n{long}\n\n## Smoking\n\nNot inside."
    found = [chunk.headings for chunk in split_document(text)]
    assert found == [("House",), ("House", "Pets"), ("House", "Smoking")]


def test_what_goes_on_repeats_the_last_sentences() -> None:
    text = " ".join(f"Sentence number {number} says something of its own." for number in range(60))
    first, second, *_ = split_document(text)
    assert len(first.text) <= MAX_CHUNK
    assert second.start < second.fresh == first.end
    assert second.text.startswith("Sentence number")


def test_equal_texts_have_equal_digests_and_others_do_not() -> None:
    a, b, c = (split_document(text)[0].digest for text in ("# A\n\nx", "# A\n\nx", "# B\n\nx"))
    assert a == b != c
