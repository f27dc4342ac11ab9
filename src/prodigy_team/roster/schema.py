"""The tables of team.toml, their keys and the types of their values."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta

from prodigy_team.roster.values import Problem
from prodigy_team.settings import KNOWN

Port = Annotated[int, Meta(ge=1, le=65535)]
_GREATEST = sys.float_info.max  # keeps infinity out


class Table(msgspec.Struct, kw_only=True):
    """One table; no number is taken for a text or the other way round.

    Attributes:
        given: The keys that stand there; the others have their default.
    """

    given: frozenset[str] = frozenset()

    @classmethod
    def types(cls) -> Mapping[str, Any]:
        """The keys that it may have, with the types of their values."""
        return _keys(cls)

    def values(self) -> dict[str, Any]:
        """The value of every key."""
        return {key: getattr(self, key) for key in self.types()}

    def given_values(self) -> dict[str, Any]:
        """The values that stand there."""
        return {key: getattr(self, key) for key in self.types() if key in self.given}


@lru_cache
def _keys(kind: type[Table]) -> Mapping[str, Any]:
    return {each.name: each.type for each in msgspec.structs.fields(kind) if each.name != "given"}


class TeamTable(Table):
    """[team]"""

    name: str | None = None
    engine: Literal["auto", "prodigy", "embedded"] = "auto"
    python: str | None = None
    host: str = "127.0.0.1"
    ports: str | Port = "8081-8180"
    database: str | None = None
    config: str | None = None
    state: str | None = None
    start_at_once: Annotated[int, Meta(ge=1)] | None = None
    allow_public: bool = False


class TaskTable(Table):
    """[task]: defaults for every server."""

    recipe: str | None = None
    model: str | None = None
    source: str | None = None
    labels: list[str] | str | None = None
    patterns: str | None = None
    dataset: str | None = None
    args: list[str] | None = None
    recipe_file: str | None = None
    directory: str | None = None
    env: dict[str, str] | None = None
    view_id: str | None = None
    version: str | int | None = None
    tokenizer: str | None = None
    image_hosts: list[str] | None = None
    allow_shared_model: bool | None = None


class EntryTable(TaskTable):
    """What may stand in a [[server]] and in an [[annotator]]."""

    name: str | None = None
    host: str | None = None
    port: Port | None = None


class AnnotatorTable(EntryTable):
    """[[annotator]]"""

    paused: bool = False
    limit: Annotated[int, Meta(ge=1)] | None = None
    share: Annotated[float, Meta(gt=0, le=_GREATEST)] = 1
    only: dict[str, str | Annotated[list[str], Meta(min_length=1)]] = {}
    aliases: list[str] = []
    login: str | None = None


class ServerTable(EntryTable):
    """[[server]]"""

    annotators: list[str] | None = None


class RoutingTable(Table):
    """[routing]"""

    annotations_per_task: Annotated[float, Meta(ge=1, le=_GREATEST)] | Literal["all"] = 1
    lease: str | int = "30m"
    seed: int = 0
    order: Literal["source", "shuffled"] = "source"
    gold: str | None = None
    gold_rate: Annotated[float, Meta(ge=0, lt=1)] = 0
    router: str | None = None


class GatewayTable(Table):
    """[gateway]"""

    host: str = "127.0.0.1"
    port: Port = 8080
    base_path: str = "/"
    start: Literal["on-login", "up"] = "on-login"
    idle_stop: str | int = "30m"
    session_length: str | int = "12h"
    trusted_proxies: list[str] = []
    tls_certificate: str | None = None
    tls_key: str | None = None
    public_url: str | None = None
    hand_off: Literal["proxy", "redirect"] = "proxy"
    auth: Literal["password", "header", "oidc"] = "password"
    header: str = "X-Remote-User"
    issuer: str | None = None
    client_id: str | None = None
    client_secret_file: str | None = None
    claim: str = "email"


class ManagerTable(Table):
    """[[manager]]"""

    name: str | None = None
    login: str | None = None


TABLES: Mapping[str, type[Table]] = {
    "team": TeamTable,
    "task": TaskTable,
    "routing": RoutingTable,
    "gateway": GatewayTable,
}
LISTS: Mapping[str, type[Table]] = {"annotator": AnnotatorTable, "server": ServerTable, "manager": ManagerTable}

_EXPECTED: Mapping[str, str] = {
    "labels": 'a list such as ["PERSON", "ORG"], or the name of a file with one label a line',
    "ports": 'a range such as "8081-8099"',
    "version": 'a text such as "2"',
    "port": "a whole number from 1 to 65535, without quotes",
    "start_at_once": "a whole number of at least 1",
    "share": "a number above 0",
    "limit": "a whole number of at least 1",
    "only": 'a table such as { lang = "sv" } or { lang = ["sv", "en"] }',
    "annotations_per_task": 'a number of at least 1, or "all"',
    "lease": 'a duration such as "30m"',
    "idle_stop": 'a duration such as "30m"',
    "session_length": 'a duration such as "12h"',
    "gold_rate": "a number from 0 to below 1",
    "env": 'a table of texts such as { PRODIGY_LOGGING = "basic" }',
}
"""Said in place of the validator's own words, where a value may have several types."""

_KINDS: Mapping[str, str] = {
    "str": "a text in quotes",
    "int": "a whole number without quotes",
    "float": "a number without quotes",
    "bool": "true or false, without quotes",
    "array": 'a list such as ["a", "b"]',
    "object": 'a table such as { key = "value" }',
    "": "another value",
}
_KIND = re.compile(r"Expected `(\w+)")
_INSIDE = re.compile(r" - at `\$(?:\[(\d+)\]|.*)`$")


@dataclass(frozen=True)
class Tables:
    """A roster's tables with only the values that have the right type, and what was wrong with the others."""

    team: TeamTable
    task: TaskTable
    annotators: tuple[AnnotatorTable, ...]
    servers: tuple[ServerTable, ...]
    managers: tuple[ManagerTable, ...]
    routing: RoutingTable | None
    gateway: GatewayTable | None
    prodigy: dict[str, Any]
    problems: tuple[Problem, ...]


TableType = TypeVar("TableType", bound=Table)


def read_tables(document: Mapping[str, Any]) -> Tables:
    """Check keys and types of every table; what is wrong is reported and left out, so that the rest is checked too."""
    problems = _unknown_tables(document)
    team = _table(TeamTable, "team", document.get("team", {}), problems)
    task = _table(TaskTable, "task", document.get("task", {}), problems)
    prodigy = _plain_table("prodigy", document.get("prodigy", {}), problems)
    routing = _optional(RoutingTable, "routing", document, problems)
    annotators = _entries(AnnotatorTable, "annotator", document, problems)
    servers = _entries(ServerTable, "server", document, problems)
    gateway = _optional(GatewayTable, "gateway", document, problems)
    managers = _entries(ManagerTable, "manager", document, problems)
    return Tables(team, task, annotators, servers, managers, routing, gateway, prodigy, tuple(problems))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    found = difflib.get_close_matches(word.lower(), sorted(known), n=1, cutoff=0.6)
    return found[0] if found else None


def _unknown_tables(document: Mapping[str, Any]) -> list[Problem]:
    known = {*TABLES, *LISTS, "prodigy"}
    return [_unknown_key(key, key, known, "the roster") for key in document if key not in known]


def _unknown_key(where: str, key: str, known: Iterable[str], owner: str) -> Problem:
    known = tuple(known)
    home = _home_of(key)
    number = next((each for each in known if each in (f"{key}s", key.removesuffix("s"))), None)
    guess = number or nearest(key, known)
    if home and home != owner and not number:
        remedy = f"It belongs in {home}."
    elif guess:
        remedy = f"Did you mean {guess}?"
    else:
        remedy = f"Keys of {owner}: {', '.join(sorted(known))}."
    return Problem(where, f"There is no key {key} in {owner}.", remedy)


def _home_of(key: str) -> str | None:
    """The table where a key of exactly this name is at home."""
    if key == "port":
        return "[[annotator]]"
    if key in KNOWN and key != "host":  # a server's address is the roster's to say
        return "[prodigy]"
    return next((f"[{name}]" for name, table in TABLES.items() if key in table.types()), None)


def _plain_table(where: str, value: Any, problems: list[Problem]) -> dict[str, Any]:
    if isinstance(value, dict):
        return dict(value)
    remedy = f"Write [{where}], with its keys below." if not isinstance(value, list) else f"Write [{where}] once."
    problems.append(Problem(where, "This must be a table.", remedy))
    return {}


def _optional(
    kind: type[TableType], name: str, document: Mapping[str, Any], problems: list[Problem]
) -> TableType | None:
    return _table(kind, name, document[name], problems) if name in document else None


def _entries(
    kind: type[TableType], name: str, document: Mapping[str, Any], problems: list[Problem]
) -> tuple[TableType, ...]:
    values = document.get(name, [])
    if not isinstance(values, list):
        remedy = f"Write [[{name}]], with two brackets, once for each." if isinstance(values, dict) else ""
        problems.append(Problem(name, "This must be a list of tables.", remedy or f"Write [[{name}]] for each."))
        values = [values] if isinstance(values, dict) else []
    return tuple(_table(kind, f"{name}[{place}]", value, problems) for place, value in enumerate(values))


def _table(kind: type[TableType], where: str, value: Any, problems: list[Problem]) -> TableType:
    fit = {}
    for key, each in _plain_table(where, value, problems).items():
        if key not in kind.types():
            owner = f"[{where}]" if "[" not in where else f"[[{where.split('[')[0]}]]"
            problems.append(_unknown_key(f"{where}.{key}", key, kind.types(), owner))
            continue
        try:
            fit[key] = msgspec.convert(each, kind.types()[key])
        except msgspec.ValidationError as error:
            problems.append(_unfit(f"{where}.{key}", key, each, kind.types()[key], str(error)))
    return kind(**fit, given=frozenset(fit))


def _unfit(where: str, key: str, value: Any, type_: Any, message: str) -> Problem:
    """The problem that a value is of another type, in a list or table that one of its values is."""
    kind = _KIND.match(message)
    expected = _EXPECTED.get(key) or _choices(type_) or _KINDS[kind[1] if kind else ""]
    inside = _INSIDE.search(message)
    if inside is not None and isinstance(value, dict):
        value = next(each for name, each in value.items() if not _fits({name: each}, type_))
    elif inside is not None:
        value, where = value[int(inside[1])], f"{where}[{inside[1]}]"
    # An address of a database holds a password.
    shown = "This value" if key == "database" else _shown(value)
    return Problem(where, f"{shown} does not fit.", f"Write {expected}.")


def _fits(value: Any, type_: Any) -> bool:
    try:
        msgspec.convert(value, type_)
    except msgspec.ValidationError:
        return False
    return True


def _choices(type_: Any) -> str:
    """The words among which one is to be chosen; "" where it is something else."""
    words = [f'"{each}"' for each in get_args(type_)] if getattr(type_, "__origin__", None) is Literal else []
    return " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _shown(value: Any) -> str:
    """The value as TOML would show it, cut short."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else None
    text = text or (f'"{value}"' if isinstance(value, str) else str(value))
    return text if len(text) <= 60 else text[:57] + "…"
