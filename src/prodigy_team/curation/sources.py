"""Where answers come from: datasets of a database and files of JSON lines, by the names that people type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from prodigy_team.errors import TeamError, UsageError
from prodigy_team.presence import is_dir, is_file
from prodigy_team.store import Store

_FILE_SUFFIXES = (".jsonl", ".ndjson", ".json")
_MARK = b"\xef\xbb\xbf"  # of UTF-8, which some editors put in front


@dataclass(frozen=True)
class Source:
    """A dataset, or a file where ``path`` is set.

    Attributes:
        name: As typed; a dataset's own.
    """

    name: str
    path: Path | None = None


@dataclass(frozen=True)
class TeamSources:
    """The datasets of a team to merge, and those among them that belong to nobody on the roster now."""

    datasets: tuple[str, ...]
    departed: tuple[str, ...]
    missing: tuple[str, ...]


def is_file_name(name: str) -> bool:
    """Whether a name is meant as a file: it ends like one, or has a folder in it. No dataset is called so."""
    return name.endswith(_FILE_SUFFIXES) or "/" in name


def find_sources(store: Store, team: str, current: Sequence[str], into: str) -> TeamSources:
    """Every dataset this team ever wrote, from the register: a prefix would also match the team `headlines_2`.

    Args:
        current: Datasets of the roster as it stands; those that nobody has answered in yet are left out.
        into: Target of the merge, which is no source.
    """
    kinds = ("answers", "reviewed")
    register = [each for each in store.team_datasets(team) if each.kind in kinds and each.name != into]
    have = store.names()
    names = sorted({each.name for each in register} | set(current) - {into})
    adjudicated = {each.name for each in register if each.kind == "reviewed"}
    return TeamSources(
        datasets=tuple(name for name in names if name in have),
        departed=tuple(name for name in names if name in have and name not in {*current, *adjudicated}),
        missing=tuple(name for name in names if name not in have),
    )


def resolve_sources(store: Store | None, names: Sequence[str]) -> tuple[Source, ...]:
    """Names to sources, each once and ordered: datasets by name, then files by name.

    What is not a dataset and looks like a file, or is one, is a file.

    Args:
        store: None where there is no database: then only files can be meant.

    Raises:
        UsageError: Nothing is named, or neither a dataset nor a file has such a name; it says the nearest.
    """
    if not names:
        raise UsageError("There is no dataset to merge.", remedy="Name some, or let somebody answer first.")
    have = list(store.names()) if store is not None else None
    found = {_resolve(name, have) for name in names}
    return tuple(sorted(found, key=lambda each: (each.path is not None, each.name)))


def _resolve(name: str, datasets: Sequence[str] | None) -> Source:
    """What a name means; ``datasets`` is None where there is no database."""
    path = Path(name)
    if name in (datasets or ()):
        return Source(name)
    if _is_file(path):
        return Source(name, path)
    if is_dir(path):
        inside = next(_files_beside(path / "any"), str(path / "joe.jsonl"))
        raise UsageError(f"{name} is a folder.", remedy=f"Name the files in it: {inside}")
    near = get_close_matches(name, [*(datasets or ()), *_files_beside(path)], n=3, cutoff=0.5)
    kind = "file" if is_file_name(name) or datasets is None else "dataset"
    remedy = f"There is: {', '.join(datasets or ()) or 'none'}."
    if near:
        remedy = f"Did you mean {' or '.join(near)}?"
    elif datasets is None:
        remedy = "Datasets need a roster: name it with -f PATH, or write one with `prodigy-team init`."
    raise UsageError(f"There is no {kind} {name}.", remedy=remedy)


def _is_file(path: Path) -> bool:
    try:
        return is_file(path)
    except OSError as error:  # a folder on the way that may not be looked into
        raise TeamError(f"The file {path} cannot be read: {error.strerror}.", remedy="Ask its owner.") from error


def _files_beside(path: Path) -> Iterator[str]:
    try:
        beside = sorted(path.parent.iterdir())
    except OSError:
        return
    yield from (str(each) for each in beside if each.suffix in _FILE_SUFFIXES)


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers, 1 the first; empty ones are left out.

    Raises:
        TeamError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                content = line.removeprefix(_MARK).strip() if number == 1 else line.strip()
                if content:
                    yield number, content
    except OSError as error:
        raise TeamError(f"The file {path} cannot be read: {error.strerror}.") from error
