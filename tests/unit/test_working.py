"""Working time, told from the times of answers."""

from __future__ import annotations

import json

import pytest

from prodigy_team.curation.gold import GoldScore, is_right, score
from prodigy_team.curation.working import IDLE, Work, measure


@pytest.mark.parametrize(
    ("times", "seconds", "tasks", "median", "pace"),
    [
        ([], 0, 0, None, None),
        ([100], 0, 0, None, None),
        ([100, 110, 120, 150], 50, 3, 10, 216),
        # A break of an hour, and what ends it, count for nothing.
        ([100, 110, 120, 3720, 3730], 30, 3, 10, 360),
        # Four that arrive together took 40 seconds together.
        ([100, 140, 140, 140, 140], 40, 4, 10, 360),
        # A hundred sent at once after a night are no work that anybody saw.
        ([100, 110, *[50_000.0] * 100, 50_010], 20, 2, 10, 360),
        ([3, 1, 2], 2, 2, 1, 3600),
    ],
)
def test_gaps_between_answers_are_work(times, seconds, tasks, median, pace):
    work = measure(times)
    assert (work.seconds, work.tasks, work.median, work.pace) == (seconds, tasks, median, pace)


def test_long_tasks_are_no_breaks():
    """Who needs three minutes each is at work all the time; a quarter of an hour is five times that."""
    slow = measure([n * 180 for n in range(11)])
    assert (slow.seconds, slow.idle) == (1800, 900)
    assert measure([n * 180 for n in range(11)] + [1800 + 901]).seconds == 1800
    assert measure([n * 3600 for n in range(20)]).seconds == 0  # one an hour is nobody at work
    assert measure([0, 3600]).seconds == 0
    assert measure([0, 30, 60], idle=20) == Work(0, 0, None, 20)
    assert measure([0, IDLE, 2 * IDLE + 1, 2 * IDLE + 2]).seconds == IDLE + 1  # the middle one is a break


def line(**keys):
    return json.dumps(keys).encode()


SPANS = [{"start": 0, "end": 4, "label": "ORG"}, {"start": 9, "end": 12, "label": "PERSON"}]


@pytest.mark.parametrize(
    ("given", "known", "right"),
    [
        ({"answer": "accept", "_view_id": "classification", "label": "A"}, {"label": "A"}, True),
        ({"answer": "reject", "_view_id": "classification", "label": "A"}, {"label": "A"}, False),
        ({"answer": "reject", "_view_id": "classification", "label": "A"}, {"label": "A", "answer": "reject"}, True),
        ({"answer": "ignore", "_view_id": "classification"}, {"label": "A"}, None),
        ({"answer": "accept", "_view_id": "choice", "accept": ["B", "A"]}, {"accept": ["A", "B"]}, True),
        ({"answer": "accept", "_view_id": "choice", "accept": ["A"]}, {"accept": ["A", "B"]}, False),
        ({"answer": "accept", "_view_id": "choice", "accept": []}, {}, True),
        ({"answer": "accept", "_view_id": "ner_manual", "spans": SPANS[::-1]}, {"spans": SPANS}, True),
        ({"answer": "accept", "_view_id": "ner_manual", "spans": SPANS[:1]}, {"spans": SPANS}, False),
    ],
)
def test_right_is_what_says_the_same(given, known, right):
    assert is_right(line(text="x", **given), line(text="x", **known)) is right


def test_a_score_leaves_out_what_cannot_be_judged():
    known = {b"1": line(accept=["A"]), b"2": line(accept=["B"]), b"3": line(accept=["B"])}
    answers = [
        (b"1", line(answer="accept", accept=["A"])),
        (b"2", line(answer="accept", accept=["A"])),
        (b"3", line(answer="ignore")),
        (b"4", line(answer="accept", accept=["A"])),
    ]
    assert score(answers, known.get) == GoldScore(right=1, judged=2)
