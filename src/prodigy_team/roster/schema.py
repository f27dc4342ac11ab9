"""The tables of team.toml, their keys and the types of their values; the only module that needs pydantic."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prodigy_team.roster.values import Problem
from prodigy_team.settings import KNOWN

Port = Annotated[int, Field(ge=1, le=65535)]


class Table(BaseModel):
    """Refuses unknown keys, and takes no number for a text or the other way round."""

    model_config = ConfigDict(extra="forbid", strict=True)


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
    start_at_once: Annotated[int, Field(ge=1)] | None = None
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
    limit: Annotated[int, Field(ge=1)] | None = None
    share: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1
    only: dict[str, str | Annotated[list[str], Field(min_length=1)]] = {}
    aliases: list[str] = []
    login: str | None = None


class ServerTable(EntryTable):
    """[[server]]"""

    annotators: list[str] | None = None


class RoutingTable(Table):
    """[routing]"""

    annotations_per_task: Annotated[float, Field(ge=1, allow_inf_nan=False)] | Literal["all"] = 1
    lease: str | int = "30m"
    seed: int = 0
    order: Literal["source", "shuffled"] = "source"
    gold: str | None = None
    gold_rate: Annotated[float, Field(ge=0, lt=1)] = 0
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
    "string_type": "a text in quotes",
    "int_type": "a whole number without quotes",
    "int_from_float": "a whole number",
    "float_type": "a number without quotes",
    "bool_type": "true or false, without quotes",
    "list_type": 'a list such as ["a", "b"]',
    "dict_type": 'a table such as { key = "value" }',
}


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
    return next((f"[{name}]" for name, table in TABLES.items() if key in table.model_fields), None)


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
    values = _plain_table(where, value, problems)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faulty: dict[str, Problem] = {}
        for detail in error.errors(include_url=False):
            key = str(detail["loc"][0])
            faulty.setdefault(key, _describe(kind, where, key, detail))
    problems += faulty.values()
    return kind.model_validate({key: value for key, value in values.items() if key not in faulty})


def _describe(kind: type[Table], where: str, key: str, detail: Mapping[str, Any]) -> Problem:
    if detail["type"] == "extra_forbidden":
        owner = f"[{where}]" if "[" not in where else f"[[{where.split('[')[0]}]]"
        return _unknown_key(f"{where}.{key}", key, kind.model_fields, owner)
    inner = "".join(f"[{part}]" for part in detail["loc"][1:2] if isinstance(part, int))
    expected = _EXPECTED.get(key) or _KINDS.get(detail["type"]) or _from_message(detail["msg"])
    # An address of a database holds a password.
    shown = "This value" if key == "database" else _shown(detail["input"])
    return Problem(f"{where}.{key}{inner}", f"{shown} does not fit.", f"Write {expected}.")


def _from_message(message: str) -> str:
    expected = message.replace("Input should be ", "").replace("'", '"')
    return f"a number {expected}" if expected.startswith(("greater", "less")) else expected


def _shown(value: Any) -> str:
    """The value as TOML would show it, cut short."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else None
    text = text or (f'"{value}"' if isinstance(value, str) else str(value))
    return text if len(text) <= 60 else text[:57] + "…"
