"""What a server whose tasks are dealt out works on: rules and source as they are now, read anew while it runs."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from prodigy_team.allocation.rules import Person, Rules, RulesError, pool_name, read_rules
from prodigy_team.annotate.answers import Posted
from prodigy_team.annotate.arguments import Options
from prodigy_team.annotate.supply import Identifier
from prodigy_team.sources import SourceIndex

log = logging.getLogger(__name__)


class RulesFile:
    """The rules of one server's pool, read again when `up` has written the file anew."""

    def __init__(self, path: Path, server: str) -> None:
        self._path, self._server = path, server
        self._stamp: tuple[int, int, int] | None = None
        self._rules: Rules | None = None

    def __call__(self) -> Rules:
        """The rules as they are now; those known last where the file is gone or broken.

        Raises:
            RulesError: None are known yet.
        """
        stamp = self._look()
        if self._rules is not None and stamp == self._stamp:
            return self._rules
        try:
            self._rules = self._own(read_rules(self._path))
        except RulesError as error:
            if self._rules is None:
                raise
            log.error("Tasks are dealt out as before: %s", error)
        self._stamp = stamp
        return self._rules

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _own(self, pools: tuple[Rules, ...]) -> Rules:
        for rules in pools:
            if any(each.server == self._server for each in rules.people):
                return rules
        if self._rules is None:
            raise RulesError(f"{self._path} has no rules for {self._server}.", remedy="prodigy-team up")
        # It left the roster and runs on: its people get nothing, the others' rules are the pool's.
        left = next((rules for rules in pools if rules.pool == self._rules.pool), self._rules)
        return replace(left, people=tuple(each for each in left.people if each.server != self._server))


@dataclass(frozen=True)
class Ground:
    """The indexes in use.

    Attributes:
        gold: Of the tasks with known answers, if there are some.
    """

    index: SourceIndex
    gold: SourceIndex | None = None


class GroundHolder:
    """Holds the ground as it is now: replaced by one thread, looked at by others."""

    def __init__(self, ground: Ground) -> None:
        self.now = ground


class GroundIdentifier:
    """Finds the task that an answer belongs to, on the ground as it is now. Used by one thread only."""

    def __init__(self, holder: GroundHolder) -> None:
        self._holder = holder
        self._open: list[Identifier] = []
        self._ground: Ground | None = None

    def __call__(self, posted: Posted) -> bytes:
        """The task's 16 bytes."""
        first, *others = self._identifiers()
        found = next((each for each in (one.find(posted.content) for one in others) if each is not None), None)
        return first(posted) if found is None or first.find(posted.content) is not None else found

    def owner_and_task(self, content: bytes) -> tuple[str, bytes] | None:
        """Who gave a stored answer, and to which task; None for what is no answer to one of these tasks."""
        return next((found for each in self._identifiers() if (found := each.owner_and_task(content))), None)

    def _identifiers(self) -> list[Identifier]:
        if self._ground is not self._holder.now:
            self.close()
            self._ground = self._holder.now
            indexes = (self._ground.index, self._ground.gold)
            self._open = [Identifier(each) for each in indexes if each is not None]
        return self._open

    def close(self) -> None:
        """Let go of the sources."""
        for each in self._open:
            with contextlib.suppress(OSError):
                each.close()
        self._open, self._ground = [], None


MakeGround = Callable[[Rules], Ground]
"""Indexes the source that rules name, and their gold."""


def own_rules(options: Options, settings: Mapping[str, Any], allowed: Sequence[str], *, by: str, team: str) -> Rules:
    """The rules that a server's own settings come to, where no roster says who gets what.

    Only servers with the same rules on the same dataset share a pool: each would bring it in line with its own.

    Args:
        allowed: The people it is for; empty lets in whoever comes.
        by: What tells tasks apart.
    """
    wanted = settings.get("annotations_per_task") or 1
    stealing = bool(settings.get("allow_work_stealing", True))
    kind = [by, options.dataset, sorted(allowed), str(wanted), stealing, str(options.patterns), options.labels]
    pool = pool_name(options.recipe, options.source, json.dumps(kind))
    return Rules(
        pool=pool,
        team=team,
        recipe=pool,  # answers to the same tasks in other datasets are no business of this server's
        source=options.source,
        stamp="",
        people=tuple(Person(name, options.dataset, "") for name in allowed),
        annotations_per_task=Decimal(str(wanted)),
        stealing=stealing,
        open=not allowed,
    )
