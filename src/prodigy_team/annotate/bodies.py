"""The bodies of requests, but for answers: what a page asks for."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec

from prodigy_team.annotate import web
from prodigy_team.annotate.answers import Owner

Found = TypeVar("Found")

LONGEST_SCREEN = 200
Screen: TypeAlias = Annotated[str, msgspec.Meta(max_length=LONGEST_SCREEN)]
"""The load of a page; it is written down with each task that the page has."""


class Pull(msgspec.Struct):
    """Asks for tasks, or says what is on screen.

    Attributes:
        held: Hashes of the tasks that the page has.
        page: What `Project.page` was when the page was loaded; None for clients that are no page of ours.
        screen: Which load of a page this is; None for clients that never say what they show.
        shown: Hashes of the tasks that came on it.
    """

    session_id: str | None = None
    held: list[Any] = []
    page: str | None = None
    owner: Owner | None = None
    screen: Screen | None = None
    shown: list[Any] = []


class HistoryPull(msgspec.Struct):
    """Asks for own answers below a link; those that hold a text, where one is given."""

    session_id: str | None = None
    owner: Owner | None = None
    before: int | None = None
    limit: int = 25
    find: str = ""


_pulls = msgspec.json.Decoder(Pull)
_history_pulls = msgspec.json.Decoder(HistoryPull)


def read_pull(body: bytes) -> Pull:
    """What a page asks for; an empty body asks for the next tasks.

    Raises:
        HttpError: It is no JSON (400) or of another shape (422); so in all functions here.
    """
    return _decode(_pulls, body, Pull())


def read_history_pull(body: bytes) -> HistoryPull:
    """Which answers a page asks for."""
    return _decode(_history_pulls, body, HistoryPull())


def _decode(decoder: msgspec.json.Decoder[Found], body: bytes, default: Found) -> Found:
    try:
        return decoder.decode(body) if body.strip() else default
    except msgspec.ValidationError as error:
        raise web.HttpError(422, f'The body should be {{"session_id": "DATASET-NAME"}}: {error}') from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise web.HttpError(400, f"The body is no JSON: {error}") from error


def read_object(body: bytes) -> dict[str, Any]:
    """A body of any keys; empty for none."""
    try:
        found = msgspec.json.decode(body) if body.strip() else {}
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise web.HttpError(400, f"The body is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise web.HttpError(422, "The body should be a JSON object.")
    return found
