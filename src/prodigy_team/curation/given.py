"""The stored answers of a pool, in the order in which they were stored: who gave which task what, and when."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import msgspec

from prodigy_team.store import Row, Store

FindTask = Callable[[bytes], "tuple[bytes, bool] | None"]
"""A stored content to the identity of its task and whether that has a known answer; None for no task of the pool."""


class _Kept(msgspec.Struct, gc=False):
    """What is read of an answer; all other fields are skipped."""

    answer: Any = None
    timestamp: Any = msgspec.field(name="_timestamp", default=None)
    version: Any = msgspec.field(name="_version", default=None)
    annotator_id: Any = msgspec.field(name="_annotator_id", default=None)
    session_id: Any = msgspec.field(name="_session_id", default=None)


_decoder = msgspec.json.Decoder(_Kept)


@dataclass(frozen=True, slots=True)
class Given:
    """One stored answer.

    Attributes:
        person: By the name they have in the roster; else as stored.
        task: Identity of the task; b"" where the source has none like it (any more).
        gold: The task has a known answer.
        answer: accept, reject, ignore, or whatever stands there.
        at: Unix seconds; None where the answer carries none.
        version: Of labels and guidelines; "" without one.
        content: As stored, of answers to gold; b"" of all others.
        reopened: It was sent back to be given again, and is history.
    """

    link: int
    dataset: str
    person: str
    task: bytes
    gold: bool
    answer: str
    at: float | None
    version: str
    content: bytes = b""
    reopened: bool = False


def read_given(
    store: Store, datasets: Iterable[str], *, find: FindTask, person: Callable[[str, str], str]
) -> Iterator[Given]:
    """Every answer in these datasets, corrections too, in link order over all of them. Reads as it is iterated.

    Args:
        person: Dataset and stored annotator to the name of whoever that is.
    """

    def of(dataset: str) -> Iterator[Given]:
        back = store.reopened(dataset)
        for row in store.rows(dataset):
            given = _given(row, dataset, find, person, reopened=row.link in back)
            if given is not None:
                yield given

    return heapq.merge(*(of(dataset) for dataset in dict.fromkeys(datasets)), key=attrgetter("link"))


def _given(
    row: Row, dataset: str, find: FindTask, person: Callable[[str, str], str], *, reopened: bool
) -> Given | None:
    try:
        kept = _decoder.decode(row.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    found = find(row.content)
    owner = next((each for each in (kept.annotator_id, kept.session_id) if isinstance(each, str) and each), "")
    at = kept.timestamp
    return Given(
        row.link,
        dataset,
        person(dataset, owner) or dataset,
        found[0] if found else b"",
        bool(found and found[1]),
        kept.answer if isinstance(kept.answer, str) else "",
        float(at) if isinstance(at, (int, float)) and not isinstance(at, bool) else None,
        str(kept.version) if kept.version is not None else "",
        row.content if found and found[1] else b"",
        reopened,
    )
