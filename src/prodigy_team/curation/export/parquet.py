"""Parquet: a row an answer, a typed column for each of its fields, nested ones included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from prodigy_team.curation.export.base import Kept, Terms
from prodigy_team.curation.export.columns import Kind, fitted

_ROWS, _BYTES = 8192, 32_000_000  # in one row group, at most


def write(answers: Iterator[tuple[str, Kept]], files: Mapping[str, Path], terms: Terms) -> None:
    """Write answers as rows; a column whose values are of several types holds them as JSON."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, arrow_type(kind)) for name, kind in terms.columns.items()])
    with ExitStack() as stack:
        tables = {
            side: _Table(stack.enter_context(pq.ParquetWriter(path, schema, compression="zstd")), schema)
            for side, path in files.items()
        }
        for side, kept in answers:
            record = kept.record()
            row = {name: fitted(record.get(name), kind) for name, kind in terms.columns.items()}
            tables[side].add(row, len(kept.content))
        for table in tables.values():
            table.flush()


def arrow_type(kind: Kind) -> Any:
    """A column's type as Arrow has it."""
    import pyarrow as pa

    if kind.item is not None:
        return pa.list_(arrow_type(kind.item))
    if kind.name == "struct":
        return pa.struct([(name, arrow_type(inner)) for name, inner in kind.fields])
    return {"bool": pa.bool_(), "int": pa.int64(), "float": pa.float64()}.get(kind.name, pa.string())


class _Table:
    """Rows on their way into a file, a row group at a time."""

    def __init__(self, writer: Any, schema: Any) -> None:
        self._writer, self._schema = writer, schema
        self._rows: list[dict[str, Any]] = []
        self._size = 0

    def add(self, row: dict[str, Any], size: int) -> None:
        self._rows.append(row)
        self._size += size
        if len(self._rows) >= _ROWS or self._size >= _BYTES:
            self.flush()

    def flush(self) -> None:
        import pyarrow as pa

        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
        self._rows, self._size = [], 0
