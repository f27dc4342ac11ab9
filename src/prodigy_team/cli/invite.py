"""`invite`: a link with which somebody chooses a password."""

from __future__ import annotations

from typing import Annotated

import typer

from prodigy_team.cli import output, render
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared, parse_duration
from prodigy_team.errors import UsageError

EXAMPLES = ("prodigy-team invite joe jane", "prodigy-team invite joe --valid 3d")


def command(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Annotators, managers.", show_default=False)],
    valid: Annotated[str, typer.Option("--valid", metavar="TIME", help="How long the link works.")] = "24h",
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Print a link for each, under which they choose a password for the gateway.

    A link works once. Send it to the person alone, for whoever has it can come in under the name; a new link makes the
    one before void. A password chosen earlier stays until the link is used.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    seconds = parse_duration(valid)
    from prodigy_team.cli.answers import read_roster
    from prodigy_team.cli.members import by_password, member_names, team_accounts
    from prodigy_team.roster import is_loopback

    loaded = read_roster(path)
    with team_accounts(loaded) as accounts:
        by_password(loaded)
        from prodigy_team.gateway.values import GatewaySettings

        settings = GatewaySettings.of(loaded)
        chosen = member_names(loaded, names)
        known = accounts.locked()
        if locked := [name for name in chosen if name.lower() in known]:
            raise UsageError(
                f"{', '.join(locked)} cannot come in, with a new link either: locked.",
                remedy=f"First: prodigy-team accounts --unlock {' '.join(locked)}",
            )
        links = [(name, f"{settings.url}/invitation/{accounts.invite(name, seconds=seconds)}") for name in chosen]
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        invitations = [{"name": name, "url": url, "valid_seconds": seconds} for name, url in links]
        output.show_json({**values_object(team=loaded.name), "invitations": invitations})
        return
    output.say(render.align(links))
    if not shared.quiet:
        output.tell([f"Each link works once, for {render.span(seconds)}. Send it to the person alone."])
        if settings.public_url is None and is_loopback(settings.host):
            output.tell(["It leads to this machine itself; `public_url` in [gateway] says where others reach it."])
