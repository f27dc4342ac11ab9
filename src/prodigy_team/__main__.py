"""`python -m prodigy_team` is the command `prodigy-team`."""

from __future__ import annotations

from prodigy_team.cli.main import main

if __name__ == "__main__":
    main()
