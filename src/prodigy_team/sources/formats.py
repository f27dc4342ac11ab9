"""What stands in a source: JSON lines, JSON, CSV or plain text, read record by record, bad ones with the reason."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, Any

import msgspec

from prodigy_team.errors import TeamError
from prodigy_team.tasks import INPUT_KEYS, By, Task

CONTENT_KEYS = (*INPUT_KEYS, "audio", "video", "pages", "options", "versions")
"""Keys of which a task needs one: there must be something to look at."""

_CSV_KEYS = ("text", "html", "image", "audio", "video", "input", "label")
_STRINGS = ("text", "html", "audio", "video")
_TYPE_NAMES = {
    list: "a list",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}
_LONGEST_FIELD = 2**31 - 1
_END = "\ue000 end of the table \ue000"
"""Put behind a table: the parser takes a cell that is still open at the end for a good one."""
_SPACE = re.compile(r"[ \t\n\r]*")

decode = msgspec.json.Decoder().decode
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True)
class BadLine:
    """A line of a source that was skipped: its number, counted from 1 as editors do, and why."""

    line: int
    reason: str


class SourceError(TeamError):
    """A source cannot be read at all: it is missing, of an unknown kind, or broken from the start."""


class BadContentError(ValueError):
    """One record of a source cannot be a task; the message is the reason."""


Record = tuple[int, "Task | BadLine"]
"""A record of a source: the line it starts on, and its task or why there is none."""


def parse_line(line: bytes, by: By) -> Task:
    """The task in one line of JSON.

    Raises:
        BadContentError: It is not valid UTF-8, not valid JSON, not an object, or has nothing to annotate. NaN, half a
            surrogate pair and numbers out of range are refused, because a browser could not read them back.
    """
    try:
        value = decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:  # the first is a ValueError from 0.21 on only
        raise BadContentError(_explain(line, error)) from None
    check_task(value, by)
    return value  # type: ignore[no-any-return]


def check_task(value: Any, by: By) -> None:
    """Refuse what cannot be annotated, with the reason as the error's message."""
    if not isinstance(value, dict):
        raise BadContentError(f"not an object but {_TYPE_NAMES.get(type(value), type(value).__name__)}")
    for key in _STRINGS:
        if key in value and value[key] is not None and not isinstance(value[key], str):
            raise BadContentError(f"`{key}` is {_TYPE_NAMES.get(type(value[key]), 'an object')}, not a string")
    present = [key for key in CONTENT_KEYS if _is_content(value.get(key))]
    if not present:
        raise BadContentError(_nothing_to_annotate(value))
    if by == "input" and not any(key in INPUT_KEYS for key in present):
        keys = ", ".join(INPUT_KEYS)
        raise BadContentError(f'none of {keys}, and exclude_by = "input" tells tasks apart by these alone')


def _is_content(value: Any) -> bool:
    return bool(value.strip() if isinstance(value, str) else value)


def _nothing_to_annotate(task: Task) -> str:
    empty = next((key for key in CONTENT_KEYS if key in task), None)
    return f"`{empty}` is empty" if empty else f"nothing to annotate: none of {', '.join(CONTENT_KEYS)}"


def _explain(line: bytes, error: Exception) -> str:
    """Why a line is no JSON, in words that help whoever looks at the line in an editor."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    try:
        text = line.rstrip(b"\r\n").decode("utf-8")  # at the end of a line the parser would speak of the next one
    except UnicodeDecodeError as problem:
        return f"invalid UTF-8 at byte {problem.start + 1}"
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as problem:
        return f"broken JSON: {problem.msg} (column {problem.colno})"
    except (BadContentError, RecursionError) as problem:
        return str(problem) or "nested too deeply"
    if "\\ud" in text.lower():
        return "half a surrogate pair (\\ud8… to \\udf…), which is no character"
    return f"broken JSON: {error}"


def _refuse_constant(name: str) -> Any:
    raise BadContentError(f"{name} is not JSON")


def encode_line(task: Task) -> bytes:
    """A task as one line of JSON without its end, keys in their order.

    Raises:
        BadContentError: It holds what JSON cannot: NaN, half a surrogate pair.
    """
    try:
        return _encode(task).encode("utf-8")
    except UnicodeEncodeError:
        raise BadContentError("half a surrogate pair, which is no character") from None
    except (ValueError, RecursionError) as error:
        raise BadContentError("NaN is not JSON" if "JSON compliant" in str(error) else str(error)) from None


def skip_mark(file: IO[bytes], path: Path) -> int:
    """Step over a UTF-8 byte order mark, and return how many bytes it had; other encodings are refused by name."""
    start = file.read(4)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise SourceError(f"The source {path} is UTF-16.", remedy="Save it as UTF-8.")
    skipped = 3 if start[:3] == b"\xef\xbb\xbf" else 0
    file.seek(skipped)
    return skipped


def _record(number: int, make: Callable[[Any], Any], raw: Any, by: By) -> Record:
    try:
        task = make(raw)
        check_task(task, by)
    except BadContentError as problem:
        return number, BadLine(number, str(problem))
    return number, task


def read_jsonl(file: IO[bytes], path: Path, by: By) -> Iterator[Record]:
    """One task a line; blank lines are nothing."""
    skip_mark(file, path)
    for number, line in enumerate(file, 1):
        if not line.isspace():
            try:
                yield number, parse_line(line, by)
            except BadContentError as problem:
                yield number, BadLine(number, str(problem))


def read_txt(file: IO[bytes], path: Path, by: By) -> Iterator[Record]:
    """One text a line, without the white space around it; blank lines are nothing."""
    skip_mark(file, path)
    for number, line in enumerate(file, 1):
        if not line.isspace():
            yield _record(number, _text_task, line, by)


def _text_task(line: bytes) -> Task:
    try:
        return {"text": line.decode("utf-8").strip()}
    except UnicodeDecodeError as problem:
        raise BadContentError(f"invalid UTF-8 at byte {problem.start + 1}") from None


def read_json(file: IO[bytes], path: Path, by: By) -> Iterator[Record]:
    """A file that is one list of tasks. It is held in memory as a whole; big sources are better as JSON lines.

    Raises:
        SourceError: It is no valid JSON (with line and column), or no list.
    """
    skip_mark(file, path)
    try:
        text = file.read().decode("utf-8")
        yield from _items(text, by)
    except UnicodeDecodeError as problem:
        line = problem.object[: problem.start].count(b"\n") + 1
        raise SourceError(f"The source {path}, line {line}, is not valid UTF-8.", remedy="Save it as UTF-8.") from None
    except json.JSONDecodeError as problem:
        raise SourceError(
            f"The source {path}, line {problem.lineno}, column {problem.colno}, is broken JSON: {problem.msg}.",
            remedy="Correct that place, or write one task a line into a .jsonl file, where other lines still count.",
        ) from None
    except RecursionError:
        raise SourceError(f"The source {path} is nested too deeply.", remedy="Write a list of plain tasks.") from None


def _skip_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _items(text: str, by: By) -> Iterator[Record]:
    """The items of a JSON list, decoded one by one: each has its line number, and memory stays at the text's."""
    decoder = json.JSONDecoder(parse_constant=float)
    at = _skip_space(text, 0)
    if text[at : at + 1] != "[":
        raise json.JSONDecodeError("a list of tasks, in [ ], is wanted", text, at)
    at, line, counted = _skip_space(text, at + 1), 1, 0
    closed = text[at : at + 1] == "]"
    while not closed:
        line, counted = line + text.count("\n", counted, at), at
        item, at = decoder.raw_decode(text, at)
        yield _record(line, lambda value: value, item, by)
        at = _skip_space(text, at)
        closed = text[at : at + 1] == "]"
        if not closed:
            if text[at : at + 1] != ",":
                raise json.JSONDecodeError("a comma or ] is wanted", text, at)
            at = _skip_space(text, at + 1)
    at = _skip_space(text, at + 1)
    if at != len(text):
        raise json.JSONDecodeError("something follows the list", text, at)


def read_csv(file: IO[bytes], path: Path, by: By) -> Iterator[Record]:
    """A table with a header, separated by comma, semicolon or tab, whichever the header has.

    Columns `text`, `html`, `image`, `audio`, `video`, `input` and `label` (in any case) are the task's; every other
    goes to its `meta`. Empty cells are left out.

    Raises:
        SourceError: The header names no content.
    """
    skip_mark(file, path)
    header = file.readline()
    names, delimiter = _header(header, path)
    csv.field_size_limit(_LONGEST_FIELD)  # the module's own limit of 128 KiB would refuse long texts
    lines = chain((line.decode("utf-8", "surrogateescape") for line in file), [_END])
    rows = csv.reader(lines, delimiter=delimiter)
    number = 2
    while True:
        try:
            row = next(rows)
        except StopIteration:  # the end of the table was part of a cell too long to be one
            return
        except csv.Error as error:
            yield number, BadLine(number, f"broken CSV: {error}")
        else:
            if row == [_END]:
                return
            if row and row[-1].endswith(_END):
                yield number, BadLine(number, _unclosed(rows.line_num - number + 1))
                return
            if any(cell.strip() for cell in row):
                yield _record(number, partial(_row_task, names), row, by)
        number = rows.line_num + 2


def _unclosed(lines: int) -> str:
    rest = "" if lines == 1 else f": all {lines} lines to the end of the file would be one cell"
    return f"broken CSV: a quotation mark that opens a cell is never closed{rest}"


def _header(line: bytes, path: Path) -> tuple[list[str], str]:
    text = line.decode("utf-8", "replace")
    delimiter = max(",;\t", key=text.count)
    names = [name.strip() for name in next(csv.reader([text], delimiter=delimiter), [])]
    names = [name.lower() if name.lower() in _CSV_KEYS else name for name in names]
    if not any(name in CONTENT_KEYS for name in names):
        raise SourceError(
            f"The source {path} has no column `text`; its first line reads {text.strip()[:80]!r}.",
            remedy="Put a line with the columns' names on top, one of them `text`.",
        )
    return names, delimiter


def _row_task(names: list[str], row: list[str]) -> Task:
    if len(row) > len(names):
        raise BadContentError(f"{len(row)} cells under {len(names)} columns")
    task: Task = {}
    meta: dict[str, str] = {}
    for name, cell in zip(names, row, strict=False):
        if not cell.isascii() and any("\udc80" <= each <= "\udcff" for each in cell):
            raise BadContentError(f"invalid UTF-8 in column `{name}`")
        if name in _CSV_KEYS and cell:
            task[name] = cell
        elif cell and name:
            meta[name] = cell
    return {**task, "meta": meta} if meta else task


READERS: dict[str, Callable[[IO[bytes], Path, By], Iterator[Record]]] = {
    ".jsonl": read_jsonl,
    ".json": read_json,
    ".csv": read_csv,
    ".txt": read_txt,
}
"""The reader of each ending."""
