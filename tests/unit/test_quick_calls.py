"""`up`, `status`, `stop` and `merge` read without the parser: as the parser reads them, or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import example, given
from hypothesis import strategies as some

from prodigy_team.cli import quick
from prodigy_team.cli.parser import app, load_command
from prodigy_team.cli.shared import Shared
from prodigy_team.servers.lockfile import Lockfile, ServerRecord, write_lockfile
from prodigy_team.servers.status import roster_digest
from prodigy_team.settings import Database
from prodigy_team.store.base import open_store

OTHERS = {
    "joe",
    "a b",
    "",
    "-",
    "--",
    "-qw",
    "--roster=x",
    "--timeout",
    "5",
    "--grace",
    "--help",
    "-h",
    "export",
    "--jsn",
}
WORDS = sorted(
    {*quick.OWN, *quick.SHARED, *quick.ROSTER, *OTHERS, "--jsn", "--by", "--into=x"}
    | {word for words in (*quick.OWN.values(), *quick.VALUES.values()) for word in words}
)


def parsed(arguments: list[str]) -> tuple[str, Shared, dict[str, Any]]:
    """What the parser makes of a command line: the command, the shared options, and the others.

    Raises:
        Exception: It refuses the line, or answers it itself.
    """
    program = typer.main.get_command(app)
    before = program.make_context("prodigy-team", list(arguments))
    rest = [*before._protected_args, *before.args]
    found = load_command(rest[0]).make_context(rest[0], rest[1:], parent=before)
    shared = Shared(before.params["roster"], before.params["quiet"], before.params["as_json"])
    own = dict(found.params)
    roster, quiet, as_json = own.pop("roster"), own.pop("quiet"), own.pop("as_json")
    path = roster or shared.roster  # a text until the command is called
    return rest[0], Shared(path and Path(path), quiet or shared.quiet, as_json or shared.as_json), own


@given(some.lists(some.sampled_from(WORDS), max_size=6))
@example(["-f", "x", "status", "--roster", "y", "joe", "-q", "--json", "jane", "-w"])
@example(["up", "--no-wait", "--wait", "--revive", "--quiet"])
@example(["--quiet", "stop", "--force", "--dry-run"])
@example(["merge", "joe", "--into", "a b", "--on-conflict", "majority", "jane", "--into", "joe", "--conflicts", "x"])
@example(["merge", "--into", "--json"])
def test_what_is_read_is_read_as_the_parser_reads_it(arguments: list[str]) -> None:
    """Whatever stands on the line; and what the parser would refuse or answer itself is left to it."""
    call = quick.read(arguments, {})
    if call is None:
        return
    command, shared, own = parsed(arguments)
    assert (command, shared) == (call.command, call.shared)
    assert tuple(own.pop("sources" if command == "merge" else "names") or ()) == call.names
    assert {name: value for name, value in own.items() if name in call.own} == call.own
    defaults = load_command(command).make_context(command, []).params
    assert all(value == defaults[name] for name, value in own.items() if name not in call.own)


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["status", "joe", "--watch"],
        ["-f", "team.toml", "status", "--json"],
        ["up"],
        ["--roster", "/a b/team.toml", "up", "--revive", "--quiet"],
        ["stop", "--force"],
        ["merge"],
        ["merge", "joe", "jane.jsonl", "--on-conflict", "majority", "--into", "gold.jsonl", "--dry-run"],
    ],
)
def test_what_is_called_all_day_is_read(arguments: list[str]) -> None:
    """The line that `service cron` prints among them."""
    assert quick.read(arguments, {}) is not None


def test_a_shell_that_completes_a_line_is_answered_by_the_parser() -> None:
    """It asks by a variable, with the line so far."""
    assert quick.read(["status"], {quick.COMPLETION: "complete_bash"}) is None


def test_every_flag_of_these_commands_is_known() -> None:
    """One that is added later is not left to the slow way by oversight."""
    for name, flags in quick.OWN.items():
        declared = {
            option
            for param in load_command(name).params
            if getattr(param, "is_flag", False) and param.name != "help"
            for option in [*param.opts, *param.secondary_opts]
        }
        assert declared == {*flags, *quick.SHARED}


def test_merge_asked_for_by_its_commonest_options_needs_no_parser(tmp_path: Path) -> None:
    """Files alone, and no roster."""
    (tmp_path / "joe.jsonl").write_text(
        '{"text":"a","_view_id":"classification","answer":"accept"}\n', encoding="utf-8"
    )
    line = ["merge", "joe.jsonl", "--into", "gold.jsonl", "--on-conflict", "majority"]
    program = f"import sys\nfrom prodigy_team.cli.main import run\nprint(run({line!r}), *sys.modules)"
    run = [sys.executable, "-c", program]
    done = subprocess.run(run, capture_output=True, text=True, check=True, cwd=tmp_path)
    code, *modules = done.stdout.splitlines()[-1].split()
    assert (code, (tmp_path / "gold.jsonl").exists()) == ("0", True)
    assert not {"typer", "prodigy_team.servers.supervisor"} & {*modules}


HEAVY = ("typer", "difflib", "logging", "subprocess", "shutil", "decimal", "prodigy_team.servers.starting")


def test_status_pays_for_nothing_that_only_others_need(tmp_path: Path) -> None:
    """Imports are most of what it costs: of the parser, of starting servers, of the roster's checks."""
    roster, state = tmp_path / "team.toml", tmp_path / ".prodigy-team"
    roster.write_text('[team]\nname = "t"\n', encoding="utf-8")
    state.mkdir()
    stopped = ServerRecord("joe", wanted=False, database=str(tmp_path / "answers.db"))
    write_lockfile(state / "team.lock", Lockfile("t", "embedded", roster_digest(roster), {"joe": stopped}))
    open_store(Database("sqlite", tmp_path / "answers.db", ""), write=True, create=True).close()
    program = (
        "import sys\nfrom prodigy_team.cli.main import run\n"
        f"code = run(['-f', {str(roster)!r}, 'status'])\nprint(code, *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    table, modules = done.stdout.rsplit("\n", 2)[:2]
    assert "joe" in table
    assert not {*HEAVY} & {*modules.split()}
