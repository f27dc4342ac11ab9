"""Starts servers one process each from an asyncio loop, waits until each answers HTTP, and leaves them running.

What a careful user would write in place of `prodigy-team up`. Reads a JSON list of {"command", "env", "cwd", "port",
"log"} on its input and prints the list of pids. It looks at the same pace as `up` does: after 10 ms, then at growing
intervals up to 100 ms.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.1


async def answers(port: int) -> bool:
    """Whether an HTTP answer below 500 comes from a port."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(f"GET /version HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        line = await reader.readline()
        return line.startswith(b"HTTP/") and int(line.split()[1]) < 500
    except (OSError, IndexError, ValueError):
        return False
    finally:
        writer.close()


async def start(server: dict[str, Any]) -> int:
    """Start one server; its pid."""
    with Path(server["log"]).open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *server["command"],
            env=server["env"],
            cwd=server["cwd"],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return process.pid


async def main() -> None:
    """Start all, then look at those that have not answered until none is left."""
    servers = json.load(sys.stdin)
    pids = await asyncio.gather(*(start(server) for server in servers))
    waiting, pause = [server["port"] for server in servers], FIRST_PAUSE
    while waiting:
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
        found = await asyncio.gather(*(answers(port) for port in waiting))
        waiting = [port for port, ready in zip(waiting, found, strict=True) if not ready]
    print(json.dumps(pids), flush=True)


asyncio.run(main())
