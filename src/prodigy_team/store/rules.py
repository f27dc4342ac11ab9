"""When an answer is new, a repeat, a correction or a contradiction."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import mmh3

from prodigy_team.store.base import NewAnswer, Outcome

# What differs between two sendings of one decision. A value here never holds quotes or commas.
_VOLATILE = {
    key: re.compile(rb'"%s" ?: ?(?:"([^"\\]*)"|-?[0-9.eE+-]+|null)' % key)
    for key in (b"_timestamp", b"_answer_id", b"_replaces")
}


@dataclass(frozen=True)
class KnownAnswer:
    """An answer that is in the database already.

    Attributes:
        own: Whether it is by the same annotator on the same task as the new one.
        digest: `content_digest` of what was stored.
    """

    own: bool
    answer_id: str | None
    digest: bytes


def content_digest(content: bytes) -> bytes:
    """16 bytes that are equal for equal decisions: the content without the time and the ids it was sent with.

    A client that sends an answer again may stamp it again, so those do not count. Cut from the text, not parsed: this
    runs for every answer stored.
    """
    for key, pattern in _VOLATILE.items():
        at = content.rfind(b'"%s"' % key)
        found = pattern.match(content, at) if at > 0 else None
        if found:
            before, after = content[:at].rstrip(), content[found.end() :].lstrip()
            if after.startswith(b","):
                after = after[1:].lstrip()
            elif before.endswith(b","):
                before = before[:-1]
            content = before + after
    return mmh3.hash_bytes(content)


def answer_id_in(content: bytes) -> str | None:
    """The `_answer_id` that a stored content carries, if any."""
    at = content.rfind(b'"_answer_id"')
    found = _VOLATILE[b"_answer_id"].match(content, at) if at > 0 else None
    return found[1].decode("utf-8", "replace") if found and found[1] else None


def judge(new: NewAnswer, digest: bytes, known: Sequence[KnownAnswer]) -> Outcome:
    """What to do with a new answer, given what is stored.

    One first answer per annotator and task. A further one is stored only if it names the newest one's id; ids alone
    would let two tabs make two answers. A client without ids is compared with the newest alone, since accept, reject,
    accept must leave accept newest.

    Args:
        digest: `content_digest` of the new answer.
        known: Answers of the same annotator to the same task, oldest first, and any with the same id.
    """
    if new.answer_id is not None:
        same = [each for each in known if each.answer_id == new.answer_id]
        if same:
            return Outcome.REPEATED if any(each.own and each.digest == digest for each in same) else Outcome.REFUSED
    own = [each for each in known if each.own]
    if not own:
        return Outcome.STORED
    if new.answer_id is not None and new.replaces is not None and new.replaces == own[-1].answer_id:
        # Stored even where nothing changed: the next correction will name this id.
        return Outcome.STORED
    if own[-1].digest == digest:
        return Outcome.REPEATED
    return Outcome.STORED if new.answer_id is None else Outcome.REFUSED
