"""What the gateway costs: beside other proxies, with 200 annotators at once, on the way in, and in a restart.

    PYTHONPATH=src python tests/benchmarks/gateway.py [--rounds 3] [--parts proxies,annotators,arrival,restart]
        [--chp node_modules/.bin/configurable-http-proxy]

proxies: one upstream (nginx, an 8 KB JSON reply), wrk with 16 connections, each proxy in turn while the others stand
still. Gateway: the login is looked up and the head judged at each request. What is missing of nginx, wrk and
configurable-http-proxy (npm) is told and left out. The other parts drive real teams by the real commands.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from gateway_team import annotators, arrival, restart
from measuring import (
    PROGRAMS,
    Figure,
    Settings,
    cpu_seconds,
    environment,
    free_range,
    middle,
    pss_megabytes,
    ratios,
    running,
    wait_for_port,
)

CONNECTIONS = 16
SECONDS = 4
REPLY = 8 * 1024


@dataclass(frozen=True)
class Load:
    """What came of one run: requests a second, latency in ms, microseconds of CPU a request, memory in MB."""

    rate: float
    p50: float
    p99: float
    cost: float
    memory: float


@dataclass(frozen=True)
class Server:
    """A proxy, or the upstream itself.

    Attributes:
        pids: Whose CPU and memory are its own.
    """

    name: str
    url: str
    pids: tuple[int, ...]
    cookie: str = ""


def proxies(settings: Settings, chp: str | None) -> list[Figure]:
    """Requests a second and CPU a request of each proxy, to one upstream."""
    missing = [name for name, found in (("nginx", nginx()), ("wrk", shutil.which("wrk"))) if found is None]
    if missing:
        settings.say(f"proxies: left out, since there is no {' and no '.join(missing)} here")
        return []
    folder = settings.folder / "proxies"
    folder.mkdir()
    found: dict[str, list[Load]] = {}
    with contextlib.ExitStack() as stack:
        servers = start_all(stack, folder, settings, chp)
        for number in range(settings.rounds):
            for server in servers:
                settings.say(f"proxies, round {number + 1}: {server.name}")
                with only(server, servers):
                    found.setdefault(server.name, []).append(load(server))
    for name, loads in found.items():
        settings.say(line_of(name, loads))
    return figures_of(found)


def figures_of(found: dict[str, list[Load]]) -> list[Figure]:
    """The two goals."""
    ours, plain = found["gateway"], found["nginx"]
    costs = [[each.cost for each in loads] for loads in (ours, plain)]
    note = f"{middle(costs[0], 'us', 0)} against {middle(costs[1], 'us', 0)}"
    figures = [Figure("p", "CPU of a request / nginx", ratios(*costs), 8, note=note)]
    if "chp" in found:
        rates = [[each.rate for each in loads] for loads in (ours, found["chp"])]
        note = f"{middle(rates[0], '/s', 0)} against {middle(rates[1], '/s', 0)}"
        figures.append(Figure("p", "requests a second / configurable-http-proxy", ratios(*rates), 1.5, True, note))
    return figures


def line_of(name: str, loads: Sequence[Load]) -> str:
    """All figures of one proxy."""
    columns = [
        ("/s", 0, "rate"),
        ("ms p50", 2, "p50"),
        ("ms p99", 2, "p99"),
        ("us CPU", 0, "cost"),
        ("MB", 0, "memory"),
    ]
    texts = [middle([getattr(each, key) for each in loads], unit, digits) for unit, digits, key in columns]
    return f"  {name:<10}" + "  ".join(f"{text:>14}" for text in texts)


def nginx() -> str | None:
    """nginx, also where only root's path has it."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def start_all(stack: contextlib.ExitStack, folder: Path, settings: Settings, chp: str | None) -> list[Server]:
    """The upstream and what stands before it."""
    upstream, plain, own, node, api = free_range(5)
    env = environment(folder)

    def start(command: Sequence[str], port: int) -> subprocess.Popen[bytes]:
        process = stack.enter_context(running(command, env, folder))
        wait_for_port(port, process)
        return process

    program = nginx()
    assert program is not None
    (folder / "www").mkdir()
    (folder / "www/tasks.json").write_text(json.dumps({"tasks": ["x" * 78] * ((REPLY - 12) // 82)}))
    backend = start(configured(program, folder, "upstream", UPSTREAM % (upstream, folder)), upstream)
    proxy = start(configured(program, folder, "proxy", PROXY % (upstream, plain)), plain)
    gateway = start([settings.python, str(PROGRAMS / "gateway_alone.py"), str(own), str(upstream), str(folder)], own)
    cookie = (folder / "cookie").read_text()
    servers = [
        Server("direct", f"http://127.0.0.1:{upstream}/tasks.json", (backend.pid,)),
        Server("nginx", f"http://127.0.0.1:{plain}/a/joe/tasks.json", (proxy.pid,)),
        Server("gateway", f"http://127.0.0.1:{own}/a/joe/tasks.json", (gateway.pid,), cookie),
    ]
    if chp is None:
        settings.say("configurable-http-proxy: left out; npm install configurable-http-proxy, then --chp PATH")
        return servers
    target = ["--default-target", f"http://127.0.0.1:{upstream}", "--log-level", "error"]
    command = [chp, "--ip", "127.0.0.1", "--port", str(node), "--api-ip", "127.0.0.1", "--api-port", str(api), *target]
    process = start(command, node)
    return [*servers, Server("chp", f"http://127.0.0.1:{node}/tasks.json", (process.pid,))]


_AROUND = """daemon off; master_process off; pid {0}/{1}.pid; error_log {0}/{1}.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000; default_type application/json; {2}
{3} }}
"""
UPSTREAM = "server { listen 127.0.0.1:%d; root %s/www; }"
PROXY = (
    "upstream server { server 127.0.0.1:%d; keepalive 64; keepalive_requests 100000000; } "
    "server { listen 127.0.0.1:%d; location /a/joe/ "
    '{ proxy_pass http://server/; proxy_http_version 1.1; proxy_set_header Connection ""; } }'
)


def configured(program: str, folder: Path, name: str, content: str) -> list[str]:
    """nginx with this content of its http block, as one process."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = " ".join(f"{kind}_temp_path {folder}/{name}-{kind};" for kind in kinds)
    (folder / f"{name}.conf").write_text(_AROUND.format(folder, name, paths, content))
    return [program, "-e", str(folder / f"{name}.log"), "-c", str(folder / f"{name}.conf")]


@contextlib.contextmanager
def only(server: Server, servers: Sequence[Server]) -> Iterator[None]:
    """While one proxy is measured the others stand still."""
    needed = {*server.pids, *servers[0].pids}
    still = [pid for each in servers for pid in each.pids if pid not in needed]
    for pid in still:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in still:
            os.kill(pid, signal.SIGCONT)


def load(server: Server) -> Load:
    """wrk's figures; every reply must be 200."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency"]
    command += ["-H", f"Cookie: {server.cookie}"] if server.cookie else []
    before = sum(map(cpu_seconds, server.pids))
    done = subprocess.run([*command, server.url], capture_output=True, text=True, timeout=120, check=True)
    used = sum(map(cpu_seconds, server.pids)) - before
    text = done.stdout
    count = int(_found(r"(\d+) requests in", text))
    if "Non-2xx" in text or "Socket errors" in text or not count:
        raise SystemExit(f"the load on {server.name} went wrong:\n{text}")
    rate = float(_found(r"Requests/sec:\s+([\d.]+)", text))
    memory = pss_megabytes(server.pids)
    return Load(rate, _milliseconds("50%", text), _milliseconds("99%", text), used / count * 1e6, memory)


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"no {pattern} in:\n{text}")
    return match[1]


def _milliseconds(label: str, text: str) -> float:
    value, unit = _found(rf"{label}\s+([\d.]+\w+)", text), 1.0
    for end, factor in (("us", 1e-3), ("ms", 1.0), ("s", 1e3)):
        if value.endswith(end):
            value, unit = value.removesuffix(end), factor
            break
    return float(value) * unit


def main() -> int:
    """Measure, print, and say by the exit code whether all goals hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--annotators", type=int, default=200)
    parser.add_argument("--parts", default="proxies,annotators,arrival,restart")
    parser.add_argument(
        "--chp", default=shutil.which("configurable-http-proxy"), help="configurable-http-proxy's program"
    )
    given = parser.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="gateway-") as folder:
        settings = Settings(Path(folder), given.rounds, given.annotators, 0)
        parts: dict[str, Callable[[], list[Figure]]] = {
            "proxies": lambda: proxies(settings, given.chp),
            "annotators": lambda: annotators(settings),
            "arrival": lambda: arrival(settings),
            "restart": lambda: restart(settings),
        }
        for name in given.parts.split(","):
            figures += parts[name]()
    for figure in figures:
        print(figure.line())
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
