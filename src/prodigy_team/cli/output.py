"""Writing to the two streams, and asking on a terminal."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TextIO

from prodigy_team.errors import TeamError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

_roster: Path | None = None
"""The roster that the command line named, unless it is the one that is read anyway."""


def prepare() -> None:
    """Let a name that the terminal's encoding lacks be shown escaped, not end the command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def close() -> OSError | None:
    """Write out what is buffered; what the system said against it. That a reader has gone is no matter."""
    refused = None
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            _send_nowhere(stream)
        except OSError as error:
            refused = error
            _send_nowhere(stream)
        except ValueError:
            pass
    return refused


def _send_nowhere(stream: TextIO) -> None:
    """The interpreter flushes once more at its end; that must not complain either."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def refusal_lines(error: OSError) -> list[str]:
    """What the system refused, in two lines; of what is printed it names no file."""
    what = "" if error.filename is None else f"{error.filename}: "
    remedies = {
        errno.ENOSPC: "Make room, then run the command again.",
        errno.EDQUOT: "Make room, then run the command again.",
        errno.EACCES: "Run as the user who ran `up`, or give this one the right to read it.",
        errno.EPERM: "Run as the user who ran `up`, or give this one the right to change it.",
        errno.EROFS: "It lies on a file system that cannot be written: choose another place.",
    }
    said = f"{what}{error.strerror or error}."
    return [said, *filter(None, [remedies.get(error.errno or 0)])]


@contextlib.contextmanager
def errors_told() -> Iterator[None]:
    """Let a problem become two lines on stderr and its exit code, an interruption the exit code 130."""
    try:
        yield
    except TeamError as error:
        tell(error_lines(error))
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def say(lines: Iterable[str]) -> None:
    """Print results, on stdout."""
    for line in lines:
        print(typeable(line))


def tell(lines: Iterable[str]) -> None:
    """Print everything that is no result, on stderr."""
    for line in lines:
        print(typeable(line), file=sys.stderr)


def name_roster(path: Path | None) -> None:
    """Take note of the roster that the command line named, if it did: the commands printed from now on name it too."""
    global _roster
    usual = os.environ.get("PRODIGY_TEAM_ROSTER") or "team.toml"
    _roster = None if path is None or str(path) == usual else path


def typeable(line: str) -> str:
    """A line whose commands can be typed as they stand: with the roster, where this command was told another one."""
    if _roster is None or "prodigy-team " not in line:
        return line
    import re
    import shlex

    from prodigy_team.cli.commands import NAMES

    start = f"prodigy-team -f {shlex.quote(str(_roster))} "
    return re.sub(rf"\bprodigy-team (?=(?:{'|'.join(NAMES)})\b)", lambda _: start, line)


def show_json(value: Any) -> None:
    """Print one JSON object, on stdout."""
    import json

    print(json.dumps(value, ensure_ascii=False, indent=2))


def error_lines(error: TeamError) -> list[str]:
    """What happened, then what to do; several problems each on a line of their own."""
    problems = getattr(error, "problems", ())
    if problems:
        # A roster's problems name their places; the error's own message would only count them.
        file = getattr(error, "path", None)
        name = getattr(file, "name", None) or "team.toml"
        return [problem_line(each, name) for each in problems]
    return [line for line in (error.message, error.remedy) if line]


def problem_line(problem: Any, file: str) -> str:
    """`team.toml: annotator[1].port: what is wrong. What to do.`"""
    where = f"{file}: {problem.where}: " if problem.where else f"{file}: "
    return f"{where}{problem.text} {problem.remedy}".rstrip()


def on_terminal() -> bool:
    """Whether a question can be asked and answered."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, *, default: str = "") -> str:
    """Ask for a line on the terminal; the question goes to stderr."""
    shown = f" [{default}]" if default else ""
    print(f"{question}{shown}: ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        raise UsageError("The input ended before the question was answered.")
    return line.strip() or default


def confirm(question: str) -> bool:
    """Ask yes or no on the terminal; anything but yes is no."""
    return ask(f"{question} [y/N]").lower() in {"y", "yes"}


def confirmer() -> Callable[[str], bool] | None:
    """`confirm` where there is a terminal to ask on, else None."""
    return confirm if on_terminal() else None


def machine_name() -> str:
    """The name by which other machines may reach this one."""
    import socket

    return socket.gethostname()
