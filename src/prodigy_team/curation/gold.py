"""How often somebody answers tasks with known answers as their author did."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from prodigy_team.curation.judgements import judgement_of, read_answer


@dataclass(frozen=True)
class GoldScore:
    """One person's.

    Attributes:
        right: Tasks answered as known.
        judged: Tasks answered; ignored ones are not judged.
    """

    right: int = 0
    judged: int = 0


def is_right(given: bytes, known: bytes) -> bool | None:
    """Whether an answer says what is known of its task: the same answer, label, options and spans.

    Args:
        given: As stored.
        known: The line of the gold file; without an ``answer`` it is accepted.

    Returns:
        None where the task was ignored, or where one of the two cannot be read.
    """
    answer, truth = read_answer(given), read_answer(known)
    if answer is None or truth is None:
        return None
    # The gold file rarely says in which view it is asked; what counts as the judgement depends on that.
    as_asked = msgspec.structs.replace(truth, answer=truth.answer or "accept", view_id=answer.view_id)
    judgement = judgement_of(answer)
    return None if judgement is None else judgement == judgement_of(as_asked)


def score(answers: Iterable[tuple[bytes, bytes]], known: Callable[[bytes], bytes | None]) -> GoldScore:
    """Somebody's score.

    Args:
        answers: Identity and stored content of their newest answers to tasks with known answers.
        known: The gold file's line for an identity; None where it is not there any more.
    """
    right = judged = 0
    for identity, content in answers:
        line = known(identity)
        verdict = None if line is None else is_right(content, line)
        judged += verdict is not None
        right += bool(verdict)
    return GoldScore(right, judged)
