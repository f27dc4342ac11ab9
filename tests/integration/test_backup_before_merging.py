"""A merge that changes the database makes a backup first, once, and only where there is something to change."""

from __future__ import annotations

from counting_support import Team, team

__all__ = ["team"]


def backups(team: Team) -> list[str]:
    """Names of the backups there are, oldest first."""
    folder = team.folder / ".prodigy-team" / "backups"
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.exists() else []


def test_a_merge_backs_up_what_it_is_about_to_change(team: Team) -> None:
    team.write(("joe", "jane"), tasks=4, routing=None)
    team.answer("joe", 0, 1)
    team.run("merge", "--dry-run")
    team.run("merge", "--no-backup")
    team.run("merge", "--into", str(team.folder / "gold.jsonl"))
    assert backups(team) == []

    team.answer("jane", 2)
    team.run("merge")
    (made,) = backups(team)
    assert made.endswith("Z-merge")
    assert "nothing to do" in team.run("merge").lower()
    assert backups(team) == [made]
