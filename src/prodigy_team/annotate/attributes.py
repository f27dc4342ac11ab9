"""What a token pattern may ask of a token: the attributes that need no model, and the comparisons on them."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

Test = Callable[[str], bool]

_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion trillion"
    " quadrillion"
    " quintillion sextillion septillion octillion nonillion decillion gajillion bazillion"
    " first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth"
    " sixteenth seventeenth eighteenth nineteenth twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth"
    " ninetieth hundredth thousandth millionth billionth trillionth quadrillionth quintillionth"
    " sextillionth septillionth octillionth nonillionth decillionth gajillionth bazillionth"
)
_NUMBERS = frozenset(_NUMBER_WORDS.split())
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)")
_EMAIL = re.compile(r"[a-z0-9_.+-]+@[a-z0-9-]+\.[a-z0-9.-]+", re.IGNORECASE)
_LONGEST_SHAPE = 100


@lru_cache(maxsize=65536)
def word_shape(text: str) -> str:
    """A word's outline: X and x for letters, d for digits, others as they are, no more than four of a kind in a row."""
    if len(text) >= _LONGEST_SHAPE:
        return "LONG"
    shape: list[str] = []
    for character in text:
        kind = (
            ("X" if character.isupper() else "x") if character.isalpha() else "d" if character.isdigit() else character
        )
        if shape[-4:] != [kind] * 4:
            shape.append(kind)
    return "".join(shape)


def like_number(text: str) -> bool:
    """Whether a word stands for a number: digits, a fraction, or an English number word."""
    bare = text[1:] if text.startswith(("+", "-", "±", "~")) else text
    bare = bare.replace(",", "").replace(".", "")
    if bare.isdigit():
        return True
    above, slash, below = bare.partition("/")
    if slash and above.isdigit() and below.isdigit():
        return True
    return bare.lower() in _NUMBERS or _ORDINAL.fullmatch(bare.lower()) is not None


def _all_in(category: str) -> Test:
    return lambda text: all(unicodedata.category(each).startswith(category) for each in text)


FLAGS: Mapping[str, Test] = {
    "IS_ALPHA": str.isalpha,
    "IS_ASCII": str.isascii,
    "IS_DIGIT": str.isdigit,
    "IS_LOWER": str.islower,
    "IS_UPPER": str.isupper,
    "IS_TITLE": str.istitle,
    "IS_SPACE": str.isspace,
    "IS_PUNCT": _all_in("P"),
    "IS_CURRENCY": _all_in("Sc"),
    "IS_BRACKET": frozenset("()[]{}<>").__contains__,
    "LIKE_NUM": like_number,
    "LIKE_EMAIL": lambda text: _EMAIL.fullmatch(text) is not None,
}
"""Attributes that are true or false."""

STRINGS: Mapping[str, Callable[[str], str]] = {"ORTH": str, "TEXT": str, "LOWER": str.lower, "SHAPE": word_shape}
"""Attributes that are text."""

REFUSED: Mapping[str, str] = {
    **dict.fromkeys(("POS", "TAG", "MORPH", "DEP", "LEMMA"), "needs a trained model"),
    **dict.fromkeys(("ENT_TYPE", "ENT_IOB", "ENT_ID", "ENT_KB_ID"), "needs a trained model"),
    **dict.fromkeys(("IS_SENT_START", "SENT_START"), "needs a model that finds sentences"),
    **dict.fromkeys(("NORM", "IS_STOP", "IS_OOV", "LIKE_URL", "IS_QUOTE"), "needs spaCy's own lists of words"),
    **dict.fromkeys(("IS_LEFT_PUNCT", "IS_RIGHT_PUNCT", "PREFIX", "SUFFIX"), "is known to spaCy only"),
    "SPACY": "is known to spaCy only",
    "_": "needs spaCy's extension attributes",
}
"""Attributes of spaCy that this matcher does not have, and why."""

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
}


def token_test(name: str, wanted: Any) -> Test:
    """A test of a token's text for one attribute of a pattern, as ``"LOWER": "apple"`` or ``"LENGTH": {">=": 3}``.

    Raises:
        ValueError: The attribute or its value is none of those known here; the message is the reason.
    """
    if name in FLAGS:
        if not isinstance(wanted, (bool, int)):
            raise ValueError(f"{name} is true or false, not {wanted!r}")
        flag, value = FLAGS[name], bool(wanted)
        return lambda text: flag(text) == value
    if name in STRINGS:
        return _string_test(name, STRINGS[name], wanted)
    if name == "LENGTH":
        return _length_test(wanted)
    raise ValueError(_unknown(name))


def _unknown(name: str) -> str:
    if name in REFUSED:
        return f"{name} {REFUSED[name]}"
    known = [*STRINGS, "LENGTH", *FLAGS, "OP"]
    near = difflib.get_close_matches(name, known, 1)
    return f"unknown attribute {name}" + (f"; is {near[0]} meant?" if near else f"; known are {', '.join(known)}")


def _string_test(name: str, value_of: Callable[[str], str], wanted: Any) -> Test:
    if isinstance(wanted, str):
        return lambda text: value_of(text) == wanted
    if not isinstance(wanted, dict) or not wanted:
        raise ValueError(f"{name} wants a string, or one of REGEX, IN and NOT_IN")
    tests = [_predicate(name, key.upper(), value) for key, value in wanted.items()]
    return lambda text: all(test(value_of(text)) for test in tests)


def _predicate(name: str, predicate: str, value: Any) -> Test:
    if predicate == "REGEX" and isinstance(value, str):
        try:
            search = re.compile(value).search
        except re.error as error:
            raise ValueError(f"{name}: the regular expression {value!r} is broken: {error}") from None
        return lambda text: search(text) is not None
    if predicate in ("IN", "NOT_IN") and isinstance(value, list) and all(isinstance(each, str) for each in value):
        members = frozenset(value)
        return members.__contains__ if predicate == "IN" else lambda text: text not in members
    raise ValueError(
        f"{name}: {predicate} with {value!r} is not known; REGEX takes a string, IN and NOT_IN a list of strings"
    )


def _length_test(wanted: Any) -> Test:
    if type(wanted) is int:
        return lambda text: len(text) == wanted
    if isinstance(wanted, dict) and wanted:
        tests = [_length_comparison(key.upper(), value) for key, value in wanted.items()]
        return lambda text: all(test(text) for test in tests)
    raise ValueError(f"LENGTH wants a number or a comparison, not {wanted!r}")


def _length_comparison(key: str, value: Any) -> Test:
    if key in ("IN", "NOT_IN") and isinstance(value, list):
        members, inside = frozenset(value), key == "IN"
        return lambda text: (len(text) in members) == inside
    if key in _COMPARISONS and type(value) is int:
        compare = _COMPARISONS[key]
        return lambda text: compare(len(text), value)
    raise ValueError(f"LENGTH: {key} with {value!r} is not known")
