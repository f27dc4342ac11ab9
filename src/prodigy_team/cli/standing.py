"""What `status` says of the servers. Pure; nothing here prints, asks or reads a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prodigy_team import __version__
from prodigy_team.cli.render import GAP, ago, align, plural, size, span

if TYPE_CHECKING:
    from prodigy_team.servers.status import ServerStatus, StatusReport

STATUS_HEAD = ("NAME", "STATE", "ANSWERS", "LAST ANSWER", "UP", "MEMORY", "RESTARTS", "URL")
WITHOUT_GATEWAY = "Nobody can log in: the gateway does not run. Next: prodigy-team up gateway"


def status_lines(report: StatusReport) -> list[str]:
    """The table of all servers, their problems, and where the lockfile is."""
    lines = align([STATUS_HEAD, *(status_row(each) for each in report.servers)], indent=GAP)
    for each in report.servers:
        if each.problem:
            lines.append(f"{each.name}: {each.problem}" if not each.problem.startswith(each.name) else each.problem)
    engine = f"{report.engine} engine" if report.engine else "no engine chosen yet"
    lines.append(f"{report.team}: {engine}. Lockfile: {report.lockfile}")
    lines.extend([*report.notes, *other_versions(report)])
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


def other_versions(report: StatusReport) -> list[str]:
    """Which servers run another version of this package than the one that is asked: it was upgraded meanwhile."""
    names: dict[str, list[str]] = {}
    for each in report.servers:
        if each.package not in (None, __version__):
            names.setdefault(each.package or "", []).append(each.name)
    after = f"{__version__} is installed. Restarted once nobody is answering: prodigy-team up"
    return [f"{', '.join(found)}: on version {version}; {after}" for version, found in names.items()]


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
