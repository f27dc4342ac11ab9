"""Datasets out of the database: one module per format."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from types import ModuleType
from typing import BinaryIO

from prodigy_team.curation.export import jsonl
from prodigy_team.errors import UsageError
from prodigy_team.store import Store

# Each module has `write_stream(store, dataset, stream)` and `write_file(store, dataset, path)`.
FORMATS: Mapping[str, ModuleType] = {"jsonl": jsonl}


def export_dataset(
    store: Store,
    dataset: str,
    output: Path | BinaryIO,
    *,
    format_name: str = "jsonl",
    leave_out: Collection[int] = frozenset(),
) -> int:
    """Write a dataset to a file or to an open binary stream.

    Args:
        leave_out: Links that are not written, such as answers to tasks with known answers: `Store.gold_links`.

    Returns:
        Number of records written.

    Raises:
        UsageError: There is no such format or dataset.
        TeamError: The file cannot be written.
    """
    if format_name not in FORMATS:
        raise UsageError(f"There is no export format {format_name!r}.", remedy=f"There is: {', '.join(FORMATS)}.")
    have = [info.name for info in store.datasets()]
    if dataset not in have:
        raise UsageError(f"There is no dataset {dataset}.", remedy=f"There is: {', '.join(have) or 'none'}.")
    module = FORMATS[format_name]
    if isinstance(output, Path):
        return int(module.write_file(store, dataset, output, leave_out=leave_out))
    return int(module.write_stream(store, dataset, output, leave_out=leave_out))
