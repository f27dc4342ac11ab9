"""The front door: a command line is read, carried out, and ends with its exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from prodigy_team.cli import output, quick


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line and return its exit code."""
    if os.name == "nt":
        output.tell(["prodigy-team does not run on Windows itself.", "Use WSL: wsl --install, then install it there."])
        return 2
    output.prepare()
    code: object = None
    refused: OSError | None = None
    try:
        code = _carried_out(arguments)
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:  # before the command began
        code = 130
    except BrokenPipeError:
        code = 1
    except OSError as found:  # a full disk, somebody else's file: for a person to put right, wherever it showed
        refused = found
    unwritten = output.close()
    if error := refused or unwritten:
        output.tell(output.refusal_lines(error))
        return 1
    return code if isinstance(code, int) else int(code is not None)


def _carried_out(arguments: Sequence[str]) -> int:
    call = quick.read(arguments, os.environ)
    if call is not None:
        with output.errors_told():
            return quick.carry_out(call)
    from prodigy_team.cli.parser import app

    app(args=list(arguments), prog_name="prodigy-team")
    return 0


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))
