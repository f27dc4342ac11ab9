"""A bare posix_spawn loop: starts servers, waits until each listens, and leaves them running.

Reads a JSON list of {"command", "env", "cwd", "port", "log"} on its input and prints the list of pids. With a number as
its argument no more than so many are starting at a time: the next is started as soon as one of them listens.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time

PAUSE = 0.01


def spawn(server: dict) -> int:
    """Start one server; its pid."""
    os.chdir(server["cwd"])
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, server["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(server["command"][0], server["command"], server["env"], file_actions=actions, setsid=True)


def listens(server: dict) -> bool:
    """Whether somebody accepts connections on its port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", server["port"])) == 0


queue = json.load(sys.stdin)
at_once = int(sys.argv[1]) if len(sys.argv) > 1 else len(queue)
pids, starting = [], []
while queue or starting:
    while queue and len(starting) < at_once:
        starting.append(queue.pop(0))
        pids.append(spawn(starting[-1]))
    starting = [server for server in starting if not listens(server)]
    if len(starting) == at_once or not queue:
        time.sleep(PAUSE if starting else 0)
print(json.dumps(pids), flush=True)
