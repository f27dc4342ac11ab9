"""For notebooks and programs: a team's answers and their agreement, as plain records and as pandas frames.

import prodigy_team

answers = prodigy_team.answers(roster="team.toml")     # a list of dicts
answers.frame()                                        # the same as a pandas frame
prodigy_team.agreement(by="label").frame("labels")
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from prodigy_team.cli.gathered import opened_sources, roster_marks
from prodigy_team.cli.options import Shared
from prodigy_team.curation.agreement import Agreement, measure
from prodigy_team.curation.frames import frame_of
from prodigy_team.curation.gathering import Gathered, gather

if TYPE_CHECKING:
    from pandas import DataFrame

TIMES = ("answered_at",)


class Answers(list[dict[str, Any]]):
    """Records of answers, one a dict; see `answers`."""

    def frame(self) -> DataFrame:
        """A pandas frame of N rows, a column a key; `answered_at` as times in UTC.

        Raises:
            TeamError: pandas is not installed.
        """
        return frame_of(self, _COLUMNS, times=TIMES)


_COLUMNS = (
    *("source", "position", "annotator", "answer", "view", "label", "accept", "spans", "text", "answered_at"),
    *("left_out", "input_hash", "task_hash", "content"),
)


def answers(*sources: str, roster: str | os.PathLike[str] | None = None) -> Answers:
    """Every stored answer, in the order in which it was stored, source by source; all in memory.

    Args:
        sources: Datasets and files of JSON lines; all of the team's when there is none.
        roster: Path of team.toml; else $PRODIGY_TEAM_ROSTER, else team.toml. Files alone need none.

    Returns:
        N dicts with `source`, `position` (link in the dataset, line of the file), `annotator`, `answer` (accept, reject
        or ignore), `view`, `label`, `accept` (options chosen, or None), `spans` (a list, or None), `text`,
        `answered_at` (Unix seconds, or None), `left_out` (why merge and agreement pass it over: "gold", "reopened", or
        "repeated" for a copy of such a one; else ""), `input_hash`, `task_hash` and `content` (all of it, as stored).
        Of several answers of one person to one task all are there.

    Raises:
        TeamError: There is no such roster, dataset or file, or it cannot be read.
    """
    with opened_sources(_shared(roster), sources) as (store, loaded, named, people):
        marks = roster_marks(store, loaded, named, surplus=False) if store is not None and loaded is not None else {}
        return Answers(map(_record, gather(store, named, people=people, marks=marks)))


def agreement(
    *sources: str,
    roster: str | os.PathLike[str] | None = None,
    by: Literal["", "label", "week"] = "",
    intervals: bool = True,
    seed: int = 0,
    worst: int = 10,
) -> Agreement:
    """How far annotators agree, as `prodigy-team agreement` tells it (docs/agreement.md).

    Args:
        sources: As for `answers`.
        roster: As for `answers`.
        by: Fills `labels` or `weeks` of each view.
        intervals: Draw 95 % intervals.
        seed: Of their draws.
        worst: How many tasks of largest disagreement are kept of each view.

    Returns:
        An `Agreement`: its `views` hold figures and pairs, people, labels, weeks and disagreements as dataclasses;
        `records("pairs")` gives dicts and `frame("pairs")` a pandas frame.

    Raises:
        TeamError: As for `answers`.
    """
    with opened_sources(_shared(roster), sources) as (store, loaded, named, people):
        marks = roster_marks(store, loaded, named, surplus=False) if store is not None and loaded is not None else {}
        return measure(store, named, people=people, marks=marks, by=by, seed=seed, intervals=intervals, worst=worst)


def _shared(roster: str | os.PathLike[str] | None) -> Shared:
    return Shared(None if roster is None else Path(roster), quiet=True)


def _record(given: Gathered) -> dict[str, Any]:
    record = given.record
    values = (
        *(given.source.name, given.position, given.annotator, given.answer, given.view, record.label, record.accept),
        *(record.spans, record.text, given.at, given.left_out, given.input_hash, given.task_hash),
        msgspec.json.decode(given.content),
    )
    return dict(zip(_COLUMNS, values, strict=True))
