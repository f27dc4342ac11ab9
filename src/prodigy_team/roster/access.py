"""Pure checks that commands make once they know more than the roster: passwords, the engine, the platform."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from prodigy_team.errors import UsageError
from prodigy_team.roster.apart import apart_problems
from prodigy_team.roster.recipes import FOLDER_SOURCES, KNOWN, instead_of, learns
from prodigy_team.roster.values import Problem, Roster, Server

_SEVERAL_EACH = ("match", "ner.match")


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
    if roster.gateway is not None:
        return []  # who reaches them gets nothing without the gateway's secret: see ``gateway_problems``
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


def gateway_problems(roster: Roster, engine: str) -> list[Problem]:
    """What the gateway cannot stand in front of.

    Args:
        engine: "prodigy" or "embedded".
    """
    if roster.gateway is None:
        return []
    redirects = roster.gateway["hand_off"] == "redirect"
    problems = [] if redirects else _beside_the_gateway(roster)
    for server in roster.servers:
        if server.open:
            text = f"{server.name} is open to whoever has the link, and whoever logs in at the gateway has a name."
            problems.append(Problem(server.where("annotators"), text, f"Name the annotators of {server.name}."))
        elif server.shared and engine == "prodigy":
            text = (
                f"{server.name} is shared, and on Prodigy a page says itself whose answers it sends: whoever is "
                "logged in could answer as another."
            )
            remedy = (
                'Give each annotator a server of their own ([[annotator]]), add [routing], or set engine = "embedded".'
            )
            problems.append(Problem(server.where("annotators"), text, remedy))
    if redirects and engine == "prodigy":
        text = "Prodigy's servers know no one-time login, so that nobody can be handed on to them."
        problems.append(Problem("gateway.hand_off", text, 'Write hand_off = "proxy".'))
    return problems


def _beside_the_gateway(roster: Roster) -> list[Problem]:
    """Servers that the network reaches past the gateway, each place once."""
    remedy = 'Leave it out; where others are to come from, `host` in [gateway] says. (hand_off = "redirect" needs it.)'
    return [
        Problem(where, f"Behind a gateway servers listen on this machine only, and {servers[0].host} is more.", remedy)
        for where, servers in _public_servers(roster).items()
    ]


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
    near = [] if server.recipe in KNOWN else get_close_matches(server.recipe, sorted(recipes), n=1, cutoff=0.8)
    if near:
        text = f"{server.recipe} is no recipe of the embedded engine."
        return Problem(server.where("recipe"), text, f"Did you mean {near[0]}?")
    text, remedy = instead_of(server.recipe)
    return Problem(server.where("recipe"), text, remedy or f"Without it: one of {', '.join(sorted(recipes))}.")


def routing_problems(roster: Roster, engine: str) -> list[Problem]:
    """What [routing] cannot do on the servers there are.

    Args:
        engine: "prodigy" or "embedded".
    """
    if roster.routing is None:
        return []
    problems = [_without_source(server) for server in roster.servers if server.source is None]
    if engine != "prodigy":
        return problems
    for server in roster.servers:
        problems += _unfeedable(server)
    return [*problems, *apart_problems(roster)]


def _unfeedable(server: Server) -> Iterator[Problem]:
    """Why the tasks that Prodigy is fed would not be those that it asks."""
    words = server.args or ()
    if server.args is not None and not any("{source}" in word for word in words):
        text = f"Tasks are piped to {server.name}, and its `args` do not say where its source stands."
        yield Problem(server.where("args"), text, "Write {source} in its place.")
    if server.recipe in _SEVERAL_EACH or learns(server.recipe, words):
        text = f"{server.recipe} asks none, one or several questions of a task, so that no number of answers is exact."
        yield Problem(server.where("recipe"), text, "Take [routing] out, or use a recipe that asks each task once.")
    if server.recipe == "ner.correct" and not {"--unsegmented", "-U"} & set(words):
        text = "ner.correct splits texts into sentences, which are then not the tasks that were dealt out."
        yield Problem(server.where("args"), text, 'Write `args` with "--unsegmented", and split the source yourself.')
    if server.recipe.startswith((*FOLDER_SOURCES, "review")):
        text = f"{server.recipe} does not read its tasks from standard input."
        yield Problem(server.where("recipe"), text, "Take [routing] out.")


def _without_source(server: Server) -> Problem:
    text = f"[routing] deals out the tasks of a `source`, and {server.name} names none."
    remedy = "Set `source`, and write {source} in its place in `args`." if server.args is not None else "Set `source`."
    return Problem(server.where("source"), text, remedy)


def own_router_warnings(roster: Roster, dealt: Mapping[str, str]) -> list[Problem]:
    """That Prodigy's own router keeps tasks for people who are not there.

    Args:
        dealt: Servers that Prodigy runs and deals out itself, by name, each with the setting that says so.
    """
    return [
        Problem(
            server.where("annotators"),
            f"Prodigy deals {server.name}'s tasks out itself ({dealt[server.name]}), and stops a lone annotator near "
            "their share while the others are away.",
            "For exact allocation use [routing] and name the annotators; for everything to everybody "
            "feed_overlap = true.",
            warning=True,
        )
        for server in roster.servers
        if server.name in dealt
    ]


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
