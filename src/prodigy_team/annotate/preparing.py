"""What a server works on is made ready: its dataset, the index of its source, the rules its tasks are dealt out by."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

from prodigy_team import __version__
from prodigy_team.allocation.rules import Rules, rules_path
from prodigy_team.annotate.arguments import Options
from prodigy_team.annotate.ground import Ground, GroundHolder, GroundIdentifier, RulesFile, own_rules
from prodigy_team.annotate.settling import Setup
from prodigy_team.servers import alive
from prodigy_team.sources import SourceIndex, index_source
from prodigy_team.store.base import Store

log = logging.getLogger(__name__)

SHOWN_BAD_LINES = 20


def prepare(setup: Setup) -> Ground:
    """Make the dataset, index the source, and bring the index of answers up to what is stored."""
    with contextlib.closing(setup.open_store()) as store:
        store.ensure_dataset(setup.dataset, team=setup.team or None)
        ground = Ground(index_of(setup, setup.options.source, store))
        report_source(ground.index)
        if setup.routed:
            ground = replace(ground, gold=gold_of(setup, find_rules(setup)(), store))
        with contextlib.closing(GroundIdentifier(GroundHolder(ground))) as identifier:
            store.reconcile(setup.dataset, identifier.owner_and_task)
    tell_tasks(setup, ground)
    return ground


def tell_tasks(setup: Setup, ground: Ground) -> None:
    """Let `status` know how many tasks there are, and `up` what is wrong with the source."""
    if setup.context is not None:
        remark = remark_on(setup.options.source, ground.index)
        alive.update(setup.context.alive, package=__version__, tasks=ground.index.tasks, remark=remark or None)


def remark_on(source: str, index: SourceIndex) -> str:
    """What whoever starts servers should know of their source: it has no task, or lines of it are none; else ""."""
    name = source if ":" in source.split("/")[0] else Path(source).name
    if not index.bad_count:
        empty = "in it makes a task, and" if index.lines else "is in it, and"
        return "" if index.tasks else f"{name}: nothing {empty} nobody has anything to annotate."
    lines = "1 line is" if index.bad_count == 1 else f"{index.bad_count:,} lines are"
    left = "and no task is left" if not index.tasks else "`prodigy-team plan` lists them"
    first = f"line {index.bad[0].line}: {index.bad[0].reason}"
    remedy = " Save the file as UTF-8." if index.bad[0].reason.startswith("invalid UTF-8") else ""
    return f"{name}: {lines} left out, {left}. The first is {first}.{remedy}"


def index_of(setup: Setup, source: str, store: Store) -> SourceIndex:
    """The index of a source as it stands, asked as this server asks."""
    folder = setup.folder / "index"
    place = with_loader(setup.options, folder) if source == setup.options.source else source
    name = source.removeprefix("dataset:")
    return index_source(
        place,
        by=setup.by,
        folder=folder,
        transform=setup.recipe.transform,
        transform_key=setup.recipe.transform_key,
        rows=(lambda: store.answers(name)) if source.startswith("dataset:") else None,
    )


def gold_of(setup: Setup, rules: Rules, store: Store) -> SourceIndex | None:
    """The index of the tasks with known answers, where the rules have some."""
    return index_of(setup, rules.gold, store) if rules.gold and rules.gold_rate else None


def with_loader(options: Options, folder: Path) -> str:
    """The source under a name that ends as ``--loader`` says: a file's ending is what tells its format."""
    if options.loader is None or ":" in options.source.split("/")[0] or options.source.endswith(f".{options.loader}"):
        return options.source
    name = blake2b(options.source.encode(), digest_size=8).hexdigest()
    link = folder / f"source-{name}.{options.loader}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (link.is_symlink() and link.readlink() == Path(options.source)):
        # Under a name of its own first: the servers of one source start at the same time, and all do this.
        own = link.with_name(f"{link.name}.{os.getpid()}.{threading.get_ident()}")
        own.unlink(missing_ok=True)
        own.symlink_to(options.source)
        own.replace(link)
    return str(link)


def report_source(index: SourceIndex) -> None:
    """Tell which lines are left out."""
    for bad in index.bad[:SHOWN_BAD_LINES]:
        print(f"line {bad.line} is left out: {bad.reason}", file=sys.stderr)
    if index.bad_count > SHOWN_BAD_LINES:
        print(f"{index.bad_count - SHOWN_BAD_LINES} further lines are left out as well", file=sys.stderr)
    log.info("STREAM: %d tasks in %d lines, %d repeated", index.tasks, index.lines, index.repeats)


def find_rules(setup: Setup) -> Callable[[], Rules]:
    """What tells the rules as they are now: the team's file, or the server's own settings, which do not change.

    Raises:
        RulesError: The file has none for this server.
    """
    if setup.routed and setup.context is not None:
        found = RulesFile(rules_path(setup.context.state), setup.context.name)
        found()
        return found
    rules = own_rules(setup.options, setup.settings, setup.allowed, by=setup.by, team=setup.team)
    return lambda: rules


def people_of(setup: Setup) -> Callable[[], list[str]]:
    """Tells who may annotate on this server by the roster's rules as they are now; asked in the event loop."""
    find, name = find_rules(setup), setup.context.name if setup.context else ""

    def people() -> list[str]:
        return [each.name for each in find().people if each.server == name]

    return people
