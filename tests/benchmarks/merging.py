"""Part b: merge with majority, against the same question to SQLite (json_extract) and to DuckDB.

DuckDB reads SQLite files with an extension: `pip install duckdb==1.5.5 duckdb-extensions==1.5.5
duckdb-extension-sqlite-scanner==1.5.5` in an environment whose Python $DUCKDB_PYTHON names; without it, it is left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from answered import Project, Ran, measure
from measuring import PROGRAMS, Figure, middle, ratios

_SQL = """
    WITH votes AS (
        SELECT example.task_hash AS task, json_extract(CAST(content AS TEXT), '$.answer') AS answer
        FROM link JOIN example ON example.id = link.example_id
    ), counted AS (
        SELECT task, answer, count(*) AS votes, sum(count(*)) OVER (PARTITION BY task) AS of_all,
               row_number() OVER (PARTITION BY task ORDER BY count(*) DESC, answer) AS place
        FROM votes WHERE answer <> 'ignore' GROUP BY task, answer
    )
    SELECT task, answer, votes, of_all FROM counted WHERE place = 1 AND 2 * votes > of_all ORDER BY task
"""


def by_majority(project: Project, rounds: int) -> Iterator[Figure]:
    """One row per task: ours with the whole rows and who said what, theirs hash, answer and number of votes."""
    duckdb = os.environ.get("DUCKDB_PYTHON")
    if duckdb is None:
        print("b   DuckDB is left out: $DUCKDB_PYTHON names no interpreter that has it", flush=True)
    gold, told, other = (project.folder / name for name in ("gold.jsonl", "sql.csv", "duckdb.csv"))
    turns = {
        "counting": project.command("merge", "--on-conflict", "majority", "--dry-run", "--into", str(gold), "--json"),
        "ours": project.command("merge", "--on-conflict", "majority", "--into", str(gold), "--json"),
        "sql": ["sqlite3", "-csv", str(project.database), _SQL],
    }
    if duckdb is not None:
        turns["duckdb"] = [duckdb, str(PROGRAMS / "majority_duckdb.py"), str(project.database), str(other)]
    ran: dict[str, list[Ran]] = {name: [] for name in turns}
    for number in range(rounds + 1):
        for name, command in turns.items() if number % 2 else reversed(turns.items()):
            gold.unlink(missing_ok=True)
            each = measure(command, project.env, told if name == "sql" else None)
            if name == "ours" and number == 0:
                rows = _ours(gold)
            ran[name] += [each] if number else []
        if number == 0:
            _compare(rows, told, other if duckdb else None)
    yield from _figures(ran)


def _figures(ran: dict[str, list[Ran]]) -> Iterator[Figure]:
    seconds = {name: [each.seconds for each in found] for name, found in ran.items()}
    cpu = {name: [each.cpu for each in found] for name, found in ran.items()}
    note = f"{middle(seconds['ours'])} against {middle(seconds['sql'])}"
    yield Figure(
        "b", "merge by majority / json_extract in SQLite", ratios(seconds["ours"], seconds["sql"]), 0.5, note=note
    )
    note = middle(seconds["counting"])
    yield Figure("b", "the same, counts only", ratios(seconds["counting"], seconds["sql"]), 0.5, note=note)
    if "duckdb" in ran:
        note = f"{middle(cpu['ours'])} against {middle(cpu['duckdb'])}"
        yield Figure("b", "merge, processor time / DuckDB", ratios(cpu["ours"], cpu["duckdb"]), 1.25, note=note)
        note = middle(cpu["counting"])
        yield Figure("b", "the same, counts only", ratios(cpu["counting"], cpu["duckdb"]), 1.25, note=note)
    yield Figure("b", "most memory of merge, MB", tuple(each.peak_mb for each in ran["ours"]), 200)


def _ours(gold: Path) -> dict[str, str]:
    with gold.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return {str(row["_task_hash"]): row["answer"] for row in rows}


def _compare(rows: dict[str, str], told: Path, other: Path | None) -> None:
    """All must say the same of every hash that no two tasks share; which do, ours alone tells."""
    for path in filter(None, (told, other)):
        lines = (line.split(",") for line in path.read_text(encoding="utf-8").split())
        theirs = {task: answer for task, answer, *_ in lines}
        different = {task for task in rows.keys() | theirs if rows.get(task) != theirs.get(task)}
        if len(different) > len(rows) / 1000:
            raise SystemExit(f"{len(different)} of {len(rows)} tasks differ between merge and {path.name}")
        print(
            f"b   {len(rows)} tasks; {len(different)} differ from {path.name}, whose hashes several share", flush=True
        )
