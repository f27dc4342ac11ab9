"""How each server was last started, kept in a private file, so that cron brings it back the same without the roster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prodigy_team.errors import TeamError
from prodigy_team.presence import exists
from prodigy_team.servers.lockfile import ServerRecord, write_private
from prodigy_team.servers.statefolder import log_path

if TYPE_CHECKING:
    from prodigy_team.servers.engines import ServerPlan


def launch_path(state: Path, name: str) -> Path:
    """Where the launch of a server is kept."""
    return state / "servers" / f"{name}.json"


def alive_path(state: Path, name: str) -> Path:
    """The file on which a server holds its lifetime lock."""
    return state / "servers" / f"{name}.alive"


def forget_launch(state: Path, name: str) -> None:
    """Forget how a server was started, so that nothing brings it back."""
    launch_path(state, name).unlink(missing_ok=True)


def write_launch(state: Path, plan: ServerPlan) -> None:
    """Keep a plan; basic authentication is not in it, it is read anew at each start.

    Raises:
        TeamError: The state folder cannot be written.
    """
    content = {
        **{
            key: getattr(plan, key) for key in ("name", "engine", "host", "port", "dataset", "url", "public", "part_of")
        },
        "annotators": list(plan.annotators),
        "argv": list(plan.argv),
        "command": list(plan.command),
        "env": dict(plan.env),
        "cwd": str(plan.cwd),
        "spec": dict(plan.spec),
        "database": {"kind": plan.database.kind, "path": _text(plan.database.path), "origin": plan.database.origin},
    }
    encoded, path = json.dumps(content, indent=1).encode(), launch_path(state, plan.name)
    if not (exists(path) and path.read_bytes() == encoded):  # as at most starts: nothing need reach the disk
        write_private(path, encoded)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def read_launch(state: Path, name: str) -> ServerPlan:
    """The plan by which a server was last started.

    Raises:
        TeamError: There is none, or it cannot be read.
    """
    path = launch_path(state, name)
    try:
        return _plan_of(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TeamError(
            f"{path} does not tell how {name} was last started ({error}).",
            remedy=f"Start it from the roster: prodigy-team up {name}",
        ) from error


def _plan_of(content: Mapping[str, Any]) -> ServerPlan:
    from prodigy_team.servers.engines import ServerPlan
    from prodigy_team.settings import Database

    database = content["database"]
    path = None if database["path"] is None else Path(database["path"])
    return ServerPlan(
        name=content["name"],
        annotators=tuple(content["annotators"]),
        engine=content["engine"],
        argv=tuple(content["argv"]),
        command=tuple(content["command"]),
        env=dict(content["env"]),
        cwd=Path(content["cwd"]),
        host=content["host"],
        port=content["port"],
        dataset=content["dataset"],
        url=content["url"],
        database=Database(kind=database["kind"], path=path, origin=database["origin"]),
        spec=dict(content["spec"]),
        public=content.get("public", ""),
        part_of=content.get("part_of", ""),
    )


def record_of(plan: ServerPlan, state: Path, old: ServerRecord | None) -> ServerRecord:
    """The record of a server about to be started: its plan, and of its past what must be remembered."""
    past = old or ServerRecord(plan.name)
    return replace(
        past,
        annotators=plan.annotators,
        pid=None,
        started_at=None,
        pgid=None,
        host=plan.host,
        port=plan.port,
        dataset=plan.dataset,
        engine=plan.engine,
        command=plan.command,
        spec_hash=plan.spec_hash,
        spec=plan.spec,
        log=str(log_path(state, plan.name)),
        url=plan.url,
        database=str(plan.database.path or ""),
        part_of=plan.part_of,
        wanted=True,
        asleep=False,
        stopping=False,
        ready=False,
        blocked=False,
    )
