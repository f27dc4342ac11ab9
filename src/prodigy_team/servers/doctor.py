"""What servers need, looked at: each thing found is good, doubtful or wrong, and says what to do about it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prodigy_team.errors import TeamError
from prodigy_team.presence import exists, is_dir
from prodigy_team.roster import Roster, RosterError, load_roster
from prodigy_team.servers.machine import boot_time, uses_wal
from prodigy_team.servers.shapes import as_it_runs
from prodigy_team.servers.tools import team_database, tool_environment
from prodigy_team.settings import Database
from prodigy_team.store.connection import network_kind

Level = Literal["ok", "warning", "error"]

STATS_SECONDS = 30.0
LITTLE_SPACE, NO_SPACE = 10**9, 10**8
SKEW_SECONDS = 2.0
ERROR_LINE = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Warning|Exit)\b.*|^(?:ERROR|CRITICAL)\b.*")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: "error": servers will not run or answers are at risk; "warning": look at it.
        subject: What was looked at, in a word.
        remedy: What to do; empty where it is good.
    """

    level: Level
    subject: str
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Patient:
    """What the checks look at."""

    roster: Roster
    environ: Mapping[str, str]
    now: float


def examine(path: Path, environ: Mapping[str, str]) -> list[Finding]:
    """Look at everything a roster's servers need. Reads only, but for a probe file in the state folder."""
    findings = [python_finding()]
    try:
        roster = as_it_runs(load_roster(path, environ), environ)
    except RosterError as error:
        wrong = [Finding("error", "roster", f"{each.where}: {each.text}", each.remedy) for each in error.problems]
        return [*findings, *wrong]
    except OSError as error:
        return [*findings, unseen("error", "roster", error)]
    findings += list(roster_findings(roster))
    patient = Patient(roster, environ, time.time())
    for check in CHECKS:
        findings += run_check(check, patient)
    return findings


def run_check(check: Callable[[Patient], Iterable[Finding]], patient: Patient) -> list[Finding]:
    """The findings of one check; what it could not look at is a finding as well."""
    subject = check.__name__.removeprefix("check_")
    try:
        return list(check(patient))
    except TeamError as error:
        return [Finding("error", subject, error.message, error.remedy)]
    except OSError as error:
        return [unseen("warning", subject, error)]


def unseen(level: Level, subject: str, error: OSError) -> Finding:
    """What this account may not look at, or nobody can."""
    return Finding(level, subject, f"could not be looked at: {error}", "Check the path and its permissions.")


def python_finding() -> Finding:
    """This program and its Python."""
    from prodigy_team import __version__

    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("ok", "prodigy-team", f"{__version__} on Python {version}, {sys.platform}")


def roster_findings(roster: Roster) -> Iterator[Finding]:
    """The roster is readable; its warnings."""
    yield Finding("ok", "roster", f"{roster.path}: {counted(len(roster.servers), 'server')}")
    for each in roster.warnings:
        yield Finding("warning", "roster", f"{each.where}: {each.text}", each.remedy)


# Prodigy


def check_prodigy(patient: Patient) -> Iterator[Finding]:
    """Whether the roster's Python has Prodigy, asked of `prodigy stats` itself."""
    roster = patient.roster
    if not os.access(roster.python, os.X_OK):
        yield Finding("error", "prodigy", f"There is no Python at {roster.python}.", "Correct `python` in [team].")
        return
    try:
        asked = subprocess.run(
            [str(roster.python), "-m", "prodigy", "stats"],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=STATS_SECONDS,
            env=tool_environment(roster, patient.environ),
            check=False,
        )
    except subprocess.TimeoutExpired:
        text = f"`prodigy stats` did not answer within {STATS_SECONDS:.0f} s."
        yield Finding("warning", "prodigy", text, f"Try it by hand: {roster.python} -m prodigy stats")
        return
    yield prodigy_finding(roster, asked.returncode, asked.stdout, asked.stderr)


def prodigy_finding(roster: Roster, code: int, stdout: str, stderr: str) -> Finding:
    """What `prodigy stats` said, judged by the engine the roster wants. Pure."""
    if code == 0 and (version := stat_of(stdout, "Version")):
        home = stat_of(stdout, "Prodigy Home")
        used = "; the roster asks for the embedded engine all the same" if roster.engine == "embedded" else ""
        return Finding("ok", "prodigy", f"Prodigy {version} in {roster.python}{', home ' + home if home else ''}{used}")
    if "No module named prodigy" in stderr or "No module named 'prodigy'" in stderr:
        if roster.engine == "prodigy":
            remedy = 'Install it there, point `python` at the environment that has it, or set engine = "embedded".'
            return Finding("error", "prodigy", f"{roster.python} has no Prodigy, which the roster asks for.", remedy)
        return Finding("ok", "prodigy", f"none in {roster.python}: the embedded engine is used")
    last = (stderr or stdout).strip().splitlines()[-1:] or [f"exit code {code}"]
    level: Level = "warning" if roster.engine == "embedded" else "error"
    return Finding(level, "prodigy", f"`prodigy stats` failed: {last[0]}", f"Try it: {roster.python} -m prodigy stats")


def stat_of(output: str, name: str) -> str:
    """A row of what `prodigy stats` prints; "" where it is missing."""
    found = re.search(rf"^\s*{re.escape(name)}\s{{2,}}(.+?)\s*$", output, re.MULTILINE)
    return found[1] if found else ""


# the database


def check_database(patient: Patient) -> Iterator[Finding]:
    """Whether answers can be read and written where the servers write them."""
    database = team_database(patient.roster, patient.environ)
    if database.kind != "sqlite" or database.path is None:
        text = f"{database.kind}, as {database.origin} says: not looked into"
        yield Finding("ok", "database", text)
        return
    if str(database.path) == ":memory:":
        text = f"{database.origin} keeps answers in memory only: they are gone when a server ends."
        yield Finding("error", "database", text, "Name a file: `database` in [team].")
        return
    yield from file_findings(database, database.path)


def file_findings(database: Database, path: Path) -> Iterator[Finding]:
    """Reading, writing and the journal of an SQLite file."""
    if not exists(path):
        yield missing_finding(path)
        return
    from prodigy_team.store import open_store

    store = open_store(database, write=False)
    try:
        count = len(store.datasets())
    finally:
        store.close()
    closed = [place for place in (path, path.parent) if not os.access(place, os.W_OK)]
    if closed:
        yield Finding(
            "error",
            "database",
            f"{closed[0]} may not be written by you.",
            f"chmod u+w {closed[0]}, or run as its owner.",
        )
    else:
        yield Finding("ok", "database", f"{path}: {counted(count, 'dataset')}, readable and writable")
    yield journal_finding(
        path, wal=uses_wal(path), network=network_kind(path), chosen="team.database" in database.origin
    )


def missing_finding(path: Path) -> Finding:
    """Whether a database that is not there yet could be made."""
    folder = next(each for each in path.parents if exists(each))
    if os.access(folder, os.W_OK):
        return Finding("ok", "database", f"{path}: not there yet, made by the first `up`")
    return Finding(
        "error", "database", f"{path} cannot be made: {folder} is not writable.", "Choose another `database`."
    )


def journal_finding(path: Path, *, wal: bool, network: str, chosen: bool) -> Finding:
    """Whether the journal suits the place and the number of writers. Pure.

    Args:
        network: The network file system it lies on, or "".
        chosen: The roster names the file, so that it is the team's own rather than one of Prodigy's that we only use.
    """
    if network and wal:
        text = f"{path.name} is in WAL mode on {network}: several machines would destroy it."
        return Finding(
            "error", "journal", text, "Move it to a local disk, or: PRAGMA journal_mode=DELETE with nobody writing."
        )
    if network:
        text = f"{path.name} lies on {network}, whose locks are not to be trusted."
        return Finding("warning", "journal", text, "Move it to a local disk: `database` in [team].")
    if wal:
        return Finding("ok", "journal", f"{path.name} is in WAL mode: readers and writers do not wait for each other")
    if chosen:
        text = f"{path.name} is not in WAL mode: whoever reads holds up who writes."
        remedy = f"With all servers stopped: sqlite3 {path} 'PRAGMA journal_mode=WAL'"
        return Finding("warning", "journal", text, remedy)
    return Finding(
        "ok", "journal", f"{path.name} keeps the rollback journal it was made with; it is not ours to change"
    )


# places


def check_state(patient: Patient) -> Iterator[Finding]:
    """Whether only you can read the state folder, and it can be written."""
    state = patient.roster.state
    if not exists(state):
        yield Finding("ok", "state folder", f"{state}: not there yet, made by the first `up`")
        return
    if not os.access(state, os.W_OK | os.X_OK):
        yield Finding("error", "state folder", f"{state} may not be written by you.", "Run as the user who ran `up`.")
    opened = [each for each in [state, *sorted(state.rglob("*"))] if is_too_open(each)]
    if opened:
        text = f"{len(opened)} of its files can be read by others, the first is {opened[0]}."
        yield Finding("warning", "state folder", text, f"chmod -R go-rwx {state}")
    else:
        yield Finding("ok", "state folder", f"{state}: only yours")


def is_too_open(path: Path) -> bool:
    """Whether a file or folder is open to others than its owner."""
    try:
        return not path.is_symlink() and path.name != ".gitignore" and bool(path.stat().st_mode & 0o077)
    except FileNotFoundError:
        return False


def check_disk(patient: Patient) -> Iterator[Finding]:
    """Free space and network file systems, for the state folder and the database."""
    database = team_database(patient.roster, patient.environ)
    places = {patient.roster.state: "state folder"}
    if database.path is not None and str(database.path) != ":memory:":
        places.setdefault(database.path.parent, "database")
    for place, what in places.items():
        there = next(each for each in [place, *place.parents] if exists(each))
        yield space_finding(what, there, shutil.disk_usage(there).free)
    kind = network_kind(patient.roster.state)
    if kind:
        text = f"{patient.roster.state} lies on {kind}: run every command on one machine, locks do not reach further."
        yield Finding("warning", "disk", text, "Put `state` in [team] on a local disk.")


def space_finding(what: str, place: Path, free: int) -> Finding:
    """Whether there is room for answers and logs. Pure."""
    text = f"{free / 10**9:.1f} GB free for the {what} in {place}"
    if free < NO_SPACE:
        return Finding("error", "disk", f"Only {text}.", "Make room: answers cannot be saved on a full disk.")
    return (
        Finding("warning", "disk", f"Only {text}.", "Make room.")
        if free < LITTLE_SPACE
        else Finding("ok", "disk", text)
    )


def check_dealing(patient: Patient) -> Iterator[Finding]:
    """Whether the ledger can be read, and the router and the gold tasks do what they are for."""
    if patient.roster.routing is None:
        return
    from prodigy_team.allocation.ledger.handle import examine_ledger
    from prodigy_team.servers.rehearsing import rehearsal_problems

    problems = rehearsal_problems(patient.roster)
    for each in problems:
        yield Finding("error", "dealing", f"{each.where}: {each.text}", each.remedy)
    ledger = patient.roster.state / "ledger.db"
    if exists(ledger):
        examine_ledger(ledger)
    if not problems:
        yield Finding("ok", "dealing", f"{ledger}: whole" if exists(ledger) else "no task was dealt out yet")


# ports, clock, logs


def check_servers(patient: Patient) -> Iterator[Finding]:
    """Servers that are not as they should be, and ports they need that somebody else holds."""
    from prodigy_team.servers.supervisor import Supervisor

    status = Supervisor.for_roster(patient.roster.path, patient.environ).status().servers
    wrong = [each for each in status if each.state in ("failed", "stale", "blocked")]
    for each in wrong:
        text = f"{each.name} is {each.state}: {each.problem}" if each.problem else f"{each.name} is {each.state}."
        yield Finding("error", "servers", text, f"prodigy-team logs {each.name}, then prodigy-team up {each.name}")
    if not wrong:
        known = {each.name for each in patient.roster.servers} | {each.name for each in status}
        running, asleep = (sum(each.state == state for each in status) for state in ("running", "asleep"))
        more = f", {asleep} asleep until somebody comes" if asleep else ""
        yield Finding("ok", "servers", f"{running} of {len(known)} running{more}")
    ports = {each.name: each.port for each in status}
    yield from port_findings(patient.roster, ports, ours={each.name for each in status if each.pid is not None})


def port_findings(roster: Roster, recorded: Mapping[str, int | None], *, ours: Container[str]) -> Iterator[Finding]:
    """Ports that servers which do not run will need, and that are taken.

    Args:
        recorded: The port each server was last given.
        ours: Servers that run, and so hold their port themselves.
    """
    from prodigy_team.servers.ports import holder_of_port, is_free

    wanted = [(each, each.port or recorded.get(each.name)) for each in roster.servers if each.name not in ours]
    needed = [(server, port) for server, port in wanted if port is not None]
    taken = [(server, port) for server, port in needed if not is_free(server.host, port)]
    for server, port in taken:
        holder = holder_of_port(server.host, port) or "another program"
        text = f"{port}, {server.name}'s, is in use by {holder}."
        yield Finding("error", "ports", text, f"Stop that program, or give {server.name} another `port` in team.toml.")
    if not taken:
        yield Finding("ok", "ports", f"{len(needed)} needed and free" if needed else "none needed but those in use")


def check_clock(patient: Patient) -> Iterator[Finding]:
    """Whether the clock, the file system's clock and the time of boot agree."""
    stamps = {}
    state = patient.roster.state
    if is_dir(state) and os.access(state, os.W_OK):
        with tempfile.NamedTemporaryFile(dir=state, prefix=".clock-") as probe:
            stamps[str(state)] = Path(probe.name).stat().st_mtime - time.time()
        lockfile = state / "team.lock"
        if exists(lockfile):
            stamps[str(lockfile)] = max(0.0, lockfile.stat().st_mtime - patient.now)
    yield from clock_findings(stamps, booted=boot_time(), now=patient.now)


def clock_findings(stamps: Mapping[str, float], *, booted: float | None, now: float) -> Iterator[Finding]:
    """Judge how far file times and the boot are ahead of the clock. Pure.

    Args:
        stamps: What was looked at, and how many seconds it is off.
        booted: Unix time of the last boot, or None where nobody can tell.
    """
    off = {name: seconds for name, seconds in stamps.items() if abs(seconds) > SKEW_SECONDS}
    for name, seconds in off.items():
        text = f"The times of {name} are {seconds:+.0f} s off this machine's clock."
        yield Finding("warning", "clock", text, "Let both machines keep their time by NTP.")
    if booted is not None and booted > now + SKEW_SECONDS:
        yield Finding("warning", "clock", "The clock was set back behind the last boot.", "Check it: date; timedatectl")
    elif not off:
        yield Finding("ok", "clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now)))


def check_logs(patient: Patient) -> Iterator[Finding]:
    """The newest error in each server's log."""
    from prodigy_team.servers.logs import tail

    folder = patient.roster.state / "logs"
    logs = sorted(folder.glob("*.log")) if is_dir(folder) else []
    found = 0
    for path in logs:
        line = last_error(tail(path, 200))
        if line:
            found += 1
            yield Finding("warning", "logs", f"{path.stem}: {line}", f"Read it: prodigy-team logs {path.stem}")
    if not found:
        yield Finding("ok", "logs", f"{counted(len(logs), 'log')} without an error in the last lines")


def counted(number: int, noun: str) -> str:
    """`1 server`, `2 servers`. Pure."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def last_error(lines: Iterable[str]) -> str:
    """The last line that reports an error, or "". Pure."""
    return next((line.strip() for line in reversed(list(lines)) if ERROR_LINE.match(line)), "")


CHECKS = (check_prodigy, check_database, check_disk, check_state, check_dealing, check_servers, check_clock, check_logs)
