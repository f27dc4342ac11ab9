"""``python -m prodigy_team.annotate RECIPE DATASET …`` stands where ``python -m prodigy RECIPE DATASET …`` would."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from prodigy_team.annotate.arguments import describe_recipes
from prodigy_team.errors import TeamError


def main(argv: Sequence[str]) -> int:
    """Run a recipe until it is stopped; without one, list those there are. Returns the exit code."""
    if not argv or argv[0] in ("-h", "--help"):
        print(describe_recipes())
        return 0
    try:
        # The server's imports take longer than all of the above, and a list of recipes needs none of them.
        from prodigy_team.annotate.serve import serve

        return serve(argv, os.environ, Path.cwd())
    except TeamError as error:
        print(*filter(None, (error.message, error.remedy)), sep="\n", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
