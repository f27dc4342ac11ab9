"""Pure checks that commands make once they know more than the roster: passwords, the engine, the platform."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Collection

from prodigy_team.errors import UsageError
from prodigy_team.roster.recipes import instead_of
from prodigy_team.roster.values import Problem, Roster, Server


def is_loopback(host: str) -> bool:
    """Whether a server that listens there is reachable from this machine only."""
    if host in ("localhost", "ip6-localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def access_problems(roster: Roster, with_password: Collection[str]) -> list[Problem]:
    """Servers that the network could reach although they ask nobody for a password.

    Args:
        roster: The roster.
        with_password: Names of the servers that have one.

    Returns:
        One problem for each place that opens servers, and a warning for those that are open on purpose, or behind a
        password that travels over plain HTTP.
    """
    problems = []
    for where, servers in _public_servers(roster).items():
        without = [server.name for server in servers if server.name not in with_password]
        if without and not roster.allow_public:
            problems.append(_refusal(where, servers[0].host, without))
        else:
            problems.append(_plain_http(where, servers[0].host))
    return problems


def _public_servers(roster: Roster) -> dict[str, list[Server]]:
    places: dict[str, list[Server]] = defaultdict(list)
    for server in roster.servers:
        if not is_loopback(server.host):
            places[server.where("host")].append(server)
    return places


def _refusal(where: str, host: str, names: list[str]) -> Problem:
    text = (
        f"{host} can be reached by others, and without a password there whoever reaches it can annotate as "
        f"{', '.join(names)}: named sessions are no authentication."
    )
    remedy = (
        f'Run `prodigy-team passwd {names[0]}`{" and so on" if len(names) > 1 else ""}, or keep host = "127.0.0.1" and '
        "use ssh -L, or set allow_public = true in [team]. This is plain HTTP: passwords and texts can be read on "
        "the way, so put a proxy with TLS in front."
    )
    return Problem(where, text, remedy)


def _plain_http(where: str, host: str) -> Problem:
    text = f"Servers on {host} speak plain HTTP: passwords and texts can be read on the way."
    return Problem(where, text, "Put a proxy with TLS in front, or use it in a network you trust.", warning=True)


def embedded_problems(roster: Roster, recipes: Collection[str]) -> list[Problem]:
    """What the embedded engine cannot do of a roster.

    Args:
        roster: The roster.
        recipes: Names of the recipes the engine has.
    """
    problems: dict[tuple[str, str], Problem] = {}
    for server in roster.servers:
        problem = _embedded_problem(server, recipes)
        if problem:
            problems.setdefault((problem.where, problem.text), problem)
    return list(problems.values())


def _embedded_problem(server: Server, recipes: Collection[str]) -> Problem | None:
    if server.recipe_file is not None:
        text = f"{server.recipe} from {server.recipe_file.name} is a recipe of your own, which needs Prodigy."
        return Problem(server.where("recipe_file"), text, f"Without it: one of {', '.join(sorted(recipes))}.")
    if server.recipe in recipes:
        return None
    text, remedy = instead_of(server.recipe)
    return Problem(server.where("recipe"), text, remedy or f"Without it: one of {', '.join(sorted(recipes))}.")


def refuse_windows(platform: str) -> None:
    """Servers here are process groups with file locks and signals, which Windows has not.

    Args:
        platform: ``sys.platform``.

    Raises:
        UsageError: It is Windows.
    """
    if platform.startswith(("win", "cygwin", "msys")):
        message = "prodigy-team runs on Linux and macOS, not on Windows itself."
        raise UsageError(message, remedy="Use WSL: `wsl --install`, then install and run it there.")
