"""1,000 inputs of which two people marked spans in 300 both, with conflicts of every kind: a team that has answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from databases import add_as_prodigy, make_prodigy_database
from prodigy_team.settings import Database
from prodigy_team.store import open_store
from prodigy_team.tasks import with_hashes
from prodigy_team.tokens import OWN

TEAM = "news"
DIFFERENT_SPANS, DIFFERENT_VERDICT, ONE_IGNORED = 45, 12, 8
"""Of the inputs that joe and jane both answered: the first so many, those behind them, and those behind these."""

_ROSTER = f"""
[team]
name = "{TEAM}"
engine = "embedded"
database = "answers.db"
[task]
recipe = "ner.manual"
model = "blank:en"
source = "source.jsonl"
labels = ["ORG", "PLACE"]
[[annotator]]
name = "joe"
[[annotator]]
name = "jane"
"""


def text(number: int) -> str:
    """An input: an organisation and a place."""
    return f"Company{number} opens its  office {number} in Town{number}"


def answer(number: int, who: str, *, label: str = "PLACE", verdict: str = "accept") -> dict[str, Any]:
    """Somebody's answer to one input, as `ner.manual` stores it."""
    shown = text(number)
    tokens = OWN(shown)
    spans = [
        {"start": tokens[at]["start"], "end": tokens[at]["end"], "token_start": at, "token_end": at, "label": name}
        for at, name in ((0, "ORG"), (len(tokens) - 1, label))
    ]
    more = {"_view_id": "ner_manual", "_annotator_id": f"{TEAM}_{who}-{who}", "_session_id": f"{TEAM}_{who}-{who}"}
    task = with_hashes({"text": shown, "meta": {"doc_id": number // 50}})
    return {**task, "tokens": tokens, "spans": spans, "answer": verdict, "_timestamp": 1_700_000_000 + number, **more}


def joes() -> Iterator[dict[str, Any]]:
    """The first 800, and the first 10 of them once more, differently."""
    yield from (answer(number, "joe", label="ORG" if number < 10 else "PLACE") for number in range(800))
    yield from (answer(number, "joe") for number in range(10))


def janes() -> Iterator[dict[str, Any]]:
    """The last 500: of the 300 that joe has too, 45 differ in spans, 12 in the verdict, and 8 she ignored."""
    for number in range(500, 1000):
        place = number - 500
        if place < DIFFERENT_SPANS:
            yield answer(number, "jane", label="ORG")
        elif place < DIFFERENT_SPANS + DIFFERENT_VERDICT:
            yield answer(number, "jane", verdict="reject")
        elif place < DIFFERENT_SPANS + DIFFERENT_VERDICT + ONE_IGNORED:
            yield answer(number, "jane", verdict="ignore")
        else:
            yield answer(number, "jane")


def make_team(folder: Path) -> Path:
    """Roster, source and database; joe's session repeats his rows. Returns the database's path."""
    (folder / "team.toml").write_text(_ROSTER, encoding="utf-8")
    lines = (json.dumps({"text": text(number), "meta": {"doc_id": number // 50}}) for number in range(1000))
    (folder / "source.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    path = make_prodigy_database(folder / "answers.db")
    add_answers(path, "joe", joes())
    add_answers(path, "jane", janes())
    return path


def add_answers(path: Path, who: str, answers: Iterator[dict[str, Any]]) -> None:
    """Save answers as Prodigy does, with those of a session, and enter the dataset as the team's."""
    contents = (json.dumps(each, ensure_ascii=False, separators=(",", ":")).encode() for each in answers)
    add_as_prodigy(path, f"{TEAM}_{who}", contents, session=f"{TEAM}_{who}-{who}")
    store = open_store(Database("sqlite", path, "test"), write=True)
    try:
        store.ensure_dataset(f"{TEAM}_{who}", team=TEAM)
    finally:
        store.close()
