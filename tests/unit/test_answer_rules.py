"""When an answer is stored, taken for a repeat, or refused: one first answer per person and task, then corrections."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databases import new_answer
from prodigy_team.store import Outcome
from prodigy_team.store.rules import KnownAnswer, answer_id_in, content_digest, judge

STORED, REPEATED, REFUSED = Outcome.STORED, Outcome.REPEATED, Outcome.REFUSED
Sent = tuple[str, "str | None", "str | None"]  # decision, _answer_id, _replaces


def play(sent: list[Sent]) -> tuple[list[Outcome], list[KnownAnswer]]:
    """Send one person's answers to one task, one after the other."""
    known: list[KnownAnswer] = []
    outcomes = []
    for decision, key, replaces in sent:
        answer = new_answer("a text", decision, key=key, replaces=replaces)
        digest = content_digest(answer.content)
        outcomes.append(judge(answer, digest, known))
        if outcomes[-1] is STORED:
            known.append(KnownAnswer(True, key, digest))
    return outcomes, known


TABLE: dict[str, tuple[list[Sent], list[Outcome]]] = {
    "first": ([("accept", "a", None)], [STORED]),
    "sent twice": ([("accept", "a", None), ("accept", "a", None)], [STORED, REPEATED]),
    "one id, other content": ([("accept", "a", None), ("reject", "a", None)], [STORED, REFUSED]),
    "two tabs, one decision": ([("accept", "a", None), ("accept", "b", None)], [STORED, REPEATED]),
    "two tabs, two decisions": ([("accept", "a", None), ("reject", "b", None)], [STORED, REFUSED]),
    "correction": ([("accept", "a", None), ("reject", "b", "a")], [STORED, STORED]),
    "correction sent twice": (
        [("accept", "a", None), ("reject", "b", "a"), ("reject", "b", "a")],
        [STORED, STORED, REPEATED],
    ),
    "correction and back": ([("accept", "a", None), ("reject", "b", "a"), ("accept", "c", "b")], [STORED] * 3),
    "correction that changes nothing": (
        [("accept", "a", None), ("accept", "b", "a"), ("reject", "c", "b")],
        [STORED] * 3,
    ),
    "correction of an older one": (
        [("accept", "a", None), ("reject", "b", "a"), ("ignore", "c", "a")],
        [STORED, STORED, REFUSED],
    ),
    "first, late again": (
        [("accept", "a", None), ("reject", "b", "a"), ("accept", "a", None)],
        [STORED, STORED, REPEATED],
    ),
    "correction of what is gone": ([("reject", "b", "a")], [STORED]),
    "without ids, equal": ([("accept", None, None), ("accept", None, None)], [STORED, REPEATED]),
    "without ids, there and back": (
        [("accept", None, None), ("reject", None, None), ("accept", None, None)],
        [STORED] * 3,
    ),
    "ids after none": ([("accept", None, None), ("reject", "a", None)], [STORED, REFUSED]),
    "ids after none, equal": ([("accept", None, None), ("accept", "a", None)], [STORED, REPEATED]),
    "none after ids": ([("accept", "a", None), ("reject", None, None)], [STORED, STORED]),
}


@pytest.mark.parametrize(("sent", "expected"), TABLE.values(), ids=TABLE.keys())
def test_rules(sent: list[Sent], expected: list[Outcome]) -> None:
    assert play(sent)[0] == expected


def test_an_id_belongs_to_one_task_of_one_person() -> None:
    answer = new_answer("a text", key="a")
    digest = content_digest(answer.content)
    assert judge(answer, digest, [KnownAnswer(False, "a", digest)]) is REFUSED


SENT = st.lists(
    st.tuples(
        st.sampled_from(["accept", "reject"]),
        st.sampled_from([None, "a", "b", "c"]),
        st.sampled_from([None, "a", "b", "c"]),
    ),
    max_size=8,
)


@given(SENT)
def test_whatever_is_sent_ids_are_stored_once_and_each_correction_names_the_one_before(sent: list[Sent]) -> None:
    outcomes, known = play(sent)
    stored = [each for each, outcome in zip(sent, outcomes, strict=True) if outcome is STORED]
    keys = [key for _, key, _ in stored if key is not None]
    assert len(keys) == len(set(keys))
    for before, (_, key, replaces) in pairwise(stored):
        assert key is None or replaces == before[1]
    assert not sent or outcomes[0] is STORED
    assert len(stored) == len(known)


@given(SENT)
def test_a_batch_sent_again_as_a_whole_adds_nothing_where_each_answer_has_its_own_id(sent: list[Sent]) -> None:
    unique = [(decision, f"{number}", replaces) for number, (decision, _, replaces) in enumerate(sent)]
    once, twice = play(unique)[1], play(unique + unique)[1]
    assert once == twice


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('{"text":"a","answer":"accept","_timestamp":1}', '{"text":"a","answer":"accept","_timestamp":22}'),
        ('{"text":"a","_answer_id":"x","answer":"accept"}', '{"text":"a","answer":"accept"}'),
        ('{"text":"a","_replaces":null,"_answer_id":"x"}', '{"text":"a","_timestamp":1.5}'),
        ('{"_timestamp":1,"text":"a"}', '{"text":"a"}'),
        ('{"text": "a", "_timestamp": 3, "b": 1}', '{"text": "a", "_timestamp": 44, "b": 1}'),
    ],
)
def test_times_and_ids_make_no_difference(first: str, second: str) -> None:
    assert content_digest(first.encode()) == content_digest(second.encode())


def test_what_was_decided_makes_a_difference_and_so_does_a_text_that_looks_like_a_key() -> None:
    texts = ['"_timestamp":1', '"_timestamp":2', ',"_answer_id":"x"', "plain"]
    contents = [
        json.dumps({"text": text, "answer": answer}).encode() for text in texts for answer in ("accept", "reject")
    ]
    assert len({content_digest(content) for content in contents}) == len(contents)


def test_the_id_in_a_content() -> None:
    assert answer_id_in(b'{"text":"a","_answer_id":"x-1"}') == "x-1"
    assert answer_id_in(b'{"text":"\\"_answer_id\\":\\"x\\""}') is None
    assert answer_id_in(b'{"_answer_id":null}') is None
