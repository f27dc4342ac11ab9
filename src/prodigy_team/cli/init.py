"""`init`: write a commented roster."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import Quiet, RosterPath, Shared
from prodigy_team.errors import TeamError, UsageError
from prodigy_team.presence import exists, is_dir, is_file

if TYPE_CHECKING:
    from prodigy_team.roster import Problem, Roster

EXAMPLES = (
    "prodigy-team init",
    "prodigy-team init --annotators joe,jane --source headlines.jsonl --labels PERSON,ORG",
    "prodigy-team init --annotators joe --recipe textcat.manual --source sample:headlines --labels WORLD,SPORT",
)
SAMPLE = "sample:headlines"


def command(
    context: typer.Context,
    annotators: Annotated[str | None, typer.Option(metavar="NAME,…", help="Who annotates.")] = None,
    source: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="A file, dataset:NAME or sample:headlines.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="LABEL,…", help="The labels, or a file that lists them.")
    ] = None,
    recipe: Annotated[str, typer.Option(metavar="RECIPE", help="What is asked.")] = "ner.manual",
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="For recipes that take one; else blank:en.")
    ] = None,
    patterns: Annotated[str | None, typer.Option(metavar="FILE", help="Match patterns.")] = None,
    engine: Annotated[str, typer.Option(metavar="ENGINE", help="prodigy, embedded or auto.")] = "auto",
    python: Annotated[str | None, typer.Option(metavar="PYTHON", help="The interpreter that runs the servers.")] = None,
    name: Annotated[str | None, typer.Option(metavar="TEAM", help="The team's name; else the folder's.")] = None,
    ports: Annotated[str | None, typer.Option(metavar="FROM-TO", help="The ports to give out.")] = None,
    roster: RosterPath = None,
    quiet: Quiet = False,
) -> None:
    """Write a commented roster.

    Asks on a terminal for what is not given. A file that is there is never overwritten.
    """
    shared = Shared.of(context, roster, quiet)
    path = shared.path()
    refuse_overwriting(path)
    wishes = Wishes(annotators, source, labels, recipe, model, patterns, engine, python, name, ports)
    loaded = write_new(path, roster_text(wishes, path.parent))
    version = prodigy_in(loaded)
    refused = refused_without_prodigy(loaded, version)
    if not shared.quiet:
        output.tell([output.problem_line(each, path.name) for each in (*loaded.warnings, *refused)])
        following = f"Next: change {path.name}, then prodigy-team check" if refused else "Next: prodigy-team up"
        output.say([*wrote_roster_lines(path.name, version, loaded), following])


class Wishes(NamedTuple):
    """What the options say; None is asked for, found out or left out of the roster."""

    annotators: str | None
    source: str | None
    labels: str | None
    recipe: str
    model: str | None
    patterns: str | None
    engine: str
    python: str | None
    name: str | None
    ports: str | None


def roster_text(wishes: Wishes, folder: Path) -> str:
    """The roster for a folder; asks on the terminal for what must be known and was not given."""
    from prodigy_team.roster.recipes import needs_labels
    from prodigy_team.roster.template import default_name, render_roster

    people = given_or_asked("--annotators", wishes.annotators, "Who annotates (names, separated by commas)")
    source = given_or_asked("--source", wishes.source, "What is annotated (a file)", default=likely_source(folder))
    labels = wishes.labels
    if labels is None and needs_labels(wishes.recipe, wishes.model or "blank:en"):
        labels = given_or_asked("--labels", None, "Labels (separated by commas, or a file)")
    return render_roster(
        name=wishes.name or default_name(folder.name),
        annotators=words_of(people),
        source=source,
        labels=labels_of(labels or "", folder),
        recipe=wishes.recipe,
        model=wishes.model,
        engine=wishes.engine,
        patterns=wishes.patterns,
        ports=wishes.ports,
        python=wishes.python or likely_python(folder),
    )


def refuse_overwriting(path: Path) -> None:
    """A roster that is there stays."""
    if exists(path):
        raise UsageError(f"{path} is there already.", remedy="Change it by hand, or write another: -f PATH init.")
    if not is_dir(path.parent):
        raise UsageError(f"There is no folder {path.parent}.", remedy="Make it first.")


def given_or_asked(option: str, given: str | None, question: str, *, default: str = "") -> str:
    """What was given; else what the person says; without a terminal an error that names the option."""
    if given is None and not output.on_terminal():
        raise UsageError(f"{option} is missing.", remedy=f"For example: {EXAMPLES[1]}")
    answer = output.ask(question, default=default) if given is None else given
    if not answer.strip():
        raise UsageError(f"{option} is empty.", remedy=f"For example: {EXAMPLES[1]}")
    return answer.strip()


def words_of(text: str) -> list[str]:
    """`joe, jane` as a list."""
    return [word.strip() for word in text.split(",") if word.strip()]


def labels_of(text: str, folder: Path) -> list[str] | str:
    """A list of labels, or the name of a file that lists them."""
    return text if text and "," not in text and is_file(folder / text) else words_of(text)


def likely_source(folder: Path) -> str:
    """The one file of the folder that could be meant, else the sample that comes with this package."""
    found = sorted(each.name for each in folder.glob("*.jsonl") if "pattern" not in each.name)
    return found[0] if len(found) == 1 else SAMPLE


def likely_python(folder: Path) -> str | None:
    """The virtual environment beside the roster, if it has Prodigy."""
    from prodigy_team.servers.engines import installed_prodigy

    python = folder / ".venv" / "bin" / "python"
    if not os.access(python, os.X_OK):
        return None
    return ".venv/bin/python" if installed_prodigy(python, os.environ) else None


def refused_without_prodigy(roster: Roster, version: str | None) -> list[Problem]:
    """What `up` would refuse where the embedded engine is used."""
    from prodigy_team.roster import embedded_problems
    from prodigy_team.roster.recipes import EMBEDDED

    embedded = roster.engine == "embedded" or (roster.engine == "auto" and version is None)
    return embedded_problems(roster, EMBEDDED) if embedded else []


def prodigy_in(roster: Roster) -> str | None:
    """The version of Prodigy that the roster's Python has."""
    from prodigy_team.servers.engines import installed_prodigy

    return installed_prodigy(roster.python, os.environ)


def write_new(path: Path, text: str) -> Roster:
    """Write the roster once it has proved good; nothing is left behind when it is not, and nothing is overwritten."""
    from prodigy_team.roster import RosterError, load_roster

    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        draft.write_text(text, encoding="utf-8")
        loaded = load_roster(draft, os.environ)
        os.link(draft, path)
    except RosterError as error:
        raise RosterError(path, error.problems) from None
    except UnicodeEncodeError as error:
        word = error.object[error.start - 10 : error.end + 10]
        raise UsageError(
            f"What was given is no text in UTF-8: {word!r}.", remedy="Check the terminal's encoding."
        ) from None
    except FileExistsError:
        raise UsageError(
            f"{path} is there already.", remedy="Change it by hand, or write another: -f PATH init."
        ) from None
    except OSError as error:
        raise TeamError(
            f"{path} cannot be written: {error.strerror}.", remedy="Choose another folder with -f PATH."
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    return loaded


def wrote_roster_lines(file: str, version: str | None, roster: Roster) -> list[str]:
    """`Wrote team.toml. Prodigy 1.18.4 in .venv; …`, or which engine takes its place."""
    if version is None and roster.engine == "prodigy":
        return [f"Wrote {file}. Prodigy is not installed for {roster.python} yet; `up` needs it there."]
    if version is None or roster.engine == "embedded":
        why = "" if roster.engine == "embedded" else "No Prodigy in this Python: "
        return [f"Wrote {file}. {why}{'the' if why else 'The'} embedded engine is used."]
    own = "its own database" if roster.database is None else f"database {roster.database.name}"
    config = " and ./prodigy.json apply" if is_file(roster.config) else " applies"
    return [f"Wrote {file}. Prodigy {version} in {roster.python.parent.parent.name}; {own}{config}."]
