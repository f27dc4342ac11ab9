"""Annotation servers for a team: started from a roster, kept running, their answers merged into one training set."""

from __future__ import annotations

__version__ = "0.1.0"
