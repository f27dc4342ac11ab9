"""Values become lines; nothing is started here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from prodigy_team.cli import render, reported
from prodigy_team.cli.doctor import finding_lines
from prodigy_team.cli.drop import drop_lines, drop_question
from prodigy_team.cli.exported import dataset_lines
from prodigy_team.cli.merged import merge_lines
from prodigy_team.cli.options import parse_duration
from prodigy_team.cli.standing import progress_of, status_lines
from prodigy_team.curation.drop import DropReport
from prodigy_team.curation.merge import MergeReport
from prodigy_team.errors import UsageError
from prodigy_team.servers.doctor import Finding
from prodigy_team.servers.report import Entry, Event, Report
from prodigy_team.servers.status import ServerStatus, StatusReport

URL = "http://127.0.0.1:8081/"


def started(name: str = "joe", port: int = 8081, **values: object) -> Entry:
    """A server that was started and became ready."""
    url = f"http://127.0.0.1:{port}/"
    given = {"seconds": 0.42, "url": url, "dataset": f"headlines_{name}", "engine": "embedded", **values}
    return Entry(name, given.pop("action", "start"), "running", **given)  # type: ignore[arg-type]


def kept(name: str = "jane") -> Entry:
    """A server that runs and was left alone."""
    return Entry(name, "keep", "running", url=URL, dataset=f"headlines_{name}", engine="embedded")


def broken(**values: object) -> Entry:
    """A server that died early."""
    given = {
        "problem": "bob exited 1",
        "remedy": "Then: prodigy-team up bob",
        "log": "/t/logs/bob.log",
        "log_tail": ("Traceback", "OSError: no model"),
        **values,
    }
    return Entry("bob", "start", "failed", **given)  # type: ignore[arg-type]


def report(*entries: Entry, **values: object) -> Report:
    """What came of a command."""
    return Report("headlines", "embedded", entries, **values)  # type: ignore[arg-type]


def status(name: str = "joe", **values: object) -> ServerStatus:
    """A server that runs."""
    given = {
        "annotators": (name,),
        "engine": "embedded",
        "runner": "local",
        "state": "running",
        "url": URL,
        "host": "127.0.0.1",
        "port": 8081,
        "pid": 7,
        "started_at": "2026-01-01T00:00:00Z",
        "uptime_seconds": 7300.0,
        "memory_bytes": 61_400_000,
        "dataset": f"headlines_{name}",
        "answers": 3,
        "tasks": 178,
        "last_answer_at": None,
        "last_answer_seconds": 5.4,
        "restarts": 0,
        "wanted": True,
        "log": "",
        "problem": "",
        **values,
    }
    return ServerStatus(name, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (86400 * 3, "3 d"), (-2, "0 s")],
)
def test_spans(seconds, said):
    assert render.span(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"), [(None, "-"), (999, "1 kB"), (61_400_000, "61 MB"), (2_500_000_000, "2.5 GB")]
)
def test_sizes(count, said):
    assert render.size(count) == said


@pytest.mark.parametrize(
    ("text", "seconds"), [("10m", 600), ("30s", 30), ("2h", 7200), ("1.5 h", 5400), ("90", 90), ("1d", 86400)]
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "ten", "10 weeks", "-3m", "1..5h"])
def test_no_durations(text):
    with pytest.raises(UsageError, match="no length of time"):
        parse_duration(text)


def test_columns_line_up_whatever_the_script():
    """Wide and combining characters take the places that a terminal gives them."""
    lines = render.align([("日本", "x"), ("joe", "y"), ("é" + "́", "z")])

    assert lines == ["日本  x", "joe   y", "é" + "́" + "     z"]


def test_up_names_each_server_and_the_way_from_a_laptop():
    lines = reported.report_lines(report(started(), started("jane", 8082)), machine="vm")

    assert lines == [
        "  joe   ready  0.4 s  http://127.0.0.1:8081/  headlines_joe   embedded",
        "  jane  ready  0.4 s  http://127.0.0.1:8082/  headlines_jane  embedded",
        "2 started. From your laptop: ssh -L 8081:127.0.0.1:8081 -L 8082:127.0.0.1:8082 vm",
    ]


def test_many_ports_do_not_make_an_endless_line():
    entries = [started(f"a{at}", 9000 + at) for at in range(64)]

    assert reported.report_lines(report(*entries), machine="vm")[-1].endswith("9007 vm (and -L for 56 more ports)")


def test_a_public_server_is_shown_by_the_machines_name():
    lines = reported.report_lines(report(started(url="http://0.0.0.0:8081/?session=joe")), machine="vm")

    assert lines[-1] == "1 started. For colleagues on the network: http://vm:8081/?session=joe"


def test_what_was_changed_or_left_is_said():
    restarted = started(action="restart", changed=("labels",), detail="changed: labels")
    left = Entry("jane", "keep", "running", detail="changed: labels; jane is answering", changed=("labels",), url=URL)

    lines = reported.report_lines(report(restarted, left), machine="vm")

    assert lines[0].endswith("embedded  changed: labels")
    assert lines[1].endswith("changed: labels; jane is answering")
    assert reported.is_news(report(started(detail="was not running")))


def test_nothing_to_do():
    lines = reported.report_lines(report(kept()), machine="vm")

    assert lines[0] == f"  jane  running  {URL}  headlines_jane  embedded"
    assert lines[-1] == "nothing to do"
    assert not reported.is_news(report(kept()))


def test_a_server_that_died_shows_why_and_what_to_do():
    lines = reported.report_lines(report(kept(), broken()), machine="vm")

    assert lines[1:] == [
        "  bob   failed",
        "      bob exited 1",
        "      | Traceback",
        "      | OSError: no model",
        "      Log: /t/logs/bob.log. Then: prodigy-team up bob",
        "1 not as it should be.",
    ]


@pytest.mark.parametrize(
    ("entry", "lines"),
    [
        (broken(), ["bob exited 1 Log: /t/logs/bob.log. Then: prodigy-team up bob"]),
        (broken(fresh=False), []),
        (kept(), []),
        (started(), []),
    ],
)
def test_cron_mails_only_what_is_new_and_wrong(entry, lines):
    assert reported.revived_lines(report(entry)) == lines


def test_a_dry_run_says_what_would_happen_and_why():
    plan = report(
        Entry("joe", "keep", "running", url=URL),
        Entry("jane", "restart", "running", changed=("labels", "source")),
        Entry("bob", "blocked", "blocked", problem="Port 8083 is in use by pid 12 (nginx).", remedy="Stop it."),
        Entry("zoe", "stop", "running", detail="no longer in the roster"),
        dry_run=True,
    )

    assert reported.report_lines(plan, machine="vm") == [
        f"  joe   keep     {URL}",
        "  jane  restart  changed: labels, source",
        "  bob   blocked  Port 8083 is in use by pid 12 (nginx); Stop it",
        "  zoe   stop     no longer in the roster",
        "Would: 1 keep, 1 restart, 1 blocked, 1 stop. Nothing was done.",
    ]


def test_stop_says_that_the_port_is_free_and_how_it_comes_back():
    lines = reported.stop_lines(report(Entry("joe", "stop", "stopped", detail="port 8081 is free")))

    assert lines == ["joe stopped, port 8081 is free; cron leaves it so until `prodigy-team up joe`."]

    asleep = report(Entry("joe", "stop", "stopped", detail="was asleep"))
    assert reported.stop_lines(asleep) == ["joe was asleep; no visit starts it until `prodigy-team up joe`."]
    idle = report(Entry("joe", "stop", "stopped", detail="was not running"))
    assert reported.stop_lines(idle) == ["joe was not running", "nothing to do"]
    assert not reported.is_news(idle)


def test_status():
    lines = status_lines(StatusReport("headlines", "embedded", "/t/team.lock", (status(), status("jane"))))

    assert lines == [
        "  NAME  STATE    ANSWERS   LAST ANSWER  UP   MEMORY  RESTARTS  URL",
        f"  joe   running  3 of 178  5 s ago      2 h  61 MB   0         {URL}",
        f"  jane  running  3 of 178  5 s ago      2 h  61 MB   0         {URL}",
        "headlines: embedded engine. Lockfile: /t/team.lock",
    ]


def test_status_says_what_is_wrong_and_what_to_do():
    failed = status(
        "bob", state="failed", problem="bob exited 1 five times", uptime_seconds=None, memory_bytes=None, answers=None
    )
    lines = status_lines(StatusReport("headlines", "embedded", "/t/team.lock", (failed,)))

    assert lines[1].split() == ["bob", "failed", "-", "5", "s", "ago", "-", "-", "0", URL]
    assert lines[2] == "bob exited 1 five times"
    assert lines[-1] == "Next: prodigy-team logs bob, then prodigy-team up bob"


@pytest.mark.parametrize(
    ("answers", "tasks", "said"),
    [(None, 5, "-"), (3, None, "3"), (1200, 1_000_000, "1,200 of 1,000,000"), (5, 3, "5, 3 tasks now")],
)
def test_progress(answers, tasks, said):
    assert progress_of(answers, tasks) == said


def merged(**values: object) -> MergeReport:
    """What came of a merge."""
    given = {
        "sources": ("a", "b"),
        "into": "headlines_gold",
        "policy": "all",
        "dry_run": False,
        "read": 356,
        "used": 356,
    }
    counts = {"repeated": 0, "already": 0, "unreadable": 0, "conflicts": 12, "collisions": 0, "changed": True}
    return MergeReport(**{**given, **counts, **values})  # type: ignore[arg-type]


def test_merge_prints_counts_that_balance():
    assert merge_lines(merged()) == [
        "read 356 = used 356 + repeated 0; 12 tasks answered differently by different people "
        "(--on-conflict review lists them)",
        "wrote headlines_gold",
        "Next: prodigy-team export headlines_gold --output headlines_gold.jsonl",
    ]
    again = merge_lines(merged(used=0, already=356, conflicts=0, dry_run=True))
    assert again == ["read 356 = used 0 + repeated 0 + already there 356", "headlines_gold was not written (--dry-run)"]


def test_drop_shows_the_counts_and_where_the_copy_is():
    report = DropReport("pool", 3, (("pool-ana", 2),), Path("/t/pool.jsonl"), dry_run=False)

    assert drop_question(report) == "pool has 3 answers (in 1 session). Drop it?"
    assert drop_lines(report) == [
        "pool: 3 answers",
        "  pool-ana: 2 answers, shared with it",
        "dropped; a copy is in /t/pool.jsonl",
    ]


def test_findings_carry_their_remedy():
    lines = finding_lines([Finding("ok", "disk", "roomy"), Finding("error", "ports", "8081 is taken", "Stop it.")])

    assert lines == [
        "  ok     disk   roomy",
        "  error  ports  8081 is taken",
        "           -> Stop it.",
        "1 error, 0 warnings.",
    ]


def test_progress_shows_who_is_still_under_way():
    events = [Event(f"a{at}", "ready" if at < 60 else "starting", 0.5) for at in range(64)]

    lines = reported.progress_lines(events)
    assert lines[0] == "  60 of 64 done"
    assert len(lines) == 5
    assert reported.event_line(Event("joe", "ready", 0.42)) == "  joe  ready  0.4 s"


def test_datasets_are_listed_with_their_counts():
    datasets = [SimpleNamespace(name="joe", answers=1), SimpleNamespace(name="headlines_jane", answers=1200)]

    assert dataset_lines(datasets) == [
        "  joe             1 answer",
        "  headlines_jane  1,200 answers",
        "Next: prodigy-team export joe --output joe.jsonl",
    ]
