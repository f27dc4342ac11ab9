"""Answers survive kills, replays and a crowd, through servers that `up` started and brings back (S6, S7, S9)."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support import eventually
from team_support import Project, a_project, give, pull

PLACES = {"joe": 40, "jane": 110, "cy": 205}
POOL = '[[server]]\nname = "pool"\nannotators = ["joe", "jane", "cy"]\n'


@pytest.fixture(params=["own", pytest.param("shared", marks=pytest.mark.long)])
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Three people with 300 tasks each: a server each, or one for all with full overlap."""
    with a_project(tmp_path) as found:
        found.write_source(300)
        if request.param == "shared":
            found.write_roster(more=f"{POOL}[prodigy]\nfeed_overlap = true\nbatch_size = 10\n")
        else:
            found.write_roster(more="[prodigy]\nbatch_size = 10\n")
        found.run("up")
        yield found


class Person:
    """An annotator at a browser that stays open whatever the server does."""

    def __init__(self, team: Project, name: str) -> None:
        status = team.status()
        self.server = "pool" if "pool" in status else name
        self.session = f"headlines_{self.server}-{name}"
        self.client = httpx.Client(base_url=status[self.server]["url"], timeout=60, trust_env=False)
        self.done = 0

    def save(self, up_to: int) -> None:
        """Answer until so many are saved; each task must be the next one."""
        while self.done < up_to:
            tasks = pull(self.client, self.session)[: up_to - self.done]
            self.send(tasks)

    def send(self, tasks: list[dict[str, Any]]) -> None:
        """Save a batch."""
        assert [task["text"] for task in tasks] == [f"text {self.done + place}" for place in range(len(tasks))]
        assert give(self.client, tasks, self.session).status_code == 200
        self.done += len(tasks)


def rows(team: Project) -> list[tuple[str, str]]:
    """(session, text) of every answer."""
    query = (
        "SELECT json_extract(content, '$._session_id'), json_extract(content, '$.text') FROM example "
        "JOIN link ON example.id = example_id JOIN dataset ON dataset.id = dataset_id "
        "WHERE NOT session ORDER BY link.id"
    )
    with closing(sqlite3.connect(team.folder / "answers.db", timeout=60)) as connection:
        return list(connection.execute(query))


@pytest.mark.parametrize("kills", [6, pytest.param(20, marks=pytest.mark.long)])
def test_killed_again_and_again_nobody_loses_or_repeats_a_task(team: Project, kills: int) -> None:
    """S6: everybody goes on at the first task that was not saved."""
    chance = random.Random(66)
    with contextlib.ExitStack() as stack:
        people = {name: Person(team, name) for name in PLACES}
        for person in people.values():
            stack.enter_context(person.client)
        kill_and_go_on(team, people, chance, kills)
    stored = rows(team)
    assert len(stored) == 900
    for person in people.values():
        assert [text for session, text in stored if session == person.session] == [f"text {n}" for n in range(300)]


def kill_and_go_on(team: Project, people: dict[str, Person], chance: random.Random, kills: int) -> None:
    """So many kills, alone or all at once, brought back by `up` or as cron does it."""
    for name, place in PLACES.items():
        people[name].save(place)
    for number in range(kills):
        person = people[min(people, key=lambda name: people[name].done)]
        open_page = pull(person.client, person.session)
        team.kill(*(team.pids() if number % 5 == 0 else [person.server]))
        team.run("up", *([] if number % 4 == 0 else ["--revive", "--quiet"]), code=None)
        if team.status()[person.server]["state"] != "running":
            team.run("up", person.server)  # given up after five kills, as promised
        for each in people.values():
            if each.done < 300:
                assert pull(each.client, each.session)[0]["text"] == f"text {each.done}"
        person.send(open_page[: chance.randrange(1, 8)])  # the page that stayed open sends what it had
    for person in people.values():
        person.save(300)


def test_a_held_key_in_two_tabs_with_replays_makes_one_row_a_task(team: Project) -> None:
    """S7, of one person, through the server that `up` started."""
    person = Person(team, "joe")
    limit = 60

    def tab(sender: int) -> None:
        with httpx.Client(base_url=person.client.base_url, timeout=60, trust_env=False) as client:
            for count in range(1, 200):
                task = pull(client, person.session)[0]
                if int(task["text"].split()[1]) >= limit:
                    return
                answers = [{**task, "answer": "accept", "_answer_id": str(uuid4())}]
                body = {"session_id": person.session, "answers": answers}
                first = client.post("/give_answers", json=body).status_code
                assert first in (200, 409)
                if (count + sender) % 7 == 0 and first == 200:
                    assert client.post("/give_answers", json=body).status_code == 200

    tabs = [threading.Thread(target=tab, args=(number,)) for number in range(2)]
    for each in tabs:
        each.start()
    for each in tabs:
        each.join()
    person.client.close()
    texts = [text for _, text in rows(team) if int(text.split()[1]) < limit]
    assert sorted(texts) == sorted(f"text {number}" for number in range(limit))


@pytest.mark.alone
def test_eight_servers_on_one_file_with_a_long_reader(tmp_path: Path) -> None:
    """S9: 8 servers, 40 saves of 10 answers each; none is lost and none takes over 2 seconds."""
    names = tuple(f"p{number}" for number in range(1, 9))
    with a_project(tmp_path) as team:
        team.write_source(400)
        with (team.folder / "source.jsonl").open("w") as file:
            file.writelines(f'{{"text": "text {number} {"x" * 1900}"}}\n' for number in range(400))
        team.write_roster(names, more="[prodigy]\nbatch_size = 10\n")
        team.run("up")
        urls = {name: each["url"] for name, each in team.status().items()}
        slowest: dict[str, float] = {}
        failures: list[int] = []

        def save_all(name: str) -> None:
            with httpx.Client(base_url=urls[name], timeout=30, trust_env=False) as client:
                for _ in range(40):
                    tasks = pull(client)
                    assert len(tasks) == 10
                    began = time.monotonic()
                    status = give(client, tasks).status_code
                    slowest[name] = max(slowest.get(name, 0.0), time.monotonic() - began)
                    if status != 200:
                        failures.append(status)

        savers = [threading.Thread(target=save_all, args=(name,)) for name in names]
        eventually((team.folder / "answers.db").exists)
        with closing(sqlite3.connect(team.folder / "answers.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM link").fetchone()  # a snapshot, held while everybody saves
            for each in savers:
                each.start()
            for each in savers:
                each.join()
            reader.execute("COMMIT")
        print({name: round(seconds, 2) for name, seconds in slowest.items()})
        assert failures == []
        assert max(slowest.values()) < 2.0
        assert {each["answers"] for each in team.status().values()} == {400}
        assert len(rows(team)) == 3200
        assert len(set(rows(team))) == 3200
