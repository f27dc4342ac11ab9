"""Answers that are sent back: they stay where they are, and no longer count as answers to their task.

In the index of answers they get an identity that no task has, so that whoever asks what is answered, a stream, the
ledger or the rules of saving, finds the task open for that person. The table says so for good, whatever becomes of the
index.
"""

from __future__ import annotations

from collections.abc import Iterable

import mmh3

from prodigy_team.store.handle import Handle

_VALID = """
    SELECT reopened.link FROM prodigy_team_reopened AS reopened
    JOIN dataset ON dataset.id = reopened.dataset AND dataset.created = reopened.created
    JOIN prodigy_team_dataset AS indexed ON indexed.name = dataset.name AND indexed.dataset_id = dataset.id
    JOIN prodigy_team_answer AS answer
    ON answer.dataset = indexed.id AND answer.link = reopened.link AND answer.digest = reopened.digest
    WHERE dataset.name = ?
"""
_ENTRY = """
    SELECT answer.rowid, answer.identity, answer.digest, dataset.id, dataset.created, indexed.id
    FROM dataset JOIN prodigy_team_dataset AS indexed ON indexed.name = dataset.name AND indexed.dataset_id = dataset.id
    JOIN prodigy_team_answer AS answer ON answer.dataset = indexed.id AND answer.link = ? WHERE dataset.name = ?
"""


def sent_back(identity: bytes, link: int) -> bytes:
    """The identity of an answer in the index once it was sent back: no task's, and no other answer's."""
    return mmh3.hash_bytes(b"sent back %d:" % link + identity)


def reopen(handle: Handle, name: str, links: Iterable[int]) -> int:
    """Send answers of a dataset back, in one transaction; returns how many were not before."""
    done = 0
    with handle.writing() as connection:
        before = read_reopened(handle, name)
        for link in sorted(set(links) - before):
            for rowid, identity, digest, dataset, created, index in handle.all(_ENTRY, (link, name)):
                connection.execute(
                    "INSERT OR REPLACE INTO prodigy_team_reopened VALUES (?, ?, ?, ?)", (dataset, created, link, digest)
                )
                connection.execute(
                    "UPDATE prodigy_team_answer SET identity = ? WHERE rowid = ?", (sent_back(identity, link), rowid)
                )
                connection.execute("DELETE FROM prodigy_team_frontier WHERE dataset = ?", (index,))
                done += 1
        if done:
            # To whoever follows the dataset it is as if answers had been removed: what they know is counted anew.
            connection.execute(
                "INSERT INTO prodigy_team_deletion SELECT id, 1 FROM dataset WHERE name = ? "
                "ON CONFLICT (dataset) DO UPDATE SET times = times + 1",
                (name,),
            )
    return done


def read_reopened(handle: Handle, name: str) -> frozenset[int]:
    """Links of a dataset's answers that were sent back."""
    if not handle.has_table("prodigy_team_reopened"):
        return frozenset()
    return frozenset(link for (link,) in handle.all(_VALID, (name,)))


def reopened_between(handle: Handle, dataset: int, after: int, until: int) -> frozenset[tuple[int, bytes]]:
    """Link and digest of answers of a dataset row that were sent back, for the index to be built anew."""
    return frozenset(
        handle.all(
            "SELECT link, digest FROM prodigy_team_reopened JOIN dataset USING (created) "
            "WHERE prodigy_team_reopened.dataset = dataset.id AND dataset.id = ? AND link > ? AND link <= ?",
            (dataset, after, until),
        )
    )
