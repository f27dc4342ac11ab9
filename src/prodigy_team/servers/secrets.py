"""The key that the gateway and the servers of one state folder share, and what each server expects to be shown."""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path

KEY_FILE = "gateway.key"
KEY_BYTES = 32


def team_key(state: Path) -> bytes:
    """The key of a state folder, 32 random bytes in a file for its owner alone; made by whoever asks first.

    Raises:
        OSError: It can be neither read nor made.
    """
    path = state / KEY_FILE
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    made = path.with_name(f".{KEY_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    made.touch(0o600)
    try:
        made.write_bytes(secrets.token_bytes(KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(made, path)
    finally:
        made.unlink()
    return path.read_bytes()


def server_secret(state: Path, name: str) -> str:
    """What a request must carry to be the gateway's, 64 hexadecimal digits, another for each server."""
    return hmac.new(team_key(state), b"server\0" + name.encode(), sha256).hexdigest()
