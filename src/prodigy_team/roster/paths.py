"""Reading team.toml as it stands, and the state folder it names, without paying for a validated roster."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prodigy_team.roster.values import RosterError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_STATE = ".prodigy-team"

_MARKS = {
    b"\xff\xfe": "is UTF-16, not UTF-8.",
    b"\xfe\xff": "is UTF-16, not UTF-8.",
    b"\xef\xbb\xbf": "starts with a byte order mark, which TOML does not allow.",
}


def state_folder(path: Path, environ: Mapping[str, str] | None = None) -> Path:
    """The absolute state folder of a roster, found by parsing the file only.

    Args:
        environ: Where the home folder stands, for a path that begins with ``~/``; the process's own if left out.

    Raises:
        RosterError: The file cannot be read or is no TOML.
    """
    team = read_toml(path).get("team")
    state = team.get("state") if isinstance(team, dict) else None
    named = state if isinstance(state, str) and state else DEFAULT_STATE
    return resolve_path(named, path.absolute().parent, os.environ if environ is None else environ)


def resolve_path(value: str, folder: Path, environ: Mapping[str, str]) -> Path:
    """An absolute path: relative ones are relative to the roster's folder; ``~/`` is the home folder."""
    if value.startswith("~/") and environ.get("HOME"):
        value = environ["HOME"] + value[1:]
    return folder / value


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        RosterError: The file is missing or unreadable, not UTF-8, or no TOML; with line and column.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        remedy = "Write one with `prodigy-team init`, or name another with -f."
        raise _refusal(path, "file", "There is no such roster.", remedy) from error
    except OSError as error:
        text = f"It cannot be read: {error.strerror or error}."
        raise _refusal(path, "file", text, "Check its path and permissions.") from error
    try:
        return tomllib.loads(_decode(path, content))
    except tomllib.TOMLDecodeError as error:
        where, text = _place_and_reason(str(error), content)
        raise _refusal(path, where, text, "Correct that place.") from error


def _refusal(path: Path, where: str, text: str, remedy: str) -> RosterError:
    from prodigy_team.roster.values import Problem, RosterError

    return RosterError(path, [Problem(where, text, remedy)])


def _decode(path: Path, content: bytes) -> str:
    for mark, text in _MARKS.items():
        if content.startswith(mark):
            remedy = "Save it as UTF-8 without a byte order mark."
            raise _refusal(path, "line 1, column 1", f"The file {text}", remedy)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        from prodigy_team.settings import place_of

        line, column = place_of(content, error.start)
        text = f"Byte 0x{content[error.start]:02x} is not UTF-8."
        raise _refusal(path, f"line {line}, column {column}", text, "Save the file as UTF-8.") from error


def _place_and_reason(message: str, content: bytes) -> tuple[str, str]:
    """The parser's message, taken apart: older parsers give line and column in the text only."""
    found = re.fullmatch(r"(?s)(.*?) \(at (?:line (\d+), column (\d+)|end of document)\)", message)
    if not found:
        return "line 1, column 1", f"No valid TOML: {message}."
    if found[2]:
        return f"line {found[2]}, column {found[3]}", f"No valid TOML: {found[1]}."
    from prodigy_team.settings import place_of

    line, column = place_of(content, len(content))
    return f"line {line}, column {column}", f"No valid TOML: {found[1]} at the end of the file."
