"""Finding own answers: newest first, a stretch at a time, corrections instead of what they correct."""

from __future__ import annotations

import json
from typing import Any

import pytest

from prodigy_team.annotate import history
from prodigy_team.annotate.history import find_answers, holds, newest_answers
from prodigy_team.store.base import Row


class Answers:
    """A session's answers, links from 1."""

    def __init__(self, *contents: dict[str, Any]) -> None:
        self.rows = [Row(link, 0, 0, json.dumps(each).encode()) for link, each in enumerate(contents, 1)]

    def __call__(self, before: int | None, limit: int) -> list[Row]:
        return [row for row in reversed(self.rows) if before is None or row.link < before][:limit]


def links(found: history.Past) -> list[int]:
    return [row.link for row in found.rows]


def test_pages_end_where_there_is_nothing_further() -> None:
    read = Answers(*({"text": str(number)} for number in range(5)))
    first = newest_answers(read, before=None, limit=3)
    assert (links(first), first.before) == ([5, 4, 3], 3)
    second = newest_answers(read, before=first.before, limit=3)
    assert (links(second), second.before) == ([2, 1], None)


def test_a_correction_stands_for_what_it_corrects_even_if_it_no_longer_fits() -> None:
    read = Answers(
        {"text": "cat", "_answer_id": "1"},
        {"text": "dog", "_answer_id": "2"},
        {"text": "dog", "_answer_id": "3", "_replaces": "1"},
    )
    found = find_answers(read, "cat", before=None, limit=5)
    assert (links(found), found.replaced) == ([], ("1",))
    assert links(find_answers(read, "DOG", before=None, limit=5)) == [3, 2]


def test_a_search_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "LOOKED_AT", 3)
    read = Answers(*({"text": f"{'even' if number % 2 == 0 else 'odd'} {number}"} for number in range(8)))
    found, before = [], None
    for _ in range(10):
        part = find_answers(read, "even", before=before, limit=1)
        found += links(part)
        before = part.before
        if before is None:
            break
    assert found == [7, 5, 3, 1]


@pytest.mark.parametrize(
    ("answer", "needle", "wanted"),
    [
        ({"text": "Straße"}, "strasse", True),
        ({"flag_note": "odd"}, "odd", True),
        ({"spans": [{"label": "ORG"}]}, "org", True),
        ({"tokens": [{"text": "odd"}]}, "odd", False),
        ({"options": [{"text": "odd"}]}, "odd", False),
        ({"_session_id": "odd"}, "odd", False),
        ({"image": "data:image/png;base64,odd"}, "odd", False),
        ({"answer": "accept"}, "accept", False),
        ({"meta": {"source": "The Paper"}}, "the p", True),
    ],
)
def test_what_a_search_looks_at(answer: dict[str, Any], needle: str, wanted: bool) -> None:
    assert holds(answer, needle) is wanted


def test_records_that_are_no_answers_are_passed_over() -> None:
    read = Answers({"text": "cat"})
    read.rows.append(Row(2, 0, 0, b"[]"))
    read.rows.append(Row(3, 0, 0, b"no json"))
    assert links(find_answers(read, "cat", before=None, limit=5)) == [1]
