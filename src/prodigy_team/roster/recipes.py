"""What a recipe's command line needs and takes, for the recipes Prodigy is known to have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A recipe's command line.

    Attributes:
        needs: Keys of [task] without which the recipe does not start.
        takes: Keys it can do with besides.
    """

    needs: frozenset[str]
    takes: frozenset[str]

    def accepts(self, key: str) -> bool:
        """Whether the recipe has a place for this key."""
        return key in self.needs or key in self.takes


def _shape(needs: str, takes: str = "") -> Shape:
    return Shape(frozenset(needs.split()), frozenset(takes.split()))


KNOWN: Mapping[str, Shape] = {
    "ner.manual": _shape("model source", "labels patterns"),
    "ner.correct": _shape("model source", "labels"),
    "ner.teach": _shape("model source", "labels patterns"),
    "ner.match": _shape("model source patterns"),
    "match": _shape("model source patterns"),
    "spans.manual": _shape("model source", "labels patterns"),
    "spans.correct": _shape("model source", "labels"),
    "textcat.manual": _shape("source labels"),
    "textcat.correct": _shape("model source", "labels"),
    "textcat.teach": _shape("model source labels", "patterns"),
    "rel.manual": _shape("model source labels", "patterns"),
    "image.manual": _shape("source labels"),
    "mark": _shape("source view_id", "labels"),
    "review": _shape("source", "labels view_id"),
}
"""Recipes that a roster can describe without `args`. Source: Explosion's open recipes and public command lines."""

EMBEDDED = ("ner.manual", "spans.manual", "textcat.manual", "match", "ner.match", "mark")
"""Recipes that the embedded engine has."""

LABELS_FROM_MODEL = frozenset({"ner.manual", "ner.correct", "ner.teach", "spans.manual", "spans.correct"})
"""Recipes that fall back on the labels of a trained model, and so need none but for a blank one."""

FOLDER_SOURCES = ("image.", "audio.")


def needs_labels(recipe: str, model: str | None) -> bool:
    """Whether the recipe cannot start without labels, given this model."""
    if recipe in LABELS_FROM_MODEL:
        return (model or "").startswith("blank:")
    return recipe in KNOWN and "labels" in KNOWN[recipe].needs


def learns(recipe: str, args: Sequence[str] | None) -> bool:
    """Whether the recipe's model learns from the answers, as far as can be seen from outside."""
    return recipe.endswith(".teach") or bool({"--update", "-UP"} & set(args or ()))


def instead_of(recipe: str) -> tuple[str, str]:
    """Why a recipe needs Prodigy, and what comes closest without it: two sentences."""
    kind, _, action = recipe.partition(".")
    if action == "teach":
        text = f"{recipe} trains a model while people annotate, which needs Prodigy."
        return text, 'Without it: recipe = "match" with patterns = "patterns.jsonl".'
    if action == "correct" or "llm" in action or "openai" in action:
        manual = f"{kind}.manual" if kind in ("ner", "spans", "textcat") else "ner.manual"
        return f"{recipe} shows a model's suggestions, which needs Prodigy.", f'Without it: recipe = "{manual}".'
    return f"{recipe} needs Prodigy.", ""
