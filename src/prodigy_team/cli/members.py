"""What invite, passwd and accounts share: the gateway's accounts, and who may have one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING

from prodigy_team.errors import UsageError

if TYPE_CHECKING:
    from prodigy_team.gateway.accounts import Accounts
    from prodigy_team.roster import Roster


@contextmanager
def team_accounts(roster: Roster) -> Iterator[Accounts]:
    """The accounts of a roster with a gateway; closed at the end."""
    if roster.gateway is None:
        raise UsageError(
            f"{roster.path.name} has no [gateway], where people would log in.",
            remedy="Add a line [gateway]; `prodigy-team passwd NAME` works without one.",
        )
    from prodigy_team.gateway.accounts import Accounts
    from prodigy_team.servers.statefolder import prepare_state

    prepare_state(roster.state)
    accounts = Accounts(roster.state)
    try:
        yield accounts
    finally:
        accounts.close()


def by_password(roster: Roster) -> None:
    """Refuse what only passwords need where people log in otherwise."""
    auth = roster.gateway["auth"] if roster.gateway else "password"
    if auth != "password":
        raise UsageError(
            f"People log in by {auth} here (`auth` in [gateway]), not with a password of this team.",
            remedy="Who is on the roster may come; `prodigy-team accounts --lock NAME` keeps somebody out.",
        )


def member_names(roster: Roster, names: Sequence[str]) -> list[str]:
    """These names as the roster spells them; everybody's where none is given."""
    from prodigy_team.gateway.members import members_of

    members = members_of(roster)
    for name in names:
        if name.lower() not in members:
            known = [each.name for each in members.values()]
            near = get_close_matches(name, known, n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"It has: {', '.join(known)}."
            raise UsageError(f"`{name}` is no annotator and no manager of {roster.path}.", remedy=remedy)
    chosen = [members[name.lower()] for name in names] or list(members.values())
    return list(dict.fromkeys(each.name for each in chosen))
