"""`status`: every server as it stands now. It only reads."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Names, Quiet, RosterPath, Shared
from prodigy_team.cli.render import GAP, ago, align, plural, size, span

if TYPE_CHECKING:
    from prodigy_team.servers.status import ServerStatus, StatusReport

EXAMPLES = ("prodigy-team status", "prodigy-team status joe --watch", "prodigy-team status --json")
REDRAW_SECONDS = 2.0
HOME_AND_CLEAR = "\x1b[H\x1b[J"
STATUS_HEAD = ("NAME", "STATE", "ANSWERS", "LAST ANSWER", "UP", "MEMORY", "RESTARTS", "URL")
WITHOUT_GATEWAY = "Nobody can log in: the gateway does not run. Next: prodigy-team up gateway"


def command(
    context: typer.Context,
    names: Names = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Redraw every 2 seconds until Ctrl+C.")] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Show every server: state, answers, address.

    Also the last answer, for how long it runs, its memory and how often it was brought back. Nothing is changed,
    and no task is taken.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    chosen = tuple(names or ())
    while True:
        report = read(path, chosen)
        show(report, shared, redraw=watch)
        if not watch:
            raise typer.Exit(report.exit_code)
        time.sleep(REDRAW_SECONDS)


def read(path: Path, names: tuple[str, ...]) -> StatusReport:
    """Read how the servers stand."""
    from prodigy_team.servers.supervisor import Supervisor

    return Supervisor.for_roster(path).status(names)


def show(report: StatusReport, shared: Shared, *, redraw: bool) -> None:
    """Print the table or the object; when quiet only if something is wrong."""
    if shared.as_json:
        from prodigy_team.cli.objects import status_object

        output.show_json(status_object(report))
        return
    if shared.quiet and not report.exit_code:
        return
    clear = [HOME_AND_CLEAR] if redraw and sys.stdout.isatty() and os.environ.get("TERM") != "dumb" else []
    output.say(["".join(clear) + "\n".join(status_lines(report))])
    sys.stdout.flush()


def status_lines(report: StatusReport) -> list[str]:
    """The table of all servers, their problems, and where the lockfile is."""
    lines = align([STATUS_HEAD, *(status_row(each) for each in report.servers)], indent=GAP)
    for each in report.servers:
        if each.problem:
            lines.append(f"{each.name}: {each.problem}" if not each.problem.startswith(each.name) else each.problem)
    engine = f"{report.engine} engine" if report.engine else "no engine chosen yet"
    lines.append(f"{report.team}: {engine}. Lockfile: {report.lockfile}")
    lines.extend(report.notes)
    return [*lines, *next_after_status(report)]


def status_row(server: ServerStatus) -> tuple[str, ...]:
    """One row under `STATUS_HEAD`."""
    return (
        server.name,
        server.state,
        progress_of(server.answers, server.tasks if server.part is None else server.part),
        ago(server.last_answer_seconds),
        "-" if server.uptime_seconds is None else span(server.uptime_seconds),
        size(server.memory_bytes),
        str(server.restarts),
        server.url,
    )


def progress_of(answers: int | None, tasks: int | None) -> str:
    """`3 of 178`, `3` where only the engine knows how many tasks there are, a dash where nothing is known."""
    if answers is None:
        return "-"
    if tasks is not None and answers > tasks:  # the source was another one
        return f"{answers:,}, {plural(tasks, 'task')} now"
    return f"{answers:,}" if tasks is None else f"{answers:,} of {tasks:,}"


def next_after_status(report: StatusReport) -> list[str]:
    """What to do about servers that should run and do not."""
    down = [each.name for each in report.servers if each.state in ("failed", "stale", "blocked")]
    if down:
        return [f"Next: prodigy-team logs {down[0]}, then prodigy-team up {' '.join(down)}"]
    if report.servers and all(each.state == "stopped" for each in report.servers):
        return ["Next: prodigy-team up"]
    if any(each.state == "asleep" for each in report.servers):
        gateway = next((each.url for each in report.servers if each.name == "gateway" and each.pid), "")
        return [f"Asleep servers start when their annotator logs in: {gateway}" if gateway else WITHOUT_GATEWAY]
    return []
