"""What each recipe asks: which view, which question is hashed, and what is added to a task when it is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prodigy_team.annotate.arguments import Options
from prodigy_team.annotate.matching import Patterns, find_matches, read_patterns
from prodigy_team.errors import UsageError
from prodigy_team.tasks import By, Task, canonical_json
from prodigy_team.tokens import Tokenizer, find_tokenizer

VIEWS = tuple(
    each
    for line in (
        "text html ner ner_manual spans spans_manual pos pos_manual relations dep classification image image_manual",
        "audio audio_manual choice review diff compare text_input blocks pages llm_io",
    )
    for each in line.split()
)
DRAWN = frozenset(
    each
    for line in ("text html image ner ner_manual spans spans_manual classification choice text_input blocks review",)
    for each in line.split()
)
"""The views that the page draws; tasks of others are served all the same, for clients of their own."""


@dataclass(frozen=True)
class Recipe:
    """A recipe, ready to be served.

    Attributes:
        config: What the recipe says of the settings; overrides beat it, prodigy.json does not.
        transform: A source's task to the questions asked of it, before anything is hashed; None for the task itself.
        transform_key: Changes whenever ``transform`` would give something else for the same task.
        decorate: Adds to a task what its view shows: tokens, options, highlights. Hashes are taken before.
    """

    name: str
    view_id: str
    exclude_by: By | None
    config: Mapping[str, Any] = field(default_factory=dict)
    transform: Callable[[Task], Iterable[Task]] | None = None
    transform_key: str = ""
    decorate: Callable[[Task], Task] = lambda task: task


def find_recipe(options: Options) -> Recipe:
    """The recipe that a command line asks for.

    Raises:
        TeamError: Labels, patterns, tokenizer or view do not go with the recipe, or cannot be read.
    """
    if options.recipe in ("ner.manual", "spans.manual"):
        return _manual_spans(options)
    if options.recipe == "textcat.manual":
        return _binary_textcat(options) if len(options.labels) == 1 else _choice_textcat(options)
    return _mark(options) if options.recipe == "mark" else _match(options)


def _config(options: Options, **more: Any) -> dict[str, Any]:
    labels = {"labels": list(options.labels)} if options.labels else {}
    lang = (options.model or "").rpartition(":")[2]
    return {**({"lang": lang} if lang else {}), **labels, **more}


def _tokenizer(options: Options) -> Tokenizer:
    return find_tokenizer(options.model, "chars" if options.highlight_chars else options.tokenizer)


def _patterns(options: Options, tokenizer: Tokenizer) -> Patterns:
    """The patterns asked for; with ``--label`` only those for these labels."""
    if options.patterns is None:
        return Patterns(())
    found = read_patterns(options.patterns, tokenizer=tokenizer)
    kept = tuple(each for each in found.patterns if not options.labels or each.label in options.labels)
    if not kept:
        labels = ", ".join(found.labels)
        raise UsageError(f"{options.patterns} has no pattern for the labels given.", remedy=f"It has: {labels}.")
    return Patterns(kept, found.path)


def _need_labels(options: Options) -> None:
    if not options.labels:
        raise UsageError(f"{options.recipe} needs labels.", remedy="Give --label A,B or a file with one a line.")


def _manual_spans(options: Options) -> Recipe:
    _need_labels(options)
    overlap = options.recipe == "spans.manual"
    tokenizer = _tokenizer(options)
    patterns = _patterns(options, tokenizer)

    def decorate(task: Task) -> Task:
        task = with_tokens(task, tokenizer)
        return with_highlights(task, patterns, overlap=overlap) if "tokens" in task else task

    chars = {"ner_manual_highlight_chars": True} if options.highlight_chars else {}
    view = "spans_manual" if overlap else "ner_manual"
    return Recipe(options.recipe, view, None, _config(options, **chars), decorate=decorate)


def _binary_textcat(options: Options) -> Recipe:
    label = options.labels[0]

    def transform(task: Task) -> Iterable[Task]:
        # A hash that came with the source is that of another question, unless this label was in it already.
        changed = {} if task.get("label") == label else {"label": label}
        kept = {key: value for key, value in task.items() if not changed or key not in ("_task_hash", "label")}
        yield {**kept, **changed}

    config = _config(options, exclude_by="task", label=label)
    key = canonical_json(["label", label])
    return Recipe(options.recipe, "classification", "task", config, transform, key)


def _choice_textcat(options: Options) -> Recipe:
    _need_labels(options)
    style = "single" if options.exclusive else "multiple"
    choices = [{"id": label, "text": label} for label in options.labels]

    def decorate(task: Task) -> Task:
        return {**task, "options": choices, "config": {**(task.get("config") or {}), "choice_style": style}}

    config = _config(options, exclude_by="input", choice_style=style)
    return Recipe(options.recipe, "choice", "input", config, decorate=decorate)


def _mark(options: Options) -> Recipe:
    if options.view_id not in VIEWS:
        raise UsageError(f"There is no view {options.view_id}.", remedy=f"The views are: {', '.join(VIEWS)}.")
    if options.view_id not in ("ner_manual", "spans_manual"):
        return Recipe("mark", options.view_id, None, _config(options))
    tokenizer = find_tokenizer(None, None)
    return Recipe("mark", options.view_id, None, _config(options), decorate=lambda task: with_tokens(task, tokenizer))


def _match(options: Options) -> Recipe:
    tokenizer = _tokenizer(options)
    patterns = _patterns(options, tokenizer)

    def transform(task: Task) -> Iterable[Task]:
        text = task.get("text")
        if not isinstance(text, str):
            return
        asked = {key: value for key, value in task.items() if key not in ("spans", "_task_hash", "label", "answer")}
        for match in find_matches(patterns, text, _tokens_of(task, tokenizer)):
            span = {"text": text[match.start : match.end], "start": match.start, "end": match.end, "label": match.label}
            yield {**asked, "spans": [span]}

    rules = [[each.label, each.source] for each in patterns.patterns]
    key = canonical_json(["match", tokenizer.name, tokenizer.version, rules])
    return Recipe(options.recipe, "ner", "task", _config(options, exclude_by="task"), transform, key)


def _tokens_of(task: Task, tokenizer: Tokenizer) -> list[dict[str, Any]]:
    tokens = task.get("tokens")
    return tokens if isinstance(tokens, list) and tokens else tokenizer(task["text"])


def with_tokens(task: Task, tokenizer: Tokenizer) -> Task:
    """The task with tokens; those it has already are never touched. Spans learn which tokens they cover."""
    if not isinstance(task.get("text"), str):
        return task
    task = {**task, "tokens": _tokens_of(task, tokenizer)}
    spans = task.get("spans")
    if not isinstance(spans, list):
        return task
    return {**task, "spans": [_on_tokens(span, task["tokens"]) for span in spans]}


def _on_tokens(span: Any, tokens: list[dict[str, Any]]) -> Any:
    """A span with its first and last token, both included; as it was where its ends are no ends of tokens."""
    if not isinstance(span, dict) or "token_start" in span or "start" not in span or "end" not in span:
        return span
    first = next((place for place, token in enumerate(tokens) if token["start"] == span["start"]), None)
    last = next((place for place, token in enumerate(tokens) if token["end"] == span["end"]), None)
    return span if first is None or last is None else {**span, "token_start": first, "token_end": last}


def with_highlights(task: Task, patterns: Patterns, *, overlap: bool) -> Task:
    """The task with a span for each match of a pattern, in order of place.

    Spans that are there already stay. Without ``overlap`` the longest match wins, then the first, as named entities
    cannot lie over each other.
    """
    if not patterns.patterns:
        return task
    spans = list(task.get("spans") or [])
    matches = find_matches(patterns, task["text"], task["tokens"])
    for match in sorted(matches, key=lambda each: (each.start - each.end, each.start)):
        new = {"start": match.start, "end": match.end, "label": match.label}
        if not any(_in_the_way(new, old, overlap=overlap) for old in spans):
            spans.append(_on_tokens({"text": task["text"][match.start : match.end], **new}, task["tokens"]))
    return {**task, "spans": sorted(spans, key=lambda each: (each.get("start", 0), each.get("end", 0)))}


def _in_the_way(new: dict[str, Any], old: dict[str, Any], *, overlap: bool) -> bool:
    if overlap:
        return all(new[key] == old.get(key) for key in ("start", "end", "label"))
    return bool(new["start"] < old.get("end", 0) and old.get("start", 0) < new["end"])
