"""What is said of a database to those who only count: loaded without the protocol of the whole store."""

from __future__ import annotations

from dataclasses import dataclass

from prodigy_team.errors import TeamError


class StoreError(TeamError):
    """The database cannot be opened, read or written."""


@dataclass(frozen=True)
class Activity:
    """How many answers a dataset holds, and the Unix time of the newest; None where none carries a time.

    A correction counts with the answer it corrects: 178 tasks answered by one person are 178 answers.
    """

    answers: int
    last_answer_at: float | None
