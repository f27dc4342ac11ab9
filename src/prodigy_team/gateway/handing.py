"""Where the gateway sends a person whose server runs: on through itself, or to that server with a one-time token."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from prodigy_team.gateway.values import GatewaySettings, Place
from prodigy_team.roster.access import is_loopback
from prodigy_team.servers.secrets import hand_off_token, server_secret


def address_of(place: Place, annotator: str, settings: GatewaySettings) -> str:
    """What an annotator's browser opens; with hand_off = "redirect" it is good for one visit, within a minute."""
    if settings.hand_off != "redirect" or place.engine != "embedded":
        return f"{settings.url}/a/{annotator}/"
    token = hand_off_token(server_secret(settings.state, place.server), annotator, time.time())
    # A server that listens everywhere is reached from here on loopback, and by others as the gateway is.
    host = (urlsplit(settings.url).hostname if is_loopback(place.host) else place.host) or place.host
    return f"http://{f'[{host}]' if ':' in host else host}:{place.port}/?token={token}"
