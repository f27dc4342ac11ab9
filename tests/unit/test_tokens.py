"""Tokens keep their place in the text, whatever the text is."""

from __future__ import annotations

import subprocess
import sys
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from prodigy_team.tokens import CHARACTERS, OWN, TokenizerError, find_tokenizer

any_text = st.text(
    st.characters() | st.sampled_from(" \n'’.-\u0301\u0e31\u093f\u200d\ufe0f👍🏽🇸🇪\ud800\udfff東ー1a"), max_size=60
)
INVISIBLE = "\u200b\u200e\u200f\u2060\ufeff"


def words(text: str) -> list[str]:
    return [token["text"] for token in OWN(text)]


@given(any_text)
@example("\ud800")
@example("\u0301")
@example("\u200d\u200d")
@example("1\ufe0f\u20e3")
def test_tokens_keep_their_place_in_any_string(text):
    for tokenizer in (OWN, CHARACTERS):
        end = 0
        for number, token in enumerate(tokenizer(text)):
            assert list(token) == ["text", "start", "end", "id", "ws"]
            assert token["id"] == number
            assert token["start"] < token["end"]
            assert text[token["start"] : token["end"]] == token["text"]
            gap = text[end : token["start"]]
            assert all(each.isspace() or each in INVISIBLE or unicodedata.category(each) == "Cf" for each in gap)
            end = token["end"]
            assert token["ws"] == text[end : end + 1].isspace()
        assert all(each.isspace() or unicodedata.category(each) == "Cf" for each in text[end:])


@given(any_text)
@example("👍\u0301")
@example("a@b.org\u0301 Mr.\u0301 C++\u0301 ...\u0301")
def test_a_combining_mark_never_begins_a_token_after_a_visible_character(text):
    for tokenizer in (OWN, CHARACTERS):
        for token in tokenizer(text):
            before = text[token["start"] - 1] if token["start"] else " "
            if unicodedata.category(token["text"][0]) in ("Mn", "Mc", "Me"):
                assert before.isspace() or unicodedata.category(before) in ("Cf", "Cs", "Cn")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Uber’s Lesson: Start-Up Machine", ["Uber", "’s", "Lesson", ":", "Start", "-", "Up", "Machine"]),
        ("I don't know, it's O'Neill.", ["I", "do", "n't", "know", ",", "it", "'s", "O'Neill", "."]),
        ("$5.00 (10%) for 1,000 at 10:30", ["$", "5.00", "(", "10", "%", ")", "for", "1,000", "at", "10:30"]),
        ("10km COVID-19 2017-18", ["10", "km", "COVID-19", "2017", "-", "18"]),
        (
            "Mr. Smith of the U.S. left, e.g. home.",
            ["Mr.", "Smith", "of", "the", "U.S.", "left", ",", "e.g.", "home", "."],
        ),
        ("the end.Next v2.11 foo.bar HTTP/2 C++", ["the", "end", ".", "Next", "v2.11", "foo.bar", "HTTP/2", "C++"]),
        ("see https://a.b/c?d=1. Or a@b.org!", ["see", "https://a.b/c?d=1", ".", "Or", "a@b.org", "!"]),
        ("well... yes -- no…", ["well", "...", "yes", "--", "no", "…"]),
        ("a_b #tag @user", ["a_b", "#", "tag", "@user"]),
        ("  a\n\n b\t", ["a", "b"]),
        ("", []),
    ],
)
def test_english(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("สวัสดี ครับ", ["สวัสดี", "ครับ"]),
        ("नमस्ते दुनिया।", ["नमस्ते", "दुनिया", "।"]),
        ("東京は高い。", list("東京は高い。")),
        ("タワーが", ["タ", "ワ", "ー", "が"]),
        ("か\u3099く", ["か\u3099", "く"]),
        ("שָׁלוֹם עולם", ["שָׁלוֹם", "עולם"]),
        ("re\u0301sume\u0301!", ["re\u0301sume\u0301", "!"]),
        ("Straße größer als 5", ["Straße", "größer", "als", "5"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("می\u200cروم", ["می\u200cروم"]),
    ],
)
def test_scripts(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize("family", ["👍🏽", "👨‍👩‍👧‍👦", "🇸🇪", "1️⃣", "❤️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏳️‍🌈", "🤷🏾‍♀️", "😀"])
def test_emoji_families_stay_whole(family):
    assert words(f"so {family}{family} good") == ["so", family, family, "good"]
    assert [token["text"] for token in CHARACTERS(f"a{family}b")] == ["a", family, "b"]


def test_characters_one_by_one_without_white_space():
    assert [(each["text"], each["start"], each["ws"]) for each in CHARACTERS("a\u0301b c")] == [
        ("a\u0301", 0, False),
        ("b", 2, True),
        ("c", 4, False),
    ]


def test_long_texts_take_no_longer_than_their_length():
    """Patterns that try every end from every start would take minutes here."""
    for unit in (
        "a",
        "a'",
        "1.",
        ".",
        "a@",
        "a.",
        "a-",
        "a%",
        "1,",
        "http://)",
        "\u0301",
        "\u200d",
        "👍\u200d",
        "'",
        "n't",
        "@",
    ):
        for tokenizer in (OWN, CHARACTERS):
            started = time.process_time()
            assert tokenizer("www." + unit * 20_000)
            assert tokenizer(unit * 20_000)
            assert time.process_time() - started < 5, unit


@pytest.mark.parametrize(
    ("model", "tokenizer", "name"),
    [
        (None, None, "own"),
        ("blank:en", None, "own"),
        ("blank:xx", "chars", "chars"),
        ("blank:en", "own", "own"),
        ("en_core_web_sm", "own", "own"),
    ],
)
def test_the_tokenizer_without_spacy(model, tokenizer, name):
    found = find_tokenizer(model, tokenizer)

    assert found.name == name
    assert found.version


def test_an_unknown_tokenizer_is_refused():
    with pytest.raises(TokenizerError, match="nltk"):
        find_tokenizer("blank:en", "nltk")


@pytest.mark.parametrize(("model", "tokenizer"), [("blank:en", "spacy:en"), ("en_core_web_sm", None)])
def test_missing_spacy_is_named_with_how_to_install_it(model, tokenizer, monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy", None)

    with pytest.raises(TokenizerError) as caught:
        find_tokenizer(model, tokenizer)

    assert "pip install 'prodigy-team[spacy]'" in caught.value.remedy


def test_spacy_is_imported_only_where_it_is_asked_for():
    code = (
        "import sys; from prodigy_team.tokens import find_tokenizer; "
        "find_tokenizer('blank:en')('a b'); print('spacy' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "False"


def test_spacy_itself():
    spacy = pytest.importorskip("spacy", reason="spaCy is not installed")
    text = "Uber’s  Lesson: don't\n👍🏽 go"

    tokenizer = find_tokenizer("blank:en", "spacy:en")

    assert (tokenizer.name, tokenizer.version) == ("spacy:en", spacy.__version__)
    tokens = tokenizer(text)
    assert [each["text"] for each in tokens] == [each.text for each in spacy.blank("en")(text)]
    assert all(text[each["start"] : each["end"]] == each["text"] for each in tokens)
    assert find_tokenizer("blank:de", "spacy").name == "spacy:de"


def test_a_model_or_language_that_spacy_lacks_is_refused():
    pytest.importorskip("spacy", reason="spaCy is not installed")

    with pytest.raises(TokenizerError, match="no_such_model"):
        find_tokenizer("no_such_model")
    with pytest.raises(TokenizerError, match="qq"):
        find_tokenizer(None, "spacy:qq")
