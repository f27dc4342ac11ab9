"""What is stored of an answer: the client's own JSON, with what it lacks spliced in and a foreign owner replaced."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as some

from prodigy_team.annotate.answers import AnswerKeys, stored_content

VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: "\\ud" not in json.dumps(value))
OWN = ("_timestamp", "_view_id", "_session_id", "_annotator_id")
ANSWERS = some.builds(
    lambda content, own: {**content, "answer": "accept", "_input_hash": 1, "_task_hash": -2, **own},
    some.dictionaries(some.text().filter(lambda key: "\\ud" not in json.dumps(key)), VALUES, max_size=4),
    some.dictionaries(some.sampled_from(OWN), some.sampled_from(["ds-ana", "ds-eve", 5, None]), max_size=4),
).filter(lambda answer: not {"_answer_id", "_replaces"} & set(answer))


def stored(raw: bytes) -> bytes:
    """What is stored of an answer of ds-ana's, at second 100."""
    keys = msgspec.json.decode(raw, type=AnswerKeys)
    return stored_content(raw, keys, session_id="ds-ana", view_id="ner", now=100.9)


@given(ANSWERS, some.sampled_from([None, 2]), some.booleans())
def test_nothing_but_the_owner_changes_and_nothing_is_missing(
    answer: dict[str, Any], indent: int | None, escape: bool
) -> None:
    content = json.loads(stored(json.dumps(answer, indent=indent, ensure_ascii=escape).encode()))
    expected = {"_timestamp": 100, "_view_id": "ner", **answer, "_session_id": "ds-ana", "_annotator_id": "ds-ana"}
    assert content == expected


@given(ANSWERS)
def test_what_is_stored_is_compact_and_stays_as_it_is_when_stored_again(answer: dict[str, Any]) -> None:
    once = stored(json.dumps(answer, indent=1).encode())
    assert once == msgspec.json.format(once, indent=-1)
    assert stored(once) == once


def test_digits_and_escapes_are_the_clients() -> None:
    raw = b'{ "a": 1.50, "b": 1e5, "c": "\\u00e9\\/", "answer": "accept", "_input_hash": 1, "_task_hash": 2 }'
    assert stored(raw).startswith(
        b'{"a":1.50,"b":1e5,"c":"\\u00e9\\/","answer":"accept","_input_hash":1,"_task_hash":2,'
    )
