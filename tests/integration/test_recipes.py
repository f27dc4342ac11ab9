"""What each recipe serves and what is stored of it, from real servers, with hashes as Prodigy would have them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from embedded import EmbeddedServer, answer, served, write_jsonl
from prodigy_team.annotate.arguments import Options
from prodigy_team.annotate.preparing import with_loader
from support import shared_data

COLOURS = [{"text": "The red 🟥 car"}, {"text": "A blue and red sky", "meta": {"n": 1}}, {"text": "nothing"}]


def everything(server: EmbeddedServer, session: str = "ds-ana") -> list[dict[str, Any]]:
    """All tasks there are, pulled as a page would: holding what it has."""
    found: list[dict[str, Any]] = []
    while tasks := server.pull(session, held=[task["_task_hash"] for task in found])["tasks"]:
        found += tasks
    return found


def covered(task: dict[str, Any]) -> list[tuple[str, str]]:
    """What a task's spans cover, with their labels."""
    return [(task["text"][span["start"] : span["end"]], span["label"]) for span in task.get("spans", [])]


def colours(folder: Path) -> str:
    """A source of three texts."""
    return str(write_jsonl(folder / "colours.jsonl", COLOURS))


def patterns(folder: Path) -> str:
    """A string pattern and a token pattern."""
    lines = [
        {"label": "COLOUR", "pattern": "red"},
        {"label": "COLOUR", "pattern": [{"lower": "blue"}]},
        {"label": "PAIR", "pattern": [{"lower": "blue"}, {"lower": "and"}, {"lower": "red"}]},
    ]
    return str(write_jsonl(folder / "patterns.jsonl", lines))


def test_ner_manual_serves_the_real_headlines_with_prodigys_hashes(tmp_path: Path) -> None:
    source = shared_data("news_headlines.jsonl")
    known = {}
    for line in shared_data("annotated_news_headlines-ORG-PERSON-LOCATION-ner.jsonl").read_text().splitlines():
        row = json.loads(line)
        known[row["text"]] = (row["_input_hash"], row["_task_hash"])
    argv = ["ner.manual", "ds", "blank:en", str(source), "--label", "PERSON,ORG,LOCATION"]
    with served(tmp_path, argv) as server:
        tasks = everything(server)
        project = server.client.get("/project").json()
        server.give([answer(tasks[0], spans=[{"start": 0, "end": 4, "label": "ORG"}])], "ds-ana")
        [row] = server.stored("ds")
    assert len(tasks) == 178
    both = [task for task in tasks if task["text"] in known]
    assert len(both) > 100
    assert all((task["_input_hash"], task["_task_hash"]) == known[task["text"]] for task in both)
    assert all(
        task["text"][token["start"] : token["end"]] == token["text"] for task in tasks for token in task["tokens"]
    )
    assert (project["view_id"], project["labels"], project["lang"]) == (
        "ner_manual",
        ["PERSON", "ORG", "LOCATION"],
        "en",
    )
    assert (row["_input_hash"], row["_task_hash"]) == (tasks[0]["_input_hash"], tasks[0]["_task_hash"])
    assert row["_view_id"] == "ner_manual"


def test_tokens_that_are_there_are_never_touched(tmp_path: Path) -> None:
    tokens = [{"text": "The re", "start": 0, "end": 6, "id": 0}, {"text": "d", "start": 6, "end": 7, "id": 1}]
    task = {"text": "The red", "tokens": tokens, "spans": [{"start": 6, "end": 7, "label": "A"}]}
    source = write_jsonl(tmp_path / "source.jsonl", [task])
    with served(tmp_path, ["ner.manual", "ds", "blank:en", str(source), "--label", "A"]) as server:
        [served_task] = everything(server)
    assert served_task["tokens"] == tokens
    assert served_task["spans"] == [{"start": 6, "end": 7, "label": "A", "token_start": 1, "token_end": 1}]


def test_patterns_highlight_beforehand_and_do_not_change_the_hash(tmp_path: Path) -> None:
    common = ["ds", "blank:en", colours(tmp_path), "--label", "COLOUR,PAIR", "--patterns", patterns(tmp_path)]
    found = {}
    for recipe in ("ner.manual", "spans.manual"):
        folder = tmp_path / recipe
        folder.mkdir()
        with served(folder, [recipe, *common]) as server:
            found[recipe] = everything(server)
    ner, spans = found["ner.manual"], found["spans.manual"]
    assert [covered(task) for task in ner] == [[("red", "COLOUR")], [("blue and red", "PAIR")], []]
    assert sorted(covered(spans[1])) == [("blue", "COLOUR"), ("blue and red", "PAIR"), ("red", "COLOUR")]
    assert ner[0]["spans"][0]["token_start"] == ner[0]["spans"][0]["token_end"] == 1
    assert [task["_task_hash"] for task in ner] == [task["_task_hash"] for task in spans]
    assert spans[0]["_view_id"] == "spans_manual"


def test_labels_come_from_a_file_too_and_characters_can_be_marked(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("FIRST NAME\nÄMTER\n\n", encoding="utf-8")
    argv = ["ner.manual", "ds", "blank:en", colours(tmp_path), "-l", "labels.txt", "--highlight-chars"]
    with served(tmp_path, argv) as server:
        task = everything(server)[0]
        project = server.client.get("/project").json()
    assert project["labels"] == ["FIRST NAME", "ÄMTER"]
    assert project["ner_manual_highlight_chars"] is True
    assert [token["text"] for token in task["tokens"]][:3] == ["T", "h", "e"]


def test_one_label_makes_a_yes_or_no_question_with_the_label_in_the_hash(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in shared_data("prodigy14_textcat_binary_25rows.jsonl").read_text().splitlines()]
    known = {row["text"]: row for row in rows}
    source = write_jsonl(tmp_path / "source.jsonl", ({"text": text} for text in known))
    with served(tmp_path, ["textcat.manual", "ds", str(source), "--label", "foo"]) as server:
        tasks = everything(server)
        server.give([answer(tasks[0], "reject")], "ds-ana")
        [row] = server.stored("ds")
        project = server.client.get("/project").json()
    for task in tasks:
        stored = known[task["text"]]
        for key in ("label", "_view_id", "_input_hash", "_task_hash"):
            assert task[key] == stored[key]
    assert project["exclude_by"] == "task"
    assert set(row) == set(rows[0])


def test_several_labels_make_a_choice_with_the_hash_of_the_raw_text(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in shared_data("prodigy14_textcat_choice_25rows.jsonl").read_text().splitlines()]
    known = {row["text"]: row for row in rows}
    source = write_jsonl(tmp_path / "source.jsonl", ({"text": text} for text in known))
    argv = ["textcat.manual", "ds", str(source), "--label", "foo,bar,buz"]
    for style, more in (("single", ["--exclusive"]), ("multiple", [])):
        folder = tmp_path / style
        folder.mkdir()
        with served(folder, [*argv, *more]) as server:
            tasks = everything(server)
            server.give([answer(tasks[0], accept=["bar"])], "ds-ana")
            [row] = server.stored("ds")
            project = server.client.get("/project").json()
        for task in tasks:
            for key in ("options", "_view_id", "_input_hash", "_task_hash"):
                assert task[key] == known[task["text"]][key]
        assert row["config"] == {"choice_style": style}
        assert (project["choice_style"], project["exclude_by"]) == (style, "input")
        assert set(row) == set(rows[0])


def test_a_label_changes_the_question_of_a_task_that_brings_its_hash(tmp_path: Path) -> None:
    tasks = [
        {"text": "a", "_input_hash": 7, "_task_hash": 8},
        {"text": "b", "label": "foo", "_input_hash": 9, "_task_hash": 10},
    ]
    source = write_jsonl(tmp_path / "source.jsonl", tasks)
    with served(tmp_path, ["textcat.manual", "ds", str(source), "--label", "foo"]) as server:
        first, second = everything(server)
    assert first["_input_hash"] == 7
    assert first["_task_hash"] != 8
    assert (second["_input_hash"], second["_task_hash"]) == (9, 10)


def test_match_asks_once_per_match_in_the_order_of_the_input(tmp_path: Path) -> None:
    found = []
    for name in ("match", "ner.match"):
        folder = tmp_path / name
        folder.mkdir()
        argv = [name, "ds", "blank:en", colours(tmp_path), "--patterns", patterns(tmp_path)]
        with served(folder, argv) as server:
            tasks = everything(server)
            assert server.give([answer(task) for task in tasks], "ds-ana").status_code == 200
            assert len(server.stored("ds")) == len(tasks)
            assert server.pull("ds-ana")["tasks"] == []
            found.append(tasks)
    assert [covered(task) for task in found[0]] == [
        [("red", "COLOUR")],
        [("blue", "COLOUR")],
        [("blue and red", "PAIR")],
        [("red", "COLOUR")],
    ]
    assert found[0] == found[1]
    assert {task["_view_id"] for task in found[0]} == {"ner"}
    assert len({task["_task_hash"] for task in found[0]}) == 4
    assert len({task["_input_hash"] for task in found[0]}) == 2
    assert found[0][1]["meta"] == {"n": 1}


def test_match_takes_only_the_labels_asked_for(tmp_path: Path) -> None:
    argv = ["match", "ds", "blank:en", colours(tmp_path), "--patterns", patterns(tmp_path), "--label", "PAIR"]
    with served(tmp_path, argv) as server:
        assert [covered(task) for task in everything(server)] == [[("blue and red", "PAIR")]]


def test_mark_shows_tasks_as_they_are(tmp_path: Path) -> None:
    tasks = [
        {"text": "a", "options": [{"id": 1, "text": "one"}], "_input_hash": 1, "_task_hash": 2},
        {"html": "<b>b</b>", "spans": [], "answer": "reject", "_session_id": "old", "_timestamp": 1, "_answer_id": "x"},
    ]
    source = write_jsonl(tmp_path / "source.jsonl", tasks)
    with served(tmp_path, ["mark", "ds", str(source), "--view-id", "choice"]) as server:
        first, second = everything(server)
    assert (first["_input_hash"], first["_task_hash"], first["_view_id"]) == (1, 2, "choice")
    assert second["_session_id"] == "ds-ana"
    assert not {"answer", "_timestamp", "_answer_id"} & set(second)


def test_sources_of_every_kind(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\ntwo\n")
    (tmp_path / "a.csv").write_text("text,n\none,1\ntwo,2\n")
    (tmp_path / "a.json").write_text('[{"text": "one"}, {"text": "two"}]')
    (tmp_path / "data 100%.dat").write_text("one\ntwo\n")
    sources = [["a.txt"], ["a.csv"], ["a.json"], ["data 100%.dat", "--loader", "txt"]]
    for number, source in enumerate(sources):
        with served(tmp_path, ["mark", f"ds{number}", *source, "--view-id", "text"]) as server:
            tasks = everything(server, f"ds{number}-ana")
            assert [task["text"] for task in tasks] == ["one", "two"]
            server.give([answer(task) for task in tasks], f"ds{number}-ana")
    with served(tmp_path, ["mark", "copy", "dataset:ds1", "--view-id", "text"]) as server:
        tasks = everything(server, "copy-ana")
        assert [task["text"] for task in tasks] == ["one", "two"]
        assert all(task["_session_id"] == "copy-ana" and "answer" not in task for task in tasks)


def test_servers_of_one_source_that_start_together_find_one_link_to_it(tmp_path: Path) -> None:
    """`up` starts them at once, and each sees to the name that tells the format."""
    options = Options("mark", "ds", str(tmp_path / "data.dat"), loader="txt")
    for number in range(50):
        folder = tmp_path / str(number)
        with ThreadPoolExecutor(8) as servers:
            [link] = set(servers.map(lambda _, folder=folder: with_loader(options, folder), range(8)))
        assert [str(each) for each in folder.iterdir()] == [link]


def test_two_inputs_whose_hashes_collide_are_two_tasks(tmp_path: Path) -> None:
    """Two texts with one 32-bit hash each way: both are asked, both answers are kept, and each is known again."""
    tasks = [{"text": text, "_input_hash": 5, "_task_hash": 6} for text in ("first", "second")]
    source = write_jsonl(tmp_path / "source.jsonl", tasks)
    with served(tmp_path, ["mark", "ds", str(source), "--view-id", "text"]) as server:
        both = server.pull("ds-ana")["tasks"]
        assert [task["text"] for task in both] == ["first", "second"]
        assert server.give([answer(both[1], _answer_id="b")], "ds-ana").status_code == 200
        assert [task["text"] for task in server.pull("ds-ana")["tasks"]] == ["first"]
        assert server.give([answer(both[0], _answer_id="a")], "ds-ana").status_code == 200
        server.kill()
        server.start()
        assert server.pull("ds-ana")["tasks"] == []
        assert len(server.stored("ds")) == 2
