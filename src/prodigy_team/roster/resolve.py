"""One server's entry over the defaults of [task]: its values, and what is wrong with each of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prodigy_team.presence import exists, is_dir, is_file
from prodigy_team.roster.findings import Findings, sample_names
from prodigy_team.roster.paths import resolve_path
from prodigy_team.roster.recipes import FOLDER_SOURCES, KNOWN, needs_labels
from prodigy_team.roster.values import Server

OWNED = frozenset({"PRODIGY_HOST", "PRODIGY_PORT", "PRODIGY_ALLOWED_SESSIONS", "PRODIGY_TEAM_SERVER"})
"""Variables that prodigy-team sets for each server itself."""

_ELSEWHERE = {
    "PRODIGY_CONFIG": "Name the file as config in [team].",
    "PRODIGY_CONFIG_OVERRIDES": "Put the settings into [prodigy].",
    "PRODIGY_HOME": "Set it in the shell that runs prodigy-team, or set database in [team].",
    "PRODIGY_BASIC_AUTH_USER": "Use `prodigy-team passwd NAME`, which keeps it out of the roster.",
    "PRODIGY_BASIC_AUTH_PASS": "Use `prodigy-team passwd NAME`, which keeps it out of the roster.",
}
_REPLACED_BY_ARGS = ("model", "labels", "patterns", "view_id")
_EXAMPLES = {
    "recipe": 'Add recipe = "ner.manual" to [task].',
    "model": 'Add model = "blank:en", or another language\'s code.',
    "source": 'Add source = "headlines.jsonl", or source = "sample:headlines" to try it out.',
    "labels": 'Add labels = ["PERSON", "ORG"].',
    "patterns": 'Add patterns = "patterns.jsonl".',
    "view_id": 'Add view_id = "text", or the interface you want.',
}


@dataclass(frozen=True)
class Context:
    """What all entries of one roster share."""

    folder: Path
    environ: Mapping[str, str]
    team: str
    host: str
    task: Mapping[str, Any]


@dataclass(frozen=True)
class Entry:
    """One server as its tables say it, before its values are settled."""

    name: str
    annotators: tuple[str, ...]
    shared: bool
    prefix: str
    own: Mapping[str, Any]


class Resolver:
    """Settles one entry's values one by one; each method reports what is wrong with its own."""

    def __init__(self, context: Context, entry: Entry, findings: Findings) -> None:
        self.context = context
        self.entry = entry
        self.findings = findings
        self.values = {**context.task, **entry.own}
        self.origins = {key: f"{entry.prefix}.{key}" if key in entry.own else f"task.{key}" for key in self.values}
        self.origins.setdefault("host", "team.host")
        self.origins["name"] = f"{entry.prefix}.name"

    def server(self) -> Server | None:
        """The server, or None where it has no recipe."""
        if "recipe" not in self.values:
            self._missing("recipe", "task.recipe", "No recipe is named.")
            return None
        self._settle_args()
        self._settle_shape()
        folder = self._path("directory", "folder") or self.context.folder
        return Server(
            name=self.entry.name,
            annotators=self.entry.annotators,
            shared=self.entry.shared,
            host=self._host(),
            port=self.values.get("port"),
            dataset=self._dataset(),
            recipe=self._recipe(),
            model=self._text("model"),
            source=self._source(),
            labels=self._labels(),
            patterns=self._path("patterns", "file"),
            args=self._args(),
            recipe_file=self._path("recipe_file", "file"),
            directory=folder,
            env=self._environment(),
            view_id=self._text("view_id"),
            version=None if self.values.get("version") is None else str(self.values["version"]),
            tokenizer=self._text("tokenizer"),
            image_hosts=tuple(self.values.get("image_hosts") or ()),
            allow_shared_model=bool(self.values.get("allow_shared_model")),
            origins=self.origins,
        )

    def _add(self, key: str, text: str, remedy: str = "", *, warning: bool = False, missing: bool = False) -> None:
        where = self.origins.get(key, f"{self.entry.prefix}.{key}")
        self.findings.add(where, text, remedy, warning=warning, missing=missing)

    def _missing(self, key: str, where: str, text: str) -> None:
        """Report a missing value, unless one was given that could not be read."""
        if not {f"task.{key}", f"{self.entry.prefix}.{key}"} & self.findings.faulty:
            self.findings.add(where, text, _EXAMPLES.get(key, f"Add {key}."))

    def _is_own(self, key: str) -> bool:
        return key in self.entry.own

    def _settle_args(self) -> None:
        """`args` stands in place of other keys: refused beside them, and beats those of a more general table."""
        if "args" not in self.values:
            return
        for key in _REPLACED_BY_ARGS:
            if key not in self.values:
                continue
            if self._is_own(key) or not self._is_own("args"):
                text = f"{key} and args exclude each other: args is the recipe's whole command line after the dataset."
                self._add(key, text, f"Write {key} into args, or leave args out.")
            self.values.pop(key)

    def _settle_shape(self) -> None:
        """Hold a known recipe against what it needs and takes."""
        shape = KNOWN.get(self.values["recipe"])
        if shape is None or "args" in self.values or "recipe_file" in self.values:
            return
        for key in ("model", "source", "labels", "patterns", "view_id"):
            if key in self.values and not shape.accepts(key):
                self._leave_out(key)
        for key in sorted(shape.needs - set(self.values) - {"labels"}):
            self._need(key)
        if "labels" not in self.values and needs_labels(self.values["recipe"], self.values.get("model")):
            self._need("labels")

    def _leave_out(self, key: str) -> None:
        if self._is_own(key) or not self._is_own("recipe"):
            text = f"{self.values['recipe']} takes no {key}; it is left out."
            self._add(key, text, f"Leave {key} out.", warning=True)
        self.values.pop(key)

    def _need(self, key: str) -> None:
        table = self.entry.prefix if self._is_own("recipe") else "task"
        noun = {"labels": "labels", "patterns": "patterns"}.get(key, f"a {key}")
        self._missing(key, f"{table}.{key}", f"{self.values['recipe']} needs {noun}.")

    def _text(self, key: str) -> str | None:
        value = self.values.get(key)
        if value is not None and not value.strip():
            self._add(key, "The text is empty.", f"Write a {key}, or leave it out.")
            return None
        return value

    def _recipe(self) -> str:
        recipe: str = self.values["recipe"]
        if not recipe or recipe.startswith("-") or re.search(r"\s", recipe):
            remedy = 'Write the name alone, such as "ner.manual"; its options have keys of their own, or args.'
            self._add("recipe", f'"{recipe}" is no recipe\'s name.', remedy)
        return recipe

    def _host(self) -> str:
        host: str = self.values.get("host") or self.context.host
        if not host or re.search(r"[\s/]", host):
            self._add("host", f'"{host}" is no address to listen on.', 'Write "127.0.0.1", without http:// and port.')
        return host

    def _path(self, key: str, kind: str) -> Path | None:
        value = self.values.get(key)
        if value is None:
            return None
        path = resolve_path(value, self.context.folder, self.context.environ)
        if not value or not (is_dir(path) if kind == "folder" else is_file(path)):
            self._add(key, f"There is no {kind} {path}.", f"Correct the name; {_RELATIVE}")
        return path

    def _source(self) -> str | None:
        source = self._text("source")
        if source is None:
            return None
        if source.startswith("sample:"):
            return self._sample(source)
        if source.startswith("dataset:"):
            if not source.partition(":")[2]:
                self._add("source", "dataset: needs a name.", 'Write "dataset:NAME".')
            return source
        custom = "recipe_file" in self.values or self.values["recipe"] not in KNOWN
        if custom and re.match(r"[a-z][a-z0-9+.-]*://", source):
            return source
        return self._source_file(source)

    def _sample(self, source: str) -> str:
        names = sample_names()
        if source.partition(":")[2] not in names:
            self._add("source", f"There is no {source}.", f"Samples: {', '.join(names)}.")
        return source

    def _source_file(self, source: str) -> str:
        path = resolve_path(source, self.context.folder, self.context.environ)
        if source == "-":
            self._add("source", "A server has no standard input.", "Write a file's name.")
        elif not exists(path):
            self._add("source", f"There is no file {path}.", f"Correct the name; {_RELATIVE}", missing=True)
        elif is_dir(path) and self.values["recipe"] in KNOWN and not self.values["recipe"].startswith(FOLDER_SOURCES):
            self._add("source", f"{path} is a folder.", "Name one file; several can be joined with cat.")
        return str(path)

    def _labels(self) -> tuple[str, ...] | Path | None:
        labels = self.values.get("labels")
        if labels is None:
            return None
        if isinstance(labels, str):
            return self._label_file(labels)
        self._check_labels(labels, "labels", separable=False)
        return tuple(labels)

    def _label_file(self, name: str) -> Path:
        path = resolve_path(name, self.context.folder, self.context.environ)
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError:
            example = ", ".join(f'"{label.strip()}"' for label in name.split(","))
            self._add("labels", f"There is no file {path}.", f"For the labels themselves write labels = [{example}].")
        except UnicodeDecodeError:
            self._add("labels", f"{path} is not UTF-8.", "Save it as UTF-8.")
        else:
            self._check_labels(
                [line.strip() for line in lines if line.strip()], f"labels ({path.name})", separable=True
            )
        return path

    def _check_labels(self, labels: list[str], what: str, *, separable: bool) -> None:
        if not labels or not all(label.strip() for label in labels):
            self._add("labels", f"{what}: there is an empty one, or none.", 'Write labels = ["PERSON", "ORG"].')
        for label in sorted({label for label in labels if labels.count(label) > 1}):
            self._add("labels", f'{what}: "{label}" is there twice.', "Take one away.")
        for label in labels:
            if "," in label and not separable:
                remedy = 'Put the labels into a file, one a line: labels = "labels.txt".'
                self._add("labels", f'"{label}" has a comma, at which recipes cut a list of labels.', remedy)

    def _args(self) -> tuple[str, ...] | None:
        args = self.values.get("args")
        if args is None:
            return None
        if "-F" in args:
            self._add("args", "-F does not belong here.", 'Write recipe_file = "recipes.py".')
        if any("{source}" in arg for arg in args) and "source" not in self.values:
            self._missing("source", self.origins["args"], "{source} stands for source, which is not given.")
        return tuple(args)

    def _environment(self) -> dict[str, str]:
        env = dict(self.values.get("env") or {})
        for name in sorted(env):
            if name in OWNED:
                remedy = "Leave it out; host, port and annotators of the roster say it."
                self._add("env", f"{name} is set by prodigy-team for each server.", remedy)
            elif name in _ELSEWHERE:
                self._add("env", f"{name} does not belong here.", _ELSEWHERE[name])
            elif not name or "=" in name or "\0" in name + env[name]:
                self._add("env", f'"{name}" is no variable.', "Correct its name or value.")
        return env

    def _dataset(self) -> str:
        fallback = "{team}_{server}" if self.entry.shared else "{team}_{annotator}"
        template: str = self.values.get("dataset") or fallback
        if self._is_own("dataset") and self.entry.shared and "{annotator}" in template:
            text = "A [[server]] has one dataset for all its annotators, so {annotator} says nothing here."
            self._add("dataset", text, "Write {server}, or a plain name.")
        dataset = template.replace("{team}", self.context.team)
        dataset = dataset.replace("{annotator}", self.entry.name).replace("{server}", self.entry.name)
        if "{" in dataset or "}" in dataset:
            self._add("dataset", f'"{template}" has braces.', "Known places are {team}, {annotator} and {server}.")
        elif re.search(r"[\s,/\\\x00-\x1f\x7f]", dataset) or dataset.startswith(("-", ".")) or len(dataset) > 200:
            text = f'"{dataset}" is unfit for a dataset: no commas, spaces, slashes, no dash or dot first, 200 at most.'
            self._add("dataset", text, f'Write for example "{self.context.team}_{self.entry.name}".')
        return dataset


_RELATIVE = "relative paths are relative to the roster's folder."
