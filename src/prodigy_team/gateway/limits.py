"""How much one client may take of the gateway."""

from __future__ import annotations

from dataclasses import dataclass

OTHER_FILES = 128
"""Files that the gateway has open besides connections: databases, logs, pipes to what it starts."""


@dataclass(frozen=True)
class Limits:
    """Bounds; bytes and seconds.

    Attributes:
        body: Of a request.
        target: Path and query of a request.
        head: All header lines of a request together.
        headers: How many of these there may be.
        handshake_seconds: From a connection's start until it speaks TLS.
        head_seconds: From a connection's start, or a request's first byte, until its head has come.
        body_seconds: What a body may take in any case; beyond that it must have come at ``body_rate`` bytes a second.
        blocked_seconds: How long a client may leave what it is sent lying; some 50 KB move meanwhile, or it is cut off.
        connect_seconds: Until a server takes a connection.
        reply_seconds: From the whole request to a server's first byte, and from each of its parts to the next.
        page_wait: How long a page is held back while its server starts, before another says so.
        data_wait: How long a page's program is, which asks again anyway.
        connections: From everybody together.
        connections_each: From one address, or of version 6 one household's 64 bits, but for trusted proxies and this
            machine.
    """

    body: int = 50 * 1024 * 1024
    target: int = 8 * 1024
    head: int = 32 * 1024
    headers: int = 100
    handshake_seconds: float = 10
    head_seconds: float = 15
    body_seconds: float = 60
    body_rate: float = 8 * 1024
    blocked_seconds: float = 60
    connect_seconds: float = 5
    reply_seconds: float = 120
    page_wait: float = 0.5
    data_wait: float = 2
    connections: int = 4096
    connections_each: int = 1024

    @classmethod
    def within(cls, files: int) -> Limits:
        """The bounds of a process that may have so many files open: each client may need a server's connection too."""
        most = max(1, (files - OTHER_FILES) // 2)
        return cls(connections=min(cls.connections, most), connections_each=min(cls.connections_each, -(-most // 2)))
