"""`accounts`: who may log in at the gateway, and keeping them out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import output, render
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.errors import UsageError

if TYPE_CHECKING:
    from prodigy_team.gateway.accounts import Account, Accounts
    from prodigy_team.roster import Roster

EXAMPLES = (
    "prodigy-team accounts",
    "prodigy-team accounts --lock joe",
    "prodigy-team accounts --unlock joe 192.0.2.7",
    "prodigy-team accounts --log-out joe jane",
)


def command(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Annotators, managers.")] = None,
    lock: Annotated[bool, typer.Option("--lock", help="Let them in no more, and end their logins.")] = False,
    unlock: Annotated[
        bool, typer.Option("--unlock", help="Let them in again, also after too many failures; takes addresses too.")
    ] = False,
    log_out: Annotated[bool, typer.Option("--log-out", help="End their logins; they may log in again.")] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """List who may log in at the gateway; lock, unlock, or end logins.

    All of it counts at once, also while the gateway runs. Ten failures refuse further tries for a quarter of an hour
    and longer each time: under the name from addresses where the person has never logged in, and from an address.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    if sum((lock, unlock, log_out)) > 1:
        raise UsageError("--lock, --unlock and --log-out exclude each other.", remedy="Give one of them.")
    if (lock or unlock or log_out) and not names:
        raise UsageError("Nobody is named.", remedy="Give the names: prodigy-team accounts --lock joe")
    from prodigy_team.cli.answers import read_roster
    from prodigy_team.cli.members import member_names, team_accounts

    loaded = read_roster(path)
    with team_accounts(loaded) as accounts:
        given = names or []
        addresses = [name for name in given if unlock and is_address(name)]
        people = [name for name in given if name not in addresses]
        chosen = member_names(loaded, people) if people or not given else []
        for address in addresses:
            accounts.forgive_address(address)
        for name in chosen:
            change(accounts, name, lock=lock, unlock=unlock, log_out=log_out)
        found = accounts.overview(chosen)
        gone = accounts.strangers(member_names(loaded, [])) if not given else ()
    if shared.as_json:
        show_object(loaded, found, gone)
    elif not shared.quiet:
        output.say([*account_lines(loaded, found, time.time()), *gone_lines(gone)])


def change(accounts: Accounts, name: str, *, lock: bool, unlock: bool, log_out: bool) -> None:
    """Do to one account what was asked for."""
    if lock:
        accounts.lock(name)
    elif unlock:
        accounts.unlock(name)
    elif log_out:
        accounts.end_logins(name)


def is_address(text: str) -> bool:
    """Whether it is an address, and no name."""
    from ipaddress import ip_address

    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def account_lines(roster: Roster, accounts: tuple[Account, ...], now: float) -> list[str]:
    """A table of accounts."""
    if not accounts:
        return []
    rows = [("NAME", "ROLE", "STATE", "LOGINS", "LAST SEEN")]
    rows += [
        (
            each.name,
            role_of(roster, each.name),
            state_of(each, roster.gateway["auth"] if roster.gateway else "", now),
            str(each.logins),
            render.ago(None if each.last_seen is None else max(0.0, now - each.last_seen)),
        )
        for each in accounts
    ]
    return render.align(rows)


def role_of(roster: Roster, name: str) -> str:
    """`annotator`, `manager` or both."""
    annotator = any(each.name == name for each in roster.annotators)
    manager = any(each.get("name") == name for each in roster.managers)
    return ", ".join(role for role, has in (("annotator", annotator), ("manager", manager)) if has)


def state_of(account: Account, auth: str, now: float) -> str:
    """In a few words whether they can log in."""
    if account.locked:
        return "locked"
    if auth != "password":
        return f"by {auth}"
    states = ["password set"] if account.password else []
    if account.invited_until is not None:
        states.append(f"invited, {render.span(account.invited_until - now)} left")
    if account.refused_until is not None:
        states.append(f"refused from unknown addresses for {render.span(account.refused_until - now)}")
    return ", ".join(states) or "not invited yet"


def gone_lines(names: tuple[str, ...]) -> list[str]:
    """Who has an account but is not on the roster."""
    return [f"Not on the roster, so that they cannot log in: {', '.join(names)}."] if names else []


def show_object(roster: Roster, accounts: tuple[Account, ...], gone: tuple[str, ...]) -> None:
    """Print the accounts as JSON."""
    from prodigy_team.cli.objects import values_object, values_of

    listed = [{**values_of(each), "role": role_of(roster, each.name)} for each in accounts]
    for each in listed:
        del each["version"]
    output.show_json({**values_object(team=roster.name), "accounts": listed, "not_on_roster": list(gone)})
