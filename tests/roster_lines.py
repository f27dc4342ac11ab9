"""Lines of rosters that tests put together, for the folder and the `load` of tests/unit/conftest.py."""

from __future__ import annotations

from collections.abc import Callable

from prodigy_team.roster import Roster

Load = Callable[[str], Roster]
"""Loads a roster from its text."""

TASK = '[task]\nrecipe = "ner.manual"\nmodel = "blank:en"\nsource = "headlines.jsonl"\nlabels = ["A", "B"]\n'
ANA = '[[annotator]]\nname = "ana"\n'
JANE = '[[annotator]]\nname = "jane"\n'
JOE = '[[annotator]]\nname = "joe"\n'
POOL = '[[server]]\nname = "pool"\nannotators = ["ana", "bob"]\n'
