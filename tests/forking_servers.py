"""The program of the nursery: imports the engine once, then forks a server for each request.

Requests are `{"argv", "cwd", "env", "log"}`, one a line; each is answered with a pid. Nothing of the tests is imported.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prodigy_team.annotate.serve import serve
from prodigy_team.annotate.warm import warm
from prodigy_team.errors import TeamError


def main() -> int:
    """Fork for each request, until the input ends."""
    warm()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os._exit(serve_in_child(json.loads(line)))
        print(pid, flush=True)
    return 0


def serve_in_child(request: Mapping[str, Any]) -> int:
    """Take on the request's output, environment and directory, and serve."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    try:
        return serve(request["argv"], os.environ, Path(request["cwd"]))
    except TeamError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
