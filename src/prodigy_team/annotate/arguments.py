"""A recipe's command line, as Prodigy's users write it: ``RECIPE DATASET [MODEL] SOURCE --label A,B …``."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from prodigy_team.errors import UsageError
from prodigy_team.presence import is_file

RECIPES: dict[str, str] = {
    "ner.manual": "Mark named entities in texts, token by token.",
    "spans.manual": "Mark spans in texts, token by token; spans may overlap.",
    "textcat.manual": "Choose among labels for each text; with one label, accept or reject it.",
    "match": "Accept or reject each match of string and token patterns, one question per match.",
    "ner.match": "The old name of match.",
    "mark": "Answer tasks as they are, in a view of your choice.",
}
NEEDS_PRODIGY = "A model in the loop, and any recipe of your own, needs Prodigy."
LOADERS = ("jsonl", "json", "csv", "txt")
LABEL_HELP = "labels, separated by commas, or a file with one a line"
_WITH_MODEL = ("ner.manual", "spans.manual", "match", "ner.match")
_WITH_PATTERNS = _WITH_MODEL


@dataclass(frozen=True)
class Options:
    """What a recipe was asked for.

    Attributes:
        model: ``blank:en`` and the like; None for recipes that take none.
        source: A path, ``dataset:NAME`` or ``sample:NAME``.
        labels: In the order given; empty where none were.
        exclude: Datasets whose tasks are not asked again.
        loader: A source's format where its name does not tell it.
    """

    recipe: str
    dataset: str
    source: str
    model: str | None = None
    labels: tuple[str, ...] = ()
    patterns: Path | None = None
    exclude: tuple[str, ...] = ()
    loader: str | None = None
    view_id: str = ""
    tokenizer: str | None = None
    highlight_chars: bool = False
    exclusive: bool = False


class _Parser(argparse.ArgumentParser):
    """argparse whose complaints are ours, so that every error is two lines on stderr."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}.", remedy=f"See {self.prog} --help.")


def describe_recipes() -> str:
    """The recipes there are, one a line, as a call without a recipe prints them."""
    lines = [f"  {name:<16} {text}" for name, text in RECIPES.items()]
    return "\n".join(["Recipes of the embedded engine:", *lines, NEEDS_PRODIGY])


def read_arguments(argv: Sequence[str], *, directory: Path) -> Options:
    """Read a recipe's command line; relative files are relative to ``directory``.

    Raises:
        UsageError: An unknown recipe, ``-F``, or arguments the recipe does not take.
        SystemExit: ``--help`` was asked for and printed.
    """
    name = argv[0] if argv else ""
    if any(each == "-F" or each.startswith("-F") for each in argv):
        raise UsageError(f"-F loads a recipe of your own, which the embedded engine cannot run. {NEEDS_PRODIGY}")
    if name not in RECIPES:
        known = ", ".join(RECIPES)
        raise UsageError(f"The embedded engine has no recipe {name}. {NEEDS_PRODIGY}", remedy=f"It has: {known}.")
    return _options(name, _parser(name).parse_args(argv[1:]), directory)


def _parser(name: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=f"{Path(sys.argv[0]).name or 'prodigy'} {name}", description=RECIPES[name], allow_abbrev=False
    )
    parser.add_argument("dataset", help="where answers are kept")
    if name in _WITH_MODEL:
        parser.add_argument("model", help="tokenizes texts: blank:en and the like (no model is loaded)")
        parser.add_argument(
            "--tokenizer", help="in place of the own one: chars, or spacy:LANGUAGE where spaCy is there"
        )
    parser.add_argument("source", help="a JSONL, JSON, CSV or TXT file, or dataset:NAME")
    parser.add_argument("--loader", "-lo", choices=LOADERS, help="the source's format, where its name does not tell it")
    parser.add_argument("--label", "-l", default="", help=LABEL_HELP)
    parser.add_argument("--exclude", "-e", default="", help="datasets whose tasks are not asked again, by commas")
    _add_particular(parser, name)
    return parser


def _add_particular(parser: argparse.ArgumentParser, name: str) -> None:
    if name in ("match", "ner.match"):
        parser.add_argument("--patterns", "-pt", "-p", required=True, help="a JSONL file of patterns")
        parser.add_argument("--resume", "-R", action="store_true", help="understood and ignored: it always resumes")
    elif name in _WITH_PATTERNS:
        parser.add_argument("--patterns", "-pt", "-p", help="a JSONL file of patterns to highlight beforehand")
        parser.add_argument("--highlight-chars", "-C", action="store_true", help="mark characters in place of tokens")
    elif name == "textcat.manual":
        parser.add_argument("--exclusive", "-E", action="store_true", help="one label a text at most")
    elif name == "mark":
        parser.add_argument("--view-id", "-v", required=True, help="text, ner, classification, choice, …")


def _options(name: str, found: argparse.Namespace, directory: Path) -> Options:
    given: dict[str, Any] = vars(found)
    patterns = given.get("patterns")
    return Options(
        recipe=name,
        dataset=_checked_dataset(found.dataset),
        source=_located(found.source, directory),
        model=given.get("model"),
        labels=read_labels(found.label, directory=directory),
        patterns=directory / patterns if patterns else None,
        exclude=tuple(each.strip() for each in found.exclude.split(",") if each.strip()),
        loader=found.loader,
        view_id=given.get("view_id") or "",
        tokenizer=given.get("tokenizer"),
        highlight_chars=bool(given.get("highlight_chars")),
        exclusive=bool(given.get("exclusive")),
    )


def _checked_dataset(name: str) -> str:
    if not name or re.search(r"[,\s]", name) or len(name) > 200:
        raise UsageError(
            f"{name!r} cannot be a dataset's name.", remedy="Use at most 200 characters, without commas and spaces."
        )
    return name


def _located(source: str, directory: Path) -> str:
    return source if source.startswith(("dataset:", "sample:")) else str(directory / source)


def read_labels(text: str, *, directory: Path) -> tuple[str, ...]:
    """Labels from a comma-separated list, or a file of one a line if there is one of that name; repeats collapse."""
    parts = _read_label_file(directory / text).splitlines() if _is_file(directory / text) else text.split(",")
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _is_file(path: Path) -> bool:
    try:
        return is_file(path)
    except (OSError, ValueError):  # a list of labels may be longer than a file's name can be
        return False


def _read_label_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the labels cannot be read: {error}.", remedy="Give a UTF-8 text file.") from error
