"""The page's built files are what its source gives, and small. Without npm there is nothing to compare with."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from prodigy_team.annotate.assets import BUILT, PAGE
from prodigy_team.annotate.shaping import ACTION_KEYS

NPM = shutil.which("npm")

pytestmark = pytest.mark.xdist_group("one build of the page at a time")


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=PAGE, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The page's build tools, installed once as the lock file says."""
    if NPM is None:
        pytest.skip("no npm: the built page is taken as it is")
    if not (PAGE / "node_modules" / "esbuild").is_dir():
        done = subprocess.run(
            [NPM, "ci", "--no-audit", "--no-fund"], cwd=PAGE, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"npm ci failed, so the page cannot be built: {done.stderr[-300:]}")
    return PAGE / "node_modules"


@pytest.mark.usefixtures("node_modules")
def test_the_built_page_is_byte_for_byte_what_its_source_gives() -> None:
    committed = {name: (PAGE / "built" / name).read_bytes() for name in BUILT}
    assert sorted(each.name for each in (PAGE / "built").iterdir()) == sorted(BUILT)
    run("node", "build.mjs", "--verify")
    assert committed == {name: (PAGE / "built" / name).read_bytes() for name in BUILT}


@pytest.mark.usefixtures("node_modules")
def test_the_pages_pure_parts() -> None:
    run("node", "build.mjs", "--test")


def test_what_the_page_and_the_server_call_keys_is_the_same() -> None:
    source = (PAGE / "source" / "keys.ts").read_text()
    table = source[source.index("const DEFAULTS") : source.index("const NAMES")]
    found = {
        action: tuple(re.findall(r'"([^"]+)"', keys)) for action, keys in re.findall(r"(\w+): \[([^\]]*)\]", table)
    }
    assert found == dict(ACTION_KEYS)
