"""What is new in datasets since somebody last looked, told in one statement where nothing is; and who may look there.

Growing link ids alone prove nothing: SQLite gives ids out again after a drop, and rows may be removed below. So a mark
holds the generation of the index of answers, how often links were removed (counted by a trigger, whoever removes them)
and what lay at the newest link.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import mmh3

from prodigy_team.store.answered import reconcile
from prodigy_team.store.base import Identify, Mark, News, Routed, Sight
from prodigy_team.store.handle import Handle

_AT_ONCE, _FEW = 5000, 100
_STATE = """
    SELECT dataset.name, indexed.id, coalesce((SELECT times FROM prodigy_team_deletion WHERE dataset = dataset.id), 0),
           indexed.mark, (SELECT max(id) FROM link WHERE dataset_id = dataset.id)
    FROM dataset LEFT JOIN prodigy_team_dataset AS indexed
    ON indexed.name = dataset.name AND indexed.dataset_id = dataset.id AND indexed.created = dataset.created
    WHERE dataset.name IN ({marks})
"""
_SIGHT = """
    SELECT (SELECT coalesce(max(id), 0) FROM link), (SELECT total(times) FROM prodigy_team_deletion),
           count(*), total(id), total(created), total(length(name)),
           (SELECT count(name) + total(id) + total(dataset_id) FROM prodigy_team_dataset)
    FROM dataset
"""
_PAGE = """
    SELECT {columns} FROM prodigy_team_answer INDEXED BY prodigy_team_answer_link
    WHERE dataset = ? AND link > ? AND link <= ? ORDER BY link LIMIT ?
"""
_INDEXED = "link, annotator, identity"
_WHOLE = f"{_INDEXED}, digest, answer_id"
_MANY, _SOME = _PAGE.format(columns=_INDEXED), _PAGE.format(columns=_WHOLE)


@dataclass(frozen=True)
class _State:
    generation: int
    deletions: int
    indexed: int
    newest: int

    @property
    def behind(self) -> bool:
        return self.indexed != self.newest


def touched(handle: Handle, since: Sight | None) -> tuple[Sight, frozenset[str] | None]:
    """See `Store.touched`."""
    [sight] = handle.all(_SIGHT)
    if since is None or sight[1:] != since[1:] or sight[0] < since[0]:
        return sight, None
    rows = handle.all(
        "SELECT DISTINCT name FROM link JOIN dataset ON dataset.id = dataset_id WHERE link.id > ?", (since[0],)
    )
    return sight, frozenset(name for (name,) in rows)


def follow(handle: Handle, datasets: Mapping[str, Mark | None], identify: Identify | None) -> dict[str, News]:
    """News of the datasets that have some."""
    states = _states(handle, datasets)
    if identify is not None:
        late = [name for name, state in states.items() if _must_reconcile(state, datasets[name])]
        for name in late:
            reconcile(handle, name, identify)
        states |= _states(handle, late)
    news = {name: _news(handle, name, states.get(name), since) for name, since in datasets.items()}
    return {name: each for name, each in news.items() if each is not None}


def _states(handle: Handle, names: Iterable[str]) -> dict[str, _State]:
    found: dict[str, _State] = {}
    left = iter(names)
    while part := tuple(islice(left, 500)):
        rows = handle.all(_STATE.format(marks=", ".join("?" * len(part))), part)
        found |= {
            name: _State(index or 0, deletions, mark or 0, newest or 0) for name, index, deletions, mark, newest in rows
        }
    return found


def _must_reconcile(state: _State, since: Mark | None) -> bool:
    """Whether the index may not be true; asked by counting only if somebody else wrote or removed something."""
    return state.behind or not state.generation or since is None or since.deletions != state.deletions


def _news(handle: Handle, name: str, state: _State | None, since: Mark | None) -> News | None:
    if state is None or not state.generation:
        return News(Mark(), True, ()) if since is not None and since.link else None
    known = since if since is not None and _still_true(handle, name, state, since) else None
    if known is not None and known.link >= state.indexed:
        return None
    if known is not None:
        return _behind(handle, state, known)
    link, newest = _newest(handle, state)
    mark = Mark(state.generation, link, state.deletions, newest)
    return News(mark, since is None or since.link > 0, _answers(handle, state.generation, 0, link))


def _behind(handle: Handle, state: _State, known: Mark) -> News | None:
    """What came behind a mark; None where it belongs to no task."""
    rows = handle.all(_SOME, (state.generation, known.link, state.indexed, _FEW))
    if not rows:
        return None
    if len(rows) < _FEW:
        mark = Mark(state.generation, rows[-1][0], state.deletions, _digest(rows[-1]))
        return News(mark, False, [row[1:3] for row in rows])
    link, newest = _newest(handle, state)
    mark = Mark(state.generation, link, state.deletions, newest)
    return News(mark, False, _answers(handle, state.generation, known.link, link))


def _still_true(handle: Handle, name: str, state: _State, since: Mark) -> bool:
    """Whether what was read up to the mark is still there.

    What lies at the mark is looked at once for each opened file: it may be another one than the mark was made in, an
    older copy for instance. After that nothing changes below a mark without being counted.
    """
    if (since.generation, since.deletions) != (state.generation, state.deletions):
        return False
    if (name, since.generation) not in handle.followed:
        if since.link and _at(handle, since.generation, "link = ?", since.link)[1] != since.newest:
            return False
        handle.followed.add((name, since.generation))
    return True


def _newest(handle: Handle, state: _State) -> tuple[int, bytes]:
    return _at(handle, state.generation, "link <= ? ORDER BY link DESC LIMIT 1", state.indexed)


def _at(handle: Handle, generation: int, condition: str, link: int) -> tuple[int, bytes]:
    """Link of an answer and what tells it from any other; 0 and nothing where there is none."""
    rows: list[tuple[Any, ...]] = handle.all(
        f"SELECT {_WHOLE} FROM prodigy_team_answer "
        f"INDEXED BY prodigy_team_answer_link WHERE dataset = ? AND {condition}",
        (generation, link),
    )
    return (rows[0][0], _digest(rows[0])) if rows else (0, b"")


def _digest(row: tuple[Any, ...]) -> bytes:
    """What tells an answer from any other."""
    _, annotator, identity, digest, answer_id = row
    return mmh3.hash_bytes(b"%b%b%b:%b" % (identity, digest, annotator.encode(), (answer_id or "").encode()))


def _answers(handle: Handle, generation: int, after: int, until: int) -> Iterator[tuple[str, bytes]]:
    while after < until:
        rows = handle.all(_MANY, (generation, after, until, _AT_ONCE))
        yield from (row[1:3] for row in rows)
        after = rows[-1][0] if len(rows) == _AT_ONCE else until


def register_routed(handle: Handle, team: str, recipe: str, routed: Iterable[Routed]) -> None:
    """Enter datasets; nothing is written where all are known."""
    new = [each for each in routed if each not in read_routed(handle, team, recipe)]
    if new:
        with handle.writing() as connection:
            connection.executemany(
                "INSERT INTO prodigy_team_routed VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET person = CASE WHEN person = excluded.person THEN person ELSE '' END",
                [(team, recipe, each.pool, each.dataset, each.person) for each in new],
            )


def read_routed(handle: Handle, team: str, recipe: str) -> list[Routed]:
    """Datasets by name; none in a file that only Prodigy has written."""
    if not handle.has_table("prodigy_team_routed"):
        return []
    return [
        Routed(pool, dataset, person)
        for pool, dataset, person in handle.all(
            "SELECT pool, dataset, person FROM prodigy_team_routed WHERE (team, recipe) = (?, ?) "
            "ORDER BY dataset, pool",
            (team, recipe),
        )
    ]


def register_gold(handle: Handle, team: str, identities: Iterable[bytes]) -> None:
    """Enter what is missing."""
    new = [(team, each) for each in set(identities) - read_gold(handle, team)]
    if new:
        with handle.writing() as connection:
            connection.executemany("INSERT OR IGNORE INTO prodigy_team_gold VALUES (?, ?)", new)


def read_gold(handle: Handle, team: str) -> frozenset[bytes]:
    """Identities; none in a file that only Prodigy has written."""
    if not handle.has_table("prodigy_team_gold"):
        return frozenset()
    return frozenset(each for (each,) in handle.all("SELECT identity FROM prodigy_team_gold WHERE team = ?", (team,)))


def gold_links(handle: Handle, team: str, dataset: str) -> frozenset[int]:
    """Links to the examples that the index of answers has under a gold task's identity."""
    if not handle.has_table("prodigy_team_gold"):
        return frozenset()
    rows = handle.all(
        "SELECT link.id FROM prodigy_team_gold AS gold CROSS JOIN prodigy_team_dataset AS indexed "
        "JOIN prodigy_team_answer AS answer ON answer.dataset = indexed.id AND answer.identity = gold.identity "
        "JOIN link AS own ON own.id = answer.link AND own.dataset_id = indexed.dataset_id "
        "JOIN link ON link.example_id = own.example_id "
        "WHERE gold.team = ? AND link.dataset_id = (SELECT id FROM dataset WHERE name = ?)",
        (team, dataset),
    )
    return frozenset(link for (link,) in rows)
