"""A client that nobody here wrote gets through: curl, by the public contract alone.

With PRODIGY_TEAM_CONTRACT_URL (and PRODIGY_TEAM_CONTRACT_DATASET, _SESSION) the same session runs against a licensed
Prodigy, so that whoever has a licence can settle what is unverified. It writes three answers there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from embedded import served, write_jsonl

SESSION = Path(__file__).parent / "session.sh"
# Read before the tests' own environment takes PRODIGY_* away.
URL = os.environ.get("PRODIGY_TEAM_CONTRACT_URL")
DATASET = os.environ.get("PRODIGY_TEAM_CONTRACT_DATASET", "contract")
NAME = os.environ.get("PRODIGY_TEAM_CONTRACT_SESSION", "tester")
RECIPES = {
    "ner.manual": ["ner.manual", "contract", "blank:en", "source.jsonl", "--label", "PERSON,ORG"],
    "textcat.manual": ["textcat.manual", "contract", "source.jsonl", "--label", "A,B"],
    "mark": ["mark", "contract", "source.jsonl", "--view-id", "classification"],
}

pytestmark = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")), reason="curl and jq are what this client is made of"
)


def session(url: str, dataset: str, name: str) -> str:
    """Run it; returns what it said."""
    command = [str(SESSION), url, dataset, name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_session_by_curl(tmp_path: Path, recipe: str) -> None:
    write_jsonl(tmp_path / "source.jsonl", [{"text": f"task {number}"} for number in range(12)])
    with served(tmp_path, RECIPES[recipe]) as server:
        said = session(f"http://127.0.0.1:{server.port}/", "contract", "tester")
        assert said.count("ok: ") == 8
        stored = server.stored("contract")
        assert [each["answer"] for each in stored] == ["accept", "reject", "ignore"]
        assert {each["_session_id"] for each in stored} == {"contract-tester"}
        assert server.contents("contract-tester") == server.contents("contract")


@pytest.mark.skipif(not URL, reason="PRODIGY_TEAM_CONTRACT_URL names no licensed Prodigy")
def test_the_same_session_on_a_licensed_prodigy() -> None:
    session(URL or "", DATASET, NAME)
