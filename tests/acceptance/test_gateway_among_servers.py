"""The gateway as one more server of the roster: servers that sleep until somebody comes, and are put to sleep again."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from prodigy_team.gateway.accounts import Accounts
from prodigy_team.gateway.passwords import hash_password
from prodigy_team.gateway.serving import allowed_files
from prodigy_team.servers.secrets import server_secret
from support import eventually, free_ports
from team_support import Project, a_project, files_in

PASSWORD = "Korrekt Pferd Batterie"
HASHED = hash_password(PASSWORD)


class Team:
    """A project behind a gateway; joe, jane and maria have a password."""

    def __init__(self, project: Project) -> None:
        self.project = project
        (self.port,) = free_ports(1)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def write_roster(self, gateway: str = "", *, names: tuple[str, ...] = ("joe", "jane"), **more: Any) -> None:
        own = f"\n[gateway]\nport = {self.port}\n{gateway}\n"
        self.project.write_roster(names, **{**more, "more": more.get("more", "") + own})

    def up(self, *arguments: str) -> dict[str, str]:
        """Bring the team up; the state of each server, as the command says it."""
        found = self.project.entries("up", *arguments)
        accounts = Accounts(self.project.state)
        for name in ("joe", "jane", "maria"):
            accounts.set_password(name, HASHED)
        accounts.close()
        return {name: each["state"] for name, each in found.items()}

    def start_session(self, name: str, password: str = PASSWORD) -> httpx.Response:
        body = {"annotator": name, "password": password}
        return httpx.post(f"{self.url}/api/start_session", json=body, timeout=200, trust_env=False)

    @contextlib.contextmanager
    def browser(self, name: str) -> Iterator[httpx.Client]:
        """Somebody's browser, logged in by the page."""
        with httpx.Client(base_url=self.url, trust_env=False, headers={"accept": "text/html"}, timeout=60) as found:
            hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', found.get("/login").text))
            assert found.post("/login", data={**hidden, "name": name, "password": PASSWORD}).status_code == 303
            yield found

    def log(self) -> str:
        return (self.project.state / "logs" / "gateway.log").read_text()


@pytest.fixture
def team(project: Project) -> Team:
    found = Team(project)
    found.write_roster()
    return found


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="no /proc")
def test_a_shells_bound_on_files_is_none_on_browsers(team: Team) -> None:
    """200 of them keep more connections than the 1,024 files that a shell allows what it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1024), hard))
    try:
        team.up()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    limits = Path(f"/proc/{team.project.pids()['gateway']}/limits").read_text()
    assert int(re.findall(r"Max open files +(\d+)", limits)[0]) > min(hard - 1, 8000)


def test_the_bound_that_servers_inherit_is_not_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may lower its hard bound, and nobody but root can raise it again."""
    said: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", lambda _, bounds: said.append(bounds))
    assert allowed_files() == said[0][0] > 8000
    assert said[0][1] == resource.RLIM_INFINITY


def test_servers_sleep_until_somebody_comes(team: Team) -> None:
    project = team.project
    assert f"Everybody logs in at {team.url}/ by password; managers: nobody." in project.run("check").stdout
    assert project.run("up").stdout.splitlines()[-1] == "Next: prodigy-team invite joe jane"
    assert team.up() == {"gateway": "running", "joe": "asleep", "jane": "asleep"}
    shown = project.run("status").stdout
    assert f"{team.url}/a/joe/" in shown
    assert f"Asleep servers start when their annotator logs in: {team.url}/" in shown
    assert project.run("up").stdout.splitlines()[-1].startswith("nothing to do")
    doctor = project.run("doctor").stdout
    assert "1 of 3 running, 2 asleep until somebody comes" in doctor
    assert "can be read by others" not in doctor
    assert "WARNING" not in team.log(), "nothing is wrong so far"

    reply = team.start_session("joe")
    url = f"{team.url}/a/joe/"
    assert (reply.status_code, reply.json()) == (
        200,
        {"status": 200, "msg": f"Started Prodigy server at: {url}", "url": url},
    )
    assert project.states() == {"gateway": "running", "joe": "running", "jane": "asleep"}
    assert "New session joe" in team.log()
    pids = project.pids()
    assert team.start_session("joe").json()["url"] == url
    assert project.pids() == pids, "the one that runs is found"
    assert team.log().count("New session joe") == 2

    project.kill("joe")
    assert project.states()["joe"] == "stale"
    project.run("up", "--revive")
    assert project.states() == {"gateway": "running", "joe": "running", "jane": "asleep"}
    project.run("up", "jane")
    assert project.states()["jane"] == "running", "a person who names a server wants it now"

    done = project.run("stop").stdout
    assert done.count("stopped, port") == 3
    assert set(project.states().values()) == {"stopped"}
    assert not project.marked()
    project.run("up", "--revive")
    assert not project.marked()


def test_who_left_or_pauses_is_waited_for_no_more(team: Team) -> None:
    team.write_roster(names=("joe", "jane", "cy"))
    team.up()
    boss = '[[manager]]\nname = "maria"\n'
    team.write_roster(names=("joe", "jane"), keys={"jane": "paused = true"}, more=boss)
    assert team.up() == {"gateway": "running", "joe": "asleep"}
    assert team.project.states() == {"gateway": "running", "joe": "asleep", "jane": "stopped", "cy": "stopped"}
    assert team.start_session("jane").status_code == 403
    with team.browser("maria") as maria:
        csrf, page = hidden_csrf(maria), maria.get("/dashboard").text
        assert re.findall(r'action="/dashboard/servers/(\w+/\w+)"', page) == ["joe/start"]
        for name in ("jane", "cy"):
            maria.post(f"/dashboard/servers/{name}/start", data={"csrf": csrf})
            assert "left the roster or is paused" in maria.get("/dashboard").text
    assert not {"jane", "cy"} & set(team.project.marked())
    team.write_roster(names=("joe", "jane"))
    team.up()
    assert team.project.states()["jane"] == "asleep"
    assert team.start_session("jane").status_code == 200


def test_a_managers_buttons_start_and_stop_servers(team: Team) -> None:
    team.write_roster(more='[[manager]]\nname = "maria"\n')
    team.up()
    with team.browser("maria") as maria, team.browser("joe") as joe:
        assert re.search(r"joe (started|was running)\.", press(maria, "joe/start"))
        assert joe.get("/a/joe/").status_code == 200
        assert "joe stopped." in press(maria, "joe/stop")
        assert "manager stopped it" in joe.get("/a/joe/").text


def test_who_was_taken_out_stays_out_when_the_gateway_is_brought_back(team: Team) -> None:
    """It comes back with the roster of the last `up`, in which they still were."""
    team.up()
    team.write_roster(names=("jane",))
    eventually(lambda: team.start_session("joe").status_code == 401, message="joe to be out")
    team.project.kill("gateway")
    team.project.run("up", "--revive")
    eventually(lambda: team.start_session("joe").status_code == 401, message="joe to be out")
    assert team.start_session("jane").status_code == 200


def hidden_csrf(browser: httpx.Client) -> str:
    """What the dashboard's buttons carry, once it knows of the servers."""
    shown = r'action="/dashboard/servers/[^>]*>\s*<input type="hidden" name="csrf" value="(\w+)"'
    found: str = eventually(lambda: re.findall(shown, browser.get("/dashboard").text))[0]
    return found


def press(browser: httpx.Client, button: str) -> str:
    """The dashboard after one of its buttons, pressed again where it says that it takes a while."""
    form = {"csrf": hidden_csrf(browser)}

    def page() -> str:
        browser.post(f"/dashboard/servers/{button}", data=form)
        found = browser.get("/dashboard").text
        return "" if "takes a while" in found else found

    return eventually(page)


def test_a_wrong_password_starts_nothing_and_is_written_nowhere(team: Team) -> None:
    team.up()
    reply = team.start_session("joe", "wrong horse battery")
    assert (reply.status_code, reply.json()) == (401, {"status": 530, "msg": "Authentication failed"})
    assert team.project.states()["joe"] == "asleep"
    command = Path(f"/proc/{team.project.pids()['gateway']}/cmdline")
    for path, content in [*files_in(team.project.state), (command, command.read_bytes())]:
        assert b"wrong horse" not in content, path
        assert PASSWORD.encode() not in content, path


def test_a_script_asks_as_the_web_does(team: Team) -> None:
    team.write_roster('base_path = "/annot"')
    team.up()
    code = (
        "import json, prodigy_team\n"
        f"print(json.dumps([prodigy_team.start_session('joe', each) for each in ({PASSWORD!r}, 'no')]))"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=team.project.folder, env=team.project.environ, capture_output=True, text=True)
    started, refused = json.loads(done.stdout)
    assert started["url"] == f"{team.url}/annot/a/joe/", done.stderr
    assert refused == {"status": 530, "msg": "Authentication failed"}
    form = {"annotator": "joe", "password": PASSWORD}
    assert httpx.post(f"{team.url}/annot/api/start_session", data=form, trust_env=False, timeout=60).json() == started
    for body in (b"", b"{", b'{"annotator": 1}', b"[" * 3000, b"x" * 5000):
        kind = {"Content-Type": "application/json"}
        reply = httpx.post(
            f"{team.url}/annot/api/start_session", content=body, headers=kind, trust_env=False, timeout=60
        )
        assert reply.status_code in (400, 413)


def test_visitors_of_one_server_share_its_start_and_many_servers_start_together(project: Project) -> None:
    team = Team(project)
    names = tuple(f"p{number}" for number in range(8))
    team.write_roster(names=names)
    team.up()
    accounts = Accounts(project.state)
    for name in names:
        accounts.set_password(name, HASHED)
    accounts.close()
    with ThreadPoolExecutor(16) as threads:
        replies = list(threads.map(team.start_session, [*names, *names]))
    assert [reply.status_code for reply in replies] == [200] * 16, [reply.text for reply in replies]
    assert set(project.states().values()) == {"running"}
    assert all(len(pids) == 1 for pids in project.marked().values())


@pytest.mark.long
def test_a_server_that_nobody_uses_sleeps_until_the_next_visit(team: Team) -> None:
    team.write_roster('idle_stop = "2s"')
    team.up()
    place = team.start_session("joe").json()["url"]
    pid = team.project.pids()["joe"]
    port = team.project.status()["joe"]["port"]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as open_page:
        open_page.get("/version")
        with pytest.raises(pytest.fail.Exception):
            eventually(lambda: team.project.states()["joe"] == "asleep", within=3.5)
    eventually(lambda: team.project.states()["joe"] == "asleep")
    assert "Stopped joe: nobody used it for 2 s" in team.log()
    team.project.run("up", "--revive")
    assert team.project.states()["joe"] == "asleep", "cron lets it sleep"
    assert team.start_session("joe").json()["url"] == place
    assert team.project.pids()["joe"] != pid


def test_what_a_person_stopped_or_was_given_up_is_not_started_by_a_visit(team: Team) -> None:
    team.up("joe", "gateway")
    team.project.run("stop", "joe", "--force")
    reply = team.start_session("joe")
    assert (reply.status_code, "stopped by the team's manager" in reply.json()["msg"]) == (503, True)
    assert "joe's server was stopped. prodigy-team up joe" in team.log()
    with team.browser("joe") as browser:
        page = browser.get("/a/joe/")
        assert (page.status_code, "manager stopped it. Ask them" in page.text) == (503, True)
        assert "did not start" not in page.text
        assert "tried again" not in page.text
        assert "asleep" not in browser.get("/").text
        data = browser.post("/a/joe/get_session_questions", json={}, headers={"accept": "application/json"})
        assert "ask them" in data.json()["detail"]
        assert team.project.states()["joe"] == "stopped"
        team.project.run("up", "joe")
        assert browser.get("/a/joe/").status_code == 200


def test_a_taken_port_is_no_reason_to_send_anybody_away(team: Team) -> None:
    team.up()
    port = team.project.status()["joe"]["port"]
    stranger = team.project.foreign_listener(port)
    assert team.start_session("joe").status_code == 200
    assert team.project.status()["joe"]["port"] != port
    assert stranger.poll() is None
    assert team.project.status()["joe"]["url"] == f"{team.url}/a/joe/"


def test_servers_behind_a_gateway_are_started_at_once_where_the_roster_says_so(team: Team) -> None:
    team.write_roster('start = "up"\n')
    said = team.project.run("up").stdout
    assert said.count(f"-L {team.port}:") == 1
    assert team.project.states() == {"gateway": "running", "joe": "running", "jane": "running"}
    pids = team.project.pids()
    (team.port,) = free_ports(1)
    team.write_roster('start = "up"\n')
    assert {name: each["url"] for name, each in team.project.entries("up").items()} == {
        "gateway": f"{team.url}/",
        "joe": f"{team.url}/a/joe/",
        "jane": f"{team.url}/a/jane/",
    }
    assert team.project.pids()["joe"] == pids["joe"]
    team.project.kill("joe")
    team.project.run("up", "--revive")
    assert team.project.status()["joe"]["url"] == f"{team.url}/a/joe/"
    port = team.project.status()["joe"]["port"]
    assert httpx.get(f"http://127.0.0.1:{port}/project", trust_env=False, timeout=60).status_code == 403

    team.project.write_roster(("joe", "jane"))
    for words in (("up",), ("up", "--remove-orphans")):
        assert "invite" not in team.project.run(*words).stdout, "there is nowhere to log in"
    assert httpx.get(f"{team.project.status()['joe']['url']}project", trust_env=False, timeout=60).status_code == 200


def test_whoever_is_handed_on_comes_in_once_by_a_token(team: Team) -> None:
    team.write_roster('hand_off = "redirect"')
    team.up()
    url = team.start_session("joe").json()["url"]
    port = team.project.status()["joe"]["port"]
    assert url.startswith(f"http://127.0.0.1:{port}/?token=")
    with httpx.Client(trust_env=False, timeout=60) as browser:
        assert browser.get(url).status_code == 303
        assert browser.get(f"http://127.0.0.1:{port}/").status_code == 200
        team.project.run("accounts", "--log-out", "joe")
        assert browser.get(f"http://127.0.0.1:{port}/project").status_code == 401
        again = team.start_session("joe").json()["url"]
        late = team.start_session("joe").json()["url"]
        assert browser.get(again).status_code == 303
        assert browser.get(f"http://127.0.0.1:{port}/project").status_code == 200
        team.project.run("accounts", "--lock", "joe")
        assert browser.get(f"http://127.0.0.1:{port}/project").status_code == 401
        assert httpx.get(late, trust_env=False, timeout=60).status_code == 403, "given out before"
        team.project.run("accounts", "--unlock", "joe")
    assert httpx.get(url, trust_env=False, timeout=60).status_code == 403
    with team.browser("joe") as browser:
        assert browser.get("/a/joe/").headers["location"].startswith(f"http://127.0.0.1:{port}/?token=")
        for ask in (
            lambda: browser.get("/a/joe/").headers.get("location"),
            lambda: team.start_session("joe").json()["url"],
        ):
            team.project.kill("joe")
            there = eventually(ask, message="the way to a server that lives")
            assert httpx.get(there, trust_env=False, timeout=60).status_code == 303, "nobody is sent to a dead one"


def test_who_settles_disputes_reaches_them_through_the_gateway(team: Team) -> None:
    team.write_roster(more='[[manager]]\nname = "maria"\n')
    team.up()
    for name, label in {"joe": "A", "jane": "B"}.items():
        with team.browser(name) as browser:
            browser.get(f"/a/{name}/", headers={"accept": "application/json"})
            team.start_session(name)
            (task, *_) = browser.post(f"/a/{name}/get_session_questions", json={"session_id": None}).json()["tasks"]
            given = {"answers": [{**task, "accept": [label], "answer": "accept"}]}
            assert browser.post(f"/a/{name}/give_answers", json=given).status_code == 200
    with team.browser("maria") as maria, team.browser("joe") as joe:
        assert maria.get("/").headers["location"] == "/dashboard", "nothing to settle yet"
        refused = team.project.run("review", "--adjudicator", "nobody", code=2).stderr
        assert "cannot log in at the gateway" in refused
        found = team.project.json("review")
        place = "/a/review-headlines_reviewed/"
        assert (found["adjudicator"], found["url"]) == ("maria", team.url + place)
        assert team.project.status()["review-headlines_reviewed"]["url"] == team.url + place
        assert f'href="{place}"' in maria.get("/").text
        assert maria.get(place).status_code == 200
        (task,) = maria.post(f"{place}get_session_questions", json={"session_id": None}).json()["tasks"]
        decided = {"answers": [{**task, "accept": ["B"], "answer": "accept"}], "session_id": "headlines_reviewed-maria"}
        assert maria.post(f"{place}give_answers", json=decided).status_code == 200
        assert joe.get(place).status_code == 403
        assert place not in joe.get("/").text
        assert maria.get("/a/joe/").status_code == 403
    assert team.project.json("merge", "--on-conflict", "review", "--dry-run")["unsettled"] == 0
    team.project.run("restart", "gateway")
    with team.browser("maria") as maria:
        assert maria.get(place).status_code == 200
        team.project.run("review", "--end")
        eventually(lambda: maria.get(place).status_code == 403)


def test_prodigy_lets_in_the_gateway_alone(tmp_path: Path, standin_python: Path) -> None:
    with a_project(tmp_path, engine="prodigy") as project:
        team = Team(project)
        team.write_roster(team=f'python = "{standin_python}"\n')
        team.up()
        assert team.start_session("joe").status_code == 200
        secret = server_secret(project.state, "joe")
        place = project.status()["joe"]
        address = f"http://127.0.0.1:{place['port']}/project"
        assert httpx.get(address, trust_env=False, timeout=60).status_code == 401
        assert httpx.get(address, auth=("gateway", secret), trust_env=False, timeout=60).status_code == 200
        hidden = [secret.encode(), base64.b64encode(f"gateway:{secret}".encode())]
        command = Path(f"/proc/{place['pid']}/cmdline")
        for path, content in [*files_in(project.state), (command, command.read_bytes())]:
            assert not any(each in content for each in hidden), path


@pytest.fixture
def tls(tmp_path: Path) -> str:
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=annotate.example -keyout key.pem -out cert.pem"
    subprocess.run(["openssl", *words.split()], cwd=tmp_path, check=True, capture_output=True)
    return 'tls_certificate = "cert.pem"\ntls_key = "key.pem"'


def test_with_a_certificate_it_speaks_tls_and_its_successor_does(team: Team, tls: str) -> None:
    team.write_roster(tls)
    assert team.up()["gateway"] == "running"
    assert team.project.status()["gateway"]["url"] == f"https://127.0.0.1:{team.port}/"
    code = f"import prodigy_team\nprint(prodigy_team.start_session('joe', {PASSWORD!r})['status'])"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=team.project.folder, env=team.project.environ, capture_output=True, text=True)
    assert done.stdout == "200\n", done.stderr
    (team.project.folder / "cert.pem").write_text("no certificate")
    failed = team.project.entries("restart", "gateway", code=3)["gateway"]
    assert "the one that ran goes on" in failed["problem"]
    shown = team.project.run("restart", "gateway", code=3).stdout
    assert "gateway  running" in shown
    assert shown.count("gateway.log") == 1
    assert "cert.pem" in "\n".join(failed["log_tail"])
    assert team.project.status()["gateway"]["state"] == "running"
