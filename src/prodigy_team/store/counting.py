"""How many answers each dataset has, and when the last one came: all that `status` reads of a database."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from prodigy_team.store.connection import connect_to_read
from prodigy_team.store.handle import Handle, as_bytes
from prodigy_team.store.values import Activity

_TIMESTAMP = re.compile(rb'"_timestamp" ?: ?([0-9]+(?:\.[0-9]+)?)')
_LAST_TIME = 253_402_300_800  # the year 10000, which no date of Python's reaches

_CORRECTIONS = """
    SELECT count(*) FROM prodigy_team_answer WHERE version > 0 AND dataset = (
        SELECT id FROM prodigy_team_dataset AS indexed
        WHERE indexed.name = dataset.name AND indexed.dataset_id = dataset.id AND indexed.created = dataset.created
    )
"""


def activity_in(path: Path, datasets: Iterable[str]) -> dict[str, Activity]:
    """Counts and newest times from an SQLite file, opened so that nothing can be written.

    Raises:
        StoreError: It cannot be opened or read.
    """
    with closing(Handle(connect_to_read(path), path, write=False)) as handle:
        return read_activity(handle, datasets)


def read_activity(handle: Handle, datasets: Iterable[str]) -> dict[str, Activity]:
    """Counts and newest times, in one statement: several would each wait for a writer's lock.

    A correction stands beside the answer it corrects, so it is not counted; sessions count every link.
    """
    names = list(dict.fromkeys(datasets))
    found = {name: Activity(0, None) for name in names}
    newest = (
        f"SELECT {handle.content} FROM example WHERE id = "
        "(SELECT example_id FROM link WHERE dataset_id = dataset.id ORDER BY id DESC LIMIT 1)"
    )
    corrections = _CORRECTIONS if handle.has_table("prodigy_team_answer") else "0"
    for start in range(0, len(names), 500):
        part = names[start : start + 500]
        for name, answers, content in handle.all(
            f"SELECT name, (SELECT count(*) FROM link WHERE dataset_id = dataset.id) - ({corrections}), ({newest}) "
            f"FROM dataset WHERE name IN ({', '.join('?' * len(part))})",
            tuple(part),
        ):
            found[name] = Activity(answers, _timestamp(as_bytes(content)) if content is not None else None)
    return found


def _timestamp(content: bytes) -> float | None:
    """When an answer was given, Unix seconds; parsed only where the key stands more than once.

    None, too, for what is no time, such as the milliseconds of a client of one's own.
    """
    found = _TIMESTAMP.findall(content) if b'"_timestamp"' in content else []
    try:
        stamp = json.loads(content).get("_timestamp") if len(found) > 1 else float(found[0]) if found else None
    except (ValueError, AttributeError):
        return None
    return float(stamp) if isinstance(stamp, (int, float)) and 0 <= stamp < _LAST_TIME else None
