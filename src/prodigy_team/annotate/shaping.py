"""The settings that shape the page: files they name are read, keys that clash and hosts that are none are refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from prodigy_team import settings as configuration
from prodigy_team.errors import UsageError

ACTION_KEYS: Mapping[str, tuple[str, ...]] = {
    "accept": ("a",),
    "reject": ("x",),
    "ignore": ("space",),
    "undo": ("backspace", "delete"),
    "save": ("ctrl+s", "meta+s"),
    "flag": ("f",),
    "instructions": ("h",),
    "help": ("?",),
    "history": ("ctrl+h",),
}
"""What the page's own keys are unless ``keymap`` says otherwise; the page has the same table."""

LABELLED_VIEWS = frozenset({"ner_manual", "spans_manual", "choice"})
"""Views in which digits stand for the recipe's labels."""

_NAMES = {
    "del": "delete",
    "esc": "escape",
    "return": "enter",
    "command": "meta",
    "cmd": "meta",
    "control": "ctrl",
    "option": "alt",
}
_MODIFIERS = ("ctrl", "meta", "alt", "shift")
_HOST = re.compile(r"(?:https?://)?(?:\*\.)?[A-Za-z0-9.-]+(?::\d{1,5}|:\*)?")


def normal_key(written: str) -> str:
    """One way of writing a key: lower case, modifiers in a fixed order."""
    if written in ("+", " "):
        return "space" if written == " " else "+"
    parts = [_NAMES.get(part.strip(), part.strip()) for part in written.lower().split("+")]
    key = "+".join(part for part in parts if part not in _MODIFIERS) or "+"
    return "+".join([*[each for each in _MODIFIERS if each in parts], key])


def check_keys(settings: Mapping[str, Any], labels: Sequence[str] = ()) -> None:
    """Refuse one key for two things.

    Args:
        labels: Those that have digits for keys in the view that is shown, in their order.

    Raises:
        UsageError: ``keymap`` or ``keymap_by_label`` is no such table, or gives a key twice; names both.
    """
    taken: dict[str, str] = {}
    for key, owner in [*_bindings(settings), *_digits(labels, _table(settings, "keymap_by_label"))]:
        other = taken.setdefault(key, owner)
        if other != owner:
            raise UsageError(
                f'The key "{key}" is given to {other} and to {owner}.',
                remedy="Give one of the two another key, in keymap or keymap_by_label.",
            )


def _bindings(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    keymap, by_label = _table(settings, "keymap"), _table(settings, "keymap_by_label")
    for action, keys in {**ACTION_KEYS, **keymap}.items():
        for key in [keys] if isinstance(keys, str) else keys:
            yield normal_key(str(key)), f"the action {action}"
    for label, key in by_label.items():
        yield normal_key(str(key)), f"the label {label}"


def _digits(labels: Sequence[str], by_label: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The digits of labels without a key of their own: 1 to 9, 0, then with shift, then with alt and shift.

    A digit that `keymap_by_label` gives to one label is taken from the one that would have it.
    """
    own = {normal_key(str(key)) for key in by_label.values()}
    for place, label in enumerate(labels[:30]):
        key = ("", "shift+", "alt+shift+")[place // 10] + str((place + 1) % 10)
        if label not in by_label and str(place) not in by_label and key not in own:
            yield key, f"the label {label}"


def _table(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = settings.get(name) or {}
    kinds = (str, list, tuple) if name == "keymap" else (str,)
    if not isinstance(table, Mapping) or not all(isinstance(each, kinds) for each in table.values()):
        example = '{"accept": ["a"]}' if name == "keymap" else '{"LABEL": "q"}'
        raise UsageError(f"{name} is not a table of keys.", remedy=f"Write it like {example}.")
    return table


@dataclass(frozen=True)
class Remark:
    """What the embedded engine says to one setting.

    Attributes:
        warning: The server starts nevertheless.
    """

    key: str
    text: str
    remedy: str
    warning: bool


def remarks_on(settings: Mapping[str, Any], directory: Path) -> list[Remark]:
    """Everything the embedded engine would not honour or refuse at its start, without starting."""
    refused = [key for key in ("javascript", "javascript_dir") if settings.get(key)]
    found = [
        Remark(key, f"{key} is not honoured by the embedded engine: {why}.", "Take it out, or use Prodigy.", True)
        for key, why in configuration.unsupported(settings)
        if key not in refused
    ]
    text = "is refused by the embedded engine: scripts do not run under its page's content security policy."
    found += [Remark(key, f"{key} {text}", "Take it out, or use Prodigy.", False) for key in refused]
    for key, check in (
        ("keymap", lambda: check_keys(settings)),
        ("instructions", lambda: read_instructions(settings, directory)),
        ("global_css", lambda: read_styles(settings, directory)),
    ):
        try:
            check()
        except UsageError as error:
            found.append(Remark(key, error.message, error.remedy or "", False))
    return found


def read_instructions(settings: Mapping[str, Any], directory: Path) -> dict[str, str] | None:
    """The instructions that the settings name, with a version that changes whenever the text does.

    Raises:
        UsageError: The file cannot be read.
    """
    named = settings.get("instructions")
    if not named or not isinstance(named, str):
        return None
    path = directory / named
    text = _read(path, "instructions")
    form = "markdown" if path.suffix.lower() in (".md", ".markdown", ".txt") else "html"
    return {"format": form, "text": text, "version": blake2b(text.encode(), digest_size=8).hexdigest()}


def read_text_or_file(settings: Mapping[str, Any], key: str, directory: Path, *, endings: Iterable[str]) -> str | None:
    """A setting that is text itself, or names a file with one of these endings.

    Raises:
        UsageError: The file cannot be read.
    """
    value = settings.get(key)
    if not value or not isinstance(value, str):
        return None
    is_path = "\n" not in value and "{" not in value and value.lower().endswith(tuple(endings))
    return _read(directory / value, key) if is_path else value


def read_styles(settings: Mapping[str, Any], directory: Path) -> str | None:
    """``global_css`` (text or a file) and every style sheet of ``global_css_dir``, one after the other."""
    own = read_text_or_file(settings, "global_css", directory, endings=(".css",))
    folder = settings.get("global_css_dir")
    files = sorted((directory / folder).glob("*.css")) if isinstance(folder, str) and folder else []
    parts = [part for part in (own, *[_read(path, "global_css_dir") for path in files]) if part]
    return "\n".join(parts) or None


def _read(path: Path, key: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise UsageError(f"{key}: {path}: {reason}.", remedy="Name a file that can be read, as UTF-8.") from error


def image_sources(hosts: Iterable[str]) -> str:
    """The hosts of ``image_hosts`` as the page's policy names them; empty for none.

    Raises:
        UsageError: A host is none; it would change the policy's meaning.
    """
    found = list(hosts)
    for host in found:
        if not _HOST.fullmatch(host):
            raise UsageError(
                f"image_hosts: {host!a} is not a host's name.", remedy='Write it like "images.example.org".'
            )
    return " ".join(found)
