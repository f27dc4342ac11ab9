"""Which tasks people flagged, with what they noted: what somebody has to look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from prodigy_team.curation.judgements import Answer, annotator_of
from prodigy_team.store.base import Store


class _Flagged(Answer, gc=False):
    """An answer with what its flag needs."""

    flagged: Any = None
    flag_note: Any = None
    input_hash: Any = msgspec.field(name="_input_hash", default=None)
    task_hash: Any = msgspec.field(name="_task_hash", default=None)
    timestamp: Any = msgspec.field(name="_timestamp", default=None)


_decoder = msgspec.json.Decoder(_Flagged)


@dataclass(frozen=True)
class Flag:
    """One flagged answer.

    Attributes:
        note: What the annotator wrote beside the flag; empty for nothing.
        text: What the task is about: its text, HTML, or the address of its picture.
        answered_at: Unix seconds; None where the answer carries no time.
    """

    dataset: str
    annotator: str
    answer: str
    note: str
    text: str
    input_hash: int | None
    task_hash: int | None
    answered_at: float | None


def find_flags(store: Store, datasets: Iterable[str], *, annotators: Mapping[str, str] | None = None) -> list[Flag]:
    """The flagged answers of these datasets, in the order they were given; a correction decides for its task.

    Args:
        annotators: Dataset to annotator, where the roster gives a dataset to one person.
    """
    writers = annotators or {}
    return [flag for dataset in datasets for flag in _flags_of(store, dataset, writers.get(dataset))]


def _flags_of(store: Store, dataset: str, writer: str | None) -> list[Flag]:
    newest: dict[tuple[str, Any, Any], Flag] = {}
    for content in store.answers(dataset):
        answer = _read(content)
        if answer is None:
            continue
        annotator = annotator_of(answer, dataset, writer)
        key = (annotator, answer.input_hash, answer.task_hash)
        newest.pop(key, None)
        if answer.flagged is True:
            newest[key] = _flag(answer, dataset, annotator)
    return list(newest.values())


def _read(content: bytes) -> _Flagged | None:
    try:
        return _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _flag(answer: _Flagged, dataset: str, annotator: str) -> Flag:
    shown = next((each for each in (answer.text, answer.html, answer.image) if isinstance(each, str)), "")
    return Flag(
        dataset=dataset,
        annotator=annotator,
        answer=str(answer.answer or ""),
        note=answer.flag_note if isinstance(answer.flag_note, str) else "",
        text="" if shown.startswith("data:") else shown,
        input_hash=_integer(answer.input_hash),
        task_hash=_integer(answer.task_hash),
        answered_at=float(answer.timestamp) if isinstance(answer.timestamp, (int, float)) else None,
    )


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) else None
