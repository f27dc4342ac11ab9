"""One server from its command line to its end: it prepares the source, serves, and closes in order."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from prodigy_team import settings as configuration
from prodigy_team.allocation.ledger import Ledger
from prodigy_team.allocation.rules import Rules
from prodigy_team.annotate import shaping, web
from prodigy_team.annotate.admission import Admission
from prodigy_team.annotate.answers import AnswerWriter
from prodigy_team.annotate.app import Server
from prodigy_team.annotate.context import ServerContext, read_context
from prodigy_team.annotate.dealing import Dealer, Dealt, Supplies
from prodigy_team.annotate.ground import Ground, GroundHolder, GroundIdentifier
from prodigy_team.annotate.preparing import find_rules, gold_of, index_of, people_of, prepare, report_source, tell_tasks
from prodigy_team.annotate.recipes import DRAWN
from prodigy_team.annotate.rest import Project
from prodigy_team.annotate.running import run_until_ended
from prodigy_team.annotate.sessions import Sessions, is_timestamp
from prodigy_team.annotate.settling import Setup, read_what_shapes_the_page, say, settle
from prodigy_team.annotate.stream import Deals, Stream
from prodigy_team.annotate.supply import (
    Identifier,
    LateSupply,
    Newest,
    SourceSupply,
    excluded_tasks,
    without_answer,
)
from prodigy_team.annotate.team import TeamProgress, read_pool, read_team
from prodigy_team.errors import TeamError
from prodigy_team.servers.serving import Ending, ended_by_signals
from prodigy_team.sources import SourceIndex
from prodigy_team.store.base import Routed

LEDGER = "ledger.db"
_NOT_FOR_THE_PAGE = frozenset(
    ("db", "db_settings", "api_keys", "host", "port", "javascript", "javascript_dir", "global_css", "global_css_dir")
)


class PortTakenError(TeamError):
    """Another program listens on the address that a server was given."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"Cannot listen on {host}:{port}: {reason}.", remedy="Stop what listens there, or set another PRODIGY_PORT."
        )


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
        setup = settle(argv, environ, directory, server or read_context(environ))
        _set_title(setup.context)
        listener = listener or _bind(setup.settings)
        with contextlib.closing(listener):
            ground = prepare(setup)
            _announce(setup, listener)
            _run(setup, ground, listener, ending)
    return 0


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


def _announce(setup: Setup, listener: socket.socket) -> None:
    if setup.options.labels:
        say(f"Using {len(setup.options.labels)} labels: {', '.join(setup.options.labels)}")
    if setup.recipe.view_id not in DRAWN:
        say(f"The page cannot show tasks of the view {setup.recipe.view_id}; other clients can.")
    say(f"\n✨  Starting the web server at {_address(setup.settings['host'], listener)} ...")
    say("Open the app in your browser and start annotating!\n")


def _address(host: Any, listener: socket.socket) -> str:
    return f"http://{f'[{host}]' if ':' in str(host) else host}:{listener.getsockname()[1]}"


def _run(setup: Setup, ground: Ground, listener: socket.socket, ending: Ending) -> None:
    holder = GroundHolder(ground)
    newest = _newest(setup, ground.index) if setup.again else None
    writer = AnswerWriter(
        setup.dataset, open_store=setup.open_store, open_identifier=lambda: GroundIdentifier(holder), newest=newest
    )
    writer.start()
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="tasks") as executor:
            deals, close = _dealt(setup, holder, executor) if setup.dealt else _plain(setup, ground, executor, newest)
            run_until_ended(
                _application(setup, ground.index, deals, writer),
                listener,
                address=_address(setup.settings["host"], listener),
                log_file=setup.context.log if setup.context else None,
                ending=ending,
            )
            executor.submit(close)
    finally:
        writer.close()


def _plain(
    setup: Setup, ground: Ground, executor: ThreadPoolExecutor, newest: Newest | None
) -> tuple[Deals, Callable[[], None]]:
    """Each session, or all of them together, goes through the whole source."""
    supply = LateSupply(lambda: _open_supply(setup, ground.index))
    stream = Stream(
        supply,
        executor,
        overlap=setup.overlap,
        batch_size=int(setup.settings["batch_size"]),
        keep_order=bool(setup.settings.get("force_stream_order")),
        newest=newest,
    )
    return stream, supply.close


def _dealt(setup: Setup, holder: GroundHolder, executor: ThreadPoolExecutor) -> tuple[Deals, Callable[[], None]]:
    """Tasks are leased, by the roster's rules or by those that the settings come to."""

    def make_ground(rules: Rules) -> Ground:
        with contextlib.closing(setup.open_store()) as store:
            ground = Ground(index_of(setup, setup.options.source, store), gold_of(setup, rules, store))
        report_source(ground.index)
        tell_tasks(setup, ground)
        return ground

    dealer = Dealer(
        rules=find_rules(setup),
        holder=holder,
        make_ground=make_ground,
        open_ledger=lambda: _open_ledger(setup, holder),
        open_supplies=lambda ground: Supplies(
            _open_supply(setup, ground.index), _open_gold(setup, ground.gold) if ground.gold else None
        ),
        batch_size=int(setup.settings["batch_size"]),
        gone=is_timestamp,  # browsers without a name are told apart by it, and it is another at each start
    )
    executor.submit(dealer.warm_up)
    keep_order = bool(setup.settings.get("force_stream_order"))
    return Dealt(dealer, executor, dataset=setup.dataset, keep_order=keep_order), dealer.close


def _open_ledger(setup: Setup, holder: GroundHolder) -> Ledger:
    if not setup.routed:
        # Whoever comes is let in, so that the rules name nobody whose dataset the ledger would follow.
        rules = find_rules(setup)()
        with contextlib.closing(setup.open_store()) as store:
            store.register_routed(rules.team, rules.recipe, [Routed(rules.pool, setup.dataset, "")])
    identify = GroundIdentifier(holder).owner_and_task
    return Ledger(setup.folder / LEDGER, store=setup.open_store, identify=identify)


def _newest(setup: Setup, index: SourceIndex) -> Newest:
    with contextlib.closing(setup.open_store()) as store, contextlib.closing(Identifier(index)) as identifier:
        return Newest(store.answers(setup.dataset), identifier.owner_and_task)


def _open_supply(setup: Setup, index: SourceIndex) -> SourceSupply:
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
        version=setup.version,
    )


def _open_gold(setup: Setup, index: SourceIndex) -> SourceSupply:
    """Tasks with known answers, shown without them."""
    decorate = setup.recipe.decorate
    return SourceSupply(
        index,
        setup.open_store(),
        setup.dataset,
        view_id=setup.recipe.view_id,
        decorate=lambda task: decorate(without_answer(task, setup.recipe.view_id)),
        version=setup.version,
    )


def _application(setup: Setup, index: SourceIndex, deals: Deals, writer: AnswerWriter) -> Server:
    target = int(setup.settings.get("total_examples_target") or 0)
    admission = _admission(setup)
    # What the gateway shows is more than a password that it would have to know.
    auth = None if admission else web.BasicAuth.from_environment(setup.environ)
    return Server(
        _project(setup, index, target),
        sessions=Sessions(setup.dataset, allowed=setup.allowed, joined=people_of(setup) if setup.routed else None),
        stream=deals,
        writer=writer,
        auth=auth,
        admission=admission,
        team=_team(setup, target),
    )


def _project(setup: Setup, index: SourceIndex, target: int) -> Project:
    """What the page is told before anybody is known.

    Args:
        target: Answers at which the work is done; 0: all tasks of the source.
    """
    shown = {key: value for key, value in setup.settings.items() if key not in _NOT_FOR_THE_PAGE}
    known = {key: value for key, value in shown.items() if key in configuration.KNOWN}
    files = read_what_shapes_the_page(setup.settings, setup.directory)
    settings = {
        **known,
        "dataset": setup.dataset,
        "recipe_name": setup.options.recipe,
        "view_id": setup.recipe.view_id,
        "labels": known.get("labels") or list(setup.options.labels),
        "team": setup.team or None,
        "engine": "embedded",
        "dealt": setup.dealt,
        "instructions": files["instructions"],
        "html_template": files["html_template"],
    }
    hosts = setup.context.image_hosts if setup.context else ()
    return Project(
        setup.dataset,
        setup.recipe.view_id,
        settings,
        target or index.tasks,
        "target" if target else "source",
        global_css=files["global_css"],
        image_sources=shaping.image_sources(hosts),
        version=setup.version,
    )


def _admission(setup: Setup) -> Admission | None:
    context = setup.context
    if context is None or not context.gateway:
        return None
    try:
        return Admission.of_server(context.state, context.name, direct=context.direct)
    except OSError as error:
        raise TeamError(
            f"The key that the gateway and its servers share cannot be read in {context.state}: {error.strerror}.",
            remedy="Give the folder back to whoever runs the servers.",
        ) from error


def _team(setup: Setup, target: int) -> Callable[[], TeamProgress | None]:
    """Tells how far everybody is together."""
    context = setup.context
    if context is None:
        return lambda: None
    if setup.routed:
        rules = find_rules(setup)
        return lambda: read_pool(setup.folder / LEDGER, rules().pool)
    return lambda: read_team(context, overlap=setup.overlap, own_target=target)
