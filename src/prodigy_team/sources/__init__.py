"""A file, a sample or a dataset as a source: its tasks, indexed once by byte offset; its bad lines, by number."""

from __future__ import annotations

from prodigy_team.sources.build import index_source
from prodigy_team.sources.formats import BadLine, SourceError
from prodigy_team.sources.index import SourceIndex, count_tasks
from prodigy_team.sources.origins import find_source
from prodigy_team.sources.reader import SourceChangedError, SourceReader

__all__ = [
    "BadLine",
    "SourceChangedError",
    "SourceError",
    "SourceIndex",
    "SourceReader",
    "count_tasks",
    "find_source",
    "index_source",
]
