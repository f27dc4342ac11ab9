"""Prodigy's settings: the files and variables they come from, in what order, and where they put the database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from prodigy_team.errors import TeamError
from prodigy_team.presence import is_file

DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "theme": "basic",
        "custom_theme": {},
        "buttons": ["accept", "reject", "ignore", "undo"],
        "batch_size": 10,
        "history_size": 10,
        "host": "localhost",
        "port": 8080,
        "cors": True,
        "db": "sqlite",
        "db_settings": {},
        "validate": True,
        "auto_exclude_current": True,
        "exclude_by": "task",
        "instant_submit": False,
        "feed_overlap": False,
        "allow_work_stealing": True,
        "force_stream_order": False,
        "auto_count_stream": False,
        "total_examples_target": 0,
        "ui_lang": "en",
        "project_info": ["dataset", "session", "lang", "recipe_name", "view_id", "label"],
        "show_stats": False,
        "hide_meta": False,
        "show_flag": False,
        "instructions": False,
        "swipe": False,
        "swipe_gestures": {"left": "accept", "right": "reject"},
        "split_sents_threshold": False,
        "html_template": False,
        "global_css": None,
        "javascript": None,
        "writing_dir": "ltr",
        "show_whitespace": False,
        "ner_manual_highlight_chars": False,
    }
)
"""What applies where nobody says otherwise, as in the default block of Prodigy's documentation."""

KNOWN: frozenset[str] = frozenset(DEFAULTS) | {
    "annotations_per_task",
    "api_keys",
    "blocks",
    "choice_auto_accept",
    "choice_style",
    "darken_image",
    "field_autofocus",
    "field_id",
    "field_label",
    "field_placeholder",
    "field_rows",
    "field_suggestions",
    "global_css_dir",
    "hide_true_newline_tokens",
    "honor_token_whitespace",
    "image_manual_font_size",
    "image_manual_legacy",
    "image_manual_modes",
    "image_manual_stroke_width",
    "javascript_dir",
    "keymap",
    "keymap_by_label",
    "label",
    "labels",
    "lang",
    "largeText",
    "ner_manual_label_style",
    "relations_span_labels",
}
"""Keys that Prodigy is known to read. Others may belong to a custom recipe, so they are never refused."""

PAGE_LANGUAGES = ("en", "de", "fr", "es")
"""What the embedded engine's page can speak."""

HONOURED_THEME = frozenset({"labels", "cardMaxWidth"})
"""The keys of `custom_theme` that the embedded engine's page follows."""

_NO_SCRIPTS = "arbitrary scripts do not run under the page's content security policy"
_NO_IMAGES = "images are annotated with Prodigy only"

UNSUPPORTED: Mapping[str, str] = MappingProxyType(
    {
        "api_keys": "nothing reads them any more, in Prodigy neither",
        "darken_image": _NO_IMAGES,
        "hide_true_newline_tokens": "line breaks are always shown",
        "honor_token_whitespace": "texts are always shown with their own white space",
        "image_manual_font_size": _NO_IMAGES,
        "image_manual_legacy": _NO_IMAGES,
        "image_manual_modes": _NO_IMAGES,
        "image_manual_stroke_width": _NO_IMAGES,
        "javascript": _NO_SCRIPTS,
        "javascript_dir": _NO_SCRIPTS,
        "ner_manual_label_style": "all labels are shown, with a filter where there are more than ten",
        "relations_span_labels": "relations are annotated with Prodigy only",
        "split_sents_threshold": "texts are shown whole; splitting them needs a model",
    }
)
"""Known keys that the embedded engine does not honour, and why."""


class ConfigFileError(TeamError):
    """A prodigy.json (or ``PRODIGY_CONFIG_OVERRIDES``) cannot be read; says where, if possible with line and column."""

    exit_code = 2


class Settings(dict[str, Any]):
    """The settings that apply to one server: a plain dictionary that also knows who said what.

    Attributes:
        origins: Key to the file or variable that set it; defaults are not listed.
        directory: The server's working directory, which relative paths in the settings are relative to.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(DEFAULTS)
        self.origins: dict[str, str] = {}
        self.directory = directory

    def lay_over(self, values: Mapping[str, Any], origin: str) -> None:
        """Let these values beat what is there, key by key; nested objects are replaced whole."""
        self.update(values)
        self.origins.update(dict.fromkeys(values, origin))


@dataclass(frozen=True)
class Database:
    """Where answers are kept.

    Attributes:
        kind: "sqlite", "postgresql", "mysql", or another kind registered with Prodigy.
        path: The SQLite file (``Path(":memory:")`` for none on disk); None for other kinds.
        origin: The file or variable that said so, or "Prodigy's default".
    """

    kind: str
    path: Path | None
    origin: str


def read_config_file(path: Path) -> dict[str, Any]:
    """Read one prodigy.json.

    Raises:
        ConfigFileError: It is missing, unreadable, not UTF-8, no JSON, or not an object.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigFileError(f"{path}: {reason}.", remedy="Put a JSON file there, or name another one.") from error
    return _parse_object(_decode(content, str(path)), str(path))


def _decode(content: bytes, origin: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        remedy = "Save it as UTF-8 without a byte order mark."
        raise ConfigFileError(f"{origin}: line 1, column 1: starts with a byte order mark.", remedy=remedy)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = place_of(content, error.start)
        message = f"{origin}: line {line}, column {column}: byte 0x{content[error.start]:02x} is not UTF-8."
        raise ConfigFileError(message, remedy="Save it as UTF-8.") from error


def place_of(content: bytes, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of a byte that cannot be decoded; everything before it must be UTF-8."""
    before = content[:offset].decode("utf-8")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _parse_object(text: str, origin: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"{origin}: line {error.lineno}, column {error.colno}: no valid JSON: {error.msg}."
        raise ConfigFileError(
            message, remedy="Correct that place; JSON knows no comments and no last comma."
        ) from error
    except RecursionError as error:
        raise ConfigFileError(f"{origin}: nested too deeply.", remedy="Keep the settings flat.") from error
    if not isinstance(value, dict):
        raise ConfigFileError(f"{origin}: line 1, column 1: not a JSON object.", remedy='Write {"key": value, …}.')
    return value


def prodigy_home(environ: Mapping[str, str]) -> Path:
    """Prodigy's home folder: ``PRODIGY_HOME``, else ``~/.prodigy``. It need not exist."""
    if environ.get("PRODIGY_HOME"):
        return Path(environ["PRODIGY_HOME"])
    home = environ.get("HOME")
    return (Path(home) if home else Path.home()) / ".prodigy"


def read_settings(
    environ: Mapping[str, str], directory: Path, *, recipe: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The settings that apply to a server with this environment and working directory.

    Order, low to high: defaults, prodigy.json in Prodigy's home, the file ``PRODIGY_CONFIG`` names or else
    prodigy.json in the directory, the recipe's own, ``PRODIGY_CONFIG_OVERRIDES``; ``PRODIGY_HOST`` and
    ``PRODIGY_PORT`` beat all for host and port.

    Returns:
        A :class:`Settings`, so that :func:`find_database` can say which file put the database where it is.

    Raises:
        ConfigFileError: One of the files, the overrides or the port cannot be read.

    Source: the order is what public set-ups show; Prodigy documents no complete one.
    """
    settings = Settings(directory)
    for path in config_files(environ, directory):
        settings.lay_over(read_config_file(path), str(path))
    settings.lay_over(recipe or {}, "the recipe")
    if environ.get("PRODIGY_CONFIG_OVERRIDES"):
        name = "PRODIGY_CONFIG_OVERRIDES"
        settings.lay_over(_parse_object(environ[name], name), name)
    settings.lay_over(_address(environ), "the environment")
    return settings


def config_files(environ: Mapping[str, str], directory: Path) -> list[Path]:
    """The files that apply, lowest first. A file named by ``PRODIGY_CONFIG`` is listed even if it is missing."""
    shared = prodigy_home(environ) / "prodigy.json"
    own = directory / (environ.get("PRODIGY_CONFIG") or "prodigy.json")
    found = [path for path in (shared, own) if is_file(path) or (path is own and environ.get("PRODIGY_CONFIG"))]
    return found[:1] if len(found) == 2 and found[0] == found[1] else found


def _address(environ: Mapping[str, str]) -> dict[str, Any]:
    address: dict[str, Any] = {}
    if environ.get("PRODIGY_HOST"):
        address["host"] = environ["PRODIGY_HOST"]
    if environ.get("PRODIGY_PORT"):
        try:
            address["port"] = int(environ["PRODIGY_PORT"])
        except ValueError as error:
            message = f"PRODIGY_PORT={environ['PRODIGY_PORT']} is no number."
            raise ConfigFileError(message, remedy="Give it a port between 1 and 65535.") from error
    return address


def contradictions(settings: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Settings that exclude each other or cannot be meant, as (key, problem, remedy)."""
    found = []
    if settings.get("feed_overlap") and settings.get("annotations_per_task") is not None:
        problem = "feed_overlap = true gives every task to everybody, which contradicts annotations_per_task."
        found.append(("feed_overlap", problem, "Leave one of the two out."))
    found += [_needs_positive(settings, key) for key in ("batch_size", "annotations_per_task")]
    if settings.get("exclude_by", "task") not in ("task", "input"):
        problem = f'exclude_by = "{settings["exclude_by"]}" is neither "task" nor "input".'
        found.append(("exclude_by", problem, 'Write "task" (each question once) or "input" (each text once).'))
    return [each for each in found if each[0]]


def _needs_positive(settings: Mapping[str, Any], key: str) -> tuple[str, str, str]:
    value = settings.get(key)
    whole = isinstance(value, int) and not isinstance(value, bool)
    number = whole or (key == "annotations_per_task" and isinstance(value, float))
    if value is None or (number and value >= 1):
        return ("", "", "")
    kind = "a number of at least 1" if key == "annotations_per_task" else "a whole number of at least 1"
    return (key, f"{key} = {json.dumps(value, default=str)} is not {kind}.", f"Write {kind}, or leave it out.")


def unsupported(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Settings that the embedded engine will not honour, as (key, why); those at their default are not listed."""
    found = [(key, why) for key, why in UNSUPPORTED.items() if settings.get(key) and settings[key] != DEFAULTS.get(key)]
    language = str(settings.get("ui_lang") or "en")
    if language.lower().replace("_", "-").split("-")[0] not in PAGE_LANGUAGES:
        found.append(("ui_lang", f"the page speaks {', '.join(PAGE_LANGUAGES)}, so it is English here"))
    theme = settings.get("custom_theme")
    others = sorted(set(theme) - HONOURED_THEME) if isinstance(theme, Mapping) else []
    found += [(f"custom_theme.{key}", "use global_css for what is no label's colour or cardMaxWidth") for key in others]
    return found


def find_database(settings: Mapping[str, Any], environ: Mapping[str, str]) -> Database:
    """Where Prodigy keeps answers under these settings; the default is prodigy.db in Prodigy's home.

    Raises:
        ConfigFileError: ``db`` or ``db_settings`` is not what Prodigy can read.
    """
    kind, origin = settings.get("db") or "sqlite", _origin(settings)
    details = _details(settings, kind, origin)
    if kind != "sqlite":
        return Database(kind, None, origin)
    name = str(details.get("name") or "prodigy.db")
    if name == ":memory:":
        return Database(kind, Path(name), origin)
    return Database(kind, _folder(settings, details, environ) / name, origin)


def _details(settings: Mapping[str, Any], kind: Any, origin: str) -> Mapping[str, Any]:
    every = settings.get("db_settings") or {}
    details = every.get(kind) or {} if isinstance(every, Mapping) and isinstance(kind, str) else None
    if not isinstance(details, Mapping):
        remedy = 'Write "db": "sqlite" and "db_settings": {"sqlite": {"name": "prodigy.db", "path": "/folder"}}.'
        raise ConfigFileError(f"{origin}: db and db_settings do not name a database.", remedy=remedy)
    return details


def _folder(settings: Mapping[str, Any], details: Mapping[str, Any], environ: Mapping[str, str]) -> Path:
    if not details.get("path"):
        return prodigy_home(environ)
    folder = str(details["path"])
    if folder.startswith("~/") and environ.get("HOME"):
        folder = environ["HOME"] + folder[1:]
    return settings.directory / folder if isinstance(settings, Settings) else Path(folder)


def _origin(settings: Mapping[str, Any]) -> str:
    origins = settings.origins if isinstance(settings, Settings) else {}
    return origins.get("db_settings") or origins.get("db") or "Prodigy's default"
