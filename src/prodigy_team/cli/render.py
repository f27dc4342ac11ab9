"""Values become lines: tables, reports and what to do next. Pure; nothing here prints, asks or reads a clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prodigy_team.curation.drop import DropReport
    from prodigy_team.curation.flags import Flag
    from prodigy_team.roster import Roster
    from prodigy_team.servers.doctor import Finding
    from prodigy_team.servers.report import Action, Entry, Event, Report
    from prodigy_team.servers.status import ServerStatus, StatusReport
    from prodigy_team.store import DatasetInfo

GAP = "  "
LOOPBACK = ("127.", "localhost", "[::1]", "::1")
FORWARDED_PORTS = 8  # an ssh line with more is no line that somebody reads
DID: Mapping[Action, str] = {"start": "started", "restart": "restarted", "stop": "stopped"}
WITHOUT_GATEWAY = "Nobody can log in: the gateway does not run. Next: prodigy-team up gateway"
SHOWN_STATE = {"running": "ready"}


def align(rows: Iterable[Sequence[str]], *, indent: str = "") -> list[str]:
    """Columns padded to their widest cell, empty columns left out; wide characters count for the two places they take.

    Args:
        rows: May differ in length; missing cells are empty.
    """
    table = [tuple(row) for row in rows]
    columns = max(map(len, table), default=0)
    widths = [max((width_of(row[at]) for row in table if at < len(row)), default=0) for at in range(columns)]
    return [
        indent + GAP.join(pad(cell, widths[at]) for at, cell in enumerate(row) if widths[at]).rstrip() for row in table
    ]


def width_of(text: str) -> int:
    """The places a text takes on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)


def pad(text: str, width: int) -> str:
    """The text with spaces up to this many places."""
    return text + " " * (width - width_of(text))


def plural(count: int, noun: str) -> str:
    """`1 task`, `2 tasks`, `1,000 tasks`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def span(seconds: float) -> str:
    """A length of time in its largest sensible unit: `5 s`, `3 min`, `2 h`, `4 d`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def ago(seconds: float | None) -> str:
    """`5 s ago`, or a dash for never."""
    return "-" if seconds is None else f"{span(seconds)} ago"


def size(count: int | None) -> str:
    """A number of bytes as `61 MB`, or a dash where it is unknown."""
    if count is None:
        return "-"
    if count >= 10**9:
        return f"{count / 10**9:.1f} GB"
    return f"{count / 10**6:.0f} MB" if count >= 10**6 else f"{count / 1000:.0f} kB"


def split_address(url: str) -> tuple[str, str]:
    """Host and port of `http://HOST:PORT/…`; IPv6 hosts keep their brackets."""
    address = url.partition("://")[2].partition("/")[0]
    host, _, port = address.rpartition(":")
    return host, port


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    return host.startswith(LOOPBACK)


# up, stop, restart


def report_lines(report: Report, *, machine: str) -> list[str]:
    """What a command on servers did, one line each, a sum, and how to reach what was started.

    Args:
        machine: The name by which other machines reach this one.
    """
    if report.dry_run:
        return plan_lines(report)
    total = f"{sum_line(report)} {reach_line(report.entries, machine)}".rstrip()
    return [*report.notes, *entry_lines(report.entries), total]


def entry_lines(entries: Sequence[Entry]) -> list[str]:
    """One aligned line per server; below it what went wrong there, and what to do."""
    table = align([entry_row(each) for each in entries], indent=GAP)
    lines = []
    for line, entry in zip(table, entries, strict=True):
        lines.append(line)
        lines.extend(problem_lines(entry))
    return lines


def entry_row(entry: Entry) -> tuple[str, ...]:
    """Name, state, seconds, address, dataset, engine; for a server that was left as it is, why."""
    begun = entry.action in ("start", "restart")
    state = SHOWN_STATE.get(entry.state, entry.state) if begun and not entry.problem else entry.state
    if entry.state == "asleep":
        return (entry.name, state, "", entry.url, entry.dataset, entry.engine, entry.detail)
    if entry.problem or entry.state not in ("running", "starting"):
        return (entry.name, state, "", "" if entry.problem else entry.detail)
    seconds = f"{entry.seconds:.1f} s" if entry.seconds else ""
    why = entry.detail if entry.changed or not begun else ""
    return (entry.name, state, seconds, entry.url, entry.dataset, entry.engine, why or changed_keys(entry))


def changed_keys(entry: Entry) -> str:
    """`changed: labels, source`."""
    return f"changed: {', '.join(entry.changed)}" if entry.changed else ""


def problem_lines(entry: Entry, *, indent: str = "      ") -> list[str]:
    """The problem of one server, the last lines of its log, and the remedy."""
    if not entry.problem:
        return []
    lines = [entry.problem, *(f"| {line}" for line in entry.log_tail if line not in entry.problem)]
    log = f"Log: {entry.log}. " if entry.log and entry.log not in entry.remedy else ""
    lines.append(log + (entry.remedy or f"Then: prodigy-team up {entry.name}"))
    return [indent + line for line in lines if line]


def sum_line(report: Report) -> str:
    """`2 started.`, `1 started, 1 failed.` or `nothing to do`."""
    done = [f"{report.count(action)} {word}" for action, word in DID.items() if report.count(action)]
    wrong = sum(not each.as_it_should_be for each in report.entries)
    if wrong:
        done.append(f"{wrong} not as {'it' if wrong == 1 else 'they'} should be")
    return ", ".join(done) + "." if done else "nothing to do"


def reach_line(entries: Sequence[Entry], machine: str) -> str:
    """How somebody at another machine reaches the servers that were started; "" where none was."""
    urls = [each.url for each in entries if each.action in ("start", "restart") and each.url and each.as_it_should_be]
    local = list(dict.fromkeys(split_address(url) for url in urls if is_loopback(split_address(url)[0])))
    if local:
        return ssh_line(local, machine)
    if not urls:
        return ""
    return f"For colleagues on the network: {with_host(urls[0], machine)}" + (" and so on" if len(urls) > 1 else "")


def ssh_line(addresses: Sequence[tuple[str, str]], machine: str) -> str:
    """The command that brings loopback ports to a laptop."""
    ports = " ".join(f"-L {port}:{host}:{port}" for host, port in addresses[:FORWARDED_PORTS])
    more = len(addresses) - FORWARDED_PORTS
    rest = f" (and -L for {plural(more, 'more port')})" if more > 0 else ""
    return f"From your laptop: ssh {ports} {machine}{rest}"


def with_host(url: str, machine: str) -> str:
    """The address with the machine's name where it says "every interface"."""
    host, port = split_address(url)
    return url.replace(f"{host}:{port}", f"{machine}:{port}", 1) if host in ("0.0.0.0", "[::]") else url


def plan_lines(report: Report) -> list[str]:
    """What would be done, with the reason, and that nothing was."""
    rows = [(each.name, each.action, plan_reason(each)) for each in report.entries]
    counts = [
        f"{sum(each.action == action for each in report.entries)} {action}"
        for action in dict.fromkeys(each.action for each in report.entries)
    ]
    total = f"Would: {', '.join(counts)}." if counts else "nothing to do"
    return [*report.notes, *align(rows, indent=GAP), f"{total} Nothing was done."]


def plan_reason(entry: Entry) -> str:
    """Why, in a plan: what changed, what is in the way, or where it runs."""
    said = [entry.detail or changed_keys(entry), entry.problem, entry.remedy if entry.problem else ""]
    return "; ".join(part.rstrip(".") for part in said if part) or entry.url


def stop_lines(report: Report) -> list[str]:
    """`joe stopped, port 8081 is free; cron leaves it so until …`, one line each."""
    if report.dry_run:
        return plan_lines(report)
    lines = []
    for each in report.entries:
        lines.append(stop_line(each))
        lines.extend(problem_lines(each))
    if not any(was_done(each) or each.problem for each in report.entries):
        lines.append("nothing to do")
    return [*lines, *report.notes]


def stop_line(entry: Entry) -> str:
    """What became of one server that was to be stopped."""
    if entry.problem:
        return f"{entry.name} {entry.state}"
    if was_done(entry):
        return f"{entry.name} stopped, {entry.detail}; cron leaves it so until `prodigy-team up {entry.name}`."
    return f"{entry.name} {entry.detail or entry.state}"


def was_done(entry: Entry) -> bool:
    """Whether something was started or ended; a server that was to be stopped may not have run at all."""
    idle = entry.action == "stop" and entry.detail.startswith("was not running")
    return entry.action in DID and not entry.problem and not idle


def is_news(report: Report) -> bool:
    """Whether a quiet command has something to say: something was done, or a problem not told before."""
    done = any(was_done(each) for each in report.entries)
    return report.dry_run or done or any(not each.as_it_should_be and each.fresh for each in report.entries)


def revived_lines(report: Report) -> list[str]:
    """For `up --revive --quiet`, which cron mails: only what is wrong and was not said before."""
    news = [each for each in report.entries if each.problem and each.fresh]
    return [line for each in news for line in one_paragraph(each)]


def one_paragraph(entry: Entry) -> list[str]:
    """A problem as a mail should carry it: what, where the log is, what to do."""
    said = entry.problem if entry.problem.startswith(entry.name) else f"{entry.name}: {entry.problem}"
    log = f" Log: {entry.log}." if entry.log else ""
    return [f"{said}{log} {entry.remedy}".rstrip()]


# status

STATUS_HEAD = ("NAME", "STATE", "ANSWERS", "LAST ANSWER", "UP", "MEMORY", "RESTARTS", "URL")


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


# while something runs


def event_line(event: Event) -> str:
    """`  joe  ready  0.4 s  detail`."""
    seconds = f"{event.seconds:.1f} s" if event.seconds else ""
    return GAP + GAP.join(part for part in (event.name, event.state, seconds, event.detail) if part)


def progress_lines(events: Sequence[Event], *, most: int = 20) -> list[str]:
    """How far each server is; of many only those still under way, with the number that is done."""
    rows = [(each.name, each.state, f"{each.seconds:.1f} s" if each.seconds else "", each.detail) for each in events]
    if len(rows) <= most:
        return align(rows, indent=GAP)
    busy = [row for row, each in zip(rows, events, strict=True) if each.state not in ("ready", "stopped")]
    return [f"{GAP}{len(rows) - len(busy)} of {len(rows)} done", *align(busy[:most], indent=GAP)]


# the roster


def roster_lines(roster: Roster) -> list[str]:
    """What a good roster says: its servers, and what to do next."""
    rows = [
        (each.name, each.recipe, each.source or "-", each.dataset, "any port" if each.port is None else str(each.port))
        for each in roster.servers
    ]
    sum_up = (
        f"{roster.path.name}: {plural(len(roster.servers), 'server')}, {plural(len(roster.annotators), 'annotator')}"
    )
    warned = f", {plural(len(roster.warnings), 'warning')}" if roster.warnings else ", no problem"
    return [*align(rows, indent=GAP), *door_lines(roster), f"{sum_up}{warned}.", "Next: prodigy-team up"]


def door_lines(roster: Roster) -> list[str]:
    """Where people log in and who may besides the annotators; nothing without a gateway."""
    if roster.gateway is None:
        return []
    from prodigy_team.servers.gateways import gateway_url

    managers = ", ".join(str(each["name"]) for each in roster.managers) or "nobody"
    return [f"Everybody logs in at {gateway_url(roster)}/ by {roster.gateway['auth']}; managers: {managers}."]


# doctor


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """Level, subject and text in columns, the remedy below, and a sum."""
    if not findings:
        return []
    lines = []
    rows = align([(each.level, each.subject, each.text) for each in findings], indent=GAP)
    for row, each in zip(rows, findings, strict=True):
        lines.append(row)
        if each.remedy:
            lines.append(f"{GAP}{' ' * 9}-> {each.remedy}")
    wrong = sum(each.level == "error" for each in findings)
    doubtful = sum(each.level == "warning" for each in findings)
    return [*lines, f"{plural(wrong, 'error')}, {plural(doubtful, 'warning')}."]


# answers


def drop_question(report: DropReport) -> str:
    """What would be lost, as a question."""
    sessions = f" (in {plural(len(report.sessions), 'session')})" if report.sessions else ""
    return f"{report.dataset} has {plural(report.answers, 'answer')}{sessions}. Drop it?"


def drop_lines(report: DropReport) -> list[str]:
    """What was dropped and where the copy is."""
    counted = [f"{report.dataset}: {plural(report.answers, 'answer')}"]
    counted += [f"  {name}: {plural(count, 'answer')}, shared with it" for name, count in report.sessions]
    if report.dry_run:
        return [*counted, "Nothing was dropped."]
    return [*counted, f"dropped; a copy is in {report.copy}"]


def dataset_lines(datasets: Sequence[DatasetInfo]) -> list[str]:
    """Every dataset with its number of answers, and what to do next."""
    if not datasets:
        return ["No dataset yet. Next: prodigy-team up"]
    rows = [(each.name, plural(each.answers, "answer")) for each in datasets]
    return [*align(rows, indent=GAP), f"Next: prodigy-team export {datasets[0].name} --output {datasets[0].name}.jsonl"]


def flag_lines(flags: Sequence[Flag]) -> list[str]:
    """Every flagged task on a line: who, what they answered, what they noted, what it is about."""
    if not flags:
        return ["Nothing is flagged."]
    rows = [(each.annotator, each.answer, cut(each.note, 40), cut(each.text, 60)) for each in flags]
    return align([("ANNOTATOR", "ANSWER", "NOTE", "TASK"), *rows], indent=GAP)


def cut(text: str, most: int) -> str:
    """A text on one line, cut to so many characters, without what would move a terminal's cursor."""
    line = "".join(each if each.isprintable() else " " for each in " ".join(text.split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def wrote_roster_lines(file: str, version: str | None, roster: Roster) -> list[str]:
    """`Wrote team.toml. Prodigy 1.18.4 in .venv; …`, or which engine takes its place."""
    if version is None or roster.engine == "embedded":
        why = "" if roster.engine == "embedded" else "No Prodigy in this Python: "
        return [f"Wrote {file}. {why}{'the' if why else 'The'} embedded engine is used."]
    own = "its own database" if roster.database is None else f"database {roster.database.name}"
    config = " and ./prodigy.json apply" if roster.config.is_file() else " applies"
    return [f"Wrote {file}. Prodigy {version} in {roster.python.parent.parent.name}; {own}{config}."]
