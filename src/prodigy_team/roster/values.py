"""What a roster holds: the wanted servers and their annotators, and the problems a roster can have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from prodigy_team.errors import TeamError


@dataclass(frozen=True)
class Problem:
    """One thing in a roster that a person should put right.

    Attributes:
        where: The key path, such as "annotator[1].port", or a file's name where a file is at fault.
        text: What is wrong, a whole sentence.
        remedy: What to do about it; may be empty.
        warning: The roster works nevertheless.
    """

    where: str
    text: str
    remedy: str
    warning: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.text} {self.remedy}".rstrip()


class RosterError(TeamError):
    """A roster cannot be used; holds every problem in it at once.

    Attributes:
        problems: At least one, in the order of the file where they have one; warnings are left out.
    """

    exit_code = 2

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))
        self.path = path
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Server:
    """One wanted server, every default of [task] and [team] resolved.

    Attributes:
        name: The annotator's, or that of the [[server]] entry.
        annotators: Who may annotate here, paused ones left out; empty on a shared server open to whoever has the link.
        shared: It came from a [[server]] entry.
        port: None: given out from ``Roster.ports``.
        source: An absolute path, "dataset:NAME", "sample:NAME", an address a custom recipe understands, or None.
        labels: The labels themselves, or the file that lists them, one a line.
        args: What follows the dataset on the recipe's command line, in place of model, source, labels and patterns;
            may hold "{source}", which stands for ``source``.
        env: Set for this server on top of what every server gets.
        version: Of the task (labels, guidelines), written on each answer.
        part_of: The shared server of which this is one annotator's part; see ``taken_apart``.
        origins: Key to the key path that set it, such as "task.recipe"; says nothing about what the server does.
    """

    name: str
    annotators: tuple[str, ...]
    shared: bool
    host: str
    port: int | None
    dataset: str
    recipe: str
    model: str | None
    source: str | None
    labels: tuple[str, ...] | Path | None
    patterns: Path | None
    args: tuple[str, ...] | None
    recipe_file: Path | None
    directory: Path
    env: Mapping[str, str]
    view_id: str | None = None
    version: str | None = None
    tokenizer: str | None = None
    image_hosts: tuple[str, ...] = ()
    allow_shared_model: bool = False
    part_of: str = ""
    origins: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def where(self, key: str) -> str:
        """The key path that set this key, or where it would be set."""
        prefix = self.origins.get("name", "task.name").rpartition(".")[0]
        return self.origins.get(key) or f"{prefix}.{key}"

    @property
    def open(self) -> bool:
        """Whether whoever has the link may annotate here."""
        return self.shared and not self.annotators


@dataclass(frozen=True)
class Annotator:
    """A person on the roster.

    Attributes:
        server: Name of the server they annotate on: their own name, or that of a [[server]] entry.
        paused: They get no tasks, and no server of their own, until this is taken away.
        limit: At most so many tasks; None: no limit.
        share: Their part of the work relative to the others' 1.
        only: Only tasks whose ``meta`` has one of these values under each of these keys.
        aliases: Session names under which they annotated earlier.
        login: What the OpenID provider's claim says of them; None: their name.
    """

    name: str
    server: str
    paused: bool = False
    limit: int | None = None
    share: Decimal = Decimal(1)
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    login: str | None = None


@dataclass(frozen=True)
class Routing:
    """How tasks are dealt out among all annotators.

    Attributes:
        annotations_per_task: Answers wanted per task, at least 1, exact as written; "all": one by everybody.
        lease: Seconds after which a task on somebody's screen may go to another.
        seed: Chooses which tasks are asked more often than others.
        order: "source" or "shuffled".
        gold: Source of tasks with known answers, as ``Server.source``.
        gold_rate: Part of the tasks taken from ``gold``.
        router: "FILE.py:FUNCTION" that says whether a task may go to an annotator; the file's path is absolute.
    """

    annotations_per_task: Decimal | Literal["all"] = Decimal(1)
    lease: float = 1800.0
    seed: int = 0
    order: str = "source"
    gold: str | None = None
    gold_rate: Decimal = Decimal(0)
    router: str | None = None


@dataclass(frozen=True)
class Roster:
    """A team.toml without problems; all paths are absolute.

    Attributes:
        python: The interpreter that runs the servers; symbolic links are kept, since a virtual environment is one.
        host: The address servers listen on where their entry says nothing else.
        ports: Given out in roster order to servers without a fixed one.
        database: An SQLite file; None: what Prodigy's own settings say.
        config: The prodigy.json that applies to every server; it need not exist.
        state: Folder of everything this tool writes.
        start_at_once: How many of Prodigy's servers start at the same time; None: as many as there are cores.
        prodigy: The [prodigy] table: settings that beat ``config``.
        routing: None: every annotator's server gets the whole source.
        servers: Those wanted, in roster order; a paused annotator's own server is not among them.
        resting: The servers left out of ``servers`` because everybody who annotates there is paused.
        gateway: The [gateway] table, None without one.
        managers: The [[manager]] tables.
        warnings: What works, but perhaps not as meant.
    """

    path: Path
    name: str
    engine: str
    python: Path
    host: str
    ports: range
    database: Path | None
    config: Path
    state: Path
    start_at_once: int | None
    allow_public: bool
    prodigy: Mapping[str, Any]
    routing: Routing | None
    annotators: tuple[Annotator, ...]
    servers: tuple[Server, ...]
    gateway: Mapping[str, Any] | None = None
    managers: tuple[Mapping[str, Any], ...] = ()
    resting: tuple[Server, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def paused(self) -> tuple[str, ...]:
        """Names of the annotators who are paused."""
        return tuple(annotator.name for annotator in self.annotators if annotator.paused)
