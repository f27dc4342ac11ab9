"""Servers on which disputes are settled: kept beside the roster's, since a command starts them and not the roster."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from prodigy_team.errors import TeamError
from prodigy_team.presence import exists
from prodigy_team.roster import Roster, Server
from prodigy_team.servers.lockfile import write_private

PREFIX = "review-"
FILE = "reviews.json"


@dataclass(frozen=True)
class ReviewServer:
    """One of them.

    Attributes:
        into: The dataset that decisions are stored in.
        adjudicator: Who decides.
        source: The file of disputed tasks, under the state folder.
        labels: What the page offers where a version is changed.
        exclude_by: "input" or "task": what tells its tasks apart.
    """

    into: str
    adjudicator: str
    source: str
    labels: tuple[str, ...] = ()
    exclude_by: str = "input"

    @property
    def name(self) -> str:
        """The server's name."""
        return f"{PREFIX}{self.into}"


def read_reviews(state: Path) -> tuple[ReviewServer, ...]:
    """Those of a state folder, in the order in which they were begun.

    Raises:
        TeamError: The file cannot be read.
    """
    path = state / FILE
    if not exists(path):  # what `up` asks each time is answered without a parser
        return ()
    import msgspec

    try:
        return tuple(msgspec.json.decode(path.read_bytes(), type=list[ReviewServer]))
    except (OSError, msgspec.DecodeError) as error:
        raise TeamError(
            f"{path} cannot be read: {error}.", remedy="Move it away, and begin the reviews again: prodigy-team review"
        ) from error


def write_reviews(state: Path, reviews: Iterable[ReviewServer]) -> None:
    """Keep these in place of those there were. Under the guard.

    Raises:
        TeamError: The file cannot be written.
    """
    import msgspec

    write_private(state / FILE, msgspec.json.encode(list(reviews)))


def review_folder(state: Path) -> Path:
    """Where the files of disputed tasks are."""
    return state / "reviews"


def with_reviews(roster: Roster, reviews: Iterable[ReviewServer]) -> Roster:
    """The roster of the review servers alone: without [routing], since each dispute has its one adjudicator.

    They stand where the roster's first server stands, and take only what is the same for all servers from it.
    """
    servers = tuple(_server(roster, each) for each in reviews)
    return replace(roster, servers=servers, resting=(), routing=None)


def _server(roster: Roster, review: ReviewServer) -> Server:
    like = (*roster.servers, *roster.resting)[0]
    return replace(
        like,
        name=review.name,
        annotators=(review.adjudicator,),
        shared=False,
        port=None,
        dataset=review.into,
        recipe="mark",
        model=None,
        source=review.source,
        labels=review.labels or None,
        patterns=None,
        args=None,
        recipe_file=None,
        directory=roster.path.parent,
        env={"PRODIGY_CONFIG_OVERRIDES": json.dumps({"exclude_by": review.exclude_by})},
        view_id="review",
        version=None,
        tokenizer=None,
        part_of="",
        origins={"name": f"{review.name}.name"},
    )
