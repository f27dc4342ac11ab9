"""The key that the gateway and the servers of one state folder share, and what each server expects to be shown."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import os
import secrets
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from prodigy_team.errors import TeamError

KEY_FILE = "gateway.key"
KEY_BYTES = 32
SECRET_HEADER = b"x-prodigy-team-secret"
"""Carries a server's secret; in lower case, as ASGI has it."""
SESSION_HEADER = b"x-prodigy-team-session"
"""Carries the annotator's name."""
HAND_OFF = 60.0
"""Seconds for which a hand-off's token may be used, once."""

_TAG = 16  # bytes of a signature that are sent along


def team_key(state: Path) -> bytes:
    """The key of a state folder, 32 random bytes in a file for its owner alone; made by whoever asks first.

    Raises:
        OSError: It can be neither read nor made.
        TeamError: It is not whole; whoever knows what is left of it could sign as the gateway.
    """
    path = state / KEY_FILE
    with contextlib.suppress(FileNotFoundError):
        return _read_key(path)
    made = path.with_name(f".{KEY_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    made.touch(0o600)
    try:
        with made.open("wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the name without the content
        with contextlib.suppress(FileExistsError):
            os.link(made, path)
    finally:
        made.unlink()
    return _read_key(path)


def _read_key(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise TeamError(
            f"The gateway's key {path} is damaged: it has {len(key)} bytes and not {KEY_BYTES}.",
            remedy="prodigy-team stop, delete that file, then: prodigy-team up. People log in anew.",
        )
    return key


def server_secret(state: Path, name: str) -> str:
    """What a request must carry to be the gateway's, 64 hexadecimal digits, another for each server."""
    return hmac.new(team_key(state), b"server\0" + name.encode(), sha256).hexdigest()


def metrics_token(state: Path) -> str:
    """What a program must show to read the gateway's figures, 64 hexadecimal digits."""
    return hmac.new(team_key(state), b"metrics", sha256).hexdigest()


@dataclass(frozen=True)
class Pass:
    """What a signed text says.

    Attributes:
        name: Of the annotator.
        issued: Unix seconds, to the millisecond.
        nonce: No two have the same.
    """

    name: str
    issued: float
    nonce: str


def hand_off_token(secret: str, name: str, now: float) -> str:
    """A token for an address: whoever shows it to the server of this secret is let in once as this annotator.

    Args:
        now: Unix seconds; it is good for ``HAND_OFF``.
    """
    return _sign(secret, b"token", name, now)


def read_hand_off(secret: str, token: str, *, now: float, since: float) -> Pass | None:
    """What a token of ``hand_off_token`` says; None for one that is forged, too old, or older than its reader.

    Whether it was used before is for the reader to know, and a reader started anew cannot: so none of before counts.

    Args:
        since: Unix seconds when the reader began to remember nonces.
    """
    found = _read(secret, b"token", token)
    return found if found and max(since, now - HAND_OFF) <= found.issued <= now else None


def login_cookie(secret: str, name: str, now: float) -> str:
    """What a browser is given for a token: it shows to this server alone who they are."""
    return _sign(secret, b"cookie", name, now)


def read_login_cookie(secret: str, cookie: str, *, now: float, length: float) -> Pass | None:
    """What a cookie of ``login_cookie`` says; None for one that is forged or older than ``length`` seconds."""
    found = _read(secret, b"cookie", cookie)
    return found if found and now - length <= found.issued <= now else None


def _sign(secret: str, purpose: bytes, name: str, now: float) -> str:
    content = f"{int(now * 1000)}.{secrets.token_hex(8)}.{name}".encode()
    return base64.urlsafe_b64encode(_tag(secret, purpose, content) + content).decode().rstrip("=")


def _read(secret: str, purpose: bytes, text: str) -> Pass | None:
    try:
        signed = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    tag, content = signed[:_TAG], signed[_TAG:]
    if not hmac.compare_digest(tag, _tag(secret, purpose, content)):
        return None
    issued, nonce, name = content.decode().split(".", 2)
    return Pass(name, int(issued) / 1000, nonce)


def _tag(secret: str, purpose: bytes, content: bytes) -> bytes:
    return hmac.new(secret.encode(), purpose + b"\0" + content, sha256).digest()[:_TAG]
