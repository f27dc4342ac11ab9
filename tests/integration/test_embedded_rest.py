"""The REST protocol, the command line and the end of a real embedded server."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from embedded import EmbeddedServer, answer, served, write_jsonl
from prodigy_team import __version__
from support import eventually


def mark(folder: Path, count: int = 12) -> list[str]:
    """The command line of a recipe over so many texts."""
    source = write_jsonl(folder / "source.jsonl", ({"text": f"text {number}"} for number in range(count)))
    return ["mark", "ds", str(source), "--view-id", "text"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """One server for all tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("rest")
    secret = json.dumps({"db_settings": {"sqlite": {"name": "prodigy.db"}}, "api_keys": {"x": "SECRET"}})
    with served(folder, mark(folder), PRODIGY_CONFIG_OVERRIDES=secret) as running:
        yield running


def test_the_shape_of_a_batch(server: EmbeddedServer) -> None:
    reply = server.pull("ds-shape")
    assert list(reply) == ["tasks", "total", "progress", "progress_kind", "session_id"]
    assert reply["session_id"] == "ds-shape"
    assert list(reply["tasks"][0]) == [
        "text",
        "_input_hash",
        "_task_hash",
        "_view_id",
        "_session_id",
        "_annotator_id",
    ]
    assert set(server.client.get("/get_questions").json()) >= {"tasks", "total", "progress"}


def test_project_describes_the_server_and_keeps_secrets(server: EmbeddedServer) -> None:
    project = server.client.get("/project").json()
    for key, value in {"dataset": "ds", "view_id": "text", "recipe_name": "mark", "batch_size": 10}.items():
        assert project[key] == value
    named = server.client.get("/project/ds-ana")
    assert named.json()["session_id"] == "ds-ana"
    assert server.client.get("/project", params={"session": "ana"}).json()["session_id"] == "ds-ana"
    assert "SECRET" not in named.text
    assert "db_settings" not in project


def test_the_small_paths(server: EmbeddedServer) -> None:
    post, get = server.client.post, server.client.get
    assert get("/health").json() == {"status": "alive"}
    assert "version" in get("/version").json()
    assert post("/validate_answer", json={"answer": {"text": "a"}, "more": 1}).json()["valid"] is True
    assert post("/end_session", json={"session_id": "ds-ana", "more": 1}).json()["session_id"] == "ds-ana"
    aliases = post("/set_session_aliases", json={"session_id": "ds-ana", "aliases": ["a"]}).json()
    assert aliases == {"session_id": "ds-ana", "aliases": ["a"]}
    assert "no event" in post("/event/what", json={}).json()["detail"]
    assert get("/nothing").status_code == 404
    assert get("/nothing").json()["detail"]
    assert get("/give_answers").status_code in (404, 405)


def test_unknown_keys_of_a_pull_are_ignored(server: EmbeddedServer) -> None:
    body = {"session_id": "ds-shape", "more": {"a": 1}, "held": ["x", None, 1.5]}
    assert server.client.post("/get_session_questions", json=body).status_code == 200
    for content, status in (
        (b"{", 400),
        (b"[]", 422),
        (b'{"session_id": 1}', 422),
        (b'{"held": 1}', 422),
        (b"\xff", 400),
    ):
        assert server.client.post("/get_session_questions", content=content).status_code == status


def test_a_page_loaded_under_other_labels_gets_no_tasks_for_them(server: EmbeddedServer) -> None:
    page = server.client.get("/project").json()["page"]
    found = server.pull(page=page)
    assert "outdated" not in found
    assert server.pull(page="another") == {"tasks": [], "outdated": True, "session_id": found["session_id"]}


def test_a_screen_of_any_length_is_not_written_down(server: EmbeddedServer) -> None:
    for path in ("/get_session_questions", "/confirm_tasks"):
        reply = server.client.post(path, json={"session_id": "ds-ana", "screen": "x" * 201, "shown": []})
        assert reply.status_code == 422, path
        assert "200" in reply.json()["detail"]
    assert "tasks" in server.pull("ds-ana", screen="x" * 200)


def test_the_page_and_its_files_have_relative_addresses_and_a_strict_policy(server: EmbeddedServer) -> None:
    page = server.client.get("/")
    assert page.text == server.client.get("/index.html").text
    assert 'src="/' not in page.text
    assert 'href="/' not in page.text
    assert "<style" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    found = re.findall(r'(?:src|href|content)="(static/[^"]+)"', page.text)
    assert {re.sub(r"[.][0-9a-f]{12}", "", each) for each in found} == {
        "static/app.css", "static/app.js", "static/purify.js", "static/words.js"
    }  # fmt: skip
    for path in [*found, "favicon.ico"]:
        reply = server.client.get(path)
        kind = {"css": "text/css", "js": "text/javascript", "ico": "image/svg+xml"}[path.rsplit(".", 1)[1]]
        assert reply.headers["content-type"].startswith(kind)
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert ("immutable" in reply.headers["cache-control"]) == path.startswith("static/")
        assert path in page.text


def test_a_page_of_an_older_release_still_finds_its_parts(server: EmbeddedServer) -> None:
    reply = server.client.get("/static/purify.000000000000.js")
    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "no-cache"
    for path in ("static/no.000000000000.js", "static/app.js", "static/..%2findex.html"):
        assert server.client.get(path).status_code == 404


def test_another_sites_page_cannot_write(server: EmbeddedServer) -> None:
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        *({"Origin": each} for each in ("http://evil.example", "null", "http://[")),
    ):
        reply = server.client.post("/give_answers", content=b'{"answers": []}', headers=headers)
        assert reply.status_code == 403
    own = {"Origin": f"http://127.0.0.1:{server.port}", "Sec-Fetch-Site": "same-origin"}
    reply = server.client.post("/give_answers", json={"answers": []}, headers=own)
    assert reply.status_code == 200
    assert "access-control-allow-origin" not in reply.headers


def test_requests_leave_no_line_in_the_log(server: EmbeddedServer) -> None:
    before = server.output()
    for _ in range(3):
        server.pull("ds-shape")
        server.client.get("/nothing")
    assert server.output() == before


def test_basic_authentication_is_on_everything_but_health(tmp_path: Path) -> None:
    access = {"PRODIGY_BASIC_AUTH_USER": "ana", "PRODIGY_BASIC_AUTH_PASS": "pä:ss"}
    with served(tmp_path, mark(tmp_path), **access) as server:
        paths = ["/", "/static/app.js", "/project", "/version", "/get_questions", "/nothing"]
        refused = [server.client.get(path) for path in paths]
        refused += [server.client.post(path, json={}) for path in ("/give_answers", "/get_session_questions")]
        refused += [server.client.get("/project", auth=pair) for pair in (("ana", "no"), ("bob", "pä:ss"), ("", ""))]
        refused += [
            server.client.get("/project", headers={"Authorization": text}) for text in ("Basic", "Basic !!", "x")
        ]
        assert {reply.status_code for reply in refused} == {401}
        assert all(reply.headers["www-authenticate"].startswith("Basic") for reply in refused)
        assert server.client.get("/health").status_code == 200
        assert server.client.get("/project", auth=("ana", "pä:ss")).status_code == 200
        assert "pä:ss" not in server.output()


def test_what_a_server_prints_and_how_it_ends(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path, mark(tmp_path))
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            server.start()
            assert server.signal(number) == 0
        output = server.output()
    finally:
        server.close()
    address = f"http://127.0.0.1:{server.port}"
    starting = output.index(f"✨  Starting the web server at {address} ...")
    opening = output.index("Open the app in your browser and start annotating!")
    assert starting < opening < output.index(f"Uvicorn running on {address} (Press CTRL+C to quit)")
    assert "Traceback" not in output


@pytest.mark.alone
def test_a_signal_lets_an_open_request_finish_but_not_for_ever(tmp_path: Path) -> None:
    with served(tmp_path, mark(tmp_path), kind=EmbeddedServer) as server:
        task = server.pull("ds-ana")["tasks"][0]
        body = json.dumps({"session_id": "ds-ana", "answers": [answer(task)]}).encode()
        with (
            closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as slow,
            closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as stuck,
            closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as last,
        ):
            for connection in (slow, stuck):
                connection.putrequest("POST", "/give_answers")
                connection.putheader("Content-Length", str(len(body)))
                connection.endheaders(body[:10])
            last.request("GET", "/version")  # connections are taken in their order: by the reply both are being read
            assert last.getresponse().status == 200
            assert server.process is not None
            server.process.send_signal(signal.SIGTERM)
            started = time.monotonic()
            eventually(lambda: not accepts(server.port))
            slow.send(body[10:])
            assert slow.getresponse().status == 200
            assert server.process.wait(30) == 0
            assert time.monotonic() - started < 10
        assert len(server.stored("ds")) == 1


def accepts(port: int) -> bool:
    """Whether anybody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run(folder: Path, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    server = EmbeddedServer(folder, argv, env=env)
    server.client.close()
    command = [sys.executable, "-m", "prodigy_team.annotate", *argv]
    return subprocess.run(command, cwd=folder, env=server.environment(), capture_output=True, text=True, timeout=120)


def test_a_port_in_use_is_said_and_exits_1(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(tmp_path, *mark(tmp_path), PRODIGY_PORT=str(port))
    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use." in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_without_a_recipe_it_lists_them_and_help_describes_one(tmp_path: Path) -> None:
    listed = run(tmp_path)
    assert listed.returncode == 0
    for name in ("ner.manual", "spans.manual", "textcat.manual", "match", "mark"):
        assert name in listed.stdout
    help_text = run(tmp_path, "ner.manual", "--help")
    assert help_text.returncode == 0
    assert "--highlight-chars" in help_text.stdout


def test_what_it_cannot_do_is_refused_with_what_it_can(tmp_path: Path) -> None:
    source = mark(tmp_path)[2]
    javascript = json.dumps({"javascript": "alert(1)"})
    refusals = [
        (run(tmp_path, "ner.teach", "ds", "blank:en", source), "needs Prodigy", "ner.manual, spans.manual"),
        (run(tmp_path, "mine", "ds", source, "-F", "mine.py"), "-F loads", "Prodigy"),
        (run(tmp_path, "mark", "ds", source, "--view-id", "nope"), "no view nope", "ner_manual"),
        (run(tmp_path, "mark", "ds", "missing.jsonl", "--view-id", "text"), "does not exist", "source"),
        (run(tmp_path, "ner.manual", "ds", "blank:en", source), "needs labels", "--label"),
        (run(tmp_path, "mark", "d s", source, "--view-id", "text"), "dataset's name", "spaces"),
        (run(tmp_path, "mark", "ds"), "required", "--help"),
        (run(tmp_path, *mark(tmp_path), PRODIGY_CONFIG_OVERRIDES=javascript), "javascript", "Prodigy"),
        (run(tmp_path, *mark(tmp_path), PRODIGY_CONFIG_OVERRIDES="{"), "PRODIGY_CONFIG_OVERRIDES", "JSON"),
        (run(tmp_path, *mark(tmp_path), PRODIGY_CONFIG_OVERRIDES='{"batch_size": 0}'), "batch_size", "at least 1"),
    ]
    for done, problem, remedy in refusals:
        assert done.returncode in (1, 2), done
        assert problem in done.stderr
        assert remedy in done.stderr
        assert len(done.stderr.splitlines()) <= 2, done.stderr


def test_bad_lines_are_named_and_settings_without_effect_are_said_once(tmp_path: Path) -> None:
    lines = ['{"text": "good"}', *["{broken"] * 25, '{"text": "better"}']
    (tmp_path / "source.jsonl").write_text("\n".join(lines) + "\n")
    overrides = json.dumps({"darken_image": 0.5, "ui_lang": "pt"})
    with served(tmp_path, mark_of(tmp_path / "source.jsonl"), PRODIGY_CONFIG_OVERRIDES=overrides) as server:
        assert len(server.pull("ds-ana")["tasks"]) == 2
        output = server.output()
    assert "line 2 is left out: broken JSON" in output
    assert "line 21 " in output
    assert "line 22 " not in output
    assert "5 further lines" in output
    assert output.count("darken_image") == output.count("ui_lang") == 1


def mark_of(source: Path) -> list[str]:
    """The command line of a recipe over a file."""
    return ["mark", "ds", str(source), "--view-id", "text"]


def test_a_server_of_a_roster_says_how_many_tasks_it_has(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "servers").mkdir(parents=True)
    (state / "servers" / "ana.alive").write_text('{"pid": 5}')
    told = json.dumps({"team": "news", "name": "ana", "annotators": ["ana"], "state": str(state)})
    with served(tmp_path, mark(tmp_path), kind=EmbeddedServer, PRODIGY_TEAM_SERVER=told) as server:
        noted = json.loads((state / "servers" / "ana.alive").read_text())
        assert noted == {"pid": 5, "package": __version__, "tasks": 12}
        assert server.process is not None
        title = Path(f"/proc/{server.process.pid}/cmdline")
        if title.exists():
            assert title.read_bytes().rstrip(b"\0").decode() == f"prodigy-team: news/ana ({state})"
        assert server.client.get("/project").json()["team"] == "news"


def test_a_listener_that_is_handed_over_is_used(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        code = (
            "import os, socket, sys; from pathlib import Path; from prodigy_team.annotate.serve import serve; "
            f"from prodigy_team.annotate.warm import warm; warm(); given = socket.socket(fileno={listener.fileno()}); "
            "sys.exit(serve(sys.argv[1:], os.environ, Path.cwd(), listener=given))"
        )
        server = EmbeddedServer(tmp_path, mark(tmp_path), env={"PRODIGY_PORT": "1"})
        command = [sys.executable, "-c", code, *server.argv]
        with server.log.open("wb") as log:
            server.process = subprocess.Popen(
                command, cwd=tmp_path, env=server.environment(), stdout=log, stderr=log, pass_fds=[listener.fileno()]
            )
    server.client.base_url = f"http://127.0.0.1:{port}"  # type: ignore[assignment]
    try:
        eventually(server.answers_or_ended, within=60)
        assert len(server.pull("ds-ana")["tasks"]) == 10, server.output()
        assert server.signal(signal.SIGTERM) == 0
    finally:
        server.close()
