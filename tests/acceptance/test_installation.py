"""What a newcomer types works: an installed package with the example roster, and the demo from a clean clone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import ROOT, eventually

BASE_INSTALL_BYTES = 60_000_000

pytestmark = pytest.mark.xdist_group("installed once")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a virtual environment into which the project was installed as `pip install .` does it."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install", "--quiet"]
    outcome = subprocess.run(
        [*pip, "--disable-pip-version-check", str(ROOT)], capture_output=True, text=True, check=False
    )
    if "No matching distribution" in outcome.stderr or "ConnectionError" in outcome.stderr:
        pytest.skip(f"the package index is out of reach: {outcome.stderr.strip().splitlines()[-1]}")
    assert outcome.returncode == 0, outcome.stderr
    return folder / "bin"


@pytest.fixture
def team(installed: Path, tmp_path: Path) -> Iterator[Path]:
    """A folder with the example as its team.toml; its servers are stopped afterwards."""
    shutil.copy(ROOT / "team.toml.example", tmp_path / "team.toml")
    yield tmp_path
    subprocess.run([installed / "prodigy-team", "stop", "--force"], cwd=tmp_path, check=False)


def run(program: Path, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([program, *words], cwd=folder, env=environ, capture_output=True, text=True, check=False)


def test_the_example_runs_where_the_package_was_installed(installed: Path, team: Path) -> None:
    command = installed / "prodigy-team"

    up = run(command, "up", folder=team)
    status = run(command, "status", "--json", folder=team)

    assert up.returncode == 0, up.stdout + up.stderr
    servers = json.loads(status.stdout)["servers"]
    assert [server["state"] for server in servers] == ["running"] * 3
    for server in servers:
        assert server["tasks"] >= 150
        with urllib.request.urlopen(server["url"]) as page:
            assert b"<html" in page.read()
    assert run(command, "stop", folder=team).returncode == 0


def test_the_module_is_the_same_command(installed: Path, tmp_path: Path) -> None:
    for words in ((installed / "prodigy-team",), (installed / "python", "-m", "prodigy_team")):
        outcome = run(words[0], *map(str, words[1:]), "--version", folder=tmp_path)
        assert outcome.stdout.startswith("prodigy-team ")


def test_a_base_install_stays_small(installed: Path) -> None:
    (packages,) = (installed.parent / "lib").glob("python3*/site-packages")
    files = [each for each in packages.rglob("*") if each.is_file() and not each.is_symlink()]

    assert sum(each.stat().st_size for each in files) < BASE_INSTALL_BYTES


@pytest.mark.long
def test_the_demo_runs_from_a_clean_clone(tmp_path: Path) -> None:
    """`make demo` twice, then `make demo-stop`: ready, nothing to do with the same pids, nothing left."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    demo = clone / ".demo/team.toml"

    def pids() -> list[int]:
        status = run(clone / ".venv/bin/prodigy-team", "-f", str(demo), "status", "--json", folder=clone)
        return [server["pid"] for server in json.loads(status.stdout)["servers"]]

    try:
        first = run(Path("make"), "demo", folder=clone)
        assert first.returncode == 0, first.stdout + first.stderr
        before = pids()
        again = run(Path("make"), "demo", folder=clone)
        assert "nothing to do" in again.stdout
        assert pids() == before
    finally:
        stop = run(Path("make"), "demo-stop", folder=clone)
    assert stop.returncode == 0, stop.stdout + stop.stderr
    assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in before))
