"""Patterns match where spaCy's matchers match, and those that cannot be matched are refused with the reason."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prodigy_team.annotate.attributes import FLAGS, like_number, word_shape
from prodigy_team.annotate.matching import (
    Match,
    Patterns,
    PatternsError,
    filter_longest,
    find_matches,
    parse_pattern,
    read_patterns,
)
from prodigy_team.tokens import OWN
from support import shared_data

pytestmark = pytest.mark.xdist_group("spaCy loaded once")


def patterns_of(*patterns: object) -> Patterns:
    return Patterns(tuple(parse_pattern({"label": "X", "pattern": each}) for each in patterns))


def found(text: str, *patterns: object) -> list[str]:
    return [text[each.start : each.end] for each in find_matches(patterns_of(*patterns), text, OWN(text))]


@pytest.fixture(scope="module")
def spacy():
    return pytest.importorskip("spacy", reason="spaCy is not installed")


@pytest.fixture(scope="module")
def nlp(spacy):
    return spacy.blank("en")


def spacy_doc(nlp, text):
    from spacy.tokens import Doc

    tokens = OWN(text)
    return Doc(nlp.vocab, words=[each["text"] for each in tokens], spaces=[each["ws"] for each in tokens])


def spacy_matcher(nlp, patterns: list[object]):
    """All matches of patterns in a doc as (token start, token end, number), by Matcher and PhraseMatcher."""
    from spacy.matcher import Matcher, PhraseMatcher

    tokens, phrases = Matcher(nlp.vocab), PhraseMatcher(nlp.vocab)
    for number, pattern in enumerate(patterns):
        if isinstance(pattern, str):
            phrases.add(str(number), [spacy_doc(nlp, pattern)])
        else:
            tokens.add(str(number), [pattern])

    def match(doc):
        both = [each for matcher in (tokens, phrases) if len(matcher) for each in matcher(doc)]
        return sorted({(start, end, int(nlp.vocab.strings[key])) for key, start, end in both})

    return match


def as_tokens(matches: list[Match]) -> list[tuple[int, int, int]]:
    return [(each.token_start, each.token_end + 1, each.pattern) for each in matches]


@pytest.mark.parametrize("name", ["countries-GPE", "drugs-DRUG", "skateboarding_tricks-TRICK"])
def test_real_patterns_match_real_texts_as_spacys_matchers_do(name, nlp):
    patterns = read_patterns(shared_data(f"patterns_{name}.jsonl"))
    lines = shared_data(f"patterns_{name}.jsonl").read_text("utf-8").splitlines()
    match = spacy_matcher(nlp, [json.loads(line)["pattern"] for line in lines])
    texts = [json.loads(line)["text"] for path in sorted(shared_data("").glob("*.jsonl")) if "patterns" not in path.name
             for line in path.read_text("utf-8").splitlines()]  # fmt: skip
    texts += [
        str(each.source) if isinstance(each.source, str) else " ".join(t["lower"] for t in each.source)
        for each in patterns.patterns
    ]
    count = 0
    for text in texts:
        matches = find_matches(patterns, text, OWN(text))
        assert as_tokens(matches) == match(spacy_doc(nlp, text))
        count += len(matches)
    assert count > len(lines) / 2


words = st.sampled_from(["a", "A", "b", "B", "Ab", "1", "10", "two", ".", "naïve", "$", "(", "1/2", "x9"])
operator = st.sampled_from(["!", "?", "+", "*", "{2}", "{1,2}", "{2,}", "{,2}"])
values = {
    "LOWER": st.sampled_from(["a", "b", "ab", {"IN": ["a", "."]}, {"NOT_IN": ["a", "b"]}, {"REGEX": "^[ab]"}]),
    "ORTH": st.sampled_from(["a", "A", ".", "1"]),
    "TEXT": st.sampled_from(["B", {"REGEX": "a|1"}, {"IN": ["A"]}, {"NOT_IN": ["A"]}]),
    "LENGTH": st.sampled_from([1, 2, {">=": 2}, {"<": 2}, {"!=": 1}]),
    "SHAPE": st.sampled_from(["x", "X", "Xx", "d", "xd", "dd", "d/d", "xxxx"]),
    **{key: st.booleans() for key in FLAGS},
}
token = st.builds(
    lambda pairs, op: {**dict(pairs), **({"OP": op} if op else {})},
    st.lists(st.sampled_from(sorted(values)).flatmap(lambda key: st.tuples(st.just(key), values[key])), max_size=2),
    st.none() | operator,
)


@given(st.lists(token, min_size=1, max_size=4), st.lists(words, min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_any_pattern_matches_as_spacys_matcher_does(nlp, pattern, text):
    from spacy.tokens import Doc

    tokens = [{"text": each, "start": 0, "end": 0} for each in text]
    expected = spacy_matcher(nlp, [pattern])(Doc(nlp.vocab, words=text))

    assert as_tokens(find_matches(patterns_of(pattern), "", tokens)) == expected


@given(st.text(st.characters(codec="utf-8"), max_size=12))
@settings(deadline=None)
def test_attributes_of_any_word_are_spacys(nlp, word):
    if not word.strip():
        return
    lexeme = nlp.vocab[word]
    assert word_shape(word) == lexeme.shape_
    for name, flag in FLAGS.items():
        assert flag(word) == getattr(lexeme, name.lower()), name


@pytest.mark.usefixtures("spacy")
def test_number_words_are_spacys():
    from spacy.lang.en import lex_attrs

    odd = [
        "1st",
        "3RD",
        "st",
        "1,2",
        "-5",
        "+-5",
        "Ten",
        "1/2",
        "-1/2",
        "1.2.3",
        "twenty-one",
        "11ths",
        "~3rd",
        "½",
        "²",
        "٣",
    ]
    for word in [*lex_attrs._num_words, *lex_attrs._ordinal_words, *odd]:
        assert like_number(word) == lex_attrs.like_num(word), word


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("New York", ["New York", "New York"]),
        ("new york", []),
        ([{"lower": "new"}, {"lower": "york"}], ["New York", "New York"]),
        ([{"LOWER": "new"}, {"LOWER": "york", "OP": "?"}, {"IS_DIGIT": True}], ["New York 10"]),
        ([{"TEXT": "York"}, {"OP": "!", "IS_DIGIT": True}], ["York to"]),
        ([{"IS_TITLE": True, "OP": "+"}], ["New", "New York", "York", "New", "New York", "York"]),
        ([{"LENGTH": {">=": 4}}], ["York", "York"]),
        ([{"SHAPE": "dd"}, {}], ["10 more"][:0]),
    ],
)
def test_patterns(pattern, expected):
    assert found("New York to New York 10", pattern) == expected


def test_matches_are_in_order_with_their_offsets_and_label():
    patterns = Patterns(
        (parse_pattern({"label": "B", "pattern": "b c"}), parse_pattern({"label": "A", "pattern": [{"lower": "b"}]}))
    )

    assert find_matches(patterns, "a B b c", OWN("a B b c")) == [
        Match(2, 3, 1, 1, "A", 1),
        Match(4, 5, 2, 2, "A", 1),
        Match(4, 7, 2, 3, "B", 0),
    ]
    assert patterns.labels == ("B", "A")


def test_the_longest_of_overlapping_matches_stays_and_of_equals_the_first():
    text = "new york city new york"
    patterns = patterns_of("new", "york city new york", "new york city", "new york", [{"LOWER": "york"}])

    kept = filter_longest(find_matches(patterns, text, OWN(text)))

    assert [text[each.start : each.end] for each in kept] == ["new", "york city new york"]


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4)), max_size=12))
@settings(deadline=None)
def test_the_longest_are_those_of_spacy(nlp, spacy, places):
    from spacy.tokens import Doc, Span

    doc = Doc(nlp.vocab, words=["a"] * 20)
    matches = [Match(0, 0, start, start + more, "X", 0) for start, more in places]
    spans = [Span(doc, start, start + more + 1) for start, more in places]

    kept = filter_longest(matches)

    assert [(each.token_start, each.token_end + 1) for each in kept] == [
        (each.start, each.end) for each in spacy.util.filter_spans(spans)
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"label": "X", "pattern": [{"POS": "NOUN"}]}', "POS needs a trained model"),
        ('{"label": "X", "pattern": [{"lemma": "go"}]}', "LEMMA needs a trained model"),
        ('{"label": "X", "pattern": [{"ent_type": "ORG"}]}', "ENT_TYPE needs a trained model"),
        ('{"label": "X", "pattern": [{"LOWR": "a"}]}', "unknown attribute LOWR; is LOWER meant?"),
        ('{"label": "X", "pattern": [{"LOWER": "a", "OP": "&"}]}', "unknown OP '&'"),
        ('{"label": "X", "pattern": [{"TEXT": {"REGEX": "("}}]}', "is broken"),
        ('{"label": "X", "pattern": [{"TEXT": {"FUZZY": "a"}}]}', "FUZZY"),
        ('{"label": "X", "pattern": [{"IS_ALPHA": "yes"}]}', "IS_ALPHA is true or false"),
        ('{"label": "X", "pattern": [{"LENGTH": "3"}]}', "LENGTH wants a number"),
        ('{"label": "X", "pattern": ["a"]}', "described by an object"),
        ('{"label": "X", "pattern": []}', "`pattern` is empty"),
        ('{"label": "X", "pattern": " "}', "`pattern` is empty"),
        ('{"label": "X"}', "`pattern` is missing"),
        ('{"pattern": "a"}', "`label` is missing"),
        ('["X", "a"]', "not an object"),
        ('{"label": "X", ', "broken JSON"),
    ],
)
def test_a_bad_line_is_refused_with_its_number_and_reason(tmp_path: Path, line, reason):
    path = tmp_path / "patterns.jsonl"
    path.write_text('{"label": "X", "pattern": "fine"}\n\n' + line + "\n", "utf-8")

    with pytest.raises(PatternsError) as caught:
        read_patterns(path)

    ((number, text),) = caught.value.bad
    assert number == 3
    assert reason in text
    assert reason in caught.value.message
    assert caught.value.remedy


def test_a_missing_or_empty_file_is_refused(tmp_path: Path):
    with pytest.raises(PatternsError, match="cannot be read"):
        read_patterns(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(PatternsError, match="empty"):
        read_patterns(tmp_path / "empty.jsonl")


def test_a_file_with_byte_order_mark_and_carriage_returns(tmp_path: Path):
    path = tmp_path / "patterns.jsonl"
    path.write_bytes('\ufeff{"label": "Å", "pattern": "a b"}\r\n{"label": "X", "pattern": [{"lower": "é"}]}'.encode())

    patterns = read_patterns(path)

    assert patterns.labels == ("Å", "X")
    assert [each.line for each in patterns.patterns] == [1, 2]
    assert len(find_matches(patterns, "a b É", OWN("a b É"))) == 2


@pytest.mark.alone
def test_a_thousand_patterns_take_little_longer_than_one():
    text = " ".join(f"word{number % 1500}" for number in range(5000))
    tokens = OWN(text)
    patterns = patterns_of(*[[{"LOWER": f"word{number}"}, {"LOWER": f"word{number + 1}"}] for number in range(1010)])

    started = time.perf_counter()
    matches = find_matches(patterns, text, tokens)

    assert len(matches) > 3000
    assert time.perf_counter() - started < 1.0  # some 20 ms; trying all patterns at all tokens takes seconds
