"""One server from its command line to its end: it prepares the source, serves, and closes in order."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from prodigy_team import settings as configuration
from prodigy_team.annotate import shaping, web
from prodigy_team.annotate.answers import AnswerWriter
from prodigy_team.annotate.app import Project, Server
from prodigy_team.annotate.arguments import Options, read_arguments
from prodigy_team.annotate.context import ServerContext, read_context
from prodigy_team.annotate.recipes import DRAWN, Recipe, find_recipe
from prodigy_team.annotate.running import Ending, ended_by_signals, run_until_ended
from prodigy_team.annotate.sessions import Sessions, read_allowed
from prodigy_team.annotate.stream import Stream
from prodigy_team.annotate.supply import Identifier, LateSupply, Newest, SourceSupply, excluded_tasks
from prodigy_team.annotate.team import read_team
from prodigy_team.errors import TeamError, UsageError
from prodigy_team.servers import alive
from prodigy_team.sources import SourceIndex, index_source
from prodigy_team.store.base import Store, open_store

log = logging.getLogger(__name__)

SHOWN_BAD_LINES = 20
_NOT_FOR_THE_PAGE = frozenset(
    ("db", "db_settings", "api_keys", "host", "port", "javascript", "javascript_dir", "global_css", "global_css_dir")
)


class PortTakenError(TeamError):
    """Another program listens on the address that a server was given."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"Cannot listen on {host}:{port}: {reason}.", remedy="Stop what listens there, or set another PRODIGY_PORT."
        )


@dataclass(frozen=True)
class _Setup:
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
        return self.options.dataset

    @property
    def overlap(self) -> bool:
        return bool(self.settings.get("feed_overlap"))

    @property
    def again(self) -> bool:
        return not self.settings.get("auto_exclude_current", True)

    def open_store(self) -> Store:
        return open_store(self.database, write=True, create=True)


def serve(
    argv: Sequence[str],
    environ: Mapping[str, str],
    directory: Path,
    *,
    listener: socket.socket | None = None,
    server: ServerContext | None = None,
) -> int:
    """Serve a recipe until a signal ends it.

    Args:
        argv: RECIPE DATASET and the rest, as Prodigy's.
        environ: Settings, access and context come from here; the process's own environment is not looked at.
        directory: What relative paths and prodigy.json are relative to.
        listener: A socket that is bound already; without one the settings' host and port are bound.
        server: What the roster knows of this server; without it, ``PRODIGY_TEAM_SERVER`` says so.

    Returns:
        0 after a clean end by SIGINT or SIGTERM.

    Raises:
        TeamError: Arguments, settings, source, database or port do not let it start.
    """
    with ended_by_signals() as ending:
        setup = _settle(argv, environ, directory, server or read_context(environ))
        _set_title(setup.context)
        listener = listener or _bind(setup.settings)
        with contextlib.closing(listener):
            index = _prepare(setup)
            _announce(setup, listener)
            _run(setup, index, listener, ending)
    return 0


def _settle(argv: Sequence[str], environ: Mapping[str, str], directory: Path, context: ServerContext | None) -> _Setup:
    _set_up_logging(environ)
    options = read_arguments(argv, directory=directory)
    log.info("RECIPE: Calling recipe '%s'", options.recipe)
    recipe = find_recipe(options)
    settings = configuration.read_settings(environ, directory, recipe=recipe.config)
    _check(settings, options.labels if recipe.view_id in shaping.LABELLED_VIEWS else ())
    _read_what_shapes_the_page(settings, directory)
    database = configuration.find_database(settings, environ)
    if database.path is not None and str(database.path) == ":memory:":
        raise UsageError(
            f"The database is :memory: ({database.origin}), so every answer would be lost at the end.",
            remedy="Name a file in db_settings.",
        )
    return _Setup(options, recipe, settings, database, environ, directory, context)


def _set_up_logging(environ: Mapping[str, str]) -> None:
    level = {"basic": logging.INFO, "verbose": logging.DEBUG}.get(environ.get("PRODIGY_LOGGING", ""), logging.WARNING)
    logger = logging.getLogger("prodigy_team")
    logger.setLevel(level)
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s: %(message)s", "%H:%M:%S"))
        logger.addHandler(handler)
        logger.propagate = False


def _check(settings: Mapping[str, Any], labels: Sequence[str]) -> None:
    for key, problem, remedy in configuration.contradictions(settings):
        raise UsageError(f"{key}: {problem}", remedy=remedy)
    if settings.get("javascript") or settings.get("javascript_dir"):
        raise UsageError(
            "javascript: the embedded engine runs no scripts of a prodigy.json in its page.",
            remedy="Take the setting out, or use Prodigy.",
        )
    shaping.check_keys(settings, labels)
    left_out = configuration.unsupported(settings)
    if settings.get("annotations_per_task") is not None:
        left_out.append(("annotations_per_task", "use [routing] in team.toml"))
    if left_out:
        names = "; ".join(f"{key} ({why})" for key, why in left_out)
        _say(f"Settings that the embedded engine does not honour: {names}")


def _read_what_shapes_the_page(settings: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """The files that settings name; a missing one ends the start before anything is opened."""
    templates = (".html", ".htm", ".mustache")
    return {
        "instructions": shaping.read_instructions(settings, directory) or False,
        "html_template": shaping.read_text_or_file(settings, "html_template", directory, endings=templates) or False,
        "global_css": shaping.read_styles(settings, directory),
    }


def _say(text: str) -> None:
    print(text, flush=True)


def _set_title(context: ServerContext | None) -> None:
    if context is not None:
        import setproctitle

        setproctitle.setproctitle(context.title)


def _bind(settings: Mapping[str, Any]) -> socket.socket:
    host, port = str(settings["host"]), int(settings["port"])
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise PortTakenError(host, port, error.strerror or str(error)) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Listening from here on, a second server on this port fails at once and not after it prepared its source.
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise PortTakenError(host, port, error.strerror or str(error)) from error
    return listener


def _prepare(setup: _Setup) -> SourceIndex:
    """Make the dataset, index the source, and bring the index of answers up to what is stored."""
    with contextlib.closing(setup.open_store()) as store:
        team = setup.context.team if setup.context else None
        store.ensure_dataset(setup.dataset, team=team or None)
        index = _index(setup, store)
        _report_source(index)
        with contextlib.closing(Identifier(index)) as identifier:
            store.reconcile(setup.dataset, identifier.owner_and_task)
    if setup.context is not None:
        alive.update(setup.context.alive, tasks=index.tasks)
    return index


def _index(setup: _Setup, store: Store) -> SourceIndex:
    recipe = setup.recipe
    by = recipe.exclude_by or setup.settings.get("exclude_by", "task")
    folder = (setup.context.state if setup.context else configuration.prodigy_home(setup.environ)) / "index"
    source = _with_loader(setup.options, folder)
    name = source.removeprefix("dataset:")
    return index_source(
        source,
        by=by,
        folder=folder,
        transform=recipe.transform,
        transform_key=recipe.transform_key,
        rows=(lambda: store.answers(name)) if source.startswith("dataset:") else None,
    )


def _with_loader(options: Options, folder: Path) -> str:
    """The source under a name that ends as ``--loader`` says: a file's ending is what tells its format."""
    if options.loader is None or ":" in options.source.split("/")[0] or options.source.endswith(f".{options.loader}"):
        return options.source
    name = blake2b(options.source.encode(), digest_size=8).hexdigest()
    link = folder / f"source-{name}.{options.loader}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (link.is_symlink() and link.readlink() == Path(options.source)):
        link.unlink(missing_ok=True)
        link.symlink_to(options.source)
    return str(link)


def _report_source(index: SourceIndex) -> None:
    for bad in index.bad[:SHOWN_BAD_LINES]:
        print(f"line {bad.line} is left out: {bad.reason}", file=sys.stderr)
    if index.bad_count > SHOWN_BAD_LINES:
        print(f"{index.bad_count - SHOWN_BAD_LINES} further lines are left out as well", file=sys.stderr)
    log.info("STREAM: %d tasks in %d lines, %d repeated", index.tasks, index.lines, index.repeats)


def _announce(setup: _Setup, listener: socket.socket) -> None:
    if setup.options.labels:
        _say(f"Using {len(setup.options.labels)} labels: {', '.join(setup.options.labels)}")
    if setup.recipe.view_id not in DRAWN:
        _say(f"The page cannot show tasks of the view {setup.recipe.view_id}; other clients can.")
    _say(f"\n✨  Starting the web server at {_address(setup.settings['host'], listener)} ...")
    _say("Open the app in your browser and start annotating!\n")


def _address(host: Any, listener: socket.socket) -> str:
    return f"http://{f'[{host}]' if ':' in str(host) else host}:{listener.getsockname()[1]}"


def _run(setup: _Setup, index: SourceIndex, listener: socket.socket, ending: Ending) -> None:
    newest = _newest(setup, index) if setup.again else None
    writer = AnswerWriter(
        setup.dataset, open_store=setup.open_store, open_identifier=lambda: Identifier(index), newest=newest
    )
    writer.start()
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="tasks") as executor:
            supply = LateSupply(lambda: _open_supply(setup, index))
            stream = Stream(
                supply,
                executor,
                overlap=setup.overlap,
                batch_size=int(setup.settings["batch_size"]),
                keep_order=bool(setup.settings.get("force_stream_order")),
                newest=newest,
            )
            run_until_ended(
                _application(setup, index, stream, writer),
                listener,
                address=_address(setup.settings["host"], listener),
                log_file=setup.context.log if setup.context else None,
                ending=ending,
            )
            executor.submit(supply.close)
    finally:
        writer.close()


def _newest(setup: _Setup, index: SourceIndex) -> Newest:
    with contextlib.closing(setup.open_store()) as store, contextlib.closing(Identifier(index)) as identifier:
        return Newest(store.answers(setup.dataset), identifier.owner_and_task)


def _open_supply(setup: _Setup, index: SourceIndex) -> SourceSupply:
    store = setup.open_store()
    with contextlib.closing(Identifier(index)) as identifier:
        excluded = excluded_tasks(store, setup.options.exclude, identifier.find)
    return SourceSupply(
        index,
        store,
        setup.dataset,
        view_id=setup.recipe.view_id,
        decorate=setup.recipe.decorate,
        excluded=excluded,
        again=setup.again,
    )


def _application(setup: _Setup, index: SourceIndex, stream: Stream, writer: AnswerWriter) -> Server:
    target = int(setup.settings.get("total_examples_target") or 0)
    shown = {key: value for key, value in setup.settings.items() if key not in _NOT_FOR_THE_PAGE}
    known = {key: value for key, value in shown.items() if key in configuration.KNOWN}
    files = _read_what_shapes_the_page(setup.settings, setup.directory)
    settings = {
        **known,
        "dataset": setup.dataset,
        "recipe_name": setup.options.recipe,
        "view_id": setup.recipe.view_id,
        "labels": known.get("labels") or list(setup.options.labels),
        "team": setup.context.team if setup.context else None,
        "engine": "embedded",
        "instructions": files["instructions"],
        "html_template": files["html_template"],
    }
    kind = "target" if target else "source"
    hosts = setup.context.image_hosts if setup.context else ()
    project = Project(
        setup.dataset,
        setup.recipe.view_id,
        settings,
        target or index.tasks,
        kind,
        global_css=files["global_css"],
        image_sources=shaping.image_sources(hosts),
    )
    allowed = read_allowed(setup.environ.get("PRODIGY_ALLOWED_SESSIONS"))
    auth = web.BasicAuth.from_environment(setup.environ)
    context = setup.context
    return Server(
        project,
        sessions=Sessions(setup.dataset, allowed=allowed),
        stream=stream,
        writer=writer,
        auth=auth,
        team=lambda: read_team(context, overlap=setup.overlap, own_target=target) if context else None,
    )
