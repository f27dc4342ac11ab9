"""A roster as text and back, for whoever needs it as it was last brought up and soon: team.toml is not read anew.

It is JSON; what JSON has no word for stands there as ``{"of": its kind, "is": its content}``, and lists are tuples.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from prodigy_team.roster.values import Annotator, Problem, Roster, Routing, Server

_VALUES = {each.__name__: each for each in (Annotator, Problem, Roster, Routing, Server)}


def roster_text(roster: Roster) -> bytes:
    """A roster as text.

    Raises:
        ValueError: Its [prodigy] table holds what cannot be written so, such as a date.
    """
    return json.dumps(_plain(roster), ensure_ascii=False).encode()


def read_roster_text(text: bytes) -> Roster:
    """The roster of a text.

    Raises:
        ValueError: It is none, or of another version of this package.
    """
    try:
        found = _value(json.loads(text))
    except (KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"no roster of this version: {error!r}") from error
    if not isinstance(found, Roster):
        raise ValueError("no roster")
    return found


def without_people(roster: Roster, names: Collection[str]) -> Roster:
    """The roster as if these people had never stood there."""
    return replace(
        roster,
        annotators=tuple(each for each in roster.annotators if each.name not in names),
        managers=tuple(each for each in roster.managers if each.get("name") not in names),
        servers=_servers_without(roster.servers, names),
        resting=_servers_without(roster.resting, names),
        warnings=(),
    )


def _servers_without(servers: Collection[Server], names: Collection[str]) -> tuple[Server, ...]:
    kept = (
        each for each in servers if each.name not in names and not (each.annotators and {*each.annotators} <= {*names})
    )
    return tuple(replace(each, annotators=tuple(who for who in each.annotators if who not in names)) for each in kept)


def _plain(value: Any) -> Any:
    """A value as JSON has them."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return _said("table", {key: _plain(each) for key, each in value.items()})
    if isinstance(value, list):
        return _said("list", [_plain(each) for each in value])
    if isinstance(value, range):
        return _said("range", [value.start, value.stop, value.step])
    if isinstance(value, (Path, Decimal)):
        return _said("path" if isinstance(value, Path) else "decimal", str(value))
    if is_dataclass(value) and type(value).__name__ in _VALUES:
        return _said(type(value).__name__, {each.name: _plain(getattr(value, each.name)) for each in fields(value)})
    raise ValueError(f"a {type(value).__name__} cannot be written down")


def _said(kind: str, content: object) -> dict[str, object]:
    return {"of": kind, "is": content}


def _value(found: Any) -> Any:
    """The value that ``_plain`` has written."""
    if isinstance(found, list):
        return tuple(map(_value, found))
    if not isinstance(found, dict):
        return found
    kind, content = found["of"], found["is"]
    if kind in _VALUES:
        return _VALUES[kind](**_table(content))
    return _MADE[kind](content)


def _table(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _value(each) for key, each in content.items()}


_MADE: Mapping[str, Callable[[Any], Any]] = {
    "table": _table,
    "list": lambda content: [_value(each) for each in content],
    "range": lambda content: range(*content),
    "path": Path,
    "decimal": Decimal,
}
