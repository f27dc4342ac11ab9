"""What every runner does: take plans and make processes of them, wherever these live."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol

from prodigy_team.servers.engines import ServerPlan
from prodigy_team.servers.processes import Identity, Mark


@dataclass(frozen=True)
class Launch:
    """One server to start. The runner takes over listener and descriptor: they are closed here, whatever happens.

    Attributes:
        listener: The socket of ``ports.bind``, for a server that takes it over; None for one that binds by itself.
        alive_fd: The descriptor of ``alive.acquire``.
        log: Where its output is appended; the folder exists.
        secrets: Variables that are kept out of the plan: never in arguments, lockfile, logs.
    """

    plan: ServerPlan
    mark: Mark
    listener: socket.socket | None
    alive_fd: int
    log: Path
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of the server."""
        return {**self.plan.env, **self.secrets}

    def close(self) -> None:
        """Close this process's copies of what the server was given."""
        os.close(self.alive_fd)
        if self.listener is not None:
            self.listener.close()


@dataclass(frozen=True)
class Started:
    """A server's process exists; whether it answers is another question.

    Attributes:
        log_offset: How long the log was before: what this start writes comes after.
    """

    name: str
    identity: Identity
    pgid: int
    log_offset: int

    @property
    def pid(self) -> int:
        """The pid of the process that leads the server's group."""
        return self.identity.pid


@dataclass(frozen=True)
class FailedStart:
    """No process came about, for a reason that a person can read."""

    name: str
    reason: str


@dataclass(frozen=True)
class Exit:
    """A server ended. ``code`` is its exit code, or the negative number of the signal that ended it."""

    name: str
    code: int


class Running(Protocol):
    """The servers of one start, as long as their starter follows them; leaving lets them run on."""

    @property
    def started(self) -> Sequence[Started]:
        """The servers that have a process, in the order asked for."""

    @property
    def failed(self) -> Sequence[FailedStart]:
        """The others."""

    def poll_exits(self) -> list[Exit]:
        """The servers that have ended since the last call. Does not wait."""

    def close(self) -> None:
        """Stop following. The servers run on."""

    def __enter__(self) -> Running:
        """For ``with``."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""


class Runner(Protocol):
    """Where servers live: this machine, or (later) a cluster's."""

    @property
    def name(self) -> str:
        """What the lockfile calls it."""

    def start(self, launches: Sequence[Launch]) -> Running:
        """Start servers, all at once, and return as soon as each has a pid or has failed; waits for none to be ready.

        Each started server holds its alive lock and has written ``pid``, ``started_at`` and ``pgid`` into the file.
        One server's failure never keeps the others from starting.
        """
