"""A module imports only from those above it in the house, also inside its functions."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import ROOT

PACKAGE = ROOT / "src" / "prodigy_team"
ORDER = (
    "errors",
    "presence",
    "settings",
    "roster",
    "tasks",
    "tokens",
    "store",
    "sources",
    "allocation",
    "servers",
    "curation",
    "annotate",
    "feeding",
    "gateway",
    "cli",
    "notebook",
    "__main__",
)
STRANGERS = frozenset({("annotate", "gateway"), ("gateway", "annotate")})
EVERYWHERE = frozenset({"__init__", "samples"})
"""The package itself holds the version and leads to `notebook` when asked for it; data has no imports."""


def room(path: Path) -> str:
    """The part of the house a module belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> Iterator[tuple[int, str]]:
    """Every import from this package in a module, wherever it stands, with its line."""
    package = ["prodigy_team", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for name in imported_names(node, package):
            parts = name.split(".")
            if parts[0] == "prodigy_team" and len(parts) > 1:
                yield getattr(node, "lineno", 0), parts[1]


def imported_names(node: ast.AST, package: list[str]) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = package[: len(package) - node.level + 1] if node.level else []
        start = ".".join([*base, *([node.module] if node.module else [])])
        return [f"{start}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        value = node.args[0].value
        return [value] if called in ("import_module", "__import__") and isinstance(value, str) else []
    return []


MODULES = sorted(path for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_above(path: Path) -> None:
    own = room(path)
    if own in EVERYWHERE:
        return
    assert own in ORDER, f"{own} has no place in the order of imports"
    for line, other in imported_rooms(path):
        if other in ORDER:
            assert ORDER.index(other) <= ORDER.index(own), f"{path}:{line}: {own} may not import {other}"
            assert (own, other) not in STRANGERS, f"{path}:{line}: {own} and {other} do not import each other"


def test_an_import_from_below_is_noticed_wherever_it_hides() -> None:
    """The test above is worth nothing if it cannot fail."""
    hidden = (
        "from prodigy_team.cli import main",
        "import prodigy_team.cli.main",
        "from prodigy_team import cli",
        "def f():\n    from prodigy_team.cli.main import main",
        "import importlib\nimportlib.import_module('prodigy_team.cli')",
        "from .cli import main",
    )
    for text in hidden:
        nodes = ast.walk(ast.parse(text))
        names = [name for node in nodes for name in imported_names(node, ["prodigy_team"])]
        assert any(name.startswith("prodigy_team.cli") for name in names), text


def lines_that_ask_a_path(text: str) -> list[int]:
    """Where a `path.exists()` or its like stands, which has another answer on Python 3.14."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call) and not node.args]
    named = [(each.lineno, each.func.attr) for each in calls if isinstance(each.func, ast.Attribute)]
    return [line for line, name in named if name in ("exists", "is_file", "is_dir")]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_whether_something_is_there_is_asked_in_one_place(path: Path) -> None:
    assert lines_that_ask_a_path(path.read_text(encoding="utf-8")) == [], f"{path}: ask prodigy_team.presence"


def test_a_path_that_is_asked_is_noticed() -> None:
    """The test above is worth nothing if it cannot fail."""
    assert lines_that_ask_a_path("if not (folder / 'x').is_file(): pass") == [1]


LOADED = """
import sys
import {module}
print(*sorted(name for name in sys.modules if name.split(".")[0] in {{"starlette", "uvicorn", "httptools", "spacy"}}
      or name.startswith("prodigy_team.annotate")))
"""


@pytest.mark.parametrize("module", ["prodigy_team.servers.supervisor", "prodigy_team.servers.watch"])
def test_up_status_and_stop_load_nothing_of_the_embedded_engine(module: str) -> None:
    """What runs Prodigy's servers must not pay for ours."""
    if importlib.util.find_spec(module) is None:
        return  # nothing that could load anything
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(module=module)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_stop_does_not_pay_for_what_only_other_commands_need() -> None:
    """Imports are most of what a stop costs besides the end of the servers themselves."""
    heavy = {"pydantic", "rich", "psutil", "msgspec", "hashlib", "asyncio", "prodigy_team.servers.status"}
    heavy |= {
        f"prodigy_team.servers.{name}" for name in ("engines", "deciding", "upping", "starting", "wanting", "watch")
    }
    code = "import sys, prodigy_team.servers.supervisor, prodigy_team.servers.halting\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())
