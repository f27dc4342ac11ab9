"""People at the page of a fed Prodigy, over REST, and what the ledger says of them at each moment."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx

from prodigy_team.allocation.ledger import PoolState, Snapshot
from prodigy_team.servers import alive
from team_support import Project


class Reader:
    """Somebody at Prodigy's page: each batch comes once, and is answered or lost."""

    def __init__(self, project: Project, name: str) -> None:
        self.project, self.name = project, name
        [entry] = project.status(name).values()
        url, self.session = entry["url"].partition("?")[0], f"{entry['dataset']}-{name}"
        self.client = httpx.Client(base_url=url, timeout=60, trust_env=False)
        self.had, self.answered = touched_by(project, name), pool(project).answered(name)

    def close(self) -> None:
        """Let go."""
        self.client.close()

    def pull(self) -> list[dict[str, Any]]:
        """The next batch."""
        reply = self.client.post("/get_session_questions", json={"session_id": self.session})
        assert reply.status_code == 200, reply.text
        tasks: list[dict[str, Any]] = reply.json()["tasks"]
        return tasks

    def give(self, tasks: list[dict[str, Any]]) -> None:
        """Answer them."""
        body = {"answers": [{**task, "answer": "accept"} for task in tasks]}
        assert self.client.post("/give_answers", json=body).status_code == 200

    def work(self) -> int:
        """Answer until the page says that there are no tasks; what is leased is looked at after each step."""
        done = 0
        while tasks := self.pull():
            self.check()
            self.give(tasks)
            done += len(tasks)
            self.check()
        return done

    def taken(self) -> int:
        """How many tasks this start of the server has read."""
        return int(self.client.get("/version").json()["taken"])

    def check(self) -> None:
        """At no time is more than one task leased beyond those that were taken."""
        touched = touched_by(self.project, self.name)
        taken = self.taken()  # after the look at the ledger: meanwhile the reader may only have gone on
        assert touched <= max(self.had, self.answered + taken + 1)


def pool(project: Project) -> PoolState:
    """The ledger at this moment."""
    with Snapshot(project.state / "ledger.db") as snapshot:
        [name] = snapshot.pools()
        found = snapshot.pool(name)
    assert found is not None
    return found


def touched_by(project: Project, name: str) -> int:
    """How many tasks somebody has answered or holds, as far as the ledger knows."""
    state = pool(project)
    number = state.members[name].number
    return sum(each.tasks for each in state.buckets if each.people >> number & 1)


def in_turns(*readers: Reader) -> int:
    """Let everybody pull and answer in turns until all have come to the end; how many tasks they did together."""
    going, done = list(readers), 0
    while going:
        for each in list(going):
            tasks = each.pull()
            each.check()
            each.give(tasks)
            done += len(tasks)
            if not tasks:
                going.remove(each)
    return done


@contextlib.contextmanager
def reading(project: Project, name: str) -> Iterator[Reader]:
    """Somebody at their page."""
    with closing(Reader(project, name)) as reader:
        yield reader


def ended(project: Project, name: str) -> bool:
    """Whether the server's stream has ended, which it may be writing down at this moment."""
    return "ended" in alive.read(project.state / "servers" / f"{name}.alive")
