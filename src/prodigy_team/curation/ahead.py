"""Reading while something else is done: the next page comes from the database while the last one is looked into."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

Item = TypeVar("Item")

_AHEAD = 2


def read_ahead(items: Iterable[Item]) -> Generator[Item, None, None]:
    """The items, drawn by a thread of their own, two at most before they are wanted; errors come at their place.

    To be closed, or gone through to its end, before what the items are read from is.
    """
    ready: queue.SimpleQueue[tuple[Item | None, BaseException | None]] = queue.SimpleQueue()
    room, stopped = threading.Semaphore(_AHEAD), threading.Event()

    def draw() -> None:
        try:
            for item in items:
                room.acquire()
                if stopped.is_set():
                    return
                ready.put((item, None))
        except BaseException as error:
            ready.put((None, error))
            return
        ready.put((None, None))

    thread = threading.Thread(target=draw, name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is None:
                return
            room.release()
            yield item
    finally:
        stopped.set()
        room.release()
        thread.join()
