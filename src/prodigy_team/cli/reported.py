"""What commands on servers say of what they do and did. Pure; nothing here prints, asks or reads a clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from prodigy_team.cli.render import GAP, align, plural

if TYPE_CHECKING:
    from prodigy_team.servers.report import Action, Entry, Event, Report

FORWARDED_PORTS = 8  # an ssh line with more is no line that somebody reads
DID: Mapping[Action, str] = {"start": "started", "restart": "restarted", "stop": "stopped"}
SHOWN_STATE = {"running": "ready"}


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
    from prodigy_team.roster import is_loopback

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


def split_address(url: str) -> tuple[str, str]:
    """Host and port of `http://HOST:PORT/…`; IPv6 hosts keep their brackets."""
    address = url.partition("://")[2].partition("/")[0]
    host, _, port = address.rpartition(":")
    return host, port


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
    if entry.detail == "was asleep":
        return f"{entry.name} was asleep; no visit starts it until `prodigy-team up {entry.name}`."
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
