"""No answer is lost, doubled or mixed: what is acknowledged is stored, once, under its owner, as the client sent it."""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from embedded import EmbeddedServer, ForkedServer, answer, served, write_jsonl


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    source = write_jsonl(tmp_path / "source.jsonl", ({"text": f"text {number}"} for number in range(60)))
    with served(tmp_path, ["mark", "ds", str(source), "--view-id", "text"]) as running:
        yield running


def test_held_key_two_tabs_and_replayed_requests_make_one_row_a_task(server: EmbeddedServer) -> None:
    """S7: 60 tasks, two clients of one session at once, every 7th request sent twice."""
    statuses: set[int] = set()
    replayed: list[tuple[int, int]] = []

    def annotate(sender: int) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=60) as client:
            for count in range(1, 200):
                pulled = client.post("/get_session_questions", json={"session_id": "ds-ana"}).json()["tasks"]
                if not pulled:
                    return
                body = {"session_id": "ds-ana", "answers": [answer(pulled[0], _answer_id=str(uuid4()))]}
                first = client.post("/give_answers", json=body).status_code
                statuses.add(first)
                if (count + sender) % 7 == 0:
                    replayed.append((first, client.post("/give_answers", json=body).status_code))

    tabs = [threading.Thread(target=annotate, args=(number,)) for number in range(2)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()

    rows = server.stored("ds")
    assert len(rows) == 60
    assert sorted(int(row["text"].split()[1]) for row in rows) == list(range(60))
    assert statuses <= {200, 409}
    assert replayed
    assert all(second == 200 for first, second in replayed if first == 200)
    assert [row["text"] for row in server.stored("ds-ana")] == [row["text"] for row in rows]


def test_every_killed_server_goes_on_where_each_person_was(tmp_path: Path) -> None:
    """S6: three people at 40, 110 and 205 of 300, killed at 20 random points; 900 rows in the end, none twice."""
    chance = random.Random(6)
    source = write_jsonl(tmp_path / "source.jsonl", ({"text": f"text {number}"} for number in range(300)))
    env = {"PRODIGY_CONFIG_OVERRIDES": '{"feed_overlap": true, "batch_size": 10}'}
    server = ForkedServer(tmp_path, ["mark", "ds", str(source), "--view-id", "text"], env=env)
    done = {"ds-ana": 0, "ds-bob": 0, "ds-cy": 0}

    def save(session: str, up_to: int) -> None:
        while done[session] < up_to:
            tasks = server.pull(session)["tasks"][: up_to - done[session]]
            assert tasks[0]["text"] == f"text {done[session]}"
            assert server.give([answer(each) for each in tasks], session).status_code == 200
            done[session] += len(tasks)

    try:
        server.start()
        for session, place in zip(done, (40, 110, 205), strict=True):
            save(session, place)
        for _ in range(20):
            unsaved = server.pull(chance.choice(list(done)))["tasks"]
            server.kill()
            server.start()
            assert {session: server.pull(session)["tasks"][0]["text"] for session in done} == {
                session: f"text {place}" for session, place in done.items() if place < 300
            }
            session = min(done, key=lambda each: done[each])
            sent = [answer(each) for each in unsaved if each["_session_id"] == session][: chance.randrange(1, 8)]
            if sent:  # the page that stayed open sends what it had
                assert server.give(sent, session).status_code == 200
                done[session] += len(sent)
        for session in done:
            save(session, 300)
        rows = server.stored("ds")
    finally:
        server.close()

    assert len(rows) == 900
    for session in done:
        own = [row["text"] for row in rows if row["_session_id"] == session]
        assert own == [f"text {number}" for number in range(300)]


def test_stored_bytes_are_the_clients_own(server: EmbeddedServer) -> None:
    """Numbers, escapes, key order and unknown keys pass through; only spaces between them go."""
    task = server.pull("ds-ana")["tasks"][0]
    body = (
        '{"session_id": "ds-ana", "answers": [ {"text" : "caf\\u00e9 \\/ é", "n": 1.50, "big": 12345678901234567890123,'
        f' "_input_hash": {task["_input_hash"]}, "_task_hash":{task["_task_hash"]}, "x": {{ "y": [ 1, 2 ] }},'
        ' "answer": "accept", "_timestamp": 17} ] }'
    )
    assert server.client.post("/give_answers", content=body.encode()).status_code == 200
    expected = (
        '{"text":"caf\\u00e9 \\/ é","n":1.50,"big":12345678901234567890123,'
        f'"_input_hash":{task["_input_hash"]},"_task_hash":{task["_task_hash"]},"x":{{"y":[1,2]}},'
        '"answer":"accept","_timestamp":17,"_view_id":"text","_annotator_id":"ds-ana","_session_id":"ds-ana"}'
    )
    assert server.contents("ds") == [expected.encode()]


def test_answers_go_to_the_database_that_lies_at_its_path_now(server: EmbeddedServer, tmp_path: Path) -> None:
    """Deleted, or replaced by another file, while the server runs: nothing is acknowledged into a file that is gone."""
    tasks = server.pull("ds-ana")["tasks"]
    assert server.give([answer(tasks[0])], "ds-ana").status_code == 200
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(server.database)) as old, closing(sqlite3.connect(copy)) as new:
        old.backup(new)
    logs = [server.database.with_name(f"{server.database.name}{ending}") for ending in ("-wal", "-shm")]
    for path in (server.database, *logs):
        path.unlink()
    assert server.give([answer(tasks[1])], "ds-ana").status_code == 200
    assert [row["text"] for row in server.stored("ds")] == [tasks[1]["text"]]
    for path in logs:
        path.unlink(missing_ok=True)
    copy.replace(server.database)
    assert server.give([answer(tasks[2])], "ds-ana").status_code == 200
    assert [row["text"] for row in server.stored("ds")] == [tasks[0]["text"], tasks[2]["text"]]


def test_an_answer_carries_what_prodigy_writes(server: EmbeddedServer) -> None:
    task = server.pull("ds-ana")["tasks"][0]
    server.give([answer(task, "reject")], "ds-ana")
    [row] = server.stored("ds")
    assert row["answer"] == "reject"
    assert row["_view_id"] == "text"
    assert type(row["_timestamp"]) is int
    assert row["_annotator_id"] == row["_session_id"] == "ds-ana"
    assert row["_task_hash"] == task["_task_hash"]
    assert server.stored("ds-ana") == [row]


def test_a_foreign_owner_in_the_body_is_overwritten_by_the_session(server: EmbeddedServer) -> None:
    task = server.pull("ds-ana")["tasks"][0]
    server.give([answer(task, _session_id="ds-eve", _annotator_id="ds-eve")], "ds-ana")
    [row] = server.stored("ds")
    assert (row["_session_id"], row["_annotator_id"]) == ("ds-ana", "ds-ana")


def test_a_correction_names_what_it_replaces(server: EmbeddedServer) -> None:
    task = server.pull("ds-ana")["tasks"][0]
    assert server.give([answer(task, _answer_id="one")], "ds-ana").status_code == 200
    assert server.give([answer(task, "reject", _answer_id="two", _replaces="one")], "ds-ana").status_code == 200
    late = server.give([answer(task, "ignore", _answer_id="three", _replaces="one")], "ds-ana")
    assert late.status_code == 409
    assert "another answer" in late.json()["detail"]
    assert [each["_answer_id"] for each in late.json()["refused"]] == ["three"]
    assert [row["answer"] for row in server.stored("ds")] == ["accept", "reject"]


def test_one_id_with_other_content_is_refused(server: EmbeddedServer) -> None:
    task = server.pull("ds-ana")["tasks"][0]
    assert server.give([answer(task, _answer_id="one")], "ds-ana").status_code == 200
    assert server.give([answer(task, _answer_id="one")], "ds-ana").status_code == 200
    assert server.give([answer(task, "reject", _answer_id="one")], "ds-ana").status_code == 409
    assert len(server.stored("ds")) == 1


def test_a_client_without_ids_can_change_its_mind_and_back(server: EmbeddedServer) -> None:
    task = server.pull("ds-ana")["tasks"][0]
    for decision in ("accept", "accept", "reject", "accept"):
        assert server.give([answer(task, decision)], "ds-ana").status_code == 200
    assert [row["answer"] for row in server.stored("ds")] == ["accept", "reject", "accept"]


def test_of_a_batch_with_a_refused_answer_the_others_are_stored(server: EmbeddedServer) -> None:
    first, second = server.pull("ds-ana")["tasks"][:2]
    server.give([answer(first, _answer_id="one")], "ds-ana")
    mixed = [answer(first, "reject", _answer_id="two"), answer(second, _answer_id="three")]
    reply = server.give(mixed, "ds-ana")
    assert reply.status_code == 409
    assert [each["_task_hash"] for each in reply.json()["refused"]] == [first["_task_hash"]]
    assert [row["_answer_id"] for row in server.stored("ds")] == ["one", "three"]


MALFORMED = [
    (b"", 400),
    (b"{", 400),
    (b"\xff\xfe", 400),
    (b'{"answers": [{"_input_hash": 1, "_task_hash": 2, "answer": "accept", "note": "caf\xe9"}]}', 400),
    (b'{"answers": [{"_input_hash": 1, "_task_hash": 2, "answer": "accept", "_view_id": "\xed\xa0\x80"}]}', 400),
    (b"[]", 422),
    (b"{}", 422),
    (b'{"answers": 1}', 422),
    (b'{"answers": [1]}', 422),
    (b'{"answers": [{"text": "a", "answer": "accept"}]}', 422),
    (b'{"answers": [{"_input_hash": 1, "_task_hash": 2, "answer": "yes"}]}', 422),
    (b'{"answers": [{"_input_hash": "1", "_task_hash": 2, "answer": "accept"}]}', 422),
    (b'{"answers": [{"_input_hash": 1e30, "_task_hash": 2, "answer": "accept"}]}', 422),
    (b'{"answers": [{"_input_hash": 99999999999999999999, "_task_hash": 2, "answer": "accept"}]}', 422),
    (b'{"answers": [{"_input_hash": 1, "_task_hash": 2, "answer": "accept", "_answer_id": 5}]}', 422),
    (b'{"answers": [{"_input_hash": 1, "_task_hash": 2, "answer": "accept", "a": ' + b"[" * 5000 + b"}]}", 400),
    (b'{"session_id": 5, "answers": []}', 422),
]


def test_a_malformed_body_says_so_and_writes_nothing(server: EmbeddedServer) -> None:
    for body, status in MALFORMED:
        reply = server.client.post("/give_answers", content=body)
        assert reply.status_code == status, body[:100]
        assert len(reply.json()["detail"]) > 10
    assert server.stored("ds") == []


@pytest.mark.parametrize(
    "number", ["1" * 4301, "-" + "9" * 5000, "1e999", "2E+309", "1" * 400 + ".5"], ids=lambda each: each[:6]
)
def test_a_number_that_nobody_could_read_again_is_refused_by_name(server: EmbeddedServer, number: str) -> None:
    """It would be stored as it was sent, and the commands that read answers stumble or leave them out."""
    first, second = server.pull("ds-ana")["tasks"][:2]
    body = json.dumps({"session_id": "ds-ana", "answers": [answer(first), answer(second, meta={"n": "HERE"})]})
    reply = server.client.post("/give_answers", content=body.replace('"HERE"', number))
    assert reply.status_code == 400
    assert reply.json()["detail"].startswith("answers[1] holds a number that nobody could read again")
    assert server.stored("ds") == []


@pytest.mark.parametrize(
    "value", ["1" * 4300, "1e308", "0." + "1" * 5000, f'"{"1" * 5000}"', '"7e999"', "1e-999"], ids=lambda each: each[:6]
)
def test_what_can_be_read_again_is_stored_as_it_was_sent(server: EmbeddedServer, value: str) -> None:
    """Long digits in a text, and numbers within the limits."""
    [task] = server.pull("ds-ana")["tasks"][:1]
    body = json.dumps({"session_id": "ds-ana", "answers": [answer(task, meta={"n": "HERE"})]})
    assert server.client.post("/give_answers", content=body.replace('"HERE"', value)).status_code == 200
    [content] = server.contents("ds")
    assert value.encode() in content


def test_one_malformed_answer_keeps_the_whole_request_out(server: EmbeddedServer) -> None:
    first, second = server.pull("ds-ana")["tasks"][:2]
    reply = server.give([answer(first), {**second, "answer": "maybe"}], "ds-ana")
    assert reply.status_code == 422
    assert "answers[1]" in reply.json()["detail"]
    assert server.stored("ds") == []


def test_a_body_beyond_the_limit_is_refused(server: EmbeddedServer) -> None:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=100)) as connection:
        connection.putrequest("POST", "/give_answers")
        connection.putheader("Content-Length", str(40 * 1024 * 1024))
        connection.endheaders(b"{")
        assert connection.getresponse().status == 413
    # Cut off while it sends, or answered: never taken.
    with contextlib.suppress(httpx.TransportError):
        chunks = iter([b" " * (1024 * 1024)] * 34)
        assert server.client.post("/give_answers", content=chunks).status_code == 413
    assert server.stored("ds") == []


def test_answers_to_a_task_that_left_the_source_are_kept_once(server: EmbeddedServer) -> None:
    stray = {"text": "gone", "_input_hash": 5, "_task_hash": 6}
    for _ in range(2):
        assert server.give([answer(stray, _answer_id="one")], "ds-ana").status_code == 200
    assert len(server.stored("ds")) == 1


def test_many_at_once_share_commits_and_each_is_stored(server: EmbeddedServer) -> None:
    tasks = [each for number in range(6) for each in server.pull(f"ds-p{number}")["tasks"]]
    replies: list[int] = []

    def post(part: list[dict[str, object]]) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=60) as client:
            for each in part:
                body = {"session_id": each["_session_id"], "answers": [answer(each)]}
                replies.append(client.post("/give_answers", json=body).status_code)

    threads = [threading.Thread(target=post, args=(tasks[number::8],)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert replies == [200] * 60
    assert len({json.dumps(row["text"]) for row in server.stored("ds")}) == 60
