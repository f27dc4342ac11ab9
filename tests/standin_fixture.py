"""An interpreter that has a (stand-in) Prodigy, made without touching the one that runs the tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import prodigy_team
from support import ROOT

STANDIN = ROOT / "tests" / "standin" / "src"
VERSION = "1.18.4+standin"


def make_environment(folder: Path, *, prodigy: bool = True) -> Path:
    """A virtual environment that sees what this Python sees, and Prodigy besides; returns its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    seen = [str(Path(prodigy_team.__file__).parents[1]), *(path for path in sys.path if path.endswith("-packages"))]
    (packages / "seen.pth").write_text("\n".join([*([str(STANDIN)] if prodigy else []), *seen]) + "\n")
    if prodigy:
        info = packages / f"prodigy-{VERSION}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: prodigy\nVersion: {VERSION}\n")
        (info / "INSTALLER").write_text("hand\n")
    return folder / "bin" / "python"


@pytest.fixture(scope="session")
def standin_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the stand-in installed under the name `prodigy`."""
    return make_environment(tmp_path_factory.mktemp("prodigy") / "venv")


@pytest.fixture(scope="session")
def plain_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python without Prodigy that is not the one running the tests."""
    return make_environment(tmp_path_factory.mktemp("plain") / "venv", prodigy=False)
