"""What a ledger gives back: tasks dealt out, what others hold, what a sync changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from prodigy_team.allocation.reach import Outlook
from prodigy_team.errors import TeamError

ReadTask = Callable[[int], Mapping[str, Any]]
"""The task at a place of the source."""

Router = Callable[[Mapping[str, Any], str], bool]
"""The user's own word on whether a task may go to a person."""


class LedgerError(TeamError):
    """The ledger cannot be opened, read or written."""


@dataclass(frozen=True)
class Leased:
    """A task that is somebody's to answer.

    Attributes:
        place: In the source's index (in gold's, if ``gold``). It is only an address: whoever reads the task there
            checks that it has this identity.
        identity: Its 16 bytes.
        position: Orders a person's tasks.
        gold: It has a known answer.
        taken_from: Whose lease it was until now, by name; "" where it was free.
    """

    place: int
    identity: bytes
    position: int
    gold: bool = False
    taken_from: str = ""


@dataclass(frozen=True)
class Held:
    """Tasks that somebody else holds and the asker might answer.

    Attributes:
        until: Unix seconds when the last of them is free at the latest; None where leases do not run out.
    """

    person: str
    tasks: int
    until: float | None


@dataclass(frozen=True)
class Pull:
    """What a pull gives.

    Attributes:
        leases: In the order to show them.
        outlook: Where nothing is given: what is left, and why it is not for the asker.
        elsewhere: Where nothing is given: what they wait for.
    """

    leases: tuple[Leased, ...]
    outlook: Outlook | None = None
    elsewhere: tuple[Held, ...] = ()


@dataclass(frozen=True)
class Synced:
    """What bringing a pool up to date changed. All zero and empty where another process had done it.

    Attributes:
        added: Tasks the source has and the ledger had not.
        returned: Tasks that the source has again.
        gone: Tasks that the source no longer has.
        drawn: Tasks that are now asked once more often.
        undrawn: Tasks that no longer are.
        released: Leases of people who are paused or left.
        joined: Names.
        left: Names of those who are paused or left.
    """

    added: int = 0
    returned: int = 0
    gone: int = 0
    drawn: int = 0
    undrawn: int = 0
    released: int = 0
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
