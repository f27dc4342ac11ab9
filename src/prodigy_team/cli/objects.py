"""The objects that `--json` prints. Their keys are documented in docs/commands.md and only ever added to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from prodigy_team.servers.report import Report
    from prodigy_team.servers.status import StatusReport

VERSION = 1


def report_object(report: Report) -> dict[str, Any]:
    """What up, stop and restart print."""
    return {
        "version": VERSION,
        "team": report.team,
        "engine": report.engine,
        "dry_run": report.dry_run,
        "exit_code": report.exit_code,
        "notes": list(report.notes),
        "servers": [asdict(each) for each in report.entries],
    }


def status_object(report: StatusReport) -> dict[str, Any]:
    """What status prints."""
    return {
        "version": VERSION,
        "team": report.team,
        "engine": report.engine,
        "lockfile": report.lockfile,
        "notes": list(report.notes),
        "servers": [asdict(each) for each in report.servers],
    }


def values_of(value: DataclassInstance) -> dict[str, Any]:
    """A value of the library as an object, field by field."""
    return {"version": VERSION, **{key: _plain(each) for key, each in asdict(value).items()}}


def values_object(**values: Any) -> dict[str, Any]:
    """An object with the version in front; dataclasses in lists become objects."""
    plain = {
        key: [_plain(each) for each in value] if _is_list(value) else _plain(value) for key, value in values.items()
    }
    return {"version": VERSION, **plain}


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _plain(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value
