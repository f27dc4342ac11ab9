"""Three people's answers with conflicts, corrections and known tasks: what is merged in S13 and exported in S14."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from counting_support import Team, stored

SPAN = {"start": 0, "end": 4, "label": "A"}
OTHER = {"start": 0, "end": 4, "label": "B"}
JOE, JANE, CY, SESSION = "headlines_joe", "headlines_jane", "headlines_cy", "headlines_joe-joe"
PEOPLE = (JOE, JANE, CY)


def begin(team: Team, *, annotations_per_task: int = 2) -> None:
    """joe has 800 tasks and 10 of them again, jane 500 of which 300 are joe's, cy 100 known ones."""
    known = [{"text": f"known {n}", "spans": [SPAN], "answer": "accept"} for n in range(100)]
    (team.folder / "gold.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in known))
    routing = f'annotations_per_task = {annotations_per_task}\ngold = "gold.jsonl"\ngold_rate = 0.1'
    team.write(("joe", "jane", "cy"), tasks=1000, routing=routing)
    team.run("ledger", "rebuild")
    put(team, "joe", range(800), session=SESSION)
    put(team, "joe", range(700, 710), session=SESSION, spans=[])
    put(team, "jane", range(45), spans=[OTHER])
    put(team, "jane", range(45, 57), answer="reject")
    put(team, "jane", range(57, 65), answer="ignore")
    put(team, "jane", [*range(65, 300), *range(800, 1000)])
    put(team, "cy", [{"text": line["text"]} for line in known])


def put(team: Team, name: str, tasks: Any, *, session: str = "", **more: Any) -> None:
    """Answers in one transaction."""
    more = {"_view_id": "ner_manual", "answer": "accept", "spans": [SPAN], **more}
    answers = [stored(f"headlines_{name}", name, each, more) for each in tasks]
    answers = [replace(each, sessions=(session,) if session else ()) for each in answers]
    with team.store() as store:
        store.ensure_dataset(f"headlines_{name}", team="headlines")
        assert store.append(f"headlines_{name}", [answers])
