"""Everything about one server that is settled before anything is opened: arguments, recipe, settings, database."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prodigy_team import settings as configuration
from prodigy_team.annotate import shaping
from prodigy_team.annotate.arguments import Options, read_arguments
from prodigy_team.annotate.context import ServerContext
from prodigy_team.annotate.recipes import Recipe, find_recipe
from prodigy_team.annotate.sessions import read_allowed
from prodigy_team.errors import UsageError
from prodigy_team.store.base import Store, open_store
from prodigy_team.tasks import By

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Setup:
    """Everything that is settled before anything is opened."""

    options: Options
    recipe: Recipe
    settings: Mapping[str, Any]
    database: configuration.Database
    environ: Mapping[str, str]
    directory: Path
    context: ServerContext | None

    @property
    def dataset(self) -> str:
        """Where answers are kept."""
        return self.options.dataset

    @property
    def overlap(self) -> bool:
        """Whether every session gets every task."""
        return bool(self.settings.get("feed_overlap"))

    @property
    def team(self) -> str:
        """The team's name; "" for a server that somebody started by hand."""
        return self.context.team if self.context else ""

    @property
    def version(self) -> str | None:
        """Of labels and guidelines."""
        return self.context.version if self.context else None

    @property
    def allowed(self) -> tuple[str, ...]:
        """The people it is for; empty for whoever has the link."""
        return read_allowed(self.environ.get("PRODIGY_ALLOWED_SESSIONS"))

    @property
    def folder(self) -> Path:
        """Where indexes and the ledger are kept."""
        return self.context.state if self.context else configuration.prodigy_home(self.environ)

    @property
    def by(self) -> By:
        """What tells tasks apart."""
        return self.recipe.exclude_by or self.settings.get("exclude_by", "task")

    @property
    def routed(self) -> bool:
        """Whether the team's roster says who gets what."""
        return self.context is not None and self.context.routing

    @property
    def dealt(self) -> bool:
        """Whether tasks are leased: not where one person, or everybody, gets all, or tasks are asked again."""
        shared = len(self.allowed) != 1 and not self.overlap and not self.again and not self.options.exclude
        return self.routed or shared

    @property
    def again(self) -> bool:
        """Whether tasks that are answered are asked once more."""
        return not self.settings.get("auto_exclude_current", True)

    def open_store(self) -> Store:
        """Open the answers' database for writing."""
        return open_store(self.database, write=True, create=True)


def settle(argv: Sequence[str], environ: Mapping[str, str], directory: Path, context: ServerContext | None) -> Setup:
    """Read arguments and settings, and refuse what cannot be served.

    Raises:
        TeamError: One of them does not let it start.
    """
    _set_up_logging(environ)
    options = read_arguments(argv, directory=directory)
    log.info("RECIPE: Calling recipe '%s'", options.recipe)
    recipe = find_recipe(options)
    settings = configuration.read_settings(environ, directory, recipe=recipe.config)
    alone = len(read_allowed(environ.get("PRODIGY_ALLOWED_SESSIONS"))) == 1
    _check(settings, options.labels if recipe.view_id in shaping.LABELLED_VIEWS else (), alone=alone)
    if context is not None and context.routing and options.exclude:
        raise UsageError(
            "--exclude does not go with [routing]: how many answers each task gets would not be exact.",
            remedy="Take these tasks out of the source.",
        )
    read_what_shapes_the_page(settings, directory)
    database = configuration.find_database(settings, environ)
    if database.path is not None and str(database.path) == ":memory:":
        raise UsageError(
            f"The database is :memory: ({database.origin}), so every answer would be lost at the end.",
            remedy="Name a file in db_settings.",
        )
    return Setup(options, recipe, settings, database, environ, directory, context)


def _set_up_logging(environ: Mapping[str, str]) -> None:
    level = {"basic": logging.INFO, "verbose": logging.DEBUG}.get(environ.get("PRODIGY_LOGGING", ""), logging.WARNING)
    logger = logging.getLogger("prodigy_team")
    logger.setLevel(level)
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s: %(message)s", "%H:%M:%S"))
        logger.addHandler(handler)
        logger.propagate = False


def _check(settings: Mapping[str, Any], labels: Sequence[str], *, alone: bool) -> None:
    for key, problem, remedy in configuration.contradictions(settings):
        raise UsageError(f"{key}: {problem}", remedy=remedy)
    if settings.get("javascript") or settings.get("javascript_dir"):
        raise UsageError(
            "javascript: the embedded engine runs no scripts of a prodigy.json in its page.",
            remedy="Take the setting out, or use Prodigy.",
        )
    shaping.check_keys(settings, labels)
    left_out = configuration.unsupported(settings)
    if settings.get("annotations_per_task") is not None and alone:
        left_out.append(("annotations_per_task", "one person annotates here; use [routing] in team.toml"))
    if left_out:
        names = "; ".join(f"{key} ({why})" for key, why in left_out)
        say(f"Settings that the embedded engine does not honour: {names}")


def read_what_shapes_the_page(settings: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """The files that settings name; a missing one ends the start before anything is opened."""
    templates = (".html", ".htm", ".mustache")
    return {
        "instructions": shaping.read_instructions(settings, directory) or False,
        "html_template": shaping.read_text_or_file(settings, "html_template", directory, endings=templates) or False,
        "global_css": shaping.read_styles(settings, directory),
    }


def say(text: str) -> None:
    """Tell whoever started the server."""
    print(text, flush=True)
