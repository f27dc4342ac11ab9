"""``python -m prodigy RECIPE DATASET …``: records how it was started, misbehaves where a test asks for it, and serves.

Asked by environment: STANDIN_RECORD (file to append a JSON line to at each start), STANDIN_FAIL (exit code, after a
traceback), STANDIN_SLOW (seconds before the port is bound), STANDIN_STUBBORN (1: a child process that ignores INT and
TERM inherits the listening socket), STANDIN_RUNAWAY (1: a child process in a session of its own, with none of the
server's files open), STANDIN_SAVE_SECONDS (how long each save takes), STANDIN_SAVE_GATE (a FIFO: each save waits until
somebody has opened and closed it for writing).
"""

from __future__ import annotations

import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from prodigy import __version__
from prodigy_team import settings
from prodigy_team.annotate.context import ServerContext, read_context

_STUBBORN = """
import signal, time
for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, signal.SIG_IGN)
print("stubborn", flush=True)
time.sleep(600)
"""
_LIKE = {"ner.teach": "ner.manual", "ner.correct": "ner.manual", "spans.correct": "spans.manual"}
_LIKE |= {"textcat.teach": "textcat.manual", "textcat.correct": "textcat.manual"}


def main(argv: Sequence[str]) -> int:
    """Run one recipe, or print statistics."""
    if argv[:1] == ["stats"]:
        return _stats(os.environ)
    _record(argv, os.environ)
    if code := os.environ.get("STANDIN_FAIL"):
        return _fail(int(code))
    _announce(argv, os.environ)
    if os.environ.get("STANDIN_RUNAWAY"):
        _start_runaway()
    time.sleep(float(os.environ.get("STANDIN_SLOW", "0")))
    return _serve(_known(argv))


def _record(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    """One line a start; a single short write to a file opened for appending is never torn."""
    if path := environ.get("STANDIN_RECORD"):
        seen = {name: value for name, value in environ.items() if name.startswith("PRODIGY_")}
        line = json.dumps({"argv": list(argv), "environ": seen, "cwd": str(Path.cwd()), "pid": os.getpid()}) + "\n"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(descriptor, line.encode())
        os.close(descriptor)


def _fail(code: int) -> int:
    """What a missing model looks like in a log."""
    import traceback

    try:
        raise OSError("[E050] Can't find model 'en_core_web_md'.")
    except OSError:
        traceback.print_exc()
    return code


def _announce(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    """The lines that come before the web server's own, as a Prodigy of version 1.18 prints them."""
    if environ.get("PRODIGY_LOGGING"):
        now = time.strftime("%H:%M:%S")
        print(f"{now}: RECIPE: Calling recipe '{argv[0]}'", file=sys.stderr)
        print(f"{now}: CONTROLLER: Initialising from recipe", file=sys.stderr)
        print(f'{now}: CORS: initialized with wildcard "*" CORS origins', file=sys.stderr)


def _known(argv: Sequence[str]) -> list[str]:
    """The command line as the embedded engine can serve it: no recipe file, no model in the loop."""
    words = list(argv)
    if "-F" in words:
        place = words.index("-F")
        del words[place : place + 2]
    return [_LIKE.get(words[0], words[0]), *words[1:]]


def _without_gateway() -> ServerContext | None:
    """What the roster knows of this server; Prodigy knows no gateway's secret, only basic authentication."""
    context = read_context(os.environ)
    return replace(context, gateway=False) if context else None


def _serve(argv: Sequence[str]) -> int:
    if "-" in argv:
        from prodigy.piped import serve_piped

        return serve_piped(argv, os.environ)
    from prodigy_team.annotate import serve as engine
    from prodigy_team.annotate import settling
    from prodigy_team.errors import TeamError

    if seconds := float(os.environ.get("STANDIN_SAVE_SECONDS", "0")):
        _slow_down(settling, lambda: time.sleep(seconds))
    if gate := os.environ.get("STANDIN_SAVE_GATE"):
        _slow_down(settling, Path(gate).read_bytes)
    listener = _shared_listener() if os.environ.get("STANDIN_STUBBORN") else None
    try:
        return engine.serve(argv, os.environ, Path.cwd(), listener=listener, server=_without_gateway())
    except TeamError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _slow_down(engine: Any, wait: Callable[[], object]) -> None:
    """Let the engine write to a store whose commits take long."""
    open_store = engine.open_store

    class SlowStore:
        def __init__(self, store: Any) -> None:
            self._store = store

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

        def append(self, *args: Any, **kwargs: Any) -> Any:
            wait()
            return self._store.append(*args, **kwargs)

    engine.open_store = lambda *args, **kwargs: SlowStore(open_store(*args, **kwargs))


def _shared_listener() -> socket.socket:
    """A bound socket, which a child that cannot be interrupted holds as well."""
    found = settings.read_settings(os.environ, Path.cwd())
    listener = socket.create_server((str(found["host"]), int(found["port"])), backlog=128)
    command = [sys.executable, "-c", _STUBBORN]
    child = subprocess.Popen(command, pass_fds=[listener.fileno()], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()  # from now on it ignores what it is sent
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    return listener


def _start_runaway() -> None:
    """A recipe's own helper that outlives the server and its process group."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    child.returncode = 0  # nobody waits for it: no ResourceWarning


def _stats(environ: Mapping[str, str]) -> int:
    """The table by which an installation tells its version and home."""
    rows = {
        "Version": __version__,
        "Location": str(Path(__file__).parent),
        "Prodigy Home": str(settings.prodigy_home(environ)),
        "Platform": platform.platform(),
        "Python Version": platform.python_version(),
        "Database Name": "SQLite",
        "Database Id": "sqlite",
        "Total Datasets": "0",
        "Total Sessions": "0",
    }
    print("\n============================== ✨  Prodigy Stats ==============================\n")
    for name, value in rows.items():
        print(f"{name:<18} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
