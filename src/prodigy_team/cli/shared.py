"""What the options that stand before or after a command come to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from prodigy_team.cli import output
from prodigy_team.errors import UsageError
from prodigy_team.presence import is_dir, is_file

if TYPE_CHECKING:
    import typer


class Shared(NamedTuple):
    """The options that stand before or after the command, whichever place they were given in."""

    roster: Path | None = None
    quiet: bool = False
    as_json: bool = False

    @classmethod
    def of(
        cls, context: typer.Context, roster: Path | None, quiet: bool = False, as_json: bool | None = None
    ) -> Shared:
        """Join what stood before the command with what stood after it, which wins.

        Args:
            context: Where the options before the command were put.
            roster: What stood after the command.
            quiet: What stood after the command.
            as_json: What stood after the command; None for a command that prints no JSON, which refuses it then.
        """
        before = context.obj if isinstance(context.obj, cls) else cls()
        if as_json is None and before.as_json:
            raise UsageError(f"`{context.info_name}` prints no JSON.", remedy="Leave --json out.")
        output.name_roster(roster or before.roster)
        return cls(roster or before.roster, quiet or before.quiet, bool(as_json) or before.as_json)

    def path(self, environ: Mapping[str, str] | None = None) -> Path:
        """The roster's path, absolute, whether it exists or not.

        Its folder is named as the shell's own folder is, without links: a team that is reached by two ways is one.
        """
        given = self.roster or (os.environ if environ is None else environ).get("PRODIGY_TEAM_ROSTER") or "team.toml"
        try:
            path = Path(given).absolute()
            found = path.parent.resolve() / path.name
        except FileNotFoundError:
            raise UsageError("The folder you are in is not there any more.", remedy="cd to the roster's.") from None
        except RuntimeError:  # before Python 3.13
            raise UsageError(f"{path.parent} is a link that leads nowhere.", remedy="Name a file: -f PATH.") from None
        if any("\ud800" <= each <= "\udfff" for each in str(found)):  # so Python has the bytes that are no text
            raise UsageError(
                f"The path {str(found)!a} is no text in UTF-8, as records, addresses and processes need it.",
                remedy="Give the folder another name.",
            )
        return found

    def existing(self, environ: Mapping[str, str] | None = None) -> Path:
        """The roster's path; an error that leads to `init` where there is no such file."""
        path = self.path(environ)
        if is_dir(path):
            raise UsageError(f"{path} is a folder.", remedy=f"Name the roster in it: -f {path / 'team.toml'}")
        if not is_file(path):
            raise UsageError(
                f"There is no roster {path}.", remedy="Write one with `prodigy-team init`, or name another: -f PATH."
            )
        return path
