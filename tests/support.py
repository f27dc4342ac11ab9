"""What tests share: waiting for a condition, free ports, the shared data where it is at hand."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

Value = TypeVar("Value")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


def eventually(condition: Callable[[], Value], *, within: float = 5.0, message: str = "") -> Value:
    """Wait until a condition gives something true, and return that; fail after ``within`` seconds."""
    deadline = time.monotonic() + within
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"{message or 'condition'} not met within {within} s; last value: {value!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def free_ports(count: int) -> list[int]:
    """TCP ports on loopback that nobody listens on at the moment of asking."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def shared_data(name: str) -> Path:
    """A file of the real annotation data beside the project; the test is skipped where it is not at hand."""
    path = SHARED / "data" / name
    if not path.exists():
        pytest.skip(f"{name} is not at hand: the real annotation data is not part of the project")
    return path
