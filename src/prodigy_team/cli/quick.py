"""`up`, `status`, `stop` and `merge` as cron and people call them all day, read without the parser.

Importing the parser takes as long as all that these commands do when there is nothing to do. What is read here is read
as the parser reads it; whatever else stands on the line (`--help`, other values, a mistake) is left to the parser.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from prodigy_team.cli.shared import Shared

COMPLETION = "_PRODIGY_TEAM_COMPLETE"
"""The variable by which a shell asks the parser how a line may go on."""
Flags = Mapping[str, tuple[str, bool]]

SHARED: Flags = {"--quiet": ("quiet", True), "-q": ("quiet", True), "--json": ("as_json", True)}
ROSTER = ("--roster", "-f")
OWN: Mapping[str, Flags] = {
    "up": {
        "--wait": ("wait", True),
        "--no-wait": ("wait", False),
        "--dry-run": ("dry_run", True),
        "--now": ("now", True),
        "--revive": ("revive", True),
        "--remove-orphans": ("remove_orphans", True),
    },
    "status": {"--watch": ("watch", True), "-w": ("watch", True)},
    "stop": {"--force": ("force", True), "--dry-run": ("dry_run", True)},
    "merge": {"--no-backup": ("no_backup", True), "--dry-run": ("dry_run", True)},
}
"""By command what each of its flags sets."""
VALUES: Mapping[str, Mapping[str, str]] = {
    "merge": {"--into": "into", "--on-conflict": "on_conflict", "--conflicts": "conflicts"},
}
"""By command what the word behind an option is."""


class Call(NamedTuple):
    """A command with what was said of it; flags and values that are left out are as the command has them."""

    command: str = ""
    roster: Path | None = None
    names: tuple[str, ...] = ()
    flags: Mapping[str, bool] = {}
    values: Mapping[str, str] = {}

    @property
    def shared(self) -> Shared:
        """The options that every command has."""
        return Shared(self.roster, self.flags.get("quiet", False), self.flags.get("as_json", False))

    @property
    def own(self) -> dict[str, bool | str]:
        """The flags and values that only this command has."""
        return {name: value for name, value in self.flags.items() if name not in Shared._fields} | {**self.values}


def read(arguments: Sequence[str], environ: Mapping[str, str]) -> Call | None:
    """The call that a command line is; None where the parser has to say."""
    if COMPLETION in environ:
        return None
    call: Call | None = Call()
    words = iter(arguments)
    for word in words:
        call = _with_word(call, word, words) if call else None
    return call if call and call.command else None


def _with_word(call: Call, word: str, rest: Iterator[str]) -> Call | None:
    flags, values = {**SHARED, **OWN.get(call.command, {})}, VALUES.get(call.command, {})
    if word in flags:
        name, given = flags[word]
        return call._replace(flags={**call.flags, name: given})
    if word in ROSTER:
        path = next(rest, "")
        return call._replace(roster=Path(path)) if _is_plain(path) else None
    if word in values:
        value = next(rest, "")
        return call._replace(values={**call.values, values[word]: value}) if _is_plain(value) else None
    if not _is_plain(word):
        return None
    if call.command:
        return call._replace(names=(*call.names, word))
    return call._replace(command=word) if word in OWN else None


def _is_plain(word: str) -> bool:
    return bool(word) and not word.startswith("-")


def carry_out(call: Call) -> int:
    """Do what was called for, and return the exit code."""
    from prodigy_team.cli import output

    output.name_roster(call.roster)
    module = import_module(f"prodigy_team.cli.{'merging' if call.command == 'merge' else 'daily'}")
    code: int = getattr(module, call.command)(call.shared, call.names, **call.own)
    return code
