"""Whether a roster's range has a port for each of its servers."""

from __future__ import annotations

from prodigy_team.roster.values import Roster


def missing_ports(roster: Roster) -> tuple[str, str] | None:
    """What is wrong with a range of too few ports, and what to do; None where there are enough."""
    fixed = {server.port for server in roster.servers if server.port is not None}
    if roster.gateway:
        fixed.add(roster.gateway["port"])
    wanted = sum(server.port is None for server in roster.servers)
    free = len([port for port in roster.ports if port not in fixed])
    if wanted <= free:
        return None
    shown = f"{roster.ports.start}-{roster.ports.stop - 1}"
    last = roster.ports.stop - 1 + wanted - free
    remedy = f'Write ports = "{roster.ports.start}-{last}".' if last <= 65535 else "Begin the range lower."
    return f"{shown} has {free} free {'port' if free == 1 else 'ports'} for {wanted} servers.", remedy
