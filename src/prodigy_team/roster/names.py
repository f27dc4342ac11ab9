"""Who is on the roster and which servers that makes: names, their rules, and who annotates where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prodigy_team.roster.findings import NAME, NAME_RULE, Findings
from prodigy_team.roster.resolve import Entry
from prodigy_team.roster.schema import AnnotatorTable, EntryTable, ServerTable, Tables, TaskTable

SERVER_KEYS = frozenset(TaskTable.types()) | {"host", "port"}


def plan_entries(tables: Tables, findings: Findings) -> list[Entry]:
    """The servers a roster asks for, in its order: one for each annotator who is in no [[server]], then those."""
    _check_names(tables, findings)
    housed = {name for server in tables.servers for name in server.annotators or ()}
    return [*_own_servers(tables, housed, findings), *_shared_servers(tables)]


def _own_servers(tables: Tables, housed: set[str], findings: Findings) -> Iterator[Entry]:
    for place, table in enumerate(tables.annotators):
        prefix = f"annotator[{place}]"
        own = _server_keys(table)
        if table.name in housed:
            for key in own:
                text = f"{table.name} annotates on a [[server]] and has no server of their own."
                findings.add(f"{prefix}.{key}", text, f"Move {key} to that [[server]].")
        elif table.name and NAME.fullmatch(table.name):
            yield Entry(table.name, (table.name,), False, prefix, own)


def _shared_servers(tables: Tables) -> Iterator[Entry]:
    for place, table in enumerate(tables.servers):
        if table.name and NAME.fullmatch(table.name):
            annotators = tuple(dict.fromkeys(table.annotators or ()))
            yield Entry(table.name, annotators, True, f"server[{place}]", _server_keys(table))


def _server_keys(table: EntryTable) -> dict[str, Any]:
    return {key: value for key, value in table.given_values().items() if key in SERVER_KEYS}


def _check_names(tables: Tables, findings: Findings) -> None:
    _check_team(tables, findings)
    if not tables.annotators and not tables.servers and not {"annotator", "server"} & findings.faulty:
        findings.add("annotator", "The roster names nobody.", 'Write [[annotator]], and below it name = "joe".')
    for where, name in _every_name(tables):
        _check_name(where, name, findings)
    _check_unique(tables, findings)
    for place, server in enumerate(tables.servers):
        _check_members(f"server[{place}]", server, findings)
    if tables.routing is None:
        _check_unrouted(tables, findings)


def _check_unrouted(tables: Tables, findings: Findings) -> None:
    for place, table in enumerate(tables.annotators):
        for key in ("limit", "share", "only"):
            if key in table.given:
                text = f"{key} has no effect without [routing]."
                findings.add(f"annotator[{place}].{key}", text, "Add [routing], or leave it out.", warning=True)


def _check_team(tables: Tables, findings: Findings) -> None:
    if tables.team.name is None:
        findings.add("team.name", "The team has no name.", 'Write [team], and below it name = "headlines".')
    elif not NAME.fullmatch(tables.team.name):
        text = f'"{tables.team.name}" is unfit for the names of datasets and files.'
        findings.add("team.name", text, NAME_RULE)


def _every_name(tables: Tables) -> Iterator[tuple[str, str | None]]:
    """Every place where a person or server is named."""
    for kind, entries in (("annotator", tables.annotators), ("server", tables.servers), ("manager", tables.managers)):
        for place, table in enumerate(entries):
            yield f"{kind}[{place}].name", getattr(table, "name", None)
    for place, server in enumerate(tables.servers):
        for index, name in enumerate(server.annotators or ()):
            yield f"server[{place}].annotators[{index}]", name


def _check_name(where: str, name: str | None, findings: Findings) -> None:
    if name is None:
        findings.add(where, "The name is missing.", 'Write name = "joe".')
    elif not NAME.fullmatch(name):
        findings.add(where, f'"{name}" is unfit for a file or a web address.', NAME_RULE)
    elif name.lower() == "gateway":
        findings.add(where, f"{name} is reserved for the gateway.", "Choose another name.")


def _check_unique(tables: Tables, findings: Findings) -> None:
    """People among themselves, then servers against people, who give their own servers their names."""
    seen: dict[str, tuple[str, str]] = {}
    for place, table in enumerate(tables.annotators):
        _check_new(f"annotator[{place}].name", table, seen, findings)
    members = {name.lower(): name for server in tables.servers for name in server.annotators or ()}
    _check_spelling(tables, seen, findings)
    for place, server in enumerate(tables.servers):
        own = {name.lower() for name in server.annotators or ()}
        taken = {**members, **{key: name for key, (_, name) in seen.items()}}
        for key in own:
            taken.pop(key, None)
        if server.name and server.name.lower() in taken:
            text = f"{server.name} is the name of an annotator who is not on this server."
            findings.add(f"server[{place}].name", text, "Give the server another name.")
    servers: dict[str, tuple[str, str]] = {}
    for place, server in enumerate(tables.servers):
        _check_new(f"server[{place}].name", server, servers, findings)


def _check_new(
    where: str, table: AnnotatorTable | ServerTable, seen: dict[str, tuple[str, str]], findings: Findings
) -> None:
    if not table.name:
        return
    before, name = seen.setdefault(table.name.lower(), (where, table.name))
    if before == where:
        return
    same = name == table.name
    text = (
        f"{name} is there already ({before})." if same else f"{table.name} and {name} ({before}) differ only in case."
    )
    findings.add(where, text, "Give one of them another name.")


def _check_spelling(tables: Tables, seen: dict[str, tuple[str, str]], findings: Findings) -> None:
    """A name in a [[server]] must be spelled as everywhere else: Joe and joe would be two people."""
    spelled = dict(seen)
    for place, server in enumerate(tables.servers):
        for index, name in enumerate(server.annotators or ()):
            where = f"server[{place}].annotators[{index}]"
            before, other = spelled.setdefault(name.lower(), (where, name))
            if other != name:
                findings.add(where, f"{name} and {other} ({before}) differ only in case.", "Spell them alike.")


def _check_members(where: str, server: ServerTable, findings: Findings) -> None:
    names = server.annotators
    if names is not None and not names:
        remedy = "Name them, or leave the key out: then whoever has the link may annotate."
        findings.add(f"{where}.annotators", "The list is empty.", remedy)
    for index, name in enumerate(names or ()):
        if name in (names or ())[:index]:
            findings.add(f"{where}.annotators[{index}]", f"{name} is there twice.", "Take one away.")
