"""team.toml becomes a Roster: its tables are read, each entry settled, and all of them held against each other."""

from __future__ import annotations

import ast
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from prodigy_team.presence import exists, is_dir, is_file
from prodigy_team.roster.checks import check_together
from prodigy_team.roster.findings import NAME, Findings, parse_ports, parse_seconds
from prodigy_team.roster.names import plan_entries
from prodigy_team.roster.paths import DEFAULT_STATE, read_toml, resolve_path
from prodigy_team.roster.resolve import Context, Resolver
from prodigy_team.roster.schema import AnnotatorTable, RoutingTable, Tables, read_tables
from prodigy_team.roster.values import Annotator, Roster, RosterError, Routing, Server

DEFAULT_CONFIG = "prodigy.json"


def load_roster(path: Path, environ: Mapping[str, str], *, answers_only: bool = False) -> Roster:
    """Read a roster and check everything that can be known without starting something.

    Args:
        path: The team.toml.
        environ: The shell's environment: Prodigy's home, the user's home, and PATH for ``python``.
        answers_only: It is for reading answers, for which sources and known tasks need not be there any more.

    Raises:
        RosterError: With every problem at once.
    """
    tables = read_tables(read_toml(path))
    findings = Findings()
    findings.start_with(tables.problems)
    roster = _Loader(path, environ, tables, findings).roster()
    ignored = findings.missing if answers_only else []
    problems = [problem for problem in findings.problems if not problem.warning and problem not in ignored]
    if problems:
        raise RosterError(path, problems)
    return roster


class _Loader:
    """Settles the values of one roster; wrong ones are reported and replaced by something harmless."""

    def __init__(self, path: Path, environ: Mapping[str, str], tables: Tables, findings: Findings) -> None:
        self.path = path.absolute()
        self.environ = environ
        self.tables = tables
        self.findings = findings
        self.entries = plan_entries(tables, findings)
        fit = NAME.fullmatch(tables.team.name or "")
        self.name = fit[0] if fit else "team"

    def roster(self) -> Roster:
        team = self.tables.team
        every = self._servers()
        paused = {table.name for table in self.tables.annotators if table.paused}
        draft = Roster(
            path=self.path,
            name=self.name,
            engine=team.engine,
            python=self._python(),
            host=team.host,
            ports=self._ports(),
            database=self._database(),
            config=self._config(),
            state=self._path(team.state or DEFAULT_STATE),
            start_at_once=team.start_at_once,
            allow_public=team.allow_public,
            prodigy=self.tables.prodigy,
            routing=self._routing(),
            annotators=self._annotators(),
            servers=every,
            gateway=self.tables.gateway.values() if self.tables.gateway else None,
            managers=tuple(table.given_values() for table in self.tables.managers),
        )
        check_together(draft, self.environ, self.findings)
        return _finished(draft, paused, self.findings)

    def _path(self, value: str) -> Path:
        return resolve_path(value, self.path.parent, self.environ)

    def _servers(self) -> tuple[Server, ...]:
        task = self.tables.task.given_values()
        context = Context(self.path.parent, self.environ, self.name, self.tables.team.host, task)
        servers = [Resolver(context, entry, self.findings).server() for entry in self.entries]
        return tuple(server for server in servers if server)

    def _annotators(self) -> tuple[Annotator, ...]:
        """Those with an entry of their own first, then those only named in a [[server]]."""
        tables = {table.name: table for table in self.tables.annotators if table.name}
        homes: dict[str, str] = {}
        for entry in self.entries:
            for name in entry.annotators:
                homes.setdefault(name, entry.name)
        names = dict.fromkeys([*tables, *homes])
        return tuple(_annotator(name, homes.get(name, name), tables.get(name)) for name in names)

    def _python(self) -> Path:
        value = self.tables.team.python
        if value is None:
            return Path(sys.executable)
        path = self._path(value)
        if "/" not in value and not exists(path):
            path = Path(shutil.which(value, path=self.environ.get("PATH")) or path)
        if not shutil.which(path):
            remedy = 'Name an interpreter, such as ".venv/bin/python", or leave it out for the one that runs this.'
            self.findings.add("team.python", f"There is no program {path}.", remedy)
        return path

    def _ports(self) -> range:
        ports = parse_ports(self.tables.team.ports)
        if ports is None:
            text = f'"{self.tables.team.ports}" is no range of ports.'
            self.findings.add("team.ports", text, 'Write "8081-8099", from the lower to the higher, at most 65535.')
        return ports or range(8081, 65536)

    def _database(self) -> Path | None:
        value = self.tables.team.database
        if value is None:
            return None
        kind = value.partition("://")[0].lower() if "://" in value else ""
        if kind:
            self._refuse_database(kind)
            return None
        path = self._path(value)
        if not value or is_dir(path) or not is_dir(path.parent):
            text = f"{path} cannot be a database: it is a folder, or its folder is not there."
            self.findings.add("team.database", text, "Name a file in a folder that exists.")
        return path

    def _refuse_database(self, kind: str) -> None:
        """Never with the address itself, which holds a password."""
        if kind.startswith("postgres"):
            text = "PostgreSQL comes in a later release."
            remedy = 'Until then use a file: database = "annotations.db".'
        else:
            text = f"{kind}:// is no database this key can name."
            remedy = "Use a file here, or leave it out and keep db and db_settings in prodigy.json."
        self.findings.add("team.database", text, remedy)

    def _config(self) -> Path:
        value = self.tables.team.config or DEFAULT_CONFIG
        path = self._path(value)
        if value != DEFAULT_CONFIG and not is_file(path):
            self.findings.add("team.config", f"There is no file {path}.", "Correct the name, or leave it out.")
        return path

    def _routing(self) -> Routing | None:
        table = self.tables.routing
        if table is None:
            return None
        lease = parse_seconds(table.lease)
        if lease is None:
            self.findings.add("routing.lease", f'"{table.lease}" is no duration.', 'Write "30m", "90s" or "2h".')
        return Routing(
            annotations_per_task=_exact(table.annotations_per_task),
            lease=lease or 1800.0,
            seed=table.seed,
            order=table.order,
            gold=self._gold(table),
            gold_rate=self._gold_rate(table),
            router=self._router(table),
        )

    def _gold(self, table: RoutingTable) -> str | None:
        if table.gold is None or table.gold.startswith("dataset:"):
            return table.gold
        path = self._path(table.gold)
        if not is_file(path):
            self.findings.add("routing.gold", f"There is no file {path}.", "Correct the name.", missing=True)
        return str(path)

    def _gold_rate(self, table: RoutingTable) -> Decimal:
        if table.gold_rate and table.gold is None:
            text = "There are no tasks with known answers to mix in."
            self.findings.add("routing.gold_rate", text, 'Name their file: gold = "gold.jsonl".', warning=True)
        return Decimal(str(table.gold_rate))

    def _router(self, table: RoutingTable) -> str | None:
        if table.router is None:
            return None
        name, _, function = table.router.rpartition(":")
        path = self._path(name)
        if not function.isidentifier() or not name or not is_file(path):
            text = f'"{table.router}" does not name a function in a file that is there.'
            self.findings.add("routing.router", text, 'Write "file.py:function".')
        elif not _may_define(path, function):
            text = f"{path} has no function {function}, or is no valid Python."
            self.findings.add("routing.router", text, "Correct the name, or the file.")
        return f"{path}:{function}"


def _may_define(path: Path, function: str) -> bool:
    """Whether a Python file names the function at all; told without running it, so a borrowed one counts too."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return False
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
    return bool(names & {function, "*"})


def _exact(value: Any) -> Any:
    """The number as it was written: 1.2 is 12/10, not the float next to it."""
    return value if value == "all" else Decimal(str(int(value) if value == int(value) else value))


def _annotator(name: str, server: str, table: AnnotatorTable | None) -> Annotator:
    if table is None:
        return Annotator(name, server)
    only = {key: (value,) if isinstance(value, str) else tuple(value) for key, value in table.only.items()}
    share = Decimal(str(table.share))
    return Annotator(name, server, table.paused, table.limit, share, only, tuple(table.aliases), table.login)


def _finished(draft: Roster, paused: set[str | None], findings: Findings) -> Roster:
    """The roster without the servers that nobody needs while their annotators are paused."""
    servers, resting = [], []
    for server in draft.servers:
        present = tuple(name for name in server.annotators if name not in paused)
        if present or server.open:
            servers.append(replace(server, annotators=present))
        else:
            resting.append(server)
    warnings = tuple(problem for problem in findings.problems if problem.warning)
    return replace(draft, servers=tuple(servers), resting=tuple(resting), warnings=warnings)
