"""The parser: the commands with their options, and how their errors are shown.

A command's module is imported when that command is called.
"""

from __future__ import annotations

from importlib import import_module
from keyword import iskeyword
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from prodigy_team.cli import output
from prodigy_team.cli.commands import COMMANDS, NAMES
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.errors import UsageError


def load_command(name: str) -> Any:
    """Import one command's module and make the parser's command of it."""
    module = import_module(f"prodigy_team.cli.{name}_" if iskeyword(name) else f"prodigy_team.cli.{name}")
    single = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    examples = "\n".join(f"  {line}" for line in module.EXAMPLES)
    settings = {"help_option_names": ["--help", "-h"], **getattr(module, "CONTEXT", {})}
    # \b keeps the parser from refilling the lines that follow it.
    register = single.command(name, epilog=f"\b\nExamples:\n{examples}", context_settings=settings)
    register(module.command)
    return typer.main.get_command(single)


class Commands(TyperGroup):
    """The commands of `COMMANDS`, each imported when it is called and not before."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """The names, in the order of the help."""
        return list(NAMES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Import the command of this name; None where there is none."""
        return load_command(cmd_name) if cmd_name in NAMES else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """List the commands by group, without importing one."""
        for group in dict.fromkeys(each.group for each in COMMANDS):
            with formatter.section(group):
                formatter.write_dl([(each.name, each.help) for each in COMMANDS if each.group == group])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command, or say which one is meant."""
        if args and args[0] not in NAMES and not args[0].startswith("-"):
            raise unknown_command(args[0])
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a problem becomes two lines on stderr, an interruption the exit code 130."""
        output.name_roster(ctx.params.get("roster"))
        with output.errors_told():
            return super().invoke(ctx)


MEANT = {
    **dict.fromkeys(("start", "run", "serve", "annotate"), "up"),
    **dict.fromkeys(("down", "kill", "end"), "stop"),
    **dict.fromkeys(("ps", "ls", "list", "stats"), "status"),
    **dict.fromkeys(("db-out", "dump", "datasets"), "export"),
    **dict.fromkeys(("db-merge", "concat"), "merge"),
    **dict.fromkeys(("iaa", "kappa"), "agreement"),
    **dict.fromkeys(("users", "user"), "accounts"),
    **{
        "db-in": "import",
        "password": "passwd",
        "version": "--version",
        "help": "--help",
        "config": "check",
        "validate": "check",
    },
}
"""What people of other programs type. Nearness of letters alone would lead from `down` to `drop`."""


def unknown_command(name: str) -> UsageError:
    """The error for a command that does not exist, with the one that is meant, else the nearest.

    Commands that delete are offered for a slip of the finger only, not for some likeness.
    """
    from difflib import get_close_matches

    near = get_close_matches(name, NAMES, n=1, cutoff=0.5)
    if near and near[0] in ("drop", "erase"):
        near = get_close_matches(name, NAMES, n=1, cutoff=0.8)
    near = [MEANT[name]] if name in MEANT else near
    meant = f"Did you mean `prodigy-team {near[0]}`?" if near else "`prodigy-team --help` lists the commands."
    return UsageError(f"There is no command `{name}`.", remedy=meant)


app = typer.Typer(
    cls=Commands,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    add_completion=True,
    epilog="A command's own options and an example: prodigy-team COMMAND --help. "
    "Exit codes: 0 done, 1 failed, 2 wrong usage or roster, 3 some servers not as they should be.",
    context_settings={"help_option_names": ["--help", "-h"]},
)


def show_version(value: bool) -> None:
    """Print the version and end."""
    if value:
        from prodigy_team import __version__

        output.say([f"prodigy-team {__version__}"])
        raise typer.Exit()


Version = Annotated[
    bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and end.")
]


@app.callback()
def program(
    context: typer.Context,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    version: Version = False,  # noqa: ARG001
) -> None:
    """Turn a roster of annotators into running annotation servers, and their answers into one training set."""
    context.obj = Shared(roster=roster, quiet=quiet, as_json=as_json)
