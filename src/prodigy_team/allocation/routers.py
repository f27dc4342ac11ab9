"""The user's own function that says whether a task may go to somebody."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from prodigy_team.allocation.ledger.values import Router
from prodigy_team.errors import TeamError


class RouterError(TeamError):
    """The file or function that ``router`` names cannot be used."""


def load_router(named: str | None) -> Router | None:
    """The function that ``Rules.router`` names, read from its file now; None where it names none.

    Its file is run under a name of its own, so that it is read again when it was edited.

    Raises:
        RouterError: The file cannot be run, or has no such function.
    """
    if named is None:
        return None
    name, _, function = named.rpartition(":")
    path = Path(name)
    spec = importlib.util.spec_from_file_location(f"prodigy_team_router_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise RouterError(f"The router {path} is no Python file.", remedy="Name a file that ends in .py.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        found = getattr(module, function)
    except (Exception, SystemExit) as error:
        raise RouterError(
            f"The router {function} cannot be read from {path}: {error!r}.", remedy="Mend it, then: prodigy-team up"
        ) from error
    if not callable(found):
        raise RouterError(f"{function} in {path} is no function.", remedy="It is called with (task, annotator).")
    return guarded(found, named)


def guarded(router: Router, named: str) -> Router:
    """The same function, whose own errors are told as such."""

    def may(task: object, annotator: str) -> bool:
        try:
            return bool(router(task, annotator))  # type: ignore[arg-type]
        except (Exception, SystemExit) as error:
            raise RouterError(
                f"The router {named} failed for {annotator}: {error!r}.", remedy="Mend it, then: prodigy-team up"
            ) from error

    return may
