"""What must hold between the parts of a roster: addresses, datasets, models, settings."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from prodigy_team import settings as prodigy_settings
from prodigy_team.presence import is_file
from prodigy_team.roster.entrance import check_entrance
from prodigy_team.roster.findings import Findings
from prodigy_team.roster.ports import missing_ports
from prodigy_team.roster.recipes import learns
from prodigy_team.roster.schema import nearest
from prodigy_team.roster.values import Roster, Server

_WILDCARDS = frozenset({"0.0.0.0", "::", "*"})
_UNCOORDINATED = (
    "Prodigy does not coordinate them: each server knows only its own queue, so one task can be asked by several at "
    "once, and is skipped by the others once it is answered."
)
_TOLD_BY_SESSION = "Tasks are dealt out exactly all the same; whose answer is whose only their sessions tell."
_ROUTING_KEYS = ("feed_overlap", "annotations_per_task", "allow_work_stealing")


def check_together(roster: Roster, environ: Mapping[str, str], findings: Findings) -> None:
    """Report everything that only shows when the parts are held against each other."""
    _check_addresses(roster, findings)
    _check_range(roster, findings)
    _check_shared_datasets(roster, findings)
    _check_sessions(roster, findings)
    _check_models(roster, findings)
    _check_prodigy_table(roster, findings)
    _check_settings(roster, environ, findings)
    _check_routing(roster, findings)
    _check_aliases(roster, findings)
    check_entrance(roster, environ, findings)


def _check_addresses(roster: Roster, findings: Findings) -> None:
    fixed = [server for server in roster.servers if server.port is not None]
    for place, server in enumerate(fixed):
        for other in fixed[:place]:
            if server.port == other.port and _hosts_meet(server.host, other.host):
                _report_address(server, other, findings)
                break
    gateway = roster.gateway
    for server in fixed:
        if gateway and server.port == gateway["port"] and _hosts_meet(server.host, gateway["host"]):
            remedy = f"Give {server.name} another, or leave it out."
            findings.add(server.where("port"), f"{server.port} is already the gateway's.", remedy)


def _hosts_meet(first: str, second: str) -> bool:
    local = {"localhost": "127.0.0.1"}
    return local.get(first, first) == local.get(second, second) or bool(_WILDCARDS & {first, second})


def _report_address(server: Server, other: Server, findings: Findings) -> None:
    if server.where("port") == other.where("port"):
        remedy = "Leave it out and set ports in [team], or give each annotator their own."
        findings.add(server.where("port"), f"All servers would listen on port {server.port}.", remedy)
    else:
        remedy = f"Give {server.name} another, or leave it out."
        findings.add(server.where("port"), f"{server.port} is already {other.name}'s.", remedy)


def _check_range(roster: Roster, findings: Findings) -> None:
    if (short := missing_ports(roster)) is not None:
        findings.add("team.ports", *short)


def _check_shared_datasets(roster: Roster, findings: Findings) -> None:
    """Several servers on one dataset work, but not as people expect."""
    writers: dict[str, list[Server]] = defaultdict(list)
    for server in roster.servers:
        writers[server.dataset].append(server)
        if server.dataset == f"{roster.name}_gold":
            text = f"{server.dataset} is the dataset that `merge` writes."
            findings.add(server.where("dataset"), text, f"Give {server.name} another dataset, or another name.")
    for dataset, servers in writers.items():
        if len(servers) > 1:
            names = ", ".join(server.name for server in servers)
            text = f"{names} all write {dataset}. {_UNCOORDINATED if roster.routing is None else _TOLD_BY_SESSION}"
            remedy = "Fine where their sources share no task; else give each a dataset and `merge` them."
            if roster.routing is not None:
                remedy = "Leave `dataset` out for one dataset each, which `merge` brings together."
            findings.add(servers[1].where("dataset"), text, remedy, warning=True)


def _check_sessions(roster: Roster, findings: Findings) -> None:
    """A session's answers also stand in a dataset DATASET-NAME, which must be nobody else's."""
    datasets = {server.dataset: server for server in roster.servers}
    sessions: dict[str, tuple[str, Server]] = {}
    for server, name in [(each, name) for each in roster.servers for name in each.annotators]:
        session = f"{server.dataset}-{name}"
        if session in datasets:
            other = datasets[session]
            text = f"{other.name}'s dataset {session} is also where {name}'s session on {server.dataset} is kept."
            findings.add(other.where("dataset"), text, f"Give {other.name} another dataset.")
        taken, owner = sessions.setdefault(session, (name, server))
        if (taken, owner.dataset) != (name, server.dataset):
            text = f"{name} on {server.dataset} and {taken} on {owner.dataset} would share the session {session}."
            findings.add(server.where("dataset"), text, f"Give {server.name} another dataset.")


def _check_models(roster: Roster, findings: Findings) -> None:
    """Several people teaching one model get a model that none of them taught."""
    for server in roster.servers:
        several = len(server.annotators) > 1 or server.open
        if several and not server.allow_shared_model and learns(server.recipe, server.args):
            who = "whoever has the link" if server.open else ", ".join(server.annotators)
            text = (
                f"{server.recipe} learns from the answers, and {server.name} is shared by {who}: "
                "several people pull one model in different directions."
            )
            remedy = (
                "Give each a server of their own ([[annotator]]), or use a recipe without a model in the loop such as "
                "match; allow_shared_model = true lets it through."
            )
            findings.add(server.where("recipe"), text, remedy)


def _check_prodigy_table(roster: Roster, findings: Findings) -> None:
    for key, value in roster.prodigy.items():
        where = f"prodigy.{key}"
        guess = None if key in prodigy_settings.KNOWN else nearest(key, prodigy_settings.KNOWN)
        if guess:
            text = f"Prodigy is not known to have a setting {key}; it is passed on as it is."
            findings.add(where, text, f"Did you mean {guess}?", warning=True)
        if key in ("host", "port"):
            findings.add(
                where, f"{key} of a server is the roster's to say.", f"Set {key} at the annotator, or in [team]."
            )
        if key in ("db", "db_settings") and roster.database:
            findings.add(where, f"{key} contradicts database in [team].", "Leave one of the two out.")
        if not _is_json(value):
            findings.add(where, "Prodigy's settings are JSON, which has no dates and times.", "Write a text in quotes.")


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _check_settings(roster: Roster, environ: Mapping[str, str], findings: Findings) -> None:
    """The prodigy.json files that apply can be read, and do not contradict themselves or the roster."""
    for directory in dict.fromkeys([roster.path.parent, *(server.directory for server in roster.servers)]):
        try:
            values = prodigy_settings.read_settings(_server_environment(roster, environ), directory)
            values.update(roster.prodigy)
            prodigy_settings.find_database(values, environ)
        except prodigy_settings.ConfigFileError as error:
            findings.add("team.config", error.message, error.remedy)
            continue
        for key, text, remedy in prodigy_settings.contradictions(values):
            findings.add(_where_setting(roster, key, values), text, remedy)


def _server_environment(roster: Roster, environ: Mapping[str, str]) -> dict[str, str]:
    """What of the shell's environment decides a server's settings: its other PRODIGY_* variables do not reach it."""
    kept = {key: environ[key] for key in ("HOME", "PRODIGY_HOME") if key in environ}
    return {**kept, "PRODIGY_CONFIG": str(roster.config)} if is_file(roster.config) else kept


def _where_setting(roster: Roster, key: str, values: Mapping[str, Any]) -> str:
    in_roster = [name for name in ("feed_overlap", "annotations_per_task") if name in roster.prodigy]
    if key in roster.prodigy or (key == "feed_overlap" and in_roster):
        return f"prodigy.{key if key in roster.prodigy else in_roster[0]}"
    origins = values.origins if isinstance(values, prodigy_settings.Settings) else {}
    return Path(origins[key]).name if key in origins else "prodigy"


def _check_routing(roster: Roster, findings: Findings) -> None:
    if roster.routing:
        for key in _ROUTING_KEYS:
            if key in roster.prodigy:
                text = f"{key} and [routing] both say who gets a task."
                findings.add(f"prodigy.{key}", text, "Leave one of the two out.")
        _check_overlap(roster, "routing.annotations_per_task", roster.routing.annotations_per_task, findings)
        _check_gold(roster, findings)
    wanted = roster.prodigy.get("annotations_per_task")
    if isinstance(wanted, (int, float)) and not isinstance(wanted, bool):
        _check_overlap(roster, "prodigy.annotations_per_task", Decimal(str(wanted)), findings)


def _check_gold(roster: Roster, findings: Findings) -> None:
    """Tasks with known answers are nobody's to annotate, so a source cannot consist of them."""
    gold = roster.routing.gold if roster.routing else None
    for server in roster.servers:
        if gold is not None and server.source == gold:
            text = f"{gold} is {server.name}'s source as well, so that no task would be left to annotate."
            findings.add("routing.gold", text, "Name a file of other tasks, whose answers are known.")
            return


def _check_aliases(roster: Roster, findings: Findings) -> None:
    """Whose answers those under a name are must be certain."""
    owners = {annotator.name: annotator.name for annotator in roster.annotators}
    for annotator in roster.annotators:
        for alias in annotator.aliases:
            owner = owners.setdefault(alias, annotator.name)
            if owner != annotator.name:
                text = f"{alias} is {'an annotator' if owner == alias else f'an alias of {owner}'} as well."
                findings.add("annotator.aliases", text, f"Leave it out at {annotator.name}.")


def _check_overlap(roster: Roster, where: str, wanted: Decimal | str, findings: Findings) -> None:
    for server in roster.servers:
        if server.open:
            text = f"{server.name} is open to whoever has the link, so {where} cannot be met there."
            remedy = f"Name the annotators of {server.name}, or leave annotations_per_task out."
            findings.add(server.where("annotators"), text, remedy)
    present = sum(not annotator.paused for annotator in roster.annotators)
    if isinstance(wanted, Decimal) and wanted > present:
        text = f"{wanted} answers per task are wanted of {present} {'annotator' if present == 1 else 'annotators'}."
        findings.add(where, text, "Tasks stay incomplete until more people are on the roster.", warning=True)
