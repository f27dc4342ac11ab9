"""`passwd`: a person's password at the gateway, or that of an annotator's server."""

from __future__ import annotations

import os
import sys
import time
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import Quiet, RosterPath, Shared
from prodigy_team.errors import UsageError

if TYPE_CHECKING:
    from prodigy_team.roster import Roster

EXAMPLES = ("prodigy-team passwd joe", "pwgen 20 1 | prodigy-team passwd joe --stdin")


def command(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The annotator, manager or shared server.", show_default=False)
    ],
    stdin: Annotated[bool, typer.Option("--stdin", help="Read the password as one line from standard input.")] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
) -> None:
    """Set the password with which somebody logs in, or that of a server.

    Asks twice, without showing what is typed; never an argument, which others could read. With [gateway] in the roster
    it is the person's password there, and counts at once. Without, the browser asks for it at the annotator's server.
    Over plain HTTP the network can read it: use TLS, or an ssh tunnel.
    """
    shared = Shared.of(context, roster, quiet)
    path = shared.existing()
    from prodigy_team.roster import load_roster
    from prodigy_team.servers.lockfile import guard
    from prodigy_team.servers.passwords import write_password
    from prodigy_team.servers.statefolder import lockfile_path, prepare_state

    loaded = load_roster(path, os.environ)
    if loaded.gateway is not None:
        set_account_password(loaded, name, stdin=stdin, quiet=shared.quiet)
        return
    server = server_of(loaded, name)
    password = line_from_stdin() if stdin else typed_twice(server)
    prepare_state(loaded.state)
    with guard(lockfile_path(loaded.state)):
        write_password(loaded.state, server, password, now=time.time())
    if not shared.quiet:
        output.say(
            [
                f"Password of {server} set. It counts from the server's next start.",
                f"Next: prodigy-team restart {server}",
            ]
        )


def set_account_password(roster: Roster, name: str, *, stdin: bool, quiet: bool) -> None:
    """Set somebody's password at the gateway."""
    from prodigy_team.cli.members import by_password, member_names, team_accounts

    by_password(roster)
    (member,) = member_names(roster, [name])
    password = line_from_stdin() if stdin else typed_twice(member)
    from prodigy_team.gateway.passwords import hash_password, password_problem

    problem = password_problem(password, member)
    if problem:
        raise UsageError(problem, remedy="No password was set.")
    with team_accounts(roster) as accounts:
        accounts.set_password(member, hash_password(password))
    if not quiet:
        output.say([f"Password of {member} set. Where {member} was logged in, they log in anew."])


def server_of(roster: Roster, name: str) -> str:
    """The server of this annotator, or of this name."""
    servers = [each.name for each in roster.servers]
    found = {each.name: each.server for each in roster.annotators} | {each: each for each in servers}
    if name in found:
        return found[name]
    near = get_close_matches(name, found, n=1)
    remedy = f"Did you mean {near[0]}?" if near else f"It has: {', '.join(found)}."
    raise UsageError(f"`{name}` is not on the roster {roster.path}.", remedy=remedy)


def line_from_stdin() -> str:
    """One line without its end."""
    try:
        return checked(sys.stdin.readline().rstrip("\r\n"))
    except UnicodeDecodeError:
        raise not_text() from None


def typed_twice(name: str) -> str:
    """Ask on the terminal until both agree, three times at most."""
    import getpass

    if not output.on_terminal():
        raise UsageError("There is no terminal to ask on.", remedy="Give the password as a line: --stdin")
    for _ in range(3):
        first = getpass.getpass(f"Password for {name}: ", stream=sys.stderr)
        if first and first == getpass.getpass("Once more: ", stream=sys.stderr):
            return checked(first)
        output.tell(["The two differ." if first else "It is empty."])
    raise UsageError("No password was set.")


def not_text() -> UsageError:
    """The error for bytes that this terminal's encoding has no letters for."""
    return UsageError("The password is no text in UTF-8.", remedy="Check the encoding of the program it comes from.")


def checked(password: str) -> str:
    """Refuse what basic authentication cannot carry."""
    if any("\ud800" <= each <= "\udfff" for each in password):  # what Python makes of bytes in the locale C
        raise not_text()
    if not password:
        raise UsageError("The password is empty.", remedy="Give one line with at least one character.")
    if any(ord(each) < 32 or ord(each) == 127 for each in password):
        raise UsageError("The password holds a control character.", remedy="Use letters, digits, marks and spaces.")
    return password
