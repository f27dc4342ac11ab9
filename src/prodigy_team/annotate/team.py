"""How far the whole team is, as far as one of its servers can tell: from the lockfile and the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from prodigy_team.annotate.context import ServerContext
from prodigy_team.errors import TeamError
from prodigy_team.servers import alive
from prodigy_team.servers.activity import read_activity
from prodigy_team.servers.lockfile import ServerRecord, read_lockfile
from prodigy_team.servers.statefolder import lockfile_path


@dataclass(frozen=True)
class TeamProgress:
    """What the servers of a roster have together.

    Attributes:
        answered: Answers, a correction counted with the answer it corrects.
        target: How many there are to be; None where a server has not yet told how many tasks it has.
    """

    answered: int
    target: int | None


def read_team(context: ServerContext, *, overlap: bool, own_target: int) -> TeamProgress | None:
    """The progress of all servers in the lockfile that are in the roster; None where this server is the only one.

    Args:
        overlap: Several people of one server each get every task, so that each of them counts.
        own_target: ``total_examples_target``, which is taken to hold for the others too; 0 where it is not set.
    """
    try:
        servers = read_lockfile(lockfile_path(context.state)).servers.values()
    except TeamError:
        return None
    records = [each for each in servers if not each.orphan]
    if len(records) < 2:
        return None
    found = [each for each in read_activity(records).values() if each is not None]
    return TeamProgress(
        sum(each.answers for each in found), _target(context, records, overlap=overlap, own_target=own_target)
    )


def _target(context: ServerContext, records: Iterable[ServerRecord], *, overlap: bool, own_target: int) -> int | None:
    total = 0
    for record in records:
        tasks = own_target or alive.read(context.alive.with_name(f"{record.name}.alive")).get("tasks")
        if not isinstance(tasks, int):
            return None
        total += tasks * (max(1, len(record.annotators)) if overlap else 1)
    return total
