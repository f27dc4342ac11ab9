"""A bare posix_spawn loop: starts servers, waits until each listens, and leaves them running.

Reads a JSON list of {"command", "env", "cwd", "port", "log"} on its input and prints the list of pids.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time

servers = json.load(sys.stdin)
pids = []
for server in servers:
    os.chdir(server["cwd"])
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, server["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    pids.append(
        os.posix_spawn(server["command"][0], server["command"], server["env"], file_actions=actions, setsid=True)
    )
for server in servers:
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", server["port"])) == 0:
                break
        time.sleep(0.01)
print(json.dumps(pids), flush=True)
