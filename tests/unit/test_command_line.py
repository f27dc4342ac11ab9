"""The command line: its help, the shared options in both places, errors and exit codes."""

from __future__ import annotations

import errno
import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from prodigy_team.annotate.importing import ImportedPerson, ImportReport
from prodigy_team.annotate.rebuilding import RebuiltPool
from prodigy_team.annotate.reopening import ReopenedPool
from prodigy_team.cli.commands import COMMANDS, NAMES
from prodigy_team.cli.erase import EraseReport
from prodigy_team.cli.objects import report_object, status_object
from prodigy_team.cli.options import Shared
from prodigy_team.cli.parser import MEANT, load_command, unknown_command
from prodigy_team.curation.agreement import (
    Agreement,
    Disagreement,
    Figure,
    LabelAgreement,
    PairAgreement,
    PersonAgreement,
    ViewAgreement,
    WeekAgreement,
)
from prodigy_team.curation.coverage import Coverage
from prodigy_team.curation.drop import DropReport
from prodigy_team.curation.erasing import ErasedDataset
from prodigy_team.curation.merge import MergeReport
from prodigy_team.curation.planning import PoolPlan
from prodigy_team.curation.progress import DayProgress, PersonProgress, PoolProgress
from prodigy_team.roster import Problem
from prodigy_team.servers.doctor import Finding
from prodigy_team.servers.report import Entry, Report
from prodigy_team.servers.status import ServerStatus, StatusReport
from prodigy_team.store import DatasetInfo
from support import ROOT, small_roster

WITH_JSON = (
    *("up", "status", "stop", "restart", "merge", "export", "flagged", "check", "doctor", "drop"),
    *("plan", "coverage", "progress", "ledger", "review", "reopen", "invite", "accounts"),
    *("agreement", "backup", "restore", "import", "erase"),
)
WITHOUT_JSON = tuple(name for name in NAMES if name not in WITH_JSON)


def run(
    *arguments: str, cwd: Path | None = None, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """`prodigy-team` as a process, its standard input no terminal."""
    return subprocess.run(
        [sys.executable, "-m", "prodigy_team", *arguments],
        capture_output=True,
        text=True,
        input=stdin,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "120", **environment},
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(sys.platform == "darwin", reason="its file system knows names in UTF-8 only")
def test_a_folder_whose_name_is_no_text_is_said_so(tmp_path: Path) -> None:
    """Servers would end at once, with nothing in any log."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path / "caf") + b"\xe9"))
    folder.mkdir()
    (folder / "team.toml").touch()
    for command in ("check", "up", "init"):
        ended = run(command, cwd=folder)
        assert ended.returncode == 2
        assert "is no text in UTF-8" in ended.stderr
        assert "Traceback" not in ended.stderr


def test_help_groups_the_commands():
    """Every command is listed under its group, and none that does not exist."""
    said = run("--help")

    assert said.returncode == 0
    listed = re.findall(r"^  ([a-z]+)  +\S", said.stdout, re.MULTILINE)
    assert set(NAMES) <= set(listed)
    groups = [line.rstrip(":") for line in said.stdout.splitlines() if line in {f"{each.group}:" for each in COMMANDS}]
    assert groups == ["Every day", "Set up", "Quality", "Access", "Operations"]


@pytest.mark.parametrize("listed", COMMANDS, ids=lambda listed: listed.name)
def test_each_command_explains_itself(listed):
    """Its help has the words of the list, an example that starts with its name, and the shared options."""
    from typer.testing import CliRunner

    from prodigy_team.cli.parser import app

    said = CliRunner().invoke(app, [listed.name, "--help"], env={"COLUMNS": "120"})

    assert said.exit_code == 0
    assert listed.help in said.output
    assert f"prodigy-team {listed.name}" in said.output.partition("Examples:")[2]
    assert "--roster" in said.output
    assert "--quiet" in said.output
    assert ("--json" in said.output) == (listed.name in WITH_JSON)


@pytest.mark.parametrize(
    ("arguments", "environ", "expected"),
    [
        ("check", "", "Next: prodigy-team up"),
        ("-f team.toml check", "", "Next: prodigy-team up"),
        ("-f 'a b/other.toml' check", "", "Next: prodigy-team -f 'a b/other.toml' up"),
        ("check --roster 'a b/other.toml'", "team.toml", "Next: prodigy-team -f 'a b/other.toml' up"),
        ("check", "a b/other.toml", "Next: prodigy-team up"),
        ("-f team.toml check", "a b/other.toml", "Next: prodigy-team -f team.toml up"),
        ("up --revive -f 'a b/other.toml'", "", "Nothing was ever started here: prodigy-team -f 'a b/other.toml' up"),
        ("-f 'a b/other.toml' export", "", "It is made by `prodigy-team -f 'a b/other.toml' up`."),
        ("-f none.toml merge", "", "Write one with `prodigy-team -f none.toml init`, or name another: -f PATH."),
        ("-f 'a b/other.toml' cheque", "", "Did you mean `prodigy-team -f 'a b/other.toml' check`?"),
    ],
)
def test_commands_that_are_printed_can_be_typed_as_they_stand(tmp_path, arguments, environ, expected):
    """They name the roster that the command line named, wherever it stood there, unless it is read anyway."""
    (tmp_path / "a b").mkdir()
    for path in ("team.toml", "a b/other.toml"):
        (tmp_path / path).write_text(small_roster("joe", source="sample:headlines"), encoding="utf-8")
    named = {"PRODIGY_TEAM_ROSTER": environ} if environ else {}
    done = run(*shlex.split(arguments), cwd=tmp_path, **named)
    assert expected in (done.stdout + done.stderr).splitlines()


def test_commands_stand_in_the_documentation():
    """docs/commands.md has a row for every command and for none besides."""
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `([a-z]+)\b", text, re.MULTILINE))

    assert rows == set(NAMES)


def test_every_option_stands_in_the_documentation():
    """In README or docs; and where a command line there names an option, the command has it."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    has = {
        name: {word for each in load_command(name).params for word in (*each.opts, *each.secondary_opts)}
        for name in NAMES
    }

    for name, options in has.items():
        missing = [word for word in options if word.startswith("--") and not re.search(rf"{word}\b", text)]
        assert not missing, f"{name}: {missing}"
    for name, rest in re.findall(r"prodigy-team (?:-f \S+ )?([a-z]+)((?: [^`\n|&;#]+)?)", text):
        if name in NAMES and name != "exec":
            assert set(re.findall(r"(?<= )--[a-z-]+", rest)) <= has[name], f"{name}{rest}"


DOCUMENTED = {
    "- `servers` of `up`, `stop`, `restart`": Entry,
    "- `servers` of `status`": ServerStatus,
    "- `merge`": MergeReport,
    "- `datasets` of `export`": DatasetInfo,
    "- `problems` of `check`": Problem,
    "- `findings` of `doctor`": Finding,
    "- `drop`": DropReport,
    "- `pools` of `coverage`": Coverage,
    "- `pools` of `plan`": PoolPlan,
    "- `pools` of `progress`": PoolProgress,
    "- `annotators` of `progress`": PersonProgress,
    "- `days` of `progress`": DayProgress,
    "- `pools` of `ledger rebuild`": RebuiltPool,
    "- `pools` of `reopen`": ReopenedPool,
    "- `agreement`": Agreement,
    "- `views` of `agreement`": ViewAgreement,
    "- Each figure of `agreement`": Figure,
    "- `pairs` of `agreement`": PairAgreement,
    "- `people` of `agreement`": PersonAgreement,
    "- `labels` of `agreement`": LabelAgreement,
    "- `weeks` of `agreement`": WeekAgreement,
    "- `disagreements` of `agreement`": Disagreement,
    "- `import`": ImportReport,
    "- `erase`": EraseReport,
    "- `datasets` of `erase`": ErasedDataset,
    "- `people` of `import`": ImportedPerson,
}


@pytest.mark.parametrize("start", DOCUMENTED)
def test_the_keys_of_json_objects_are_those_documented(start):
    """In the same order; whoever adds a field adds it to docs/commands.md."""
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8").replace("\n  ", " ")
    (keys,) = re.findall(rf"^{re.escape(start)}: `([^`]+)`", text, re.MULTILINE)

    assert keys.split(", ") == [each.name for each in fields(DOCUMENTED[start])]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("up", report_object(Report("t", "embedded"))),
        ("status", status_object(StatusReport("t", "embedded", "/t/team.lock"))),
    ],
)
def test_the_keys_around_them_too(name, value):
    """The table's last column, and `version`."""
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    (keys,) = re.findall(rf"^\| `{name} .*\| `([^`]+)` \|$", text, re.MULTILINE)

    assert list(value) == ["version", *keys.split(", ")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("stauts",), ("no command `stauts`", "Did you mean `prodigy-team status`?")),
        (("status", "--jsn"), ("--jsn", "--json")),
        (("--roter", "x", "status"), ("--roter", "--roster")),
        (("zzzz",), ("no command `zzzz`", "--help")),
    ],
)
def test_what_is_meant_is_said(arguments, said, tmp_path):
    """An unknown command or option ends with 2 and the nearest known one."""
    ended = run(*arguments, cwd=tmp_path)

    assert ended.returncode == 2
    assert ended.stdout == ""
    for each in said:
        assert each in ended.stderr


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("down", "stop"), ("ps", "status"), ("version", "--version"), ("drp", "drop"), ("peruse", None)],
)
def test_what_people_of_other_programs_type(typed, meant):
    """`down` is near to `drop` by its letters, and `peruse` to `erase`: what deletes is offered for slips alone."""
    said = unknown_command(typed).remedy

    assert said == (f"Did you mean `prodigy-team {meant}`?" if meant else "`prodigy-team --help` lists the commands.")
    assert {*MEANT.values()} <= {*NAMES, "--version", "--help"}


@pytest.mark.parametrize("before", [True, False])
def test_shared_options_work_before_and_after(before, tmp_path):
    """-f leads to the same file in both places."""
    shared = ["-f", str(tmp_path / "other.toml"), "--quiet"]
    ended = run(*shared, "status", cwd=tmp_path) if before else run("status", *shared, cwd=tmp_path)

    assert ended.returncode == 2
    assert str(tmp_path / "other.toml") in ended.stderr
    assert f"prodigy-team -f {tmp_path / 'other.toml'} init" in ended.stderr
    assert len(ended.stderr.splitlines()) == 2


def test_the_roster_may_come_from_the_environment(tmp_path):
    """PRODIGY_TEAM_ROSTER stands in for -f, which beats it."""
    named = {"PRODIGY_TEAM_ROSTER": str(tmp_path / "named.toml")}

    assert "named.toml" in run("check", cwd=tmp_path, **named).stderr
    assert "other.toml" in run("check", "-f", "other.toml", cwd=tmp_path, **named).stderr


@pytest.mark.parametrize("name", WITHOUT_JSON)
def test_no_json_where_no_object_is_documented(name, tmp_path):
    """--json before a command that has no object is refused, not ignored."""
    required = {"logs": ["joe"], "service": ["cron"], "passwd": ["joe"], "exec": ["true"]}
    ended = run("--json", name, *required.get(name, []), cwd=tmp_path)

    assert ended.returncode == 2
    assert "prints no JSON" in ended.stderr


def test_version():
    """--version prints one line."""
    from prodigy_team import __version__

    assert run("--version").stdout == f"prodigy-team {__version__}\n"


def test_no_command_imports_what_only_others_need():
    """The help and the parsing of every command leave the heavy libraries alone."""
    heavy = "{'rich', 'pydantic_core', 'psutil', 'asyncio', 'sqlite3', 'starlette', 'uvicorn', 'msgspec'}"
    program = (
        "import sys\n"
        "from prodigy_team.cli.commands import NAMES\n"
        "from prodigy_team.cli.parser import load_command\n"
        "for name in NAMES: load_command(name)\n"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=True,
    )

    assert ended.stdout == "[]\n"


def test_every_module_of_a_command_has_its_examples():
    """The examples are command lines of this program."""
    for name in NAMES:
        assert load_command(name).epilog.count("prodigy-team") >= 1


def test_an_interruption_ends_with_130(tmp_path):
    """Ctrl+C on a command that waits is no traceback."""
    (tmp_path / "team.toml").write_text('[team]\nname = "t"\n', encoding="utf-8")
    log = tmp_path / ".prodigy-team" / "logs" / "joe.log"
    log.parent.mkdir(parents=True)
    log.write_text("first line\n", encoding="utf-8")
    waiting = subprocess.Popen(
        [sys.executable, "-m", "prodigy_team", "logs", "joe", "-f"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    try:
        assert waiting.stdout
        assert waiting.stdout.readline() == b"first line\n"
        waiting.send_signal(signal.SIGINT)
        _, said = waiting.communicate(timeout=30)
    finally:
        waiting.kill()
        waiting.wait()
    assert waiting.returncode == 130
    assert said == b""


def test_an_interruption_before_a_command_begins(monkeypatch, capsys):
    """Ctrl+C while the parser is still being made: 130 as well, and no traceback."""
    from prodigy_team.cli import main, parser

    def interrupt(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(parser, "app", interrupt)

    assert main.run(["logs", "joe"]) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("words", [("--help",), ("check",)])
def test_what_cannot_be_written_is_said(words, tmp_path):
    """A full disk behind `>` is two lines and exit code 1, no traceback."""
    (tmp_path / "team.toml").write_text(
        '[team]\nname = "t"\n[task]\nrecipe = "textcat.manual"\nsource = "sample:headlines"\nlabels = ["A", "B"]\n'
        '[[annotator]]\nname = "joe"\n'
    )
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "prodigy_team", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            check=False,
        )

    assert ended.returncode == 1
    assert ended.stderr == "No space left on device.\nMake room, then run the command again.\n"


def test_what_may_not_be_read_is_said(monkeypatch, capsys):
    """Another user's folder: the file and what to do, whichever command met it."""
    from prodigy_team.cli import main, parser

    def refuse(**_):
        raise PermissionError(errno.EACCES, "Permission denied", "/srv/team/.prodigy-team/logs/joe.log")

    monkeypatch.setattr(parser, "app", refuse)

    assert main.run(["logs", "joe"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "/srv/team/.prodigy-team/logs/joe.log: Permission denied."
    assert "Run as the user who ran `up`" in said[1]


def test_a_folder_in_place_of_a_roster(tmp_path):
    """`-f .` is told the file, and a shell whose folder was deleted says so."""
    assert f"-f {tmp_path / 'team.toml'}" in run("-f", ".", "status", cwd=tmp_path).stderr
    gone = subprocess.run(
        ["sh", "-c", f'mkdir gone; cd gone; rmdir ../gone; "{sys.executable}" -m prodigy_team status'],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=False,
    )
    assert gone.returncode == 2
    assert gone.stderr.startswith("The folder you are in is not there any more.")


def test_a_linked_folder_is_the_same_team(tmp_path):
    """Whichever way a roster is named: else each `up` would restart what the other one started."""
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    (real / "team.toml").touch()

    assert Shared(link / "team.toml").path() == real / "team.toml"


def test_links_that_lead_to_each_other_are_no_way_to_a_roster(tmp_path):
    (tmp_path / "round").symlink_to("round")

    said = run("-f", "round/team.toml", "status", cwd=tmp_path)

    assert said.returncode == 2
    assert "leads nowhere" in said.stderr or "There is no roster" in said.stderr  # from Python 3.13


def test_logs_of_a_server_that_is_not_there(tmp_path):
    """The nearest name, and no way out of the folder."""
    (tmp_path / "team.toml").write_text('[team]\nname = "t"\n', encoding="utf-8")
    log = tmp_path / ".prodigy-team" / "logs" / "joe.log"
    log.parent.mkdir(parents=True)
    log.write_text("1\n2\n3\n", encoding="utf-8")

    assert run("logs", "joe", "--tail", "2", cwd=tmp_path).stdout == "2\n3\n"
    assert "Did you mean joe?" in run("logs", "jo", cwd=tmp_path).stderr
    assert run("logs", "../logs/joe", cwd=tmp_path).returncode == 2


def test_the_hint_beside_a_crontab_line_can_be_pasted(tmp_path):
    """Also where the folder's name has a space."""
    folder = tmp_path / "two words"
    folder.mkdir()
    (folder / "team.toml").write_text('[team]\nname = "t"\n', encoding="utf-8")

    assert f"-f '{folder}/team.toml' service cron" in run("service", "cron", cwd=folder).stderr


def test_crontab_lines_have_absolute_paths(tmp_path):
    """cron has another folder and another PATH."""
    (tmp_path / "team.toml").write_text('[team]\nname = "t"\n', encoding="utf-8")

    line = run("service", "cron", cwd=tmp_path).stdout.strip()

    assert line.endswith(f"/prodigy-team -f {tmp_path}/team.toml up --revive --quiet")
    assert line.startswith("* * * * * /")
