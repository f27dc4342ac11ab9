"""How many answers each server has saved and when the last came: read from the database, never from the servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from prodigy_team.errors import TeamError
from prodigy_team.presence import exists
from prodigy_team.servers.lockfile import ServerRecord
from prodigy_team.store.values import Activity

NOTHING = Activity(0, None)


def read_activity(records: Iterable[ServerRecord]) -> dict[str, Activity | None]:
    """The activity of each server by name; None where its database cannot be read from here.

    Where several servers write one dataset, a server's answers are those of its annotators' sessions.
    """
    wanted = list(records)
    writers = Counter((record.dataset, record.database) for record in wanted)
    datasets = {record.name: _datasets_of(record, writers[record.dataset, record.database]) for record in wanted}
    found: dict[str, Mapping[str, Activity] | None] = {}
    for database in {record.database for record in wanted}:
        names = [each for record in wanted if record.database == database for each in datasets[record.name]]
        found[database] = _read(database, names)
    return {record.name: _total(found[record.database], datasets[record.name]) for record in wanted}


def _datasets_of(record: ServerRecord, writers: int) -> tuple[str, ...]:
    if (writers == 1 and not record.part_of) or not record.annotators:
        return (record.dataset,)
    return tuple(f"{record.dataset}-{annotator}" for annotator in record.annotators)


def _read(database: str, names: list[str]) -> Mapping[str, Activity] | None:
    if not database or database == ":memory:":
        return None
    path = Path(database)
    try:
        if not exists(path):
            return {}
        from prodigy_team.store.counting import activity_in  # SQLite, which only asking needs

        return activity_in(path, names)
    except (TeamError, OSError):  # such as a folder that this account may not look into
        return None


def _total(found: Mapping[str, Activity] | None, names: tuple[str, ...]) -> Activity | None:
    if found is None:
        return None
    activities = [found.get(name, NOTHING) for name in names]
    latest = [each.last_answer_at for each in activities if each.last_answer_at is not None]
    return Activity(sum(each.answers for each in activities), max(latest, default=None))


def idle_seconds(records: Iterable[ServerRecord], *, now: float) -> dict[str, float | None]:
    """Seconds since each server's last answer; None where there is none or nobody can tell."""
    return {
        name: None if activity is None or activity.last_answer_at is None else max(0.0, now - activity.last_answer_at)
        for name, activity in read_activity(records).items()
    }
