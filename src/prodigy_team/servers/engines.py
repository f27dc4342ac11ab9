"""How a server is launched: its command line, environment and directory, for Prodigy and for the embedded engine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prodigy_team import __version__, settings
from prodigy_team.errors import TeamError
from prodigy_team.presence import exists, is_file
from prodigy_team.roster.findings import parse_seconds
from prodigy_team.roster.recipes import KNOWN
from prodigy_team.servers.gateways import people_url
from prodigy_team.servers.processes import MARK_VARIABLE

if TYPE_CHECKING:
    from prodigy_team.roster import Roster, Server
    from prodigy_team.servers.passwords import Password

PRODIGY, EMBEDDED = "prodigy", "embedded"
FEEDER = "prodigy_team.feeding"
FED: Mapping[str, Any] = {
    "instant_submit": True,
    "batch_size": 3,
    "instructions": str(Path(__file__).parents[1] / "feeding" / "instructions.html"),
}
"""Prodigy's settings where its tasks are fed one at a time, unless roster or prodigy.json have their own."""
_BESIDE_OTHERS: Mapping[str, Any] = {"feed_overlap": True}
"""With it a Prodigy leaves out what its own session has answered, without it what anybody has in the dataset."""
_PASSED = frozenset(
    {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "USER", "LOGNAME", "TMPDIR", "VIRTUAL_ENV", "PRODIGY_HOME"}
)
_PASSED_LIKE = re.compile(r"LC_[A-Z]+|PG[A-Z0-9]+|(https?|ftp|all|no)_proxy", re.IGNORECASE)
_OWN = "PRODIGY_TEAM_"
_FIELD = re.compile(r"\{(source|team|annotator|server|dataset|model|labels|patterns)\}")
_WHOLE_FILE = 8_000_000  # bytes up to which a file is known by its content, else by size and time
_ASK_VERSION = "import importlib.metadata as m; print(m.version('prodigy'))"


@dataclass(frozen=True)
class ServerPlan:
    """How one server would be started.

    Attributes:
        argv: The recipe command line: RECIPE DATASET and what follows.
        command: What is executed: interpreter, module, ``argv``.
        env: The whole environment, but for passwords.
        port: None until one is given out: see ``with_port``.
        url: Where its annotator's browser goes; empty without a port.
        database: Where its answers are kept.
        spec: Roster key to a short hash of what it makes of this server, so that a change can be named. A port is part
            of it only where the roster fixes one.
        public: What people open in place of the server's own address, where a gateway stands in front of it.
        part_of: The shared server of which this is one annotator's part, or "".
    """

    name: str
    annotators: tuple[str, ...]
    engine: str
    argv: tuple[str, ...]
    command: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    host: str
    port: int | None
    dataset: str
    url: str
    database: settings.Database
    spec: Mapping[str, str]
    public: str = ""
    part_of: str = ""

    @property
    def spec_hash(self) -> str:
        """One hash of the whole ``spec``."""
        return digest(sorted(self.spec.items()))

    def with_port(self, port: int) -> ServerPlan:
        """The same server on a port that was given out."""
        env = {**self.env, "PRODIGY_PORT": str(port)}
        return replace(self, port=port, env=env, url=self.public or _url(self.host, port, self.annotators, self.engine))


def plan_server(
    roster: Roster, server: Server, *, engine: str, environ: Mapping[str, str], password: Password | None = None
) -> ServerPlan:
    """Decide how a server would be started; reads the prodigy.json that applies, changes nothing.

    Args:
        engine: As decided by ``decide_engine``.
        environ: The shell's environment; only ``passed_environment`` of it is used.
        password: The server's own. Only the time it was set goes into the plan.

    Raises:
        ConfigFileError: A prodigy.json that applies cannot be read.
        TeamError: ``args`` names a field that the roster does not set.
    """
    argv = _argv(roster, server, engine)
    env = server_environment(roster, server, environ, engine=engine)
    public = people_url(roster, server)
    return ServerPlan(
        name=server.name,
        annotators=tuple(server.annotators),
        engine=engine,
        argv=argv,
        command=(*_feeder(server, env, fed=_is_fed(roster, engine)), *_program(roster, engine), *argv),
        env=env,
        cwd=server.directory,
        host=server.host,
        port=server.port,
        dataset=server.dataset,
        url=(server.port and public) or _url(server.host, server.port, server.annotators, engine),
        database=settings.find_database(settings.read_settings(env, server.directory), env),
        spec=_spec(roster, server, engine, env, password),
        public=public,
        part_of=server.part_of,
    )


def decide_engine(roster: Roster, *, recorded: str | None, environ: Mapping[str, str] | None = None) -> str:
    """The engine for this team's servers: "prodigy" or "embedded".

    What `auto` once decided stays, so that nothing changes silently; saying it in the roster changes it.

    Args:
        recorded: The engine in the lockfile; None on the first `up`.

    Raises:
        TeamError: Prodigy is wanted, or was used before, and is not there (any more).
    """
    if roster.engine == EMBEDDED or (roster.engine != PRODIGY and recorded == EMBEDDED):
        return EMBEDDED
    if installed_prodigy(roster.python, os.environ if environ is None else environ) is not None:
        return PRODIGY
    if roster.engine == PRODIGY or recorded == PRODIGY:
        since = "" if roster.engine == PRODIGY else ", though this team's servers have run on it"
        raise TeamError(
            f"Prodigy is not installed for {roster.python}{since}.",
            remedy='Install it there, let `python` name the interpreter that has it, or set engine = "embedded".',
        )
    return EMBEDDED


def installed_prodigy(python: Path, environ: Mapping[str, str]) -> str | None:
    """The version of Prodigy an interpreter has, by the metadata of what is installed, without importing it.

    Asking another interpreter takes some 100 ms: ask once. A virtual environment that has it says so by itself.

    Raises:
        TeamError: The interpreter cannot be run.
    """
    if python.absolute() == Path(sys.executable).absolute():  # not resolved: a virtual environment's is a link
        import importlib.metadata  # 30 ms, which commands that launch nothing need not pay

        try:
            return importlib.metadata.version("prodigy")
        except importlib.metadata.PackageNotFoundError:
            return None
    if os.access(python, os.X_OK) and (found := _version_in(python.absolute().parent.parent)) is not None:
        return found
    command = [str(python), "-c", _ASK_VERSION]
    try:
        answer = subprocess.run(command, env=passed_environment(environ), capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise TeamError(
            f"{python}, the roster's `python`, cannot be run: {getattr(error, 'strerror', None) or error}.",
            remedy="Let `python` in [team] name a Python interpreter.",
        ) from error
    return answer.stdout.strip() or None if answer.returncode == 0 else None


def _version_in(environment: Path) -> str | None:
    """The version that a virtual environment has of its own; None where it has none, or this is none."""
    if not is_file(environment / "pyvenv.cfg"):
        return None
    for path in environment.glob("lib/python3*/site-packages/prodigy-*.dist-info/METADATA"):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line[len("Version:") :].strip() for line in lines if line.startswith("Version:")), None)
    return None


def passed_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What servers get of the shell: few and fixed, so that a shell and cron start the same thing."""
    return {name: value for name, value in environ.items() if name in _PASSED or _PASSED_LIKE.fullmatch(name)}


def left_out(environ: Mapping[str, str]) -> list[str]:
    """Variables of Prodigy that the shell has and the servers do not get: `env` in the roster is the place for them."""
    return sorted(name for name in environ if name.startswith("PRODIGY_") and not _is_passed_or_own(name))


def _is_passed_or_own(name: str) -> bool:
    return name in _PASSED or name.startswith(_OWN)


def _program(roster: Roster, engine: str) -> tuple[str, ...]:
    """The embedded engine is part of this package, so it runs in the Python that has it: this one."""
    return (
        (str(roster.python), "-m", "prodigy") if engine == PRODIGY else (sys.executable, "-m", "prodigy_team.annotate")
    )


def _is_fed(roster: Roster, engine: str) -> bool:
    """Whether Prodigy gets its tasks from its standard input, where the ledger's are piped in."""
    return roster.routing is not None and engine == PRODIGY


def _feeder(server: Server, env: Mapping[str, str], *, fed: bool) -> tuple[str, ...]:
    """What stands before Prodigy's own command and runs that as its child."""
    if not fed or server.source is None:
        return ()
    from prodigy_team.servers.pools import by_and_label

    setting = str(settings.read_settings(env, server.directory).get("exclude_by", "task"))
    by, label = by_and_label(server, setting)
    words = ("--recipe", server.recipe, "--source", server.source, "--by", by)
    return (sys.executable, "-m", FEEDER, *words, *(("--label", label) if label else ()), "--")


def _argv(roster: Roster, server: Server, engine: str) -> tuple[str, ...]:
    values = _values(server)
    if _is_fed(roster, engine):
        values["source"] = "-"
    rest = _derived(server, engine, values) if server.args is None else _given(roster, server, server.args, values)
    recipe_file = ("-F", str(server.recipe_file)) if server.recipe_file else ()
    return (server.recipe, server.dataset, *rest, *recipe_file)


def _derived(server: Server, engine: str, values: Mapping[str, str]) -> tuple[str, ...]:
    """The recipe's arguments from the roster's keys; a key set for all servers is left out where it has no place."""
    shape = KNOWN.get(server.recipe)
    takes = {key for key in values if shape is None or shape.accepts(key)}
    words = [values[key] for key in ("model", "source") if key in takes]
    for key, option in (("labels", "--label"), ("patterns", "--patterns"), ("view_id", "--view-id")):
        words += [option, values[key]] if key in takes else []
    if engine == EMBEDDED and server.tokenizer and "model" in takes:
        words += ["--tokenizer", server.tokenizer]
    return tuple(words)


def _values(server: Server) -> dict[str, str]:
    labels = ",".join(server.labels) if isinstance(server.labels, tuple) else server.labels
    keys = {"model": server.model, "source": server.source, "labels": labels, "patterns": server.patterns}
    return {key: str(value) for key, value in (keys | {"view_id": server.view_id}).items() if value is not None}


def _given(roster: Roster, server: Server, args: Sequence[str], values: Mapping[str, str]) -> tuple[str, ...]:
    """The roster's own arguments with our fields filled in; any other brace is the recipe's business."""
    annotator = server.annotators[0] if len(server.annotators) == 1 else server.name
    name = server.part_of or server.name
    known = {"team": roster.name, "annotator": annotator, "server": name, "dataset": server.dataset}
    known |= values

    def fill(found: re.Match[str]) -> str:
        if found[1] not in known:
            raise TeamError(
                f"`args` of {server.name} names {found[0]}, but no `{found[1]}` is set.",
                remedy=f"Set `{found[1]}` in [task], or write the value itself into `args`.",
            )
        return known[found[1]]

    return tuple(_FIELD.sub(fill, word) for word in args)


def server_environment(
    roster: Roster, server: Server, environ: Mapping[str, str], *, engine: str = EMBEDDED
) -> dict[str, str]:
    """Everything a server sees; what the roster says beats the shell, and what makes it this server beats both."""
    env = {**passed_environment(environ), **server.env, "PRODIGY_HOST": server.host}
    env[MARK_VARIABLE] = _mark(roster, server)
    env.setdefault("PYTHONUNBUFFERED", "1")  # what a server says before it dies reaches its log
    if server.port is not None:
        env["PRODIGY_PORT"] = str(server.port)
    if server.annotators:
        env["PRODIGY_ALLOWED_SESSIONS"] = ",".join(server.annotators)
    if _needs_naming(roster.config, server.directory):
        env.setdefault("PRODIGY_CONFIG", str(roster.config))
    overrides = _overrides(roster, server.env.get("PRODIGY_CONFIG_OVERRIDES", ""))
    if _is_fed(roster, engine):
        overrides = {**_for_feeding(settings.config_files(env, server.directory)), **overrides}
        overrides |= _BESIDE_OTHERS if server.part_of else {}
    if overrides:
        env["PRODIGY_CONFIG_OVERRIDES"] = json.dumps(overrides, ensure_ascii=False)
    return env


def _mark(roster: Roster, server: Server) -> str:
    facts: dict[str, Any] = {"team": roster.name, "name": server.name, "annotators": list(server.annotators)}
    facts["state"] = str(roster.state)
    routed = roster.routing is not None
    more: dict[str, Any] = {"version": server.version, "image_hosts": list(server.image_hosts), "routing": routed}
    more |= _gateway_facts(roster)
    return json.dumps(facts | {key: value for key, value in more.items() if value})


def _gateway_facts(roster: Roster) -> dict[str, Any]:
    """Behind a gateway a server serves nobody else; its secret is not told, it comes from the state folder."""
    if roster.gateway is None:
        return {}
    direct = roster.gateway.get("hand_off") == "redirect"
    return {"gateway": True, "direct": parse_seconds(roster.gateway["session_length"]) if direct else None}


def _needs_naming(config: Path, directory: Path) -> bool:
    """Prodigy finds a prodigy.json in its working directory by itself; any other must be named."""
    own = directory / "prodigy.json"
    return exists(config) and not (exists(own) and own.samefile(config))


def _overrides(roster: Roster, given: str) -> dict[str, Any]:
    """Settings that beat every file: those in the roster's `env`, its [prodigy] table, and its `database`."""
    try:
        found = json.loads(given) if given else {}
    except ValueError as error:
        raise TeamError(
            f"PRODIGY_CONFIG_OVERRIDES in `env` is not JSON: {error}.",
            remedy="Put the settings into [prodigy] instead.",
        ) from error
    overrides: dict[str, Any] = {**found, **roster.prodigy}
    if roster.database is not None:
        place = {"name": roster.database.name, "path": str(roster.database.parent)}
        overrides |= {"db": "sqlite", "db_settings": {"sqlite": place}}
    return overrides


def _for_feeding(files: Sequence[Path]) -> dict[str, Any]:
    """Settings under which little is leased ahead and nothing waits in a page, but for those that a file has."""
    known = {key for path in files for key in settings.read_config_file(path)}
    return {key: value for key, value in FED.items() if key not in known}


def _url(host: str, port: int | None, annotators: Sequence[str], engine: str) -> str:
    """With one annotator Prodigy must be told the session; the embedded engine knows it."""
    if port is None:
        return ""
    session = f"?session={annotators[0]}" if engine == PRODIGY and len(annotators) == 1 else ""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/{session}"


def _spec(
    roster: Roster, server: Server, engine: str, env: Mapping[str, str], password: Password | None
) -> dict[str, str]:
    """A hash for each roster key that makes a difference to this server; files count with their content."""
    keys = "annotators host port dataset recipe model args tokenizer version view_id directory image_hosts"
    values: dict[str, Any] = {key: getattr(server, key) for key in keys.split()}
    values |= {"engine": engine, "python": roster.python if engine == PRODIGY else None}
    values |= {key: _stamp(getattr(server, key)) for key in ("source", "labels", "patterns", "recipe_file")}
    if roster.routing is not None:
        # Rules and source are read anew while it runs: only that it is routed, and from which file, is settled.
        values |= {"routing": True, "source": server.source}
        if server.shared and engine == EMBEDDED:
            values["annotators"] = "as the rules say"
    values |= {"env": sorted(server.env.items()), "prodigy": roster.prodigy, "database": roster.database}
    values["config"] = [_stamp(path) for path in settings.config_files(env, server.directory)]
    if roster.gateway is not None:
        values["gateway"] = sorted(_gateway_facts(roster).items())
        password = None  # people log in at the gateway, which has a secret of its own
    values["password"] = password and [password.user, password.set_at]
    if engine == EMBEDDED:
        values["package"] = __version__  # the engine is this package's, so that an upgrade is a change
    return {key: digest(value) for key, value in values.items()}


def digest(value: Any) -> str:
    """A short hash by which a value of the roster is known again, without keeping it."""
    text = json.dumps(value, sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=6).hexdigest()


def _stamp(value: Any) -> Any:
    """A file by path and content, so that an edit is noticed; anything else as it is."""
    path = Path(value) if isinstance(value, str) and value.startswith("/") else value
    if not isinstance(path, Path):
        return value
    try:
        found = path.stat()
        return [str(path), _content(path, found.st_size, found.st_mtime_ns) if is_file(path) else ""]
    except OSError:
        return [str(path), None]


@lru_cache(maxsize=256)
def _content(path: Path, size: int, modified: int) -> str:
    """Read once, however many servers share the file."""
    return f"{size} {modified}" if size > _WHOLE_FILE else blake2b(path.read_bytes(), digest_size=8).hexdigest()
