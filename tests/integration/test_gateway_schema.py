"""Random requests to the gateway's own paths, which tests/gateway_openapi.json describes: none makes it fail."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from gateway_support import write_roster
from prodigy_team.gateway.app import build_app
from prodigy_team.gateway.guarding import GuardedProtocol
from prodigy_team.gateway.identity import build_people
from prodigy_team.gateway.sessions import session_routes
from prodigy_team.roster import load_roster
from proxy_support import Board, Servers, serving
from support import ROOT

schemathesis = pytest.importorskip("schemathesis", reason="no schemathesis: pip install schemathesis")

DESCRIPTION = json.loads((ROOT / "tests/gateway_openapi.json").read_text())
schema = schemathesis.openapi.from_dict(DESCRIPTION)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway with real logins, where nobody is logged in."""
    folder = tmp_path_factory.mktemp("gateway")
    people = build_people(load_roster(write_roster(folder), {}))
    servers: Any = Servers()
    more = session_routes(people, servers, people.settings)
    app = build_app(people, servers, Board(), people.settings, more=more)
    with serving(app, protocol=GuardedProtocol) as port:
        yield f"http://127.0.0.1:{port}"
    people.close()


def check(case: schemathesis.Case, address: str, caplog: pytest.LogCaptureFixture) -> None:
    """No answer is the gateway's own failure, none lets anybody in, and none is a traceback in the log."""
    answer = case.call(base_url=address, timeout=30)
    assert answer.status_code < 500, (case.as_curl_command(), answer.text[:500])
    assert "traceback" not in answer.text.lower()
    given = [each for each in answer.headers.get("set-cookie", []) if each.startswith("prodigy-team-headlines=")]
    assert not [
        each for each in given if not each.startswith(('prodigy-team-headlines="";', "prodigy-team-headlines=;"))
    ]
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


QUIETLY = settings(deadline=None, suppress_health_check=list(HealthCheck))


@schema.parametrize()
@settings(QUIETLY, max_examples=12, derandomize=True)
def test_random_requests_get_answers(case: schemathesis.Case, address: str, caplog: pytest.LogCaptureFixture) -> None:
    check(case, address, caplog)


@pytest.mark.long
@schema.parametrize()
@settings(QUIETLY, max_examples=300)
def test_many_random_requests_get_answers(
    case: schemathesis.Case, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    check(case, address, caplog)
