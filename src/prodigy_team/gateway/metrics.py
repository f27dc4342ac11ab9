"""What the gateway counts of itself, and how that is written for Prometheus.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4)
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, get_args

from prodigy_team.servers.standing import State
from prodigy_team.servers.status import ServerStatus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram's buckets, in seconds."""
_START_PATH = "/api/start_session"
_STARTS = ("started", "failed")
_Samples: TypeAlias = Mapping["tuple[tuple[str, str], ...]", float]


@dataclass
class Metrics:
    """Counts since this process began.

    Attributes:
        requests: By "desk" (an annotator's server) or "own" (the gateway's pages), and status.
        logins: By "ok" or "failed".
        starts: Servers asked to come up, by "started" or "failed".
        within: Of requests to annotators' servers, how many lie in each bucket; the last has no bound.
    """

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    logins: Counter[str] = field(default_factory=Counter)
    starts: Counter[str] = field(default_factory=Counter)
    within: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0

    def note(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count one request that was answered.

        Args:
            path: Below the gateway's base path.
            seconds: Until its answer was sent.
        """
        if path.startswith("/a/"):
            self.requests["desk", status] += 1
            self.within[bisect_left(BOUNDS, seconds)] += 1
            self.seconds += seconds
            return
        self.requests["own", status] += 1
        if method == "POST" and path in ("/login", _START_PATH):
            self.logins["ok" if status < 400 else "failed"] += 1

    def started(self, *, problem: bool) -> None:
        """Count a server that came up, or did not."""
        self.starts["failed" if problem else "started"] += 1


def metrics_text(metrics: Metrics, servers: Collection[ServerStatus] | None, *, waiting: int) -> str:
    """Everything, as Prometheus reads it.

    Args:
        servers: None where it is not known yet how they stand: then nothing is said of them.
        waiting: Servers that are on their way up or in line for it.
    """
    requests: _Samples = {(("code", f"{code}"), ("to", to)): count for (to, code), count in metrics.requests.items()}
    lines = [
        *_family("requests_total", "counter", "Requests answered.", requests),
        *_histogram("upstream_seconds", "Seconds until requests to annotators' servers were answered.", metrics),
        *_family("logins_total", "counter", "Logins tried.", _by("result", metrics.logins, ("ok", "failed"))),
        *_family("starts_total", "counter", "Servers started for visitors.", _by("result", metrics.starts, _STARTS)),
        *_family("starts_waiting", "gauge", "Servers on their way up, or in line for it.", {(): waiting}),
        *(_of_servers(servers) if servers is not None else ()),
    ]
    return "\n".join(lines) + "\n"


def _of_servers(servers: Collection[ServerStatus]) -> Iterator[str]:
    states = Counter[str](each.state for each in servers)
    yield from _family("servers", "gauge", "Servers by state.", _by("state", states, get_args(State)))
    yield from _family("server_answers", "gauge", "Answers saved by each server.", _each(servers, "answers"))
    about = "Resident memory of each server."
    yield from _family("server_memory_bytes", "gauge", about, _each(servers, "memory_bytes"))
    yield from _family("server_restarts", "gauge", "Restarts of each server.", _each(servers, "restarts"))


def _by(label: str, counts: Mapping[str, int], known: Iterable[str]) -> _Samples:
    names = dict.fromkeys((*known, *counts))
    return {((label, name),): counts.get(name, 0) for name in names}


def _each(servers: Iterable[ServerStatus], key: str) -> _Samples:
    values = {each.name: getattr(each, key) for each in servers}
    return {(("server", name),): value for name, value in values.items() if value is not None}


def _family(name: str, kind: str, about: str, samples: _Samples) -> Iterator[str]:
    yield from _head(name, kind, about)
    for labels, value in sorted(samples.items()):
        yield _sample(name, labels, value)


def _histogram(name: str, about: str, metrics: Metrics) -> Iterator[str]:
    yield from _head(name, "histogram", about)
    sofar = 0
    for bound, count in zip((*BOUNDS, None), metrics.within, strict=True):
        sofar += count
        yield _sample(f"{name}_bucket", (("le", "+Inf" if bound is None else f"{bound:g}"),), sofar)
    yield _sample(f"{name}_sum", (), round(metrics.seconds, 6))
    yield _sample(f"{name}_count", (), sofar)


def _head(name: str, kind: str, about: str) -> Iterator[str]:
    yield f"# HELP prodigy_team_{name} {about}"
    yield f"# TYPE prodigy_team_{name} {kind}"


def _sample(name: str, labels: Iterable[tuple[str, str]], value: float) -> str:
    shown = ",".join(f'{key}="{_escape(text)}"' for key, text in labels)
    return f"prodigy_team_{name}{'{' + shown + '}' if shown else ''} {value}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
