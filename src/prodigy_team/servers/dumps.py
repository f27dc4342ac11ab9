"""Copies of a PostgreSQL database by PostgreSQL's own programs, which take its password from no command line."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from prodigy_team.errors import TeamError
from prodigy_team.roster import Roster
from prodigy_team.servers.tools import settings_environment
from prodigy_team.settings import read_settings

_SECRET = {"password": "PGPASSWORD", "passfile": "PGPASSFILE"}
_COPY = "COPY "


@dataclass(frozen=True)
class Connection:
    """How a database is reached.

    Attributes:
        parameters: Of libpq, without secrets.
        environ: With them.
    """

    parameters: Mapping[str, str]
    environ: Mapping[str, str]

    @property
    def address(self) -> str:
        """What libpq takes as the name of a database; source: postgresql.org/docs/15/libpq-connect.html, 34.1.1.1."""
        quoted = {key: value.replace("\\", "\\\\").replace("'", "\\'") for key, value in self.parameters.items()}
        return " ".join(f"{key}='{value}'" for key, value in quoted.items())

    @property
    def name(self) -> str:
        """For people."""
        named = {key: self.parameters.get(key) or self.environ.get(f"PG{key.upper()}") for key in ("host", "port")}
        database = self.parameters.get("dbname") or self.environ.get("PGDATABASE") or "of the account's name"
        return f"postgresql {database} at {named['host'] or 'localhost'}:{named['port'] or 5432}"


def connection_of(roster: Roster, environ: Mapping[str, str]) -> Connection:
    """Where Prodigy's settings say that the answers are; what they leave out is in PG* variables, as for Prodigy."""
    env = settings_environment(roster, environ)
    found: Any = read_settings(env, roster.path.parent).get("db_settings") or {}
    given = found.get("postgresql") if isinstance(found, dict) else None
    details = {str(key): str(value) for key, value in given.items()} if isinstance(given, dict) else {}
    for key in ("name", "database"):
        if key in details:
            details.setdefault("dbname", details.pop(key))
    secrets = {variable: details.pop(key) for key, variable in _SECRET.items() if key in details}
    return Connection(details, {**env, **secrets})


def dump(connection: Connection, target: Path) -> None:
    """Copy the database as it is at one moment while others write it; only the copy's owner can read it.

    Raises:
        TeamError: `pg_dump` is not installed, or cannot reach the database or write the file.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    arguments = ("--format=custom", "--no-password", f"--file={target}", f"--dbname={connection.address}")
    done = _run(["pg_dump", *arguments], connection.environ)
    if done.returncode:
        raise TeamError(
            f"The {connection.name} was not copied: {_reason(done.stderr)}.",
            remedy="Check db_settings in prodigy.json and free space. Earlier backups are as they were.",
        )


def counts_in(path: Path) -> dict[str, int]:
    """Answers in each dataset of a copy, sessions left out, which hold the same again. Reads all of it.

    Raises:
        TeamError: The copy is not whole, or has none of Prodigy's tables.
    """
    datasets = {row["id"]: row["name"] for row in _rows(path, "dataset") if row["session"] != "t"}
    answers = Counter(row["dataset_id"] for row in _rows(path, "link"))
    for _ in _rows(path, "example"):
        pass  # so that every page of it was unpacked once
    return {name: answers[dataset] for dataset, name in datasets.items()}


def _rows(path: Path, table: str) -> Iterator[dict[str, str]]:
    """The rows of a table in a copy; source for the form: postgresql.org/docs/15/sql-copy.html, "Text Format"."""
    with _restoring(path, table) as lines:
        columns: list[str] | None = None
        for line in lines:
            if columns is None:
                if line.startswith(_COPY):
                    columns = [each.strip('" ') for each in line[line.index("(") + 1 : line.rindex(")")].split(",")]
            elif line == "\\.\n":
                break
            else:
                yield dict(zip(columns, line[:-1].split("\t"), strict=False))
        for _ in lines:
            pass
    if columns is None:  # asked for last: of a copy that is not whole pg_restore says why there is none
        raise TeamError(f"{path} holds no table {table} of Prodigy's.", remedy="Choose another one.")


@contextmanager
def _restoring(path: Path, table: str) -> Iterator[IO[str]]:
    command = ["pg_restore", "--data-only", f"--table={table}", "--file=-", str(path)]
    try:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", errors="replace"
        )
    except FileNotFoundError as error:
        raise _missing("pg_restore") from error
    assert process.stdout is not None, "piped"
    try:
        yield process.stdout
        _, said = process.communicate()
    except BaseException:
        process.kill()
        process.communicate()
        raise
    if process.returncode:
        raise TeamError(f"{path} is not whole: {_reason(said)}.", remedy="Choose another one.")


def _run(command: list[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise _missing(command[0]) from error


def _missing(program: str) -> TeamError:
    remedy = "Install PostgreSQL's programs for clients (Debian: postgresql-client), of the server's version or newer."
    return TeamError(f"{program} is not installed, with which a PostgreSQL database is copied.", remedy=remedy)


def _reason(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[0].removeprefix("pg_dump: error: ").removeprefix("pg_restore: error: ").rstrip(".") if lines else "?"
