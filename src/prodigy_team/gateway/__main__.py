"""`python -m prodigy_team.gateway ROSTER` is the gateway of a roster. `prodigy-team up` starts it so."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from prodigy_team.errors import TeamError


def main() -> int:
    """Serve until a signal ends it, or a successor takes over."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    from prodigy_team.gateway.serving import serve

    try:
        return serve(Path(sys.argv[1]), os.environ)
    except TeamError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
