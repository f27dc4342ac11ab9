"""`import` and `erase` beside servers that run."""

from __future__ import annotations

import json

from prodigy_team.tasks import with_hashes
from team_support import Project, annotate_all, pull


def test_what_is_imported_is_not_asked_and_a_running_server_is_not_erased_under(project: Project) -> None:
    """A stream that goes on leaves it out; the person's server has to be stopped first, others' not."""
    project.write_source(30)
    rows = [{**with_hashes({"text": f"text {n}"}), "answer": "accept", "_session_id": "old-joe"} for n in range(20, 30)]
    (project.folder / "old.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    project.run("up", "joe", "jane")
    with project.client("joe") as client:
        pull(client)
        assert project.json("import", "old.jsonl")["imported"] == 10
        assert annotate_all(client) == 20
    done = project.run("erase", "joe", "--yes", code=1)
    assert "joe runs" in done.stderr
    assert "prodigy-team stop joe" in done.stderr
    assert project.status()["joe"]["answers"] == 30

    project.run("stop", "joe")
    told = project.json("erase", "joe", "--yes")
    assert told["answers"] == 30
    assert any(each.endswith("joe.log") for each in told["files"])
    assert project.states()["jane"] == "running"
    project.run("up", "joe")
    with project.client("joe") as client:
        assert annotate_all(client) == 30
