"""The only door: a real team behind its gateway behind nginx, with TLS and a sub-path, used by people in Chromium."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from browser.desk import Desk
from fronts import nginx
from proxy_support import PAGE
from support import eventually, free_ports
from team_support import Project, a_project, listening

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

# No other test has these on a command line.
PASSWORD = "Korrekt Pferd Batterie Heftklammer"
WRONG = "wrong horse battery staple"


class House:
    """A team whose gateway is reached through nginx alone."""

    def __init__(self, project: Project, folder: Path, base: str = "/annot") -> None:
        """Prepare.

        Args:
            base: As the roster has it; a slash at its end changes nothing.
        """
        self.project, self._folder, self._base = project, folder, base
        self.port, self.gateway = free_ports(2)
        self.address = f"https://localhost:{self.port}{base.rstrip('/')}"
        self.requests: list[str] = []

    def build(self) -> subprocess.Popen[bytes]:
        """Roster, servers, passwords; returns nginx's process."""
        keys = f'base_path = "{self._base}"\nport = {self.gateway}\ntrusted_proxies = ["127.0.0.1"]\n'
        gateway = f'[gateway]\n{keys}public_url = "{self.address}"\n'
        people = '[[manager]]\nname = "maria"\n'
        self.project.write_source(60)
        self.project.write_roster(more=people + gateway)
        self.project.run("up")
        command = nginx(self._folder, self.port, self.gateway)
        for path in self._folder.glob("*.conf"):
            path.write_text(path.read_text().replace("location /annot ", f"location {self._base.rstrip('/')} "))
        with (self._folder / "output").open("wb") as output:
            process = subprocess.Popen(command, cwd=self._folder, stdout=output, stderr=output)
        eventually(lambda: self.answers() or process.poll() is not None, within=60, message="nginx")
        return process

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def client(self, **headers: str) -> httpx.Client:
        """A program's connection, which keeps cookies and follows nothing."""
        context = ssl.create_default_context(cafile=str(self._folder / "tls.pem"))
        return httpx.Client(base_url=self.address, verify=context, headers=headers, trust_env=False, timeout=30)

    def invitation(self, name: str) -> str:
        """The link of an invitation."""
        return str(self.project.json("invite", name)["invitations"][0]["url"])

    def log_in(self, client: httpx.Client, name: str, password: str = PASSWORD) -> httpx.Response:
        """Fill in the login form."""
        form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', client.get("/login").text))
        return client.post("/login", data={**form, "name": name, "password": password})

    def counts(self) -> dict[str, int]:
        """Answers by annotator."""
        found = self.project.json("progress", code=None)
        return {each["name"]: each["done"] for pool in found["progress"] for each in pool["annotators"]}

    def stored(self, name: str) -> list[dict[str, Any]]:
        """The answers in somebody's dataset."""
        import sqlite3
        from contextlib import closing

        query = (
            "SELECT CAST(content AS TEXT) FROM example JOIN link ON example.id = example_id "
            "JOIN dataset ON dataset.id = dataset_id WHERE name = ? ORDER BY link.id"
        )
        with closing(sqlite3.connect(self.project.folder / "answers.db")) as connection:
            return [json.loads(row[0]) for row in connection.execute(query, (f"headlines_{name}",))]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with a_house(tmp_path_factory.mktemp("house")) as found:
        yield found


@contextlib.contextmanager
def a_house(folder: Path, **options: str) -> Iterator[House]:
    """One that stands for a while."""
    (folder / "front").mkdir()
    with a_project(folder) as project:
        found = House(project, folder / "front", **options)
        process = found.build()
        try:
            assert process.poll() is None, (folder / "front/error.log").read_text()
            yield found
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture
def page(house: House, browser: Browser) -> Iterator[Page]:
    """A page of a browser of its own; what it asks for is noted."""
    with browser.new_context(ignore_https_errors=True) as context:
        context.on("request", lambda request: house.requests.append(request.url))
        found = context.new_page()
        found.set_default_timeout(60_000)
        yield found


def choose_password(house: House, page: Page, name: str) -> None:
    """Come in by an invitation."""
    page.goto(house.invitation(name))
    for field in page.locator('input[type="password"]').all():
        field.fill(PASSWORD)
    page.get_by_role("button").click()
    page.wait_for_url(f"{house.address}/")


def enter(page: Page, name: str) -> None:
    """Fill in the login form, wherever it stands."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def at_work(page: Page) -> Desk:
    """The page of tasks, once it is there."""
    page.wait_for_selector("article.card", timeout=60_000)
    desk = Desk(page, page.url)
    desk.harmless = ("Failed to load resource",)
    return desk


def test_joe_is_invited_annotates_saves_and_logs_out(house: House, page: Page) -> None:
    """By mouse and keys; his server starts as he comes, and everything he asks for lies below /annot."""
    house.requests.clear()
    choose_password(house, page, "joe")
    assert house.project.states()["joe"] == "asleep"
    page.locator('a[href="/annot/a/joe/"]').first.click()
    desk = at_work(page)
    assert urlsplit(page.url).path == "/annot/a/joe/"
    page.get_by_role("button", name=re.compile("accept", re.I)).first.click()
    desk.press("x", "a", " ")
    desk.press("Control+s")
    eventually(lambda: len(house.stored("joe")) >= 4, message="four answers", within=60)
    given = house.stored("joe")
    assert {each["_session_id"] for each in given} == {"headlines_joe-joe"}

    old = {each["name"]: each["value"] for each in page.context.cookies()}
    page.goto(f"{house.address}/logout")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{house.address}/login")
    strays = [url for url in house.requests if not urlsplit(url).path.startswith("/annot/")]
    assert strays in ([], [f"https://localhost:{house.port}/favicon.ico"])
    with house.client() as client:
        client.cookies.update(old)
        assert client.get("/a/joe/", headers=PAGE).headers["location"].startswith("/annot/login")
        assert client.post("/a/joe/get_session_questions", json={}).status_code == 401
    desk.checked()


@pytest.mark.parametrize("base", ["/one/two/three/", pytest.param("/one/two/three", marks=pytest.mark.long)])
def test_below_three_levels_with_and_without_a_slash(tmp_path: Path, browser: Browser, base: str) -> None:
    with a_house(tmp_path, base=base) as house, browser.new_context(ignore_https_errors=True) as context:
        context.on("request", lambda request: house.requests.append(request.url))
        page = context.new_page()
        choose_password(house, page, "joe")
        for end in ("", "/"):
            page.goto(f"{house.address}{end}")
            page.wait_for_url(f"{house.address}/")
            page.goto(f"{house.address}/a/joe{end}")
            desk = at_work(page)
            assert urlsplit(page.url).path == "/one/two/three/a/joe/"
            desk.press("a")
            desk.press("Control+s")
        eventually(lambda: len(house.stored("joe")) == 2, message="two answers", within=60)
        desk.checked()
    strays = {urlsplit(url).path for url in house.requests if "/one/two/three" not in url}
    assert strays <= {"/favicon.ico"}


def test_jane_cannot_be_reached_by_joe(house: House) -> None:
    with house.client() as jane:
        accept_invitation(house, jane, "jane")
        reached(jane, "/a/jane/get_session_questions")
        before, lines = house.stored("jane"), house.project.json("plan", code=None)
        with house.client() as joe:
            accept_invitation(house, joe, "joe")
            reached(joe, "/a/joe/get_session_questions")
            for path in (
                "/a/jane/",
                "/a/jane/get_session_questions",
                "/a/joe/?session=jane",
                "/a/joe/project?session=jane",
            ):
                assert joe.get(path, headers=PAGE).status_code == 403, path
                assert joe.post(path, json={}).status_code == 403, path
            task = joe.post("/a/joe/get_session_questions", json={}).json()["tasks"][0]
            foreign = {"session_id": "headlines_joe-jane"}
            answer = {**task, "answer": "accept", "_session_id": "headlines_joe-jane"}
            for body in ({"answers": [answer]}, {"answers": [{**task, "answer": "accept"}], **foreign}):
                assert joe.post("/a/joe/give_answers", json=body).status_code == 403
            assert joe.post("/a/joe/get_session_questions", json=foreign).status_code == 403
            for name in ("X-Remote-User", "X-Forwarded-User", "X-Prodigy-Team-Session"):
                found = joe.post("/a/joe/get_session_questions", json={}, headers={name: "jane"}).json()
                assert found["session_id"] == "headlines_joe-joe"
        assert house.stored("jane") == before
        assert house.project.json("plan", code=None) == lines
        log = (house.project.state / "logs/gateway.log").read_text()
        assert "joe asks for the tasks of jane; refused." in log
        assert "joe names the session jane; refused." in log


def accept_invitation(house: House, client: httpx.Client, name: str) -> None:
    """Come in without a browser."""
    path = urlsplit(house.invitation(name)).path.removeprefix("/annot")
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', client.get(path).text))
    assert client.post(path, data={**form, "password": PASSWORD, "again": PASSWORD}).status_code == 303


def reached(client: httpx.Client, path: str) -> Any:
    """What a server answers once it is up."""

    def ask() -> Any:
        found = client.post(path, json={})
        assert found.status_code in (200, 503), found.text
        return found.json() if found.status_code == 200 else None

    return eventually(ask, within=90, message=path)


def test_a_server_can_be_reached_by_no_other_way(house: House) -> None:
    """Its port takes nobody from another machine, and nobody on this one without the secret."""
    with house.client() as client:
        accept_invitation(house, client, "joe")
        reached(client, "/a/joe/get_session_questions")
    address = urlsplit(house.project.status()["joe"]["url"])
    port = house.project.record()["servers"]
    own = next(each["port"] for each in port if each["name"] == "joe")
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert {row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{own:04X}")} == {f"0100007F:{own:04X}"}
    assert own in dict(listening())
    before = house.stored("joe")
    with httpx.Client(base_url=f"http://127.0.0.1:{own}", trust_env=False, timeout=60) as direct:
        for headers in ({}, {"X-Prodigy-Team-Session": "joe"}, {"X-Prodigy-Team-Secret": "0" * 64}):
            assert direct.get("/", headers=headers).status_code == 403
            assert direct.post("/give_answers", json={"answers": []}, headers=headers).status_code == 403
    assert house.stored("joe") == before
    assert address.scheme in ("http", "https")


def test_a_server_that_is_down_comes_back_behind_a_friendly_page(house: House, page: Page) -> None:
    choose_password(house, page, "joe")
    page.goto(f"{house.address}/a/joe/")
    at_work(page)
    pid = house.project.pids()["joe"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: pid not in house.project.marked().get("joe", []), message="its death, which takes its time")
    seen: list[str] = []

    def note(route: Route) -> None:
        reply = route.fetch()
        seen.append(reply.text())
        route.fulfill(response=reply)

    # Noted on their way: a page that goes on by itself cannot be asked for what it showed.
    page.route(f"{house.address}/a/joe/", note)
    page.goto(f"{house.address}/a/joe/")
    at_work(page)
    assert seen
    assert not any("Traceback" in each for each in seen)
    assert house.project.pids()["joe"] != pid


def test_eight_answers_survive_the_end_of_a_login(house: House, page: Page) -> None:
    """After the next login they are stored once."""
    choose_password(house, page, "joe")
    page.goto(f"{house.address}/a/joe/")
    desk = at_work(page)
    desk.all_sent()
    before = len(house.stored("joe"))
    house.project.run("accounts", "--log-out", "joe")
    # The gateway looks for what was revoked four times a second.
    eventually(lambda: page.request.get(f"{house.address}/a/joe/project").status == 401)
    for _ in range(8):
        desk.press("a")
    page.get_by_role("link", name="Log in again").click()
    enter(page, "joe")
    desk = at_work(page)
    desk.all_sent()
    found = house.stored("joe")
    assert len(found) == before + 8
    assert len({each["_task_hash"] for each in found}) == len(found)


def test_the_manager_sees_the_dashboard_and_nobody_else(house: House, page: Page) -> None:
    page.goto(house.invitation("maria"))
    for field in page.locator('input[type="password"]').all():
        field.fill(PASSWORD)
    page.get_by_role("button").click()
    page.wait_for_url(f"{house.address}/dashboard")
    page.get_by_role("row").filter(has_text="joe").first.wait_for()
    with house.client() as client:
        accept_invitation(house, client, "joe")
        for path in (
            "/dashboard",
            "/dashboard/data.json",
            "/dashboard/progress.csv",
            "/dashboard/logs/joe",
            "/metrics",
        ):
            assert client.get(path).status_code == 403, path


def test_guessing_is_slowed_and_tells_nothing(house: House) -> None:
    """The same text, and about the same time, for a name that exists and one that does not.

    The time is the gateway's own on the processors: what a reply waits for is the machine's, which others use too.
    """
    gateway = house.project.pids()["gateway"]
    with house.client() as client:
        accept_invitation(house, client, "cy")
    texts, seconds = {}, {}
    for name in ("cy", "nobody"):
        before = processor_seconds(gateway)
        with house.client() as client:
            answers = [house.log_in(client, name, WRONG) for _ in range(3)]
            seconds[name] = processor_seconds(gateway) - before
            assert {each.status_code for each in answers} == {401}
            answers += [house.log_in(client, name, WRONG) for _ in range(7)]
        house.project.run("accounts", "--unlock", "127.0.0.1", "cy")
        assert {each.status_code for each in answers} == {401, 429}
        texts[name] = {re.sub(r'value="[^"]*"', "", each.text) for each in answers}
    assert texts["cy"] == texts["nobody"]
    assert max(seconds.values()) < 3 * min(seconds.values()) + 0.05, seconds


def processor_seconds(pid: int) -> float:
    """What a process has taken of the processors so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_the_passwords_are_nowhere(house: House) -> None:
    """Runs last: in no log, state file, database or command line."""
    for secret in (PASSWORD.encode(), WRONG.encode()):
        for path in house.project.folder.rglob("*"):
            # What servers keep for a moment only may be gone by now.
            with contextlib.suppress(FileNotFoundError):
                if path.is_file() and not path.is_symlink():
                    assert secret not in path.read_bytes(), path
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                assert secret not in line.read_bytes(), line
