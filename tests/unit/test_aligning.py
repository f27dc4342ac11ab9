"""Where spans lie among tokens, how a text is cut into a document's words, and which type holds a column."""

from __future__ import annotations

from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prodigy_team.curation.export.aligning import (
    Aligned,
    Marked,
    align,
    read_span,
    read_tokens,
    with_gaps,
    without_overlaps,
)
from prodigy_team.curation.export.columns import Columns, fitted
from prodigy_team.curation.export.huggingface import said


def offsets(*pairs: tuple[int, int]) -> array[int]:
    return array("q", (each for pair in pairs for each in pair))


@pytest.mark.parametrize(
    ("text", "tokens", "words", "spaces"),
    [
        ("a b", offsets((0, 1), (2, 3)), ["a", "b"], [True, False]),
        ("a  b", offsets((0, 1), (3, 4)), ["a", " ", "b"], [True, False, False]),
        ("a\nb ", offsets((0, 1), (2, 3)), ["a", "\n", "b"], [False, False, True]),
        (" ab", offsets((1, 2), (2, 3)), [" ", "a", "b"], [False, False, False]),
        ("a \u200b", offsets((0, 1)), ["a", "\u200b"], [True, False]),
        ("  ", offsets(), ["  "], [False]),
    ],
)
def test_words_and_spaces_are_the_text(text: str, tokens: array[int], words: list[str], spaces: list[bool]) -> None:
    found_words, found_spaces, whole = with_gaps(text, tokens)
    assert (found_words, found_spaces) == (words, spaces)
    assert [text[start:end] for start, end in zip(whole[::2], whole[1::2], strict=True)] == words


@given(st.text("ab \n", max_size=30), st.randoms(use_true_random=False))
def test_no_character_of_a_text_is_lost(text: str, chance: Any) -> None:
    cuts = sorted(chance.sample(range(len(text) + 1), min(len(text) + 1, 2 * chance.randrange(6))))
    pairs = [pair for pair in zip(cuts[::2], cuts[1::2], strict=False) if pair[0] < pair[1]]
    words, spaces, _ = with_gaps(text, offsets(*pairs))
    assert "".join(word + " " * space for word, space in zip(words, spaces, strict=True)) == text
    assert all(text[start:end] in words for start, end in pairs)


@pytest.mark.parametrize(
    "span",
    [
        None,
        "text",
        {},
        {"start": 0, "end": 2},
        {"start": 0, "end": 2, "label": ""},
        {"start": 2, "end": 2, "label": "A"},
        {"start": -1, "end": 2, "label": "A"},
        {"start": 0, "end": 4, "label": "A"},
        {"start": 0.0, "end": 2, "label": "A"},
        {"start": True, "end": 2, "label": "A"},
    ],
)
def test_spans_that_are_none(span: Any) -> None:
    assert read_span(span, "abc") is None
    assert read_span({"start": 0, "end": 3, "label": "A"}, "abc") == Marked(0, 3, "A")


def test_tokens_that_are_not_this_texts() -> None:
    text = "ab cd"
    good = [{"text": "ab", "start": 0, "end": 2}, {"start": 3, "end": 5}]
    assert read_tokens(good, text) == offsets((0, 2), (3, 5))
    for bad in (None, [], [{}], ["ab"], good[::-1], [{"text": "xy", "start": 0, "end": 2}], [{"start": 3, "end": 9}]):
        assert read_tokens(bad, text) is None


@pytest.mark.parametrize(("start", "end", "found"), [(0, 2, (0, 1)), (0, 5, (0, 2)), (1, 5, None), (0, 4, None)])
def test_a_span_is_whole_tokens_or_none(start: int, end: int, found: tuple[int, int] | None) -> None:
    place = align(Marked(start, end, "A"), {0: 0, 3: 1}, {2: 0, 5: 1})
    assert place == (None if found is None else Aligned(*found, "A"))


def test_of_overlapping_spans_the_longest_stays_then_the_first() -> None:
    long, first, second, apart = Aligned(2, 5, "L"), Aligned(0, 2, "A"), Aligned(1, 3, "B"), Aligned(6, 7, "C")
    assert without_overlaps([apart, second, first, long]) == ([first, long, apart], [second])
    assert without_overlaps([second, first]) == ([first], [second])
    assert without_overlaps([Aligned(0, 1, "B"), Aligned(0, 1, "A")]) == ([Aligned(0, 1, "A")], [Aligned(0, 1, "B")])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None], "str"),
        ([True, None], "bool"),
        ([1, -(2**63) + 1], "int"),
        ([1, 2**63], "JSON in a string"),
        ([1, 0.5], "float"),
        ([2**53 + 1, 0.5], "JSON in a string"),
        ([True, 1], "JSON in a string"),
        (["a", 1], "JSON in a string"),
        ([[], None], "list of str"),
        ([[1], ["a"]], "list of JSON in a string"),
        ([{"a": 1}, {"b": [0.5]}], "{a: int, b: list of float}"),
        ([{}], "JSON in a string"),
        ([{str(number): 1 for number in range(65)}], "JSON in a string"),
    ],
)
def test_a_column_has_the_narrowest_type_that_holds_its_values(values: list[Any], kind: str) -> None:
    columns = Columns()
    for value in values:
        columns.see({"x": value})
    assert said(columns.kinds()["x"]) == kind


def test_what_is_of_several_types_is_json_wherever_it_stands() -> None:
    columns = Columns()
    record = {"x": [{"id": 1, "same": "s"}, {"id": "a"}]}
    columns.see(record)
    assert fitted(record["x"], columns.kinds()["x"]) == [{"id": "1", "same": "s"}, {"id": '"a"', "same": None}]
