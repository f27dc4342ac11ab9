"""The gateway of a real team: many annotators at once, one who comes to a server that sleeps, a restart under load."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import socket
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

from measuring import Figure, Settings, free_range, middle, pss_megabytes
from team import Team

RATE = 200
"""Requests a second, for some seconds through the gateway and for as many past it, in turn."""
SECONDS = 4
TURNS = 2
RESTART_REQUESTS = 4000
POLL = 0.5
"""Seconds between two looks of the page that waits for a server, as `static/board.js` has it."""
PASSWORD = "measured every time"


class GatewayTeam(Team):
    """A team behind a gateway, whose servers start on login."""

    def __init__(self, folder: Path, python: str, size: int) -> None:
        super().__init__(folder, python, size)
        first, last = re.findall(r'ports = "(\d+)-(\d+)"', (folder / "team.toml").read_text())[0]
        others = range(int(first), int(last) + 1)
        self.port = next(port for port in (free_range(1)[0] for _ in range(100)) if port not in others)
        with (folder / "team.toml").open("a") as file:
            file.write(f'[gateway]\nport = {self.port}\nstart = "on-login"\n')

    def cookie(self, name: str) -> str:
        """A login's, made as the login page makes it."""
        from prodigy_team.gateway.accounts import Accounts

        accounts = Accounts(self.folder / ".prodigy-team")
        try:
            return f"prodigy-team-bench={accounts.log_in(name, '127.0.0.1', seconds=3600)}"
        finally:
            accounts.close()

    def set_password(self, name: str) -> None:
        """Give somebody a password."""
        from prodigy_team.gateway.accounts import Accounts
        from prodigy_team.gateway.passwords import hash_password

        accounts = Accounts(self.folder / ".prodigy-team")
        accounts.set_password(name, hash_password(PASSWORD))
        accounts.close()

    def gateway_pid(self) -> int:
        """The gateway's process."""
        return next(int(each["pid"]) for each in self.status() if each["name"] == "gateway")

    def ports(self) -> dict[str, int]:
        """Where the servers listen."""
        return {each["name"]: int(each["port"]) for each in self.status()}


class Connection:
    """A client's kept connection that asks one thing at a time."""

    def __init__(self, port: int, head: str) -> None:
        self._port, self._head = port, head
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, content: object) -> tuple[int, bytes]:
        """Status and body of the answer; a connection that the other side has closed is made anew."""
        body = json.dumps(content).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{self._head}Content-Type: application/json\r\n"
        data = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        if self._reader is None or self._reader.at_eof():
            self.close()
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        assert self._reader is not None
        assert self._writer is not None
        self._writer.write(data)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        size = re.search(rb"(?i)content-length: (\d+)", answer)
        found = await self._reader.readexactly(int(size[1])) if size else b""
        if re.search(rb"(?i)\r\nconnection: close", answer):
            self.close()
        return int(answer[9:12]), found

    def close(self) -> None:
        """End it."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


@dataclass
class Way:
    """One of the ways to a person's server, and how long each request took on it, in seconds."""

    connection: Connection
    prefix: str
    seconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    async def ask(self, path: str, content: object) -> bytes:
        """Ask, and note how long it took."""
        began = time.perf_counter()
        try:
            status, found = await self.connection.post(self.prefix + path, content)
        except (OSError, EOFError) as error:
            self.connection.close()
            self.failed.append(repr(error))
            return b""
        self.seconds.append(time.perf_counter() - began)
        if status != 200:
            self.failed.append(f"{status} {found[:200]!r}")
            return b""
        return found


def annotators(settings: Settings) -> list[Figure]:
    """Everybody logged in at once, at work through the gateway and, for comparison in the same minute, past it."""
    with GatewayTeam(settings.folder / "annotators", settings.python, settings.servers) as team:
        team.up()
        names = [f"person{number}" for number in range(settings.servers)]
        cookies = {name: team.cookie(name) for name in names}
        settings.say(f"annotators: {len(names)} come at once")
        began = time.perf_counter()
        asyncio.run(everybody_comes(team, cookies))
        settings.say(f"annotators: all have their first tasks after {time.perf_counter() - began:.1f} s; at work")
        through, past = asyncio.run(everybody_works(team, cookies, settings.rounds))
        memory = pss_megabytes([team.gateway_pid()])
    return figures_of(through, past, memory)


async def everybody_comes(team: GatewayTeam, cookies: dict[str, str]) -> None:
    """Each opens their page and asks for tasks until their server is there; anything but "it starts" is a failure."""

    async def come(name: str, cookie: str) -> None:
        connection = Connection(team.port, f"Cookie: {cookie}\r\n")
        deadline = time.monotonic() + 180
        while True:
            status, found = await connection.post(f"/a/{name}/get_session_questions", {})
            if status == 200:
                break
            if status != 503 or time.monotonic() > deadline:
                raise SystemExit(f"{name}: {status} {found[:300]!r}")
            await asyncio.sleep(0.25)
        connection.close()

    await asyncio.gather(*(come(name, cookie) for name, cookie in cookies.items()))


async def everybody_works(team: GatewayTeam, cookies: dict[str, str], rounds: int) -> tuple[list[Way], list[Way]]:
    """Pulls and answers, half of them past the gateway."""
    from prodigy_team.servers.secrets import server_secret

    ports, state = team.ports(), team.folder / ".prodigy-team"
    through, past = [], []
    for name, cookie in cookies.items():
        through.append(Way(Connection(team.port, f"Cookie: {cookie}\r\n"), f"/a/{name}"))
        own = f"X-Prodigy-Team-Secret: {server_secret(state, name)}\r\nX-Prodigy-Team-Session: {name}\r\n"
        past.append(Way(Connection(ports[name], own), ""))
    people = [Person(name, pair) for name, pair in zip(cookies, zip(through, past, strict=True), strict=True)]
    await asyncio.gather(*(person.step(way) for person in people for way in (0, 1)))  # connections
    for way in (*through, *past):
        way.seconds.clear()
    for turn in range(2 * TURNS * rounds):
        await asyncio.sleep(0.5)
        await work_for_a_while(people, turn % 2)
    for each in (*through, *past):
        each.connection.close()
    return through, past


async def work_for_a_while(people: Sequence[Person], way: int) -> None:
    """Requests at even distances, whether or not those before them were answered."""
    loop = asyncio.get_running_loop()
    began, tasks = loop.time(), []
    for number in range(int(RATE * SECONDS)):
        await asyncio.sleep(max(0.0, began + number / RATE - loop.time()))
        tasks.append(asyncio.ensure_future(people[number % len(people)].step(way)))
    await asyncio.gather(*tasks)


class Person:
    """Somebody who asks for tasks, answers one, and so on."""

    def __init__(self, name: str, ways: Sequence[Way]) -> None:
        self._name, self._ways = name, ways
        self._tasks: list[dict[str, object]] = []
        self._turn = asyncio.Lock()

    async def step(self, way: int) -> None:
        """One request."""
        async with self._turn:
            if self._tasks:
                answer = {**self._tasks.pop(), "answer": "accept", "accept": ["A"], "_answer_id": secrets.token_hex(16)}
                await self._ways[way].ask("/give_answers", {"answers": [answer]})
            else:
                found = await self._ways[way].ask("/get_session_questions", {})
                self._tasks = json.loads(found)["tasks"][:2] if found else []


def figures_of(through: Sequence[Way], past: Sequence[Way], memory: float) -> list[Figure]:
    """Failures, memory, and what the gateway adds to a request's time."""
    failed = [text for each in (*through, *past) for text in each.failed]
    ours, other = ([second * 1000 for each in ways for second in each.seconds] for ways in (through, past))
    note = f"{len(ours)} requests; {failed[0] if failed else 'none'}"
    figures = [
        Figure("a", "failed requests", (float(len(failed)),), 0, note=note),
        Figure("a", "memory of the gateway, MB", (memory,), 80),
    ]
    for text, place, goal in (("p50", 49, 3.0), ("p99", 98, 20.0)):
        mine, theirs = (statistics.quantiles(values, n=100)[place] for values in (ours, other))
        note = f"{mine:.2f} ms against {theirs:.2f} ms past it"
        figures.append(Figure("a", f"added latency at {RATE}/s, {text}, ms", (mine - theirs,), goal, note=note))
    return figures


def arrival(settings: Settings) -> list[Figure]:
    """From the login form to the first task, where the server sleeps; and a server's own start."""
    seconds, starts = [], []
    with GatewayTeam(settings.folder / "arrival", settings.python, 3 * settings.rounds) as team:
        team.up()
        for number in range(settings.rounds):
            name = f"person{number}"
            team.set_password(name)
            seconds.append(come_in(team, name))
            starts.append(start_alone(team, f"person{settings.rounds + number}"))
            settings.say(f"arrival: {seconds[-1]:.2f} s, a server's own start {starts[-1]:.2f} s")
    note = f"{middle(seconds)}, of which a server's own start is {middle(starts)}"
    added = tuple(mine - own for mine, own in zip(seconds, starts, strict=True))
    return [Figure("l", "login to first task beyond the server's start, s", added, 0.5, note=note)]


def come_in(team: GatewayTeam, name: str) -> float:
    """Seconds from the form's submission to the first tasks, with the requests of a browser."""
    base = f"http://127.0.0.1:{team.port}"
    form, jar = fetch(f"{base}/login"), SimpleCookie()
    jar.load(form[2])
    hidden = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[1].decode()))
    cookies = "; ".join(f"{key}={morsel.value}" for key, morsel in jar.items())
    began = time.perf_counter()
    fields = urlencode({**hidden, "name": name, "password": PASSWORD}).encode()
    status, _, cookie = fetch(f"{base}/login", fields, Cookie=cookies)
    if status != 303 or not cookie:
        raise SystemExit(f"the login of {name} was answered with {status}")
    jar.load(cookie)
    cookies = "; ".join(f"{key}={morsel.value}" for key, morsel in jar.items() if morsel.value)
    shown = fetch(f"{base}/a/{name}/", Cookie=cookies, Accept="text/html")[1]
    if b"data-poll" in shown:  # the page that waits
        time.sleep(POLL)
        while fetch(f"{base}/a/{name}/health", Cookie=cookies)[0] == 503 and time.perf_counter() - began < 60:
            time.sleep(POLL)
        fetch(f"{base}/a/{name}/", Cookie=cookies, Accept="text/html")
    status, tasks, _ = fetch(f"{base}/a/{name}/get_session_questions", b"{}", Cookie=cookies)
    if status != 200 or not json.loads(tasks)["tasks"]:
        raise SystemExit(f"{name} got {status} {tasks[:300]!r}")
    return time.perf_counter() - began


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Follow nothing."""


def fetch(url: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes, str]:
    """Status, content and cookies of an answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)
    try:
        with opener.open(urllib.request.Request(url, body, headers), timeout=60) as reply:
            return reply.status, reply.read(), "; ".join(reply.headers.get_all("Set-Cookie") or ())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), "; ".join(error.headers.get_all("Set-Cookie") or ())


def start_alone(team: GatewayTeam, name: str) -> float:
    """Seconds from a server's launch to its first answer, without any command around it."""
    team.run("up", name)
    [launch] = [each for each in team.launches() if each["env"].get("PRODIGY_ALLOWED_SESSIONS") == name]
    team.run("stop", name, "--force")
    began = time.perf_counter()
    process = subprocess.Popen(
        launch["command"], env=launch["env"], cwd=launch["cwd"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", launch["port"])) == 0:
                    break
            if process.poll() is not None or time.perf_counter() - began > 60:
                raise SystemExit(f"{name}'s server does not start by itself")
            time.sleep(0.005)
        fetch(f"http://127.0.0.1:{launch['port']}/version")
        return time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(20)


def restart(settings: Settings) -> list[Figure]:
    """A planned restart of the gateway while requests go through it."""
    failed: list[str] = []
    with GatewayTeam(settings.folder / "restart", settings.python, 8) as team:
        team.up()
        cookies = {f"person{number}": team.cookie(f"person{number}") for number in range(8)}
        asyncio.run(everybody_comes(team, cookies))
        ways = [Way(Connection(team.port, f"Cookie: {each}\r\n"), f"/a/{name}") for name, each in cookies.items()]
        asyncio.run(through_a_restart(team, ways))
        failed = [text for each in ways for text in each.failed]
        count = sum(len(each.seconds) for each in ways)
    longest = max(second for each in ways for second in each.seconds)
    note = f"of {count}, the longest took {longest * 1000:.0f} ms; {failed[0] if failed else 'none'}"
    return [Figure("r", "failed requests in a planned restart", (float(len(failed)),), 0, note=note)]


async def through_a_restart(team: GatewayTeam, ways: Sequence[Way]) -> None:
    """Everybody asks without pause, from before the restart until after it."""
    done, left = asyncio.Event(), RESTART_REQUESTS

    async def keep_asking(way: Way) -> None:
        nonlocal left
        while left > 0 or not done.is_set():
            left -= 1
            await way.ask("/get_session_questions", {})
        way.connection.close()

    async def do_restart() -> None:
        while left > RESTART_REQUESTS * 3 // 4:
            await asyncio.sleep(0.01)
        before = team.gateway_pid()
        command: Callable[..., Awaitable[asyncio.subprocess.Process]] = asyncio.create_subprocess_exec
        process = await command(*team.command("restart", "gateway"), env=team.env, cwd=team.folder)
        if await process.wait() or team.gateway_pid() == before:
            raise SystemExit("the gateway was not restarted")
        done.set()

    await asyncio.gather(do_restart(), *map(keep_asking, ways))
