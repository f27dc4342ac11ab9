"""Removing a dataset, with a copy kept."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from prodigy_team.curation.export.jsonl import write_file
from prodigy_team.errors import TeamError, UsageError
from prodigy_team.presence import exists
from prodigy_team.store import Store


@dataclass(frozen=True)
class DropReport:
    """What is removed, or would be.

    Attributes:
        answers: Answers in the dataset.
        sessions: Session datasets that share them, with how many each.
        copy: Where the answers are kept; None after a dry run.
    """

    dataset: str
    answers: int
    sessions: tuple[tuple[str, int], ...]
    copy: Path | None
    dry_run: bool


def drop_dataset(
    store: Store, dataset: str, folder: Path, *, dry_run: bool = False, now: float | None = None
) -> DropReport:
    """Keep a copy of a dataset as JSON lines, then remove it and its session datasets' share of it.

    Args:
        folder: Where the copy goes, as `NAME-TIME.jsonl`; made when it is not there.
        now: Unix seconds for the name of the copy.

    Raises:
        UsageError: There is no such dataset.
        TeamError: The copy cannot be written, or answers came in while it was: nothing is removed then.
    """
    answers = {info.name: info.answers for info in store.datasets()}
    if dataset not in answers:
        raise UsageError(f"There is no dataset {dataset}.", remedy=f"There is: {', '.join(answers) or 'none'}.")
    sessions = tuple((info.name, info.answers) for info in store.sessions_of(dataset))
    if dry_run:
        return DropReport(dataset, answers[dataset], sessions, None, dry_run=True)
    with store.alone("drop"):
        copy = _copy_path(folder, dataset, time.time() if now is None else now)
        write_file(store, dataset, copy)
        if store.activity([dataset])[dataset].answers != answers[dataset]:
            raise TeamError(
                f"Somebody answered in {dataset} while it was copied; nothing was removed.",
                remedy="Stop the server that writes it, then try again.",
            )
        removed = store.drop(dataset)
    return DropReport(dataset, removed, sessions, copy, dry_run=False)


def _copy_path(folder: Path, dataset: str, now: float) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise TeamError(f"The folder {folder} for the copy cannot be made: {error.strerror}.") from error
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    safe = "".join(each if each.isalnum() or each in "._-" else "_" for each in dataset)[:100]
    path = folder / f"{safe}-{stamp}.jsonl"
    number = 1
    while exists(path):
        number += 1
        path = folder / f"{safe}-{stamp}-{number}.jsonl"
    return path
