"""What load.lua does, for machines without wrk: `python load.py HOST:PORT PATH CONNECTIONS BODIES COUNT`.

Slower than wrk, so that the faster of two servers looks less fast than it is.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

address, path, connections, bodies, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
host, port = address.split(":")
head = f"POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: ".encode()
lines = Path(bodies).read_bytes().splitlines()
requests = [head + b"%d\r\n\r\n" % len(line) + line for line in lines]
sent, answered, failed = 0, 0, 0


class Client(asyncio.Protocol):
    """One connection: the next request as soon as the reply is there."""

    def __init__(self, done: asyncio.Future[None]) -> None:
        self.done, self.heard, self.left = done, b"", -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first."""
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        """Send the next, if there is one."""
        global sent
        if sent < count:
            sent += 1
            self.transport.write(requests[(sent - 1) % len(requests)])  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        """Count a reply once it is whole."""
        global answered, failed
        self.heard += data
        end = self.heard.find(b"\r\n\r\n")
        if end < 0:
            return
        length = int(self.heard[:end].lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(self.heard) < end + 4 + length:
            return
        answered += 1
        failed += not self.heard.startswith(b"HTTP/1.1 200")
        self.heard = self.heard[end + 4 + length :]
        if answered == count:
            self.done.set_result(None)
        else:
            self.ask()


async def main() -> None:
    """Send them all."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    began = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: Client(done), host, int(port))
    await done
    print(f"LOAD {time.perf_counter() - began:.6f} {answered} {failed}")


asyncio.run(main())
