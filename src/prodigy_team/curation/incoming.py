"""Rows of files on their way into datasets: what is read of them, and which of them are there already."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from prodigy_team.curation.gathering import Broken, hashes_of
from prodigy_team.curation.judgements import Answer, read_answer
from prodigy_team.curation.sources import Source, read_lines
from prodigy_team.store import NewAnswer, Outcome
from prodigy_team.store.rules import KnownAnswer, content_digest, judge

_OWNERS = ("_annotator_id", "_session_id")
_VERDICTS = ("accept", "reject", "ignore")
_LONGEST_ID = 200
# What may differ between two copies of one answer.
_OF_A_COPY = frozenset((*_OWNERS, "_timestamp", "_answer_id", "_replaces"))
_decoder = msgspec.json.Decoder(dict[str, Any])
_raw_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True)
class Incoming:
    """A row that can be stored once it is known whose it is.

    Attributes:
        line: 1 the first.
    """

    source: Source
    line: int
    record: Answer
    input_hash: int
    task_hash: int
    _parts: dict[str, msgspec.Raw]

    def content(self, session: str) -> bytes:
        """The JSON to be stored for a session: the row's own, with both hashes and this owner at its end."""
        added = {"_input_hash": self.input_hash, "_task_hash": self.task_hash} | dict.fromkeys(_OWNERS, session)
        kept = {key: value for key, value in self._parts.items() if key not in added}
        return msgspec.json.encode({**kept, **added})


def read_incoming(path: Path, *, answer: str) -> Iterator[Incoming | Broken]:
    """The rows of a file of JSON lines, in its order.

    Args:
        answer: Of rows that carry none.

    Raises:
        TeamError: The file cannot be read.
    """
    source = Source(str(path), path)
    for number, line in read_lines(path):
        record = read_answer(line)
        if record is None:
            yield Broken(source.name, number, "no JSON object")
            continue
        try:
            hashes = hashes_of(record, (None, None), line)
            _decoder.decode(line)  # what stands in fields that are only passed on is looked at too
            parts = _raw_decoder.decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            yield Broken(source.name, number, "broken JSON inside")
            continue
        if hashes is None:
            yield Broken(source.name, number, "no text, image, html, input or hash")
        elif "answer" in parts and record.answer not in _VERDICTS:
            yield Broken(source.name, number, f"the answer is none of {', '.join(_VERDICTS)}")
        else:
            parts.setdefault("answer", msgspec.Raw(msgspec.json.encode(answer)))
            yield Incoming(source, number, record, *hashes, parts)


@dataclass(frozen=True, slots=True)
class Said:
    """What tells one person's answers to one task apart.

    Attributes:
        digest: 16 bytes, equal for equal answers, however their JSON is written.
        at: Unix seconds; None where it does not say.
        counts: It was not sent back to be given again.
    """

    digest: bytes
    at: float | None
    answer_id: str | None = None
    replaces: str | None = None
    counts: bool = True


def said_in(content: bytes, at: float | None, *, counts: bool = True) -> Said:
    """What an answer says.

    Raises:
        msgspec.DecodeError: It is no JSON object.
    """
    answer = _decoder.decode(content)
    kept = {key: value for key, value in answer.items() if key not in _OF_A_COPY}
    digest = content_digest(msgspec.json.encode(kept, order="sorted"))
    return Said(digest, at, _id(answer.get("_answer_id")), _id(answer.get("_replaces")), counts)


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_ID else None


class Verdict(Enum):
    """What becomes of a row: stored, there already, older than what is there, or in contradiction to it."""

    NEW = "imported"
    ALREADY = "already"
    OLDER = "older"
    REFUSED = "refused"


def decide(stored: Sequence[Said], rows: Sequence[Said]) -> list[Verdict]:
    """Which of one person's rows for one task are to be stored. Pure; the same rows once more are all there already.

    What the rows come to by themselves is known where it stands there in this order, since a file is more often
    imported twice than cut out of a history that went on; else as many of the first of them as end what stands there.
    Of the others, where both carry a time, what was said by then is known; what was said earlier and otherwise would
    pass for the newest answer, so it is left out; known is also what was stored without a time before something with
    one. Everything else is for the rules of answers given on the page.

    Args:
        stored: Oldest first.
        rows: Of one file, in its order.
    """
    alone = list(map(_Judging(()).judge, rows))
    once = [row for row, verdict in zip(rows, alone, strict=True) if verdict is Verdict.NEW]
    known = _known(stored, once)
    if not known:
        return list(map(_Judging(stored, passed=True).judge, rows))
    places = [place for place, verdict in enumerate(alone) if verdict is Verdict.NEW]
    # What was sent back may be answered again as it was before.
    end = len(rows) if known == len(once) and all(each.counts for each in stored) else places[known - 1] + 1
    copied = [Verdict.ALREADY if verdict is Verdict.NEW else verdict for verdict in alone[:end]]
    return [*copied, *map(_Judging(stored).judge, rows[end:])]


def _is_bare(row: Said) -> bool:
    return row.at is None and row.answer_id is None


def _known(before: Sequence[Said], after: Sequence[Said]) -> int:
    """How many of the first of one stand in the other: all, one behind the other, else those that end it."""
    size = len(after)
    if any(_all_alike(before[n : n + size], after) for n in range(len(before) - size + 1)):
        return size
    longest = min(len(before), size)
    return next((n for n in range(longest, 0, -1) if _all_alike(before[-n:], after[:n])), 0)


def _all_alike(some: Sequence[Said], others: Sequence[Said]) -> bool:
    return all(map(_alike, some, others))


def _alike(one: Said, other: Said) -> bool:
    """Whether they may be copies of one answer: one of them may have lost time and id on its way."""
    times, ids = {one.at, other.at} - {None}, {one.answer_id, other.answer_id} - {None}
    return one.digest == other.digest and len(times) < 2 and len(ids) < 2


class _Judging:
    """One person's answers to one task, as they grow."""

    def __init__(self, stored: Sequence[Said], *, passed: bool = False) -> None:
        """Prepare.

        Args:
            passed: What was stored without a time or an id before something with a time is known.
        """
        self._known = list(stored)
        self._latest = max((each.at for each in stored if each.at is not None), default=-math.inf)
        timed = [n for n, each in enumerate(stored) if each.at is not None]
        behind = stored[: timed[-1]] if timed and passed else ()
        self._passed = {each.digest for each in behind if _is_bare(each)}

    def judge(self, row: Said) -> Verdict:
        """What becomes of the next row; a new one counts from then on."""
        verdict = self._judge(row)
        if verdict is Verdict.NEW:
            self._known.append(row)
        if row.at is not None and verdict in (Verdict.NEW, Verdict.ALREADY):
            self._latest = max(self._latest, row.at)
        return verdict

    def _judge(self, row: Said) -> Verdict:
        if _is_bare(row) and row.digest in self._passed:
            return Verdict.ALREADY
        # Also one that was sent back, which does not count.
        if row.answer_id is not None and any(
            (each.answer_id, each.digest) == (row.answer_id, row.digest) for each in self._known
        ):
            return Verdict.ALREADY
        if row.at is not None and row.at <= self._latest:
            if any(each.digest == row.digest for each in self._known):
                return Verdict.ALREADY
            if row.at < self._latest:
                return Verdict.OLDER
        new = NewAnswer(b"", 0, 0, "", b"", row.answer_id, row.replaces)
        own = [KnownAnswer(True, each.answer_id, each.digest) for each in self._known if each.counts]
        outcome = judge(new, row.digest, own)
        if outcome is Outcome.STORED:
            return Verdict.NEW
        return Verdict.ALREADY if outcome is Outcome.REPEATED else Verdict.REFUSED
