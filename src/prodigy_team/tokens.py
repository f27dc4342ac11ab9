"""Text cut into tokens: an own tokenizer of the standard library, single characters, or spaCy where asked for."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from typing import Any

from prodigy_team.errors import TeamError

Token = dict[str, Any]
OWN_VERSION = "2"

# Scripts written without spaces whose characters are words or near it: Han, kana, bopomofo, Yi.
_BY_CHARACTER = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-\u3096\u309d-\u30fa\u30fc-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\ua000-\ua48c\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
# Only here are there combining marks; looking through all of Unicode would take 0.2 s.
_MARK_BLOCKS = (
    (0x0300, 0x309B), (0xA66F, 0xABEE), (0xFB1E, 0xFB1F), (0xFE00, 0xFE30), (0x101FD, 0x11FFF), (0x13440, 0x13456),
    (0x16AF0, 0x16FF2), (0x1BC9D, 0x1BC9F), (0x1CF00, 0x1E94B), (0xE0100, 0xE01F0),
)  # fmt: skip
# Invisible: no token of their own, and nobody could highlight them.
_INVISIBLE = "\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_JOINERS = "\u200c\u200d\u00ad"
_EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_ABBREVIATIONS = (
    "mr mrs ms dr prof st sr jr rev gen sen rep gov capt lt col sgt hon inc corp co ltd bros vs etc approx dept "
    "est fig figs vol al ca cf jan feb mar apr jun jul aug sep sept oct nov dec mt ave blvd rd ph.d e.g i.e a.m p.m "
    "u.s u.k u.n"
)
_UNITS = "km|cm|mm|nm|kg|mg|g|m|lb|lbs|oz|ft|kb|mb|gb|tb|khz|mhz|ghz|hz|mph|kmh|am|pm|bn|k|c|f|ml|l"
_CONTRACTION = re.compile(r"(.+?)(n['’]t|['’](?:s|re|ve|ll|d|m))", re.IGNORECASE | re.DOTALL)


def _mark_ranges() -> str:
    """The combining marks (Mn, Mc, Me) as the inside of a character class."""
    ranges: list[list[int]] = []
    for start, end in _MARK_BLOCKS:
        for code in range(start, end):
            if unicodedata.category(chr(code)) in ("Mn", "Mc", "Me"):
                if ranges and ranges[-1][1] == code - 1:
                    ranges[-1][1] = code
                else:
                    ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


@lru_cache(maxsize=1)
def _clusters() -> tuple[str, str]:
    """Two patterns: an emoji with its whole family, and the marks that may follow any character."""
    marks = f"[{_mark_ranges()}{_JOINERS}]*"
    skin = "\U0001f3fb-\U0001f3ff"
    one = f"[{_EMOJI}](?:[\ufe0e\ufe0f\u20e3{skin}])*"
    flag = "[\U0001f1e6-\U0001f1ff]{2}"
    tagged = "\U0001f3f4[\U000e0020-\U000e007f]+"
    keycap = "[0-9#*]\ufe0f?\u20e3"
    return f"(?:{flag}|{tagged}|{keycap}|{one}(?:\u200d{one}|\u200d[\u2640\u2642]\ufe0f?)*)", marks


@lru_cache(maxsize=1)
def _own_pattern() -> re.Pattern[str]:
    emoji, marks = _clusters()
    inside = marks[:-1]  # the class alone
    run = rf"[^\W{_BY_CHARACTER}]+(?:{inside}+[^\W{_BY_CHARACTER}]*)*"
    # What holds two runs together, much as spaCy's English does: don't, AT&T, HTTP/2, 1,000.5, 10:30, COVID-19, foo.bar
    join = (
        r"(?:['’&](?=[^\W\d_])|(?<=\d)[,:](?=\d)|/(?=\d)|(?<=[^\W\d_])-(?=\d)"
        r"|\.(?=\w)(?!(?<=[a-zß-öø-ÿ]\.)[A-ZÀ-ÖØ-Þ]))"
    )
    abbreviations = "|".join(re.escape(each) for each in sorted(_ABBREVIATIONS.split(), key=len, reverse=True))
    parts = [
        emoji,
        r"(?:https?://|www\.)[^\s<>\"“”]*[^\s<>\"“”.,;:!?'’)\]}]",
        r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
        rf"(?:(?i:{abbreviations})|[A-Za-z](?:\.[A-Za-z])*)\.(?!\w|\.)",
        rf"\d+(?:[.,]\d+)*(?=(?i:{_UNITS})(?!\w))",
        r"[A-Za-z]\+\+(?!\w)",
        rf"@?{run}(?:{join}{run})*",
        r"\.{2,}|-{2,}|…+",
        rf"[^\s{_INVISIBLE}]",
    ]
    return re.compile(f"(?:{'|'.join(parts)}){marks}")


@lru_cache(maxsize=1)
def _character_pattern() -> re.Pattern[str]:
    emoji, marks = _clusters()
    return re.compile(rf"(?:{emoji}|[^\s{_INVISIBLE}]){marks}")


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Where the own tokenizer's tokens start and end; contractions are two tokens (do|n't, Uber|’s)."""
    for found in _own_pattern().finditer(text):
        start, end = found.span()
        piece = found.group()
        if "'" in piece or "’" in piece:
            split = _CONTRACTION.fullmatch(piece)
            if split:
                yield start, start + split.end(1)
                start += split.end(1)
        yield start, end


def _as_tokens(text: str, spans: Iterator[tuple[int, int]]) -> list[Token]:
    return [
        {"text": text[start:end], "start": start, "end": end, "id": number, "ws": text[end : end + 1].isspace()}
        for number, (start, end) in enumerate(spans)
    ]


def _split_words(text: str) -> list[Token]:
    return _as_tokens(text, _pieces(text))


def _split_characters(text: str) -> list[Token]:
    return _as_tokens(text, (found.span() for found in _character_pattern().finditer(text)))


@dataclass(frozen=True)
class Tokenizer:
    """A way to cut text into tokens, with the name and version to be recorded: two mixed in one dataset misalign spans.

    Called with a text it gives ``{"text", "start", "end", "id", "ws"}`` per token: offsets in code points, ids from 0,
    ``ws`` whether white space follows. Token texts are the text's own (``text[start:end]``), and whatever stands
    between tokens is white space or invisible.
    """

    name: str
    version: str
    split: Callable[[str], list[Token]]

    def __call__(self, text: str) -> list[Token]:
        return self.split(text)


class TokenizerError(TeamError):
    """The tokenizer asked for is unknown or not installed."""


# The words of a regular expression follow the interpreter's Unicode, so it is a part of the version.
OWN = Tokenizer("own", f"{OWN_VERSION} (Unicode {unicodedata.unidata_version})", _split_words)
CHARACTERS = Tokenizer("chars", f"{OWN_VERSION} (Unicode {unicodedata.unidata_version})", _split_characters)


def find_tokenizer(model: str | None = None, tokenizer: str | None = None) -> Tokenizer:
    """The tokenizer that a roster's `model` and `tokenizer` ask for.

    Args:
        model: ``blank:xx`` or None: the own tokenizer. Any other name is a spaCy model, whose tokenizer is used.
        tokenizer: Beats the model: ``own``, ``chars`` (each character by itself), ``spacy`` (for the model's
            language) or ``spacy:xx``.

    Raises:
        TokenizerError: The name is unknown, or spaCy, the model or its language is not installed.
    """
    if tokenizer in ("own", "chars"):
        return OWN if tokenizer == "own" else CHARACTERS
    blank = model.removeprefix("blank:") if model and model.startswith("blank:") else None
    if tokenizer is None:
        return OWN if model is None or blank is not None else _spacy_tokenizer(model)
    if tokenizer.startswith("spacy:") and len(tokenizer) > len("spacy:"):
        return _spacy_tokenizer(f"blank:{tokenizer.removeprefix('spacy:')}")
    if tokenizer == "spacy":
        return _spacy_tokenizer(model or "blank:en")
    raise TokenizerError(
        f"There is no tokenizer {tokenizer!r}.", remedy='Write tokenizer = "own", "chars" or "spacy:en".'
    )


def _spacy_tokenizer(model: str) -> Tokenizer:
    """spaCy's tokenizer for a model or a blank language; importing it takes seconds, so only where it is asked for."""
    try:
        import spacy
    except ImportError as error:
        raise TokenizerError(
            f"The tokenizer of {model} needs spaCy, which is not installed for {sys.executable}.",
            remedy="Run `pip install 'prodigy-team[spacy]'`, or use model = \"blank:en\" with the own tokenizer.",
        ) from error
    try:
        nlp = spacy.blank(model.removeprefix("blank:")) if model.startswith("blank:") else spacy.load(model)
    except (ImportError, OSError, ValueError) as error:
        raise TokenizerError(
            f"spaCy cannot load {model}: {error}",
            remedy='Install it for the interpreter that runs the servers, or use model = "blank:en".',
        ) from error
    name = f"spacy:{nlp.lang}" if model.startswith("blank:") else f"spacy:{model}"

    def split(text: str) -> list[Token]:
        return [
            {
                "text": each.text,
                "start": each.idx,
                "end": each.idx + len(each),
                "id": each.i,
                "ws": bool(each.whitespace_),
            }
            for each in nlp.make_doc(text)
        ]

    return Tokenizer(name, metadata.version("spacy"), split)
