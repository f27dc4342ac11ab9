"""Fixtures of the acceptance tests: a project of three, and an interpreter that has the stand-in Prodigy."""

from standin_fixture import plain_python, standin_python
from team_support import project

__all__ = ["plain_python", "project", "standin_python"]
