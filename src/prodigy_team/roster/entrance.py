"""What must hold of [gateway] and of those who log in there."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from prodigy_team.presence import is_file
from prodigy_team.roster.access import is_loopback
from prodigy_team.roster.findings import Findings, parse_seconds
from prodigy_team.roster.paths import resolve_path
from prodigy_team.roster.values import Roster

_PART = re.compile(r"[A-Za-z0-9._~-]+")
_HEADER = re.compile(r"[A-Za-z0-9-]+")
_TAKEN_HEADERS = re.compile(
    r"(?i)cookie|host|authorization|connection|content-.*|x-forwarded-(for|proto|host|port|prefix)|x-prodigy-team-.*"
)
_OIDC_KEYS = ("issuer", "client_id", "client_secret_file")


def check_entrance(roster: Roster, environ: Mapping[str, str], findings: Findings) -> None:
    """Report what is wrong in [gateway], and with the people who may log in."""
    _check_people(roster, findings)
    table = roster.gateway
    if table is None:
        return
    _check_base_path(table["base_path"], findings)
    _check_public_url(table, findings)
    for key in ("idle_stop", "session_length"):
        if parse_seconds(table[key]) is None:
            findings.add(f"gateway.{key}", f'"{table[key]}" is no duration.', 'Write "30m", "90s" or "12h".')
    _check_proxies(table, findings)
    _check_tls(roster, table, environ, findings)
    _check_header(table, findings)
    _check_oidc(roster, table, environ, findings)


def _check_people(roster: Roster, findings: Findings) -> None:
    """A manager may be an annotator too, but then under one spelling, for a login does not tell Joe from joe."""
    spelled = {annotator.name.lower(): annotator.name for annotator in roster.annotators}
    managers: dict[str, str] = {}
    for place, manager in enumerate(roster.managers):
        name, where = str(manager.get("name") or ""), f"manager[{place}].name"
        other = spelled.get(name.lower(), name)
        if other != name:
            findings.add(where, f"{name} and the annotator {other} differ only in case.", "Spell them alike.")
        elif name and name.lower() in managers:
            findings.add(where, f"{name} is there already ({managers[name.lower()]}).", "Take one away.")
        managers.setdefault(name.lower(), where)
    _check_logins(roster, findings)


def _check_logins(roster: Roster, findings: Findings) -> None:
    """A login is one person's; with a provider, a name without a login is one as well."""
    people: list[tuple[str, str | None, str]] = [
        *((each.name, each.login, "annotator.login") for each in roster.annotators),
        *((str(each.get("name")), each.get("login"), "manager.login") for each in roster.managers),
    ]
    told = {name for name, login, _ in people if login}
    by_name = roster.gateway is not None and roster.gateway["auth"] == "oidc"
    owners = {name.lower(): name for name, _, _ in people if by_name and name not in told}
    for name, login, where in people:
        owner = owners.setdefault(login.lower(), name) if login else name
        if owner != name:
            findings.add(where, f"{login} is both {owner}'s and {name}'s.", "Give each their own.")


def _check_base_path(value: str, findings: Findings) -> None:
    parts = [part for part in value.split("/") if part]
    fit = all(_PART.fullmatch(part) and part not in (".", "..") for part in parts)
    if not fit or not value.startswith("/") or "//" in value:
        findings.add("gateway.base_path", f'"{value}" is no path to put before others.', 'Write "/" or "/annotate".')


def _check_public_url(table: Mapping[str, Any], findings: Findings) -> None:
    value = table["public_url"]
    if value is None:
        return
    where, address = "gateway.public_url", _split(value)
    if address.scheme not in ("http", "https") or not address.hostname or address.query or address.fragment:
        findings.add(where, f'"{value}" is no web address.', 'Write "https://annotate.example.org".')
    elif address.path.rstrip("/") != table["base_path"].rstrip("/"):
        text = f"{value} does not end in the base_path {table['base_path']}."
        findings.add(where, text, "Write the same path in both: a proxy in front passes it on as it is.")


def _check_proxies(table: Mapping[str, Any], findings: Findings) -> None:
    for place, value in enumerate(table["trusted_proxies"]):
        where = f"gateway.trusted_proxies[{place}]"
        try:
            network = ipaddress.ip_network(value)
        except ValueError:
            findings.add(where, f'"{value}" is no address and no network.', 'Write "127.0.0.1" or "10.0.0.0/8".')
            continue
        if network.prefixlen == 0:
            text = f"{value} is everybody, so that anybody could say who they are and where they come from."
            findings.add(where, text, "Name the address that the proxy's requests come from.")


def _check_tls(roster: Roster, table: Mapping[str, Any], environ: Mapping[str, str], findings: Findings) -> None:
    pair = {key: table[key] for key in ("tls_certificate", "tls_key")}
    for key, value in pair.items():
        other = next(each for each in pair if each != key)
        if value is None:
            if pair[other] is not None:
                findings.add(
                    f"gateway.{other}", f"{other} says nothing without {key}.", f"Name both files, or none: {key}."
                )
        else:
            _check_file(roster, key, value, environ, findings)
    if table["tls_certificate"] is not None and str(table["public_url"] or "").startswith("http:"):
        text = "With tls_certificate people come by https, whatever stands in front."
        findings.add("gateway.public_url", text, 'Begin it with "https://".')
    if table["tls_certificate"] is None and not table["trusted_proxies"] and not is_loopback(table["host"]):
        text = f"The gateway on {table['host']} speaks plain HTTP: passwords and texts can be read on the way."
        remedy = "Set tls_certificate and tls_key, or put a proxy with TLS in front and name it in trusted_proxies."
        findings.add("gateway.host", text, remedy, warning=True)


def _check_file(roster: Roster, key: str, value: str, environ: Mapping[str, str], findings: Findings) -> Path:
    path = resolve_path(value, roster.path.parent, environ)
    if not value or not is_file(path):
        findings.add(f"gateway.{key}", f"There is no file {path}.", "Correct the name.")
    return path


def _check_header(table: Mapping[str, Any], findings: Findings) -> None:
    if table["auth"] != "header":
        _refuse_keys(table, {"header": "X-Remote-User"}, "header", findings)
        return
    name = table["header"]
    if not _HEADER.fullmatch(name) or _TAKEN_HEADERS.fullmatch(name):
        findings.add("gateway.header", f'"{name}" is no header to carry a name.', 'Write "X-Remote-User".')
    if not table["trusted_proxies"]:
        text = 'auth = "header" lets nobody in: no proxy is trusted to say who somebody is.'
        findings.add("gateway.trusted_proxies", text, "Name the address that the proxy's requests come from.")


def _check_oidc(roster: Roster, table: Mapping[str, Any], environ: Mapping[str, str], findings: Findings) -> None:
    if table["auth"] != "oidc":
        _refuse_keys(table, {**dict.fromkeys(_OIDC_KEYS), "claim": "email"}, "oidc", findings)
        for kind, people in (("annotator", roster.annotators), ("manager", roster.managers)):
            if any(each.get("login") if isinstance(each, Mapping) else each.login for each in people):
                text = 'login has no effect without auth = "oidc" in [gateway].'
                findings.add(f"{kind}.login", text, "Leave it out.", warning=True)
        return
    for key in _OIDC_KEYS[:2]:
        if not table[key]:
            findings.add(
                f"gateway.{key}", f'auth = "oidc" needs {key}.', "The provider's registration of this client says it."
            )
    _check_issuer(table["issuer"], findings)
    if table["client_secret_file"] is not None:
        path = _check_file(roster, "client_secret_file", table["client_secret_file"], environ, findings)
        if is_file(path) and path.stat().st_mode & 0o077:
            findings.add(
                "gateway.client_secret_file", f"{path} can be read by others.", f"chmod 600 {path}", warning=True
            )


def _check_issuer(value: str | None, findings: Findings) -> None:
    address = _split(value or "https://issuer")
    if address.scheme != "https" and not (address.scheme == "http" and is_loopback(address.hostname or "")):
        text = f'"{value}" is no https:// address: what it says of people could be changed on the way.'
        findings.add("gateway.issuer", text, 'Write "https://login.example.org", as the provider spells it.')


def _refuse_keys(table: Mapping[str, Any], defaults: Mapping[str, Any], auth: str, findings: Findings) -> None:
    for key, default in defaults.items():
        if table[key] != default:
            findings.add(
                f"gateway.{key}",
                f'{key} has no effect without auth = "{auth}".',
                f'Leave it out, or set auth = "{auth}".',
            )


def _split(value: str) -> SplitResult:
    try:
        return urlsplit(value)
    except ValueError:
        return urlsplit("")
