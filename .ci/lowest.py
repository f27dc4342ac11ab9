"""Prints the lowest allowed version of each dependency, and of pytest and its plugins, as constraints for pip."""

from __future__ import annotations

import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    from pip._vendor import tomli as tomllib

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]

testing = [each for each in PROJECT["optional-dependencies"]["test"] if each.startswith("pytest")]
for requirement in PROJECT["dependencies"] + testing:
    name, lowest = re.match(r"([\w-]+)>=([\d.]+)", requirement).groups()
    print(f"{name}=={lowest}")
