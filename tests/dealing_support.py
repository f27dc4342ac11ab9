"""People who annotate on the servers of a team over REST, as their pages would, and what the database then holds."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import httpx

from team_support import Project


@dataclass
class Somebody:
    """One annotator's page: what it has, what it was told last.

    Attributes:
        queue: Tasks that were pulled and not answered.
        said: The last reply to a pull.
        screen: The load of the page, where it says what it shows.
    """

    name: str
    client: httpx.Client
    session: str
    screen: str | None = None
    queue: list[dict[str, Any]] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)

    def pull(self, *, shown: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
        """Ask for tasks, naming those at hand; the new ones."""
        body: dict[str, Any] = {"session_id": self.session, "held": [each["_task_hash"] for each in self.queue]}
        if self.screen is not None:
            body |= {"screen": self.screen, "shown": [each["_task_hash"] for each in shown]}
        reply = self.client.post("/get_session_questions", json=body)
        assert reply.status_code == 200, reply.text
        self.said = reply.json()
        self.skip(self.said)
        new: list[dict[str, Any]] = self.said["tasks"]
        self.queue += new
        return new

    def skip(self, reply: Mapping[str, Any]) -> None:
        """Let go of what is somebody else's now."""
        gone = set(reply.get("skip", ()))
        self.queue = [each for each in self.queue if each["_task_hash"] not in gone]

    def show(self) -> None:
        """Say that the first task at hand is on screen."""
        shown = [self.queue[0]["_task_hash"]]
        body = {"session_id": self.session, "screen": self.screen, "shown": shown}
        reply = self.client.post("/confirm_tasks", json=body)
        assert reply.status_code == 200, reply.text
        self.skip(reply.json())

    def give(self, count: int) -> int:
        """Answer so many of the tasks at hand."""
        tasks, self.queue = self.queue[:count], self.queue[count:]
        answers = [{**task, "answer": "accept", "_answer_id": f"{self.name}-{task['_task_hash']}"} for task in tasks]
        reply = self.client.post("/give_answers", json={"answers": answers, "session_id": self.session})
        assert reply.status_code == 200, reply.text
        self.said |= reply.json()
        return len(tasks)

    def work(self, most: int | None = None) -> int:
        """Pull and answer until nothing comes, or so many are answered."""
        done = 0
        while most is None or done < most:
            if not self.queue and not self.pull():
                break
            done += self.give(len(self.queue) if most is None else most - done)
        return done

    @property
    def waiting(self) -> dict[str, Any]:
        """Why the last pull gave nothing."""
        found: dict[str, Any] = self.said["waiting"]
        return found


class Crew:
    """Everybody of a team, with the addresses of their servers: one that all share, by name, or each their own."""

    def __init__(
        self, project: Project, names: Iterable[str] = (), *, shared: str | Mapping[str, str] | None = None
    ) -> None:
        self._project, self._shared = project, shared
        self._clients: list[httpx.Client] = []
        self.people: dict[str, Somebody] = {}
        self.find(names)

    def find(self, names: Iterable[str]) -> None:
        """Learn where the servers of these people are."""
        status = self._project.status()
        for name in names:
            shared = self._shared.get(name) if isinstance(self._shared, Mapping) else self._shared
            server = status[shared or name]
            url = server["url"].partition("?")[0]
            client = httpx.Client(
                base_url=url, timeout=60, trust_env=False, verify=False
            )  # reads no certificates: slow
            self._clients.append(client)
            self.people[name] = Somebody(name, client, f"{server['dataset']}-{name}")

    def __getitem__(self, name: str) -> Somebody:
        return self.people[name]

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for client in self._clients:
            client.close()


def given(project: Project) -> list[tuple[str, str]]:
    """(annotator, text) of every answer in the database."""
    query = (
        "SELECT CAST(content AS BLOB) FROM example JOIN link ON example.id = example_id "
        "JOIN dataset ON dataset.id = dataset_id WHERE dataset.session = 0"
    )
    with closing(sqlite3.connect(project.folder / "answers.db")) as connection:
        rows = [json.loads(content) for (content,) in connection.execute(query)]
    return [(row["_annotator_id"], row["text"]) for row in rows]


def answered(project: Project) -> Counter[str]:
    """How many different people answered each text; nobody the same one twice."""
    found = given(project)
    assert len(found) == len(set(found)), "somebody answered the same task twice"
    return Counter(text for _, text in found)


def tally(project: Project) -> dict[int, int]:
    """Number of answers -> how many texts have so many."""
    return dict(Counter(answered(project).values()))
