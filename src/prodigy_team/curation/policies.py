"""What becomes of different answers to one task. Pure: votes go in, the judgement that stands comes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prodigy_team.errors import UsageError

POLICIES = ("all", "review", "majority", "unanimous", "prefer=NAME,…", "latest")


@dataclass(frozen=True, slots=True)
class Vote:
    """What one person judged; ignoring is no judgement.

    Attributes:
        judgement: Equal for equal judgements.
        at: Unix seconds; None where the answer does not say.
    """

    annotator: str
    judgement: bytes
    at: float | None


Settle = Callable[[Sequence[Vote]], "bytes | None"]
"""The judgement that stands among different ones; None: none does."""


@dataclass(frozen=True)
class Policy:
    """A rule by name.

    Attributes:
        name: As typed.
        keeps_all: Every answer stands as it is; ``settle`` is not asked.
        lists_conflicts: What nobody settled goes to a dataset or file of its own even where none was named.
        people: Names that it depends on.
        by_time: It depends on when something was said.
    """

    name: str
    settle: Settle
    keeps_all: bool = False
    lists_conflicts: bool = False
    people: tuple[str, ...] = ()
    by_time: bool = False


def read_policy(name: str) -> Policy:
    """The policy of a name, as `--on-conflict` takes it.

    Raises:
        UsageError: There is none.
    """
    kind, equals, rest = name.partition("=")
    if kind == "prefer" and equals:
        people = tuple(dict.fromkeys(each.strip() for each in rest.split(",") if each.strip()))
        if people:
            return Policy(name, lambda votes: _preferred(votes, people), people=people)
    known = {
        "all": Policy(name, _none, keeps_all=True),
        "review": Policy(name, _none, lists_conflicts=True),
        "unanimous": Policy(name, _none),
        "majority": Policy(name, _majority),
        "latest": Policy(name, latest, by_time=True),
    }
    if name not in known:
        raise UsageError(f"There is no merge policy {name!r}.", remedy=f"There is: {', '.join(POLICIES)}.")
    return known[name]


def _none(_votes: Sequence[Vote]) -> bytes | None:
    return None


def _majority(votes: Sequence[Vote]) -> bytes | None:
    """What more than half of those say who judged: two against two, or two of five, settle nothing."""
    (judgement, count), *_ = Counter(vote.judgement for vote in votes).most_common(1)
    return judgement if 2 * count > len(votes) else None


def _preferred(votes: Sequence[Vote], people: Sequence[str]) -> bytes | None:
    said = {vote.annotator: vote.judgement for vote in votes}
    return next((said[name] for name in people if name in said), None)


def latest(votes: Sequence[Vote]) -> bytes | None:
    """What was said last, by the time stamps; None where these do not tell, so that names and order never decide."""
    newest = max(vote.at if vote.at is not None else float("-inf") for vote in votes)
    said = {vote.judgement for vote in votes if (vote.at if vote.at is not None else float("-inf")) == newest}
    return said.pop() if len(said) == 1 else None


Span = tuple[int, int, str]
"""Start, end and label."""


def spans_of_majority(marked: Sequence[frozenset[Span]]) -> frozenset[Span] | None:
    """The spans that more than half marked; None where exactly half marked one, which is a tie.

    Args:
        marked: What each of those marked who accepted the task.
    """
    counts = Counter(span for spans in marked for span in spans)
    if any(2 * count == len(marked) for count in counts.values()):
        return None
    return frozenset(span for span, count in counts.items() if 2 * count > len(marked))
