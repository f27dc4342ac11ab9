"""Which tasks a session gets, from real servers: own ones first, nobody's twice, and what a restart frees."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from embedded import EmbeddedServer, ForkedServer, answer, served, write_jsonl


def mark(folder: Path, count: int = 60, *, dataset: str = "ds") -> list[str]:
    """The command line of a recipe over so many texts."""
    source = write_jsonl(folder / "source.jsonl", ({"text": f"text {number}"} for number in range(count)))
    return ["mark", dataset, str(source), "--view-id", "text"]


def settings(**values: Any) -> str:
    """Settings that beat all others."""
    return json.dumps(values)


def numbers(reply: dict[str, Any]) -> list[int]:
    """Which texts a reply holds."""
    return [int(task["text"].split()[1]) for task in reply["tasks"]]


def browser(server: EmbeddedServer, path: str = "/") -> httpx.Client:
    """A client that opened the page, and keeps its cookie."""
    client = httpx.Client(base_url=str(server.client.base_url), trust_env=False, timeout=60)
    assert client.get(path).status_code == 200
    return client


def test_a_pull_gives_own_open_tasks_again_without_those_held(tmp_path: Path) -> None:
    with served(tmp_path, mark(tmp_path)) as server:
        first = server.pull("ds-ana")
        assert numbers(first) == list(range(10))
        assert server.pull("ds-ana")["tasks"] == first["tasks"]
        held = [task["_task_hash"] for task in first["tasks"]]
        assert numbers(server.pull("ds-ana", held=held[2:])) == [0, 1, *range(10, 18)]
        server.give([answer(first["tasks"][3])], "ds-ana")
        assert numbers(server.pull("ds-ana")) == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10]


def test_without_overlap_each_task_goes_to_one_person_and_stays_theirs_over_a_restart(tmp_path: Path) -> None:
    with served(tmp_path, mark(tmp_path, 30)) as server:
        ana, bob = server.pull("ds-ana"), server.pull("ds-bob")
        assert (numbers(ana), numbers(bob)) == (list(range(10)), list(range(10, 20)))
        server.give([answer(ana["tasks"][0]), answer(ana["tasks"][1])], "ds-ana")
        assert numbers(server.pull("ds-ana")) == [*range(2, 10), 20, 21]
        server.kill()
        server.start()
        assert numbers(server.pull("ds-bob")) == list(range(10, 20))
        assert numbers(server.pull("ds-ana")) == [*range(2, 10), 20, 21]
        assert numbers(server.pull("ds-cy")) == list(range(22, 30))


def test_with_overlap_everybody_gets_everything(tmp_path: Path) -> None:
    overrides = settings(feed_overlap=True, batch_size=4)
    with served(tmp_path, mark(tmp_path, 6), PRODIGY_CONFIG_OVERRIDES=overrides) as server:
        for session in ("ds-ana", "ds-bob"):
            got: list[int] = []
            while tasks := server.pull(session)["tasks"]:
                got += [int(task["text"].split()[1]) for task in tasks]
                server.give([answer(task) for task in tasks], session)
            assert got == list(range(6))
        assert len(server.stored("ds")) == 12
        assert server.pull("ds-ana")["progress"] == 1.0


def test_three_browsers_on_one_address_get_different_tasks(tmp_path: Path) -> None:
    with served(tmp_path, mark(tmp_path)) as server:
        clients = [browser(server) for _ in range(3)]
        try:
            got = [numbers(each.post("/get_session_questions", json={}).json()) for each in clients]
            again = [numbers(each.post("/get_session_questions", json={}).json()) for each in clients]
            page = clients[0].get("/")
        finally:
            for each in clients:
                each.close()
    assert got == [list(range(10)), list(range(10, 20)), list(range(20, 30))]
    assert again == got
    assert "set-cookie" not in page.headers  # it has one already


def test_a_restart_gives_a_browser_without_a_name_its_tasks_again(tmp_path: Path) -> None:
    """Whoever it was is not known any more, so what it had must not wait for a lease to run out."""
    with served(tmp_path, mark(tmp_path, 30)) as server:
        client = browser(server)
        try:
            first = client.post("/get_session_questions", json={}).json()
            client.post("/give_answers", json={"answers": [answer(task) for task in first["tasks"][:2]]})
            server.kill()
            server.start()
            again = client.post("/get_session_questions", json={}).json()
        finally:
            client.close()
    assert numbers(again) == list(range(2, 12))


def test_an_idle_tab_without_a_name_keeps_only_what_it_shows(tmp_path: Path) -> None:
    with served(tmp_path, mark(tmp_path, 12)) as server:
        idle, busy = browser(server), browser(server)
        try:
            tasks = idle.post("/get_session_questions", json={}).json()["tasks"]
            body = {"screen": "any", "shown": [tasks[0]["_task_hash"]]}
            assert idle.post("/confirm_tasks", json=body).json()["skip"] == []
            done: list[int] = []
            while (reply := busy.post("/get_session_questions", json={}).json())["tasks"]:
                done += numbers(reply)
                busy.post("/give_answers", json={"answers": [answer(task) for task in reply["tasks"]]})
            held = [task["_task_hash"] for task in tasks]
            told = idle.post("/get_session_questions", json={"screen": "any", "held": held}).json()
        finally:
            idle.close()
            busy.close()
    assert sorted(done) == list(range(1, 12))
    assert reply["elsewhere"][0]["tasks"] == 1
    assert sorted(told["skip"]) == sorted(held[1:])


def test_so_many_answers_a_task_are_exact_on_a_shared_server_too(tmp_path: Path) -> None:
    """Prodigy's own setting, carried out by leases."""
    overrides = settings(annotations_per_task=1.5, batch_size=4)
    env = {"PRODIGY_CONFIG_OVERRIDES": overrides, "PRODIGY_ALLOWED_SESSIONS": "ana,bob"}
    with served(tmp_path, mark(tmp_path, 20), **env) as server:
        done = {"ds-ana": 0, "ds-bob": 0}
        for session in ("ds-ana", "ds-bob"):
            while tasks := (reply := server.pull(session))["tasks"]:
                server.give([answer(task) for task in tasks], session)
                done[session] += len(tasks)
            assert reply["progress"] == 1.0
        assert done == {"ds-ana": 20, "ds-bob": 10}
        assert server.pull("ds-ana")["waiting"]["others"] == 0


def test_nothing_is_taken_over_where_the_settings_forbid_it(tmp_path: Path) -> None:
    overrides = settings(allow_work_stealing=False, batch_size=6)
    with served(tmp_path, mark(tmp_path, 12), PRODIGY_CONFIG_OVERRIDES=overrides) as server:
        tasks = server.pull("ds-ana", screen="one")["tasks"]
        shown = {"session_id": "ds-ana", "screen": "one", "shown": [tasks[0]["_task_hash"]]}
        server.client.post("/confirm_tasks", json=shown)
        server.give([answer(task) for task in server.pull("ds-bob")["tasks"]], "ds-bob")
        reply = server.pull("ds-bob")
        assert reply["tasks"] == []
        assert reply["waiting"]["held"] == [{"session": "ana", "tasks": 6, "until": None}]


def test_a_source_edited_while_it_is_asked_is_read_anew(tmp_path: Path) -> None:
    argv = mark(tmp_path, 12)
    with served(tmp_path, argv, PRODIGY_CONFIG_OVERRIDES=settings(batch_size=2)) as server:
        server.give([answer(task) for task in server.pull("ds-ana")["tasks"]], "ds-ana")
        write_jsonl(tmp_path / "source.jsonl", ({"text": f"text {number}"} for number in range(20, 0, -1)))
        open_ones = server.pull("ds-ana")
        assert numbers(open_ones) == [2, 3]  # hers before she knew
        server.give([answer(task) for task in open_ones["tasks"]], "ds-ana")
        assert numbers(server.pull("ds-ana")) == [20, 19]


def test_each_takeover_is_logged_with_task_and_names(tmp_path: Path) -> None:
    with served(tmp_path, mark(tmp_path, 2), PRODIGY_LOGGING="basic") as server:
        tasks = server.pull("ds-ana", screen="one")["tasks"]
        hashes = [task["_task_hash"] for task in tasks]
        server.client.post("/confirm_tasks", json={"session_id": "ds-ana", "screen": "one", "shown": hashes[:1]})
        assert [task["_task_hash"] for task in server.pull("ds-bob")["tasks"]] == hashes[1:]
        assert f"ROUTING: bob takes over task {hashes[1]} from ana" in server.log.read_text()


def test_the_cookie_is_kept_from_scripts_and_names_nobody(tmp_path: Path) -> None:
    with served(tmp_path, mark(tmp_path)) as server:
        cookie = server.client.get("/").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite" in cookie
    assert "Path" not in cookie  # below a proxy's prefix it is for that prefix


def test_a_client_that_cannot_be_told_apart_gets_the_next_batch_each_time(tmp_path: Path) -> None:
    with served(tmp_path, mark(tmp_path, 25)) as server:
        got = [numbers(server.client.get("/get_questions").json()) for _ in range(4)]
    assert got == [list(range(10)), list(range(10, 20)), list(range(20, 25)), []]


def test_force_stream_order_gives_such_a_client_the_same_until_answered(tmp_path: Path) -> None:
    with served(tmp_path, mark(tmp_path), PRODIGY_CONFIG_OVERRIDES=settings(force_stream_order=True)) as server:
        first = server.client.get("/get_questions").json()
        assert server.client.get("/get_questions").json() == first
        server.give([answer(task) for task in first["tasks"]])
        assert numbers(server.client.get("/get_questions").json()) == list(range(10, 20))


def test_the_session_without_a_name_is_the_time_of_the_start(tmp_path: Path) -> None:
    with served(tmp_path, mark(tmp_path)) as server:
        reply = server.pull()
        server.give([answer(reply["tasks"][0])])
        [row] = server.stored("ds")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d", reply["session_id"])
    assert row["_session_id"] == row["_annotator_id"] == reply["session_id"]
    assert "_session_id" not in reply["tasks"][0]


def test_a_page_of_before_a_restart_can_still_send_its_answers(tmp_path: Path) -> None:
    with served(tmp_path, mark(tmp_path)) as server:
        task = server.pull()["tasks"][0]
        assert server.give([answer(task, _answer_id="a")], "2020-01-31_10-00-00").status_code == 200
        assert server.stored("2020-01-31_10-00-00")[0]["_session_id"] == "2020-01-31_10-00-00"


def test_sessions_that_are_not_allowed_are_refused_everywhere(tmp_path: Path) -> None:
    with served(tmp_path, mark(tmp_path), PRODIGY_ALLOWED_SESSIONS="ana,bob") as server:
        assert len(server.pull("ds-bob")["tasks"]) == 10
        task = server.pull("ds-ana")["tasks"][0]
        refused = [
            server.client.post("/get_session_questions", json={"session_id": "ds-eve"}),
            server.client.post("/get_session_questions", json={}),
            server.client.get("/get_questions"),
            server.client.get("/?session=eve"),
            server.client.get("/"),
            server.client.get("/project/ds-eve"),
            server.client.post("/end_session", json={"session_id": "ds-eve"}),
            server.give([answer(task)], "ds-eve"),
            server.give([answer({**task, "_session_id": "ds-eve"})]),
        ]
        assert {reply.status_code for reply in refused} == {403}
        assert "not one of this server's" in refused[0].json()["detail"]
        assert "ana, bob" in refused[1].json()["detail"]
        assert server.client.get("/?session=ana").status_code == 200
        assert server.stored("ds") == []


def test_with_one_allowed_session_the_bare_address_is_that_session(tmp_path: Path) -> None:
    with served(tmp_path, mark(tmp_path), PRODIGY_ALLOWED_SESSIONS="ana") as server:
        reply = server.client.get("/get_questions").json()
        assert reply["session_id"] == "ds-ana"
        assert server.pull()["tasks"] == reply["tasks"] == server.pull("ds-ana")["tasks"]
        server.give([answer(reply["tasks"][0])])
        assert server.stored("ds-ana")[0]["_annotator_id"] == "ds-ana"
        assert server.client.get("/").status_code == 200
        assert server.give([answer({**reply["tasks"][1], "_session_id": "ds-eve"})]).status_code == 403


def test_names_that_cannot_be_sessions_are_refused(tmp_path: Path) -> None:
    with served(tmp_path, mark(tmp_path)) as server:
        for name in ("ds-a\nb", "ds-\0", "ds-" + "x" * 200, "ds-"):
            assert server.client.post("/get_session_questions", json={"session_id": name}).status_code == 403
        assert server.pull("ds-Zoë O'Neil")["session_id"] == "ds-Zoë O'Neil"


def test_answered_tasks_are_asked_again_where_the_settings_say_so(tmp_path: Path) -> None:
    argv = [*mark(tmp_path, 3)]
    with served(tmp_path, argv) as server:
        first, second, _ = server.pull("ds-ana")["tasks"]
        server.give([answer(first, _answer_id="one"), answer(second)], "ds-ana")
    again = ForkedServer(tmp_path, argv, env={"PRODIGY_CONFIG_OVERRIDES": settings(auto_exclude_current=False)})
    try:
        tasks = again.start().pull("ds-ana")["tasks"]
        assert [task.get("_replaces") for task in tasks] == ["one", None, None]
        replies = [
            again.give([answer(task, "reject", _answer_id=f"new{place}")], "ds-ana") for place, task in enumerate(tasks)
        ]
        assert [reply.status_code for reply in replies] == [200, 200, 200]
        assert [row["answer"] for row in again.stored("ds")] == ["accept", "accept", "reject", "reject", "reject"]
        assert again.pull("ds-ana")["tasks"] == []
    finally:
        again.close()


def test_progress_is_measured_by_the_target_if_there_is_one(tmp_path: Path) -> None:
    with served(tmp_path, mark(tmp_path, 20), PRODIGY_CONFIG_OVERRIDES=settings(total_examples_target=40)) as server:
        reply = server.pull("ds-ana")
        assert (reply["progress"], reply["total"]) == (0.0, 0)
        given = server.give([answer(task) for task in reply["tasks"]], "ds-ana").json()
        assert (given["progress"], given["total"]) == (0.25, 10)


def test_exclude_by_input_asks_each_text_once(tmp_path: Path) -> None:
    tasks = [{"text": "same", "label": "A"}, {"text": "same", "label": "B"}, {"text": "other", "label": "A"}]
    source = write_jsonl(tmp_path / "source.jsonl", tasks)
    argv = ["mark", "ds", str(source), "--view-id", "classification"]
    for by, expected in (("task", 3), ("input", 2)):
        folder = tmp_path / by
        folder.mkdir()
        with served(folder, argv, PRODIGY_CONFIG_OVERRIDES=settings(exclude_by=by)) as server:
            assert len(server.pull("ds-ana")["tasks"]) == expected


def test_what_other_datasets_hold_is_excluded(tmp_path: Path) -> None:
    argv = mark(tmp_path, 12)
    with served(tmp_path, argv) as server:
        server.give([answer(task) for task in server.pull("ds-ana")["tasks"][:9]], "ds-ana")
    argv[1] = "other"
    with served(tmp_path, [*argv, "--exclude", "ds,missing"]) as server:
        assert numbers(server.pull("other-bob")) == [9, 10, 11]


@pytest.mark.alone
def test_a_long_run_of_answered_tasks_is_passed_at_once(tmp_path: Path) -> None:
    """The first task behind 5,000 answered ones comes well under the seconds that a look at each would take."""
    argv = mark(tmp_path, 6_000)
    with served(tmp_path, argv, PRODIGY_CONFIG_OVERRIDES=settings(batch_size=1000)) as server:
        for _ in range(5):
            tasks = server.pull("ds-ana")["tasks"]
            server.give([answer(task) for task in tasks], "ds-ana")
    with served(tmp_path, argv) as server:
        started = time.monotonic()
        reply = server.pull("ds-ana")
        assert numbers(reply)[0] == 5_000
        assert time.monotonic() - started < 2
        assert reply["total"] == 5_000
