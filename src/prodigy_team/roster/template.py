"""The commented roster that `init` writes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from prodigy_team.roster.recipes import KNOWN

_HEAD = """\
# Who annotates what. Check it with `prodigy-team check`, start it with `prodigy-team up`.
# Relative paths are relative to this file's folder.
"""

_OTHER_TASK_KEYS = (
    ("patterns", '"patterns.jsonl"', "highlighted beforehand"),
    ("dataset", '"{team}_{annotator}"', "where answers are kept; this is the default"),
    ("args", '["blank:en", "{source}", "--label", "A,B"]', "in place of model, source, labels, patterns"),
    ("recipe_file", '"recipes.py"', "your own recipes (Prodigy only)"),
    ("env", '{ PRODIGY_LOGGING = "basic" }', "variables for the servers"),
)


def render_roster(
    *,
    name: str,
    annotators: Sequence[str],
    source: str,
    labels: Sequence[str] | str = (),
    recipe: str = "ner.manual",
    model: str | None = None,
    engine: str = "auto",
    patterns: str | None = None,
    ports: str | None = None,
    python: str | None = None,
) -> str:
    """A roster with these values, and every other common key as a comment.

    Args:
        labels: The labels, or the name of a file that lists them. Labels with a comma need a file.
        model: Left out: "blank:en" for recipes that take a model, none for others.
        ports: Left out: the default range, as a comment.
    """
    shape = KNOWN.get(recipe)
    if model is None and shape is not None and "model" in shape.needs:
        model = "blank:en"
    parts = [
        _HEAD,
        _team(name, engine, ports, python),
        _task(recipe, model, source, labels, patterns),
        _settings(),
        *[_annotator(annotator) for annotator in annotators],
    ]
    return "\n".join(parts)


def default_name(folder: str) -> str:
    """A team's name made of a folder's: what does not fit becomes a dash."""
    fit = re.sub(r"[^A-Za-z0-9._-]+", "-", folder).strip("-._")
    return fit[:40] or "team"


def toml_text(value: str) -> str:
    """A TOML string. JSON's escapes are TOML's too, but for DEL, which TOML wants escaped, and lone surrogates."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _team(name: str, engine: str, ports: str | None, python: str | None) -> str:
    lines = [
        "[team]",
        _line("name", toml_text(name), "names datasets and the page's title"),
        _line("engine", toml_text(engine), "prodigy | embedded; auto: prodigy where `python` has it"),
        _line(
            "python", toml_text(python or ".venv/bin/python"), "runs the servers; default: this one", on=bool(python)
        ),
        _line("host", '"127.0.0.1"', "reachable from this machine only", on=False),
        _line("ports", toml_text(ports or "8081-8180"), "given out in this order, then kept", on=bool(ports)),
        _line("database", '"annotations.db"', "left out: where Prodigy's own settings say", on=False),
    ]
    return "\n".join(lines) + "\n"


def _task(recipe: str, model: str | None, source: str, labels: Sequence[str] | str, patterns: str | None) -> str:
    lines = ["[task]", _line("recipe", toml_text(recipe))]
    if model is not None:
        lines.append(_line("model", toml_text(model)))
    lines.append(_line("source", toml_text(source), "a file, dataset:NAME, or sample:headlines"))
    if labels:
        lines.append(_line("labels", _labels(labels)))
    if patterns is not None:
        lines.append(_line("patterns", toml_text(patterns)))
    rest = [key for key in _OTHER_TASK_KEYS if key[0] != "patterns" or patterns is None]
    return "\n".join([*lines, *(_line(*key, on=False) for key in rest)]) + "\n"


def _labels(labels: Sequence[str] | str) -> str:
    if isinstance(labels, str):
        return toml_text(labels)
    return "[" + ", ".join(toml_text(label) for label in labels) + "]"


def _settings() -> str:
    lines = [
        "# [prodigy]                        # any key of prodigy.json; beats the file",
        "# batch_size = 10",
        "",
        "# [routing]                        # left out: everybody gets the whole source",
        "# annotations_per_task = 1.2",
    ]
    return "\n".join(lines) + "\n"


def _annotator(name: str) -> str:
    return f"[[annotator]]\nname = {toml_text(name)}\n"


def _line(key: str, value: str, comment: str = "", *, on: bool = True) -> str:
    text = f"{'' if on else '# '}{key} = {value}"
    return f"{text.ljust(34)} # {comment}" if comment else text
