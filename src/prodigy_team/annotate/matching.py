"""Patterns files and where their patterns match: token and string patterns, found as spaCy's matchers find them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from prodigy_team.annotate.attributes import Test, token_test
from prodigy_team.errors import TeamError
from prodigy_team.tokens import OWN, Token

_OPERATORS = {"?": (0, 1), "*": (0, None), "+": (1, None), "!": (1, 1)}
_BAD_SHOWN = 10


class PatternsError(TeamError):
    """A patterns file cannot be used; `bad` names every bad line with its reason."""

    def __init__(self, message: str, *, remedy: str, bad: Sequence[tuple[int, str]] = ()) -> None:
        super().__init__(message, remedy=remedy)
        self.bad = tuple(bad)


@dataclass(frozen=True)
class Step:
    """One token of a pattern: what it must be, and how often it may come. `exactly` is its text where that is all."""

    test: Test
    least: int = 1
    most: int | None = 1
    exactly: tuple[str, frozenset[str]] | None = None


@dataclass(frozen=True)
class Pattern:
    """One line of a patterns file."""

    label: str
    steps: tuple[Step, ...]
    source: Any
    line: int


@dataclass(frozen=True)
class Match:
    """Where a pattern matches: offsets in code points (end exclusive), tokens (both inclusive), its number."""

    start: int
    end: int
    token_start: int
    token_end: int
    label: str
    pattern: int


@dataclass(frozen=True)
class Patterns:
    """The patterns of a file, in its order; of a thousand only those are tried that may begin with a token."""

    patterns: tuple[Pattern, ...]
    path: Path | None = field(default=None)

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label, in the order of first mention."""
        return tuple(dict.fromkeys(each.label for each in self.patterns))

    @cached_property
    def by_first(self) -> tuple[dict[str, list[int]], dict[str, list[int]], list[int]]:
        """Numbers of patterns by their first token's text, by its lower-case text, and those with neither."""
        texts: dict[str, list[int]] = defaultdict(list)
        lowers: dict[str, list[int]] = defaultdict(list)
        others: list[int] = []
        for number, pattern in enumerate(self.patterns):
            first = pattern.steps[0]
            if first.exactly is None or not first.least:
                others.append(number)
                continue
            for word in first.exactly[1]:
                (lowers if first.exactly[0] == "LOWER" else texts)[word].append(number)
        return dict(texts), dict(lowers), others


def read_patterns(path: Path, *, tokenizer: Callable[[str], list[Token]] = OWN) -> Patterns:
    """The patterns of a file of JSON lines ``{"label", "pattern"}``, each a string or a list of token descriptions.

    Args:
        path: The file.
        tokenizer: The one that cuts the tasks' texts: a string pattern is cut the same way.

    Raises:
        PatternsError: The file cannot be read, has no pattern, or has bad lines; all of them are named.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PatternsError(
            f"The patterns file {path} cannot be read: {error.strerror}.", remedy="Correct `patterns` in team.toml."
        ) from error
    lines = list(enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), 1))
    return _parse_lines([each for each in lines if each[1].strip()], path, tokenizer)


def _parse_lines(lines: list[tuple[int, bytes]], path: Path, tokenizer: Callable[[str], list[Token]]) -> Patterns:
    patterns: list[Pattern] = []
    bad: list[tuple[int, str]] = []
    for number, line in lines:
        try:
            patterns.append(parse_pattern(msgspec.json.decode(line), line=number, tokenizer=tokenizer))
        except msgspec.DecodeError as error:
            bad.append((number, f"broken JSON: {error}"))
        except UnicodeDecodeError:
            bad.append((number, "invalid UTF-8"))
        except ValueError as error:
            bad.append((number, str(error)))
    if bad:
        shown = "; ".join(f"line {number}: {reason}" for number, reason in bad[:_BAD_SHOWN])
        more = f"; and {len(bad) - _BAD_SHOWN} more" if len(bad) > _BAD_SHOWN else ""
        raise PatternsError(
            f"The patterns file {path} has {len(bad)} bad line(s). {shown}{more}.",
            remedy="Correct or remove them. Patterns that need a model need the Prodigy engine.",
            bad=bad,
        )
    if not patterns:
        raise PatternsError(
            f"The patterns file {path} is empty.", remedy='Write lines {"label": …, "pattern": …} into it.'
        )
    return Patterns(tuple(patterns), path)


def parse_pattern(value: Any, *, line: int = 0, tokenizer: Callable[[str], list[Token]] = OWN) -> Pattern:
    """One pattern.

    Raises:
        ValueError: It is none that can be matched here; the message is the reason.
    """
    if not isinstance(value, dict):
        raise ValueError('not an object {"label": …, "pattern": …}')
    label, pattern = value.get("label"), value.get("pattern")
    if not isinstance(label, str) or not label:
        raise ValueError("`label` is missing or no string")
    if isinstance(pattern, str):
        steps = [_exact_step("TEXT", token["text"]) for token in tokenizer(pattern)]
    elif isinstance(pattern, list):
        steps = [_token_step(each) for each in pattern]
    else:
        raise ValueError("`pattern` is missing, or neither a string nor a list")
    if not steps:
        raise ValueError("`pattern` is empty")
    return Pattern(label, tuple(steps), pattern, line)


def _exact_step(name: str, text: str) -> Step:
    return Step(token_test(name, text), exactly=(name, frozenset((text,))))


def _token_step(description: Any) -> Step:
    """One token's description: attributes in any case, all of which must hold, and OP."""
    if not isinstance(description, dict):
        raise ValueError(f"a token is described by an object, not by {description!r}")
    attributes = {key.upper(): value for key, value in description.items()}
    least, most, negated = _operator(attributes.pop("OP", None))
    tests = [token_test(name, value) for name, value in attributes.items()]
    exactly = None if negated or len(attributes) != 1 else _exact_texts(*next(iter(attributes.items())))
    test = tests[0] if len(tests) == 1 else lambda text: all(each(text) for each in tests)
    return Step((lambda text: not test(text)) if negated else test, least, most, exactly)


def _exact_texts(name: str, wanted: Any) -> tuple[str, frozenset[str]] | None:
    kind = {"LOWER": "LOWER", "TEXT": "TEXT", "ORTH": "TEXT"}.get(name)
    if kind and isinstance(wanted, str):
        return kind, frozenset((wanted,))
    if kind and len(wanted) == 1 and "IN" in {key.upper() for key in wanted}:
        return kind, frozenset(next(iter(wanted.values())))
    return None


def _operator(value: Any) -> tuple[int, int | None, bool]:
    """How often a token may come, least and most, and whether it must be another: ``!`` is one token that is not so."""
    if value is None:
        return 1, 1, False
    if isinstance(value, str) and value in _OPERATORS:
        return (*_OPERATORS[value], value == "!")
    if isinstance(value, str) and value[:1] == "{" and value[-1:] == "}":
        least, comma, most = value[1:-1].partition(",")
        if (least.isdigit() or (comma and not least)) and (most.isdigit() or not most):
            bounds = (int(least or 0), int(most) if most else None if comma else int(least))
            if bounds[1] is None or bounds[0] <= bounds[1]:
                return (*bounds, False)
    raise ValueError(f"unknown OP {value!r}; known are ! ? + * {{n}} {{n,m}} {{n,}} {{,m}}")


def find_matches(patterns: Patterns, text: str, tokens: Sequence[Token]) -> list[Match]:
    """Every match of every pattern, overlapping ones included, in the order of start, end and pattern.

    Args:
        patterns: What to look for.
        text: The task's text.
        tokens: Its tokens, from the tokenizer that the patterns were read with.
    """
    words = [token["text"] if "text" in token else text[token["start"] : token["end"]] for token in tokens]
    by_text, by_lower, others = patterns.by_first
    found: set[tuple[int, int, int]] = set()
    for start, word in enumerate(words):
        for number in (*by_text.get(word, ()), *by_lower.get(word.lower(), ()), *others):
            found.update((start, end, number) for end in _ends(patterns.patterns[number].steps, words, start))
    return [
        Match(tokens[first]["start"], tokens[end - 1]["end"], first, end - 1, patterns.patterns[number].label, number)
        for first, end, number in sorted(found)
    ]


def _ends(steps: Sequence[Step], words: Sequence[str], start: int) -> list[int]:
    """Where a match that begins at a token may end, exclusive; each step moves all the places reached so far."""
    reached = {start}
    for step in steps:
        reached = _after(step, words, reached)
        if not reached:
            return []
    return [end for end in reached if end > start]


def _after(step: Step, words: Sequence[str], places: set[int]) -> set[int]:
    """Where one may stand after a step, from any of some places."""
    after: set[int] = set()
    for place in places:
        count = 0
        while True:
            if count >= step.least:
                after.add(place + count)
            if count == step.most or place + count >= len(words) or not step.test(words[place + count]):
                break
            count += 1
    return after


def filter_longest(matches: Iterable[Match]) -> list[Match]:
    """Matches that do not overlap, in order: of those that do, the one with most tokens stays, then the first."""
    kept: list[Match] = []
    taken: set[int] = set()
    for match in sorted(matches, key=lambda each: (each.token_start - each.token_end, each.token_start)):
        places = range(match.token_start, match.token_end + 1)
        if taken.isdisjoint(places):
            kept.append(match)
            taken.update(places)
    return sorted(kept, key=lambda each: each.token_start)
