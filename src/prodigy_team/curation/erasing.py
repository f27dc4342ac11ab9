"""One person taken out of stored answers: which rows go, and what the rows of others say without the name."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from prodigy_team.curation.files import WholeFile
from prodigy_team.curation.gathering import People
from prodigy_team.curation.judgements import read_answer
from prodigy_team.curation.sources import Source, read_lines
from prodigy_team.presence import is_file
from prodigy_team.store import Store

IsTheirs = Callable[[Any], bool]
"""Whether a value that names somebody, a session too, names the person."""

# What only the person who gave an answer gave with it; whoever agreed with it gave their own.
_PERSONAL = ("_session_id", "_timestamp", "_answer_id", "_replaces", "flagged", "flag_note")
_LISTS = (b'"_annotators"', b'"_votes"', b'"sessions"', b'"versions"')


@dataclass(frozen=True)
class ErasedDataset:
    """What becomes of a dataset.

    Attributes:
        removed: Answers that go.
        rewritten: Rows of others that lose the name.
        gone: The dataset goes too, since it was theirs.
    """

    name: str
    removed: int
    rewritten: int
    gone: bool


@dataclass
class Traces:
    """Where a database knows somebody.

    Attributes:
        datasets: Those that do.
        answers: How many they gave, each once, however many sessions and merged datasets have it too.
        people: Everybody whose answers were seen.
        removed: Links.
        rewritten: Link to new content.
    """

    datasets: list[ErasedDataset] = field(default_factory=list)
    answers: int = 0
    people: Counter[str] = field(default_factory=Counter)
    removed: set[int] = field(default_factory=set)
    rewritten: dict[int, bytes] = field(default_factory=dict)

    @property
    def own(self) -> tuple[str, ...]:
        """Datasets that go with them."""
        return tuple(each.name for each in self.datasets if each.gone)


def find_traces(
    store: Store, people: People, names: Collection[str], own: Collection[str], merged: Collection[str] = ()
) -> Traces:
    """Look through every answer of a database, sessions' and merged ones included.

    Args:
        names: The person's.
        own: Datasets that only they write; other datasets are theirs where nobody else is in them.
        merged: Datasets that merges wrote.
    """
    traces = Traces()
    for info in store.datasets():
        source = Source(info.name)

        def is_theirs(value: Any, source: Source = source) -> bool:
            return isinstance(value, str) and people.name(source, value, None) in names

        removed, rewritten, others = 0, 0, 0
        for row in store.rows(info.name):
            record = read_answer(row.content)
            if record is None:
                others += 1
                continue
            who = people.name(source, record.annotator_id, record.session_id)
            traces.people[who] += 1
            content = without(row.content, is_theirs, mine=who in names)
            if content is None:
                removed += 1
                traces.removed.add(row.link)
                continue
            others += 1
            if content != row.content:
                rewritten += 1
                traces.rewritten[row.link] = content
        theirs = info.name in own or removed > 0 or (info.session and people.name(source, None, None) in names)
        gone = theirs and not others
        if removed or rewritten or gone:
            traces.datasets.append(ErasedDataset(info.name, removed, rewritten, gone))
            traces.answers += 0 if info.session or info.name in merged else removed
    return traces


def without(content: bytes, is_theirs: IsTheirs, *, mine: bool) -> bytes | None:
    """A stored answer without somebody; None where nothing of it is anybody else's.

    A merged row that says what others said too stays as theirs; the row of a conflict is one person's alone.

    Args:
        mine: The answer is theirs.
    """
    if not any(each in content for each in _LISTS):
        return None if mine else content
    answer: dict[str, Any] = msgspec.json.decode(content)
    votes = answer.get("_votes")
    if mine:
        agreed = _agreed(votes, is_theirs) if "_conflict" not in answer else []
        if not agreed:
            return None
        answer = {key: value for key, value in answer.items() if key not in _PERSONAL} | {"_annotator_id": agreed[0]}
    new = _scrubbed(answer, is_theirs)
    if answer.get("_annotators") and not new.get("_annotators"):
        return None
    return content if new == answer and not mine else msgspec.json.encode(new)


def _agreed(votes: Any, is_theirs: IsTheirs) -> list[str]:
    """Who else gave what the row says, which is what its votes begin with."""
    first = votes[0] if isinstance(votes, list) and votes and isinstance(votes[0], dict) else {}
    names = first.get("annotators")
    return [each for each in names if isinstance(each, str) and not is_theirs(each)] if isinstance(names, list) else []


def _scrubbed(answer: Mapping[str, Any], is_theirs: IsTheirs) -> dict[str, Any]:
    new = dict(answer)
    for key in ("_annotators", "sessions"):
        if isinstance(new.get(key), list):
            new[key] = [each for each in new[key] if not is_theirs(each)]
    for key, inside in (("_votes", "annotators"), ("versions", "sessions")):
        if isinstance(new.get(key), list):
            groups = [_group(each, inside, is_theirs) for each in new[key]]
            new[key] = [each for each in groups if each is not None]
    return new


def _group(group: Any, key: str, is_theirs: IsTheirs) -> Any:
    """A group of people who agree, without somebody; None where nobody is left."""
    names = group.get(key) if isinstance(group, dict) else None
    if not isinstance(names, list) or not any(is_theirs(each) for each in names):
        return group
    left = [each for each in names if not is_theirs(each)]
    return {**group, key: left} if left else None


def scrub_disputes(path: Path, is_theirs: IsTheirs, *, dry_run: bool = False) -> bool:
    """Take somebody out of a file of disputes, and what nobody disputes then; returns whether they were in it."""
    lines = [line for _, line in read_lines(path)]
    new = [without(line, is_theirs, mine=False) or b"" for line in lines]
    kept = [line for line, old in zip(new, lines, strict=True) if line == old or _is_disputed(line)]
    if kept == lines:
        return False
    if not dry_run:
        with WholeFile(path) as file:
            file.write(kept)
            file.put_in_place()
    return True


def _is_disputed(line: bytes) -> bool:
    return bool(line) and len(msgspec.json.decode(line).get("versions") or ()) > 1


def files_naming(folder: Path, names: Iterable[str], *, but: Collection[Path] = ()) -> list[Path]:
    """The files of a folder that are called after one of these names, or in which it stands as a word.

    Databases are not opened: to close one again would take the locks of whoever in this process has it open
    (sqlite.org/howtocorrupt.html, 2.2).

    Args:
        but: Folders and databases that are passed over.
    """
    paths = (path for path in sorted(folder.rglob("*")) if not _is_database(path))
    return naming([path for path in paths if not any(each == path or each in path.parents for each in but)], names)


def naming(paths: Iterable[Path], names: Iterable[str]) -> list[Path]:
    """Those of some files that are called after one of these names, or in which it stands as a word."""
    words = b"|".join(re.escape(each.encode()) for each in names)
    pattern = re.compile(rb"(?<![0-9A-Za-z])(?:" + words + rb")(?![0-9A-Za-z])")
    return [path for path in paths if is_file(path) and _has(path, pattern)]


def _is_database(path: Path) -> bool:
    return path.suffix in (".db", ".sqlite", ".sqlite3") or path.name.endswith(("-wal", "-shm", "-journal"))


def _has(path: Path, pattern: re.Pattern[bytes]) -> bool:
    if pattern.search(os.fsencode(path.name)):
        return True
    try:
        with path.open("rb") as file:
            return any(pattern.search(line) for line in file)
    except OSError:
        return True  # nobody can say that they are not in it
