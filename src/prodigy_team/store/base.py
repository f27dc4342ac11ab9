"""What a store of answers is: its values, its protocol, and how one is opened."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from prodigy_team.store.values import Activity as Activity
from prodigy_team.store.values import StoreError as StoreError

if TYPE_CHECKING:
    from prodigy_team.settings import Database


Identify = Callable[[bytes], "tuple[str, bytes] | None"]
"""A stored content to (annotator, task identity); None for an answer that belongs to nobody or to no task."""


@dataclass(frozen=True)
class DatasetInfo:
    """One row of Prodigy's dataset table.

    Attributes:
        created: Unix seconds.
        session: Whether it is one session's share of another dataset.
        answers: Number of links, thus of saved answers, corrections included.
    """

    name: str
    created: int
    session: bool
    answers: int


@dataclass(frozen=True)
class TeamDataset:
    """A dataset that a team wrote, from the register, whether or not it still exists.

    Attributes:
        kind: "answers" where people answered into it, "merged" where `merge` wrote it.
        exists: False once it has been dropped.
    """

    name: str
    kind: str
    exists: bool
    answers: int


@dataclass(frozen=True)
class NewAnswer:
    """An answer on its way into the database.

    Attributes:
        content: Compact JSON, exactly as it will be stored.
        annotator: The person, as named in the roster or by the session.
        identity: 16 bytes, the task's identity.
        answer_id: The page's own id of this answer; None for a client without ids.
        replaces: Id of the answer that this one corrects.
        sessions: Session datasets that link to it besides the main one.
    """

    content: bytes
    input_hash: int
    task_hash: int
    annotator: str
    identity: bytes
    answer_id: str | None = None
    replaces: str | None = None
    sessions: tuple[str, ...] = ()


class Row(NamedTuple):
    """A stored answer with what a copy of it needs; a tuple, since they are made by the million."""

    link: int
    input_hash: int
    task_hash: int
    content: bytes


Page = tuple[Sequence[int], Sequence[bytes]]
"""Links, and as many contents with a line feed behind each."""


Sight = tuple[float, ...]
"""What a connection saw of the database as a whole: its newest link first, then what changes but with new links."""


@dataclass(frozen=True)
class Mark:
    """How far somebody has read a dataset's answers, and what tells that they are still the same.

    Attributes:
        generation: Of the index of answers; never given out twice in one file. 0: there was no such dataset.
        link: The highest that was read.
        deletions: How often links of this dataset had been removed or moved by then.
        newest: What lay at ``link``.
    """

    generation: int = 0
    link: int = 0
    deletions: int = 0
    newest: bytes = b""


@dataclass(frozen=True)
class News:
    """What changed in a dataset since a mark.

    Attributes:
        mark: Where to go on from.
        whole: ``answers`` are all there are, since earlier ones were removed or replaced, or there was no mark;
            otherwise those behind the mark.
        answers: Annotator and identity of the task, in link order, corrections too; read as it is iterated.
    """

    mark: Mark
    whole: bool
    answers: Iterable[tuple[str, bytes]]


@dataclass(frozen=True)
class Routed:
    """A dataset into which tasks dealt out exactly were answered.

    Attributes:
        person: Who answered there; "" where several did.
    """

    pool: str
    dataset: str
    person: str


class Outcome(Enum):
    """What became of a new answer: stored, already there, or in contradiction to what is there."""

    STORED = "stored"
    REPEATED = "repeated"
    REFUSED = "refused"


class Store(Protocol):
    """Prodigy's database. One thread uses a store at a time; any number of processes may have one open."""

    def datasets(self) -> list[DatasetInfo]:
        """All datasets in the order they were made, sessions included; not those half written by a merge."""

    def names(self) -> dict[str, bool]:
        """Names of `datasets`, and whether each is a session's; their answers are not counted, which takes a while."""

    def answers(self, dataset: str) -> Iterator[bytes]:
        """Stored contents in link order, unchanged, in constant memory; nothing for a dataset that does not exist."""

    def rows(self, dataset: str) -> Iterator[Row]:
        """As `answers`, with the hashes beside each content."""

    def pages(self, dataset: str) -> Iterator[Page]:
        """Links and their contents, in link order: a third of the time of `rows`.

        Some hundred at a time; what holds a line feed itself comes alone.
        """

    def pages_at(self, dataset: str, links: Sequence[int]) -> Iterator[Page]:
        """As `pages`, at some of a dataset's links, in the order asked, which is to grow.

        Raises:
            StoreError: One of them is not there any more.
        """

    def rows_at(self, dataset: str, links: Sequence[int]) -> Iterator[Row]:
        """The rows at some of a dataset's links, in the order asked, which is to grow.

        Raises:
            StoreError: One of them is not there any more.
        """

    def newest_rows(self, dataset: str, *, before: int | None, limit: int) -> list[Row]:
        """Up to ``limit`` answers below a link (None: the newest), newest first."""

    def export(
        self, dataset: str, write: Callable[[bytes], object], *, leave_out: Collection[int] = frozenset()
    ) -> int:
        """Write stored contents in link order, one a line, and return how many there were.

        Args:
            leave_out: Links that are not written, and not counted.
        """

    def activity(self, datasets: Iterable[str]) -> dict[str, Activity]:
        """Number of answers and time of the newest, for each name asked; zero for what does not exist."""

    def ensure_dataset(
        self, name: str, *, session: bool = False, team: str | None = None, kind: str = "answers"
    ) -> None:
        """Make a dataset unless it is there, and enter it into the team's register."""

    def team_datasets(self, team: str) -> list[TeamDataset]:
        """What this team ever wrote, by name, dropped datasets and names no longer on the roster included."""

    def append(self, dataset: str, batches: Sequence[Sequence[NewAnswer]]) -> list[list[Outcome]]:
        """Store several batches in one transaction that is on disk when this returns; the rules are `rules.judge`."""

    def reconcile(self, dataset: str, identify: Identify) -> None:
        """Make the index of answers true to the links there are, whoever wrote or removed them.

        Args:
            identify: Content to (annotator, task identity); None for an answer that belongs to nobody or to no task.
        """

    def replaced(self) -> bool:
        """Whether the file that is open here is no longer the one at its path."""

    def version(self) -> int:
        """A number that changes when another connection has written, and says nothing else."""

    def touched(self, since: Sight | None) -> tuple[Sight, frozenset[str] | None]:
        """Which datasets got answers since a sight of the database through this connection, and a new sight.

        None where anything may have changed: there was no sight, links were removed, datasets made, dropped or renamed.
        """

    def follow(self, datasets: Mapping[str, Mark | None], identify: Identify | None) -> dict[str, News]:
        """What changed in these datasets since their marks; those without news are left out.

        Answers that were written past our index of them are entered into it first, as by `reconcile`; without
        ``identify`` they are passed over. Costs one statement where nothing changed.
        """

    def register_routed(self, team: str, recipe: str, routed: Iterable[Routed]) -> None:
        """Remember into which datasets the tasks of a recipe are answered."""

    def routed(self, team: str, recipe: str) -> list[Routed]:
        """What was ever registered so, those who left included."""

    def register_gold(self, team: str, identities: Iterable[bytes]) -> None:
        """Remember tasks with known answers, which `merge` and `export` leave out."""

    def gold(self, team: str) -> frozenset[bytes]:
        """The identities that were registered so."""

    def gold_links(self, team: str, dataset: str) -> frozenset[int]:
        """The links of a dataset, or of a session's share of one, that are answers to these tasks.

        Answers that were written past the index of answers are found once it is brought up to date (`reconcile`).
        """

    def reopen(self, dataset: str, links: Iterable[int]) -> int:
        """Send answers back: they stay, and their tasks count as not answered by these people.

        The index of answers is to be true (`reconcile`). Returns how many were not sent back before.
        """

    def reopened(self, dataset: str) -> frozenset[int]:
        """Links of the answers that were sent back."""

    def unanswered(self, index: Path, dataset: str, annotator: str | None, *, after: int, limit: int) -> list[int]:
        """Places of a source index above ``after``, in order, that the annotator (None: anybody) has not answered."""

    def count_answered(self, index: Path, dataset: str, annotator: str | None) -> int:
        """How many tasks of a source index the annotator (None: anybody) has answered."""

    def write_rows(self, hidden: str, rows: Iterable[Row]) -> int:
        """Append copies of rows to a hidden dataset, in transactions of well under 200 ms; returns how many."""

    def publish(self, hidden: str, dataset: str) -> None:
        """Let a hidden dataset take a name, behind the answers that already stand under it, in one step."""

    def replace(self, hidden: Mapping[str, str]) -> None:
        """Let hidden datasets take names, in place of what stands under these, all in one step.

        Args:
            hidden: Hidden dataset -> name; where there is no such hidden dataset, nothing stands under the name then.
        """

    def discard(self, hidden: str) -> int:
        """Remove a hidden dataset, a little at a time, and the examples that nothing else links to."""

    def leftovers(self, purpose: str) -> list[str]:
        """Hidden datasets named `prodigy-team:PURPOSE:…` that a process which was killed has left."""

    def sessions_of(self, dataset: str) -> list[DatasetInfo]:
        """Session datasets that share answers with this dataset, with the number of answers shared."""

    def drop(self, dataset: str) -> int:
        """Remove a dataset with its session datasets' share of it; returns how many answers it had."""

    def erase_answers(self, links: Collection[int], contents: Mapping[int, bytes]) -> None:
        """Remove the answers at some links wherever they are shared, for good, and give others new contents."""

    def forget(
        self, team: str, is_theirs: Callable[[str, str], bool], names: Collection[str], datasets: Collection[str]
    ) -> None:
        """Take somebody out of index and registers, and datasets that were theirs alone out of the file once empty.

        Args:
            is_theirs: Dataset and the annotator as stored to whether that is them.
            names: By which the register of dealt tasks knows them.
        """

    def alone(self, purpose: str) -> AbstractContextManager[None]:
        """Hold the one right to a long task such as merging; StoreError where another process has it."""

    def close(self) -> None:
        """Let go of the database."""


def open_store(database: Database, *, write: bool, create: bool = False) -> Store:
    """Open the database that the settings name.

    Args:
        write: False opens it so that nothing can be written.
        create: Make file and tables where there are none; only together with ``write``.

    Raises:
        StoreError: It cannot be opened, or is of a kind that this release does not read.
    """
    if database.kind == "postgresql":
        raise StoreError(
            f"The answers are in a PostgreSQL database ({database.origin}), which comes in a later release.",
            remedy="Use an SQLite file until then (`database` in team.toml), or leave PostgreSQL to a licensed Prodigy "
            "by Prodigy's own settings; counts, merge and export are not available there.",
        )
    if database.kind != "sqlite":
        raise StoreError(
            f"The answers are in a {database.kind} database ({database.origin}), which only a licensed Prodigy uses.",
            remedy="Counts, merge and export are not available there; use `prodigy db-out`, or an SQLite file.",
        )
    from prodigy_team.store.sqlite import open_sqlite

    return open_sqlite(database.path, write=write, create=create)
