"""The gateway as one more server of the roster: how it is started, what it is told, and where people find it."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prodigy_team import __version__
from prodigy_team.presence import exists
from prodigy_team.roster.findings import normal_base_path
from prodigy_team.servers.lockfile import GATEWAY, write_private
from prodigy_team.servers.processes import MARK_VARIABLE
from prodigy_team.servers.reviews import PREFIX as REVIEW
from prodigy_team.servers.secrets import server_secret
from prodigy_team.settings import Database

if TYPE_CHECKING:
    from prodigy_team.roster import Roster, Server
    from prodigy_team.servers.engines import ServerPlan

PROGRAM = "prodigy_team.gateway"


def gateway_url(roster: Roster) -> str:
    """Where people reach the gateway, with its base path and without a slash at the end.

    Raises:
        ValueError: The roster has no [gateway].
    """
    table = roster.gateway
    if table is None:
        raise ValueError("the roster has no [gateway]")
    if table.get("public_url"):
        return str(table["public_url"]).rstrip("/")
    base_path = normal_base_path(table["base_path"])
    return own_address(table["host"], int(table["port"]), base_path, tls=bool(table["tls_certificate"]))


def own_address(host: str, port: int, base_path: str, *, tls: bool) -> str:
    """The address of a gateway by its own host and port; this machine's name where it listens everywhere.

    Args:
        base_path: "" or "/x/y".
    """
    host = socket.gethostname() if host in ("0.0.0.0", "::", "") else host
    host = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{host}:{port}{base_path}"


def people_url(roster: Roster, server: Server) -> str:
    """What the annotators of a server open; "" where no gateway stands in front of it."""
    if roster.gateway is None:
        return ""
    if len(server.annotators) != 1:
        return f"{gateway_url(roster)}/"
    of_review = server.view_id == "review" and server.name.startswith(REVIEW)  # who decides may have tasks as well
    return f"{gateway_url(roster)}/a/{server.name if of_review else server.annotators[0]}/"


def plan_gateway(roster: Roster, environ: Mapping[str, str]) -> ServerPlan | None:
    """How the gateway would be started; None where the roster has none.

    What it serves comes from the whole roster, so that any change of it is one of the gateway's.
    """
    from prodigy_team.servers.engines import ServerPlan, digest, passed_environment

    if roster.gateway is None:
        return None
    mark = {"team": roster.name, "name": GATEWAY, "annotators": [], "state": str(roster.state)}
    env = passed_environment(environ) | {MARK_VARIABLE: json.dumps(mark), "PYTHONUNBUFFERED": "1"}
    host, port = str(roster.gateway["host"]), int(roster.gateway["port"])
    return ServerPlan(
        name=GATEWAY,
        annotators=(),
        engine=GATEWAY,
        argv=(),
        command=(sys.executable, "-m", PROGRAM, str(roster.path)),
        env=env,
        cwd=roster.path.parent,
        host=host,
        port=port,
        dataset="",
        url=f"{gateway_url(roster)}/",
        database=Database("none", None, "the gateway keeps no answers"),
        spec={key: digest(value) for key, value in _what_it_serves(roster).items()},
        public=f"{gateway_url(roster)}/",
    )


def _what_it_serves(roster: Roster) -> dict[str, Any]:
    names = (
        "gateway",
        "managers",
        "annotators",
        "servers",
        "routing",
        "prodigy",
        "database",
        "config",
        "start_at_once",
    )
    return {name: repr(getattr(roster, name)) for name in names} | {"team": roster.name, "package": __version__}


def sleepers(roster: Roster) -> frozenset[str]:
    """The servers that are started when somebody who annotates there logs in, and not before."""
    if roster.gateway is None or roster.gateway["start"] != "on-login":
        return frozenset()
    return frozenset(server.name for server in roster.servers)


def is_behind_gateway(plan: ServerPlan) -> bool:
    """Whether a server serves nobody but the gateway."""
    try:
        return json.loads(plan.env[MARK_VARIABLE]).get("gateway") is True
    except (KeyError, ValueError, AttributeError):
        return False


def server_login(state: Path, name: str) -> dict[str, str]:
    """The variables by which one of Prodigy's servers lets in nobody but the gateway.

    Raises:
        OSError: The key of the state folder can be neither read nor made.
    """
    return {"PRODIGY_BASIC_AUTH_USER": GATEWAY, "PRODIGY_BASIC_AUTH_PASS": server_secret(state, name)}


def roster_path(state: Path) -> Path:
    """Where the roster is kept as it was last brought up."""
    return state / "servers" / f"{GATEWAY}.roster"


def keep_roster(state: Path, roster: Roster) -> None:
    """Keep the roster for a gateway that is brought back while somebody edits team.toml; the caller holds the guard.

    One that cannot be written down is not kept: the gateway then reads team.toml.

    Raises:
        TeamError: It cannot be written.
    """
    from prodigy_team.roster.keeping import roster_text

    path = roster_path(state)
    try:
        content = roster_text(roster)
    except ValueError:
        path.unlink(missing_ok=True)
        return
    if not (exists(path) and path.read_bytes() == content):
        write_private(path, content)


def kept_roster(state: Path) -> Roster | None:
    """The roster as it was last brought up; None where what is kept is of no use.

    It costs a third of the time that reading team.toml anew does, and none of its validator's memory.
    """
    from prodigy_team.roster.keeping import read_roster_text

    try:
        return read_roster_text(roster_path(state).read_bytes())
    except (OSError, ValueError):  # not there, cut off, or written by another version of this package
        return None


def forget_in_roster(state: Path, names: Collection[str]) -> None:
    """Take people out of the roster that is kept; the caller holds the guard.

    Raises:
        TeamError: It cannot be written.
    """
    from prodigy_team.roster.keeping import without_people

    if (roster := kept_roster(state)) is not None:
        keep_roster(state, without_people(roster, names))
    else:
        roster_path(state).unlink(missing_ok=True)
