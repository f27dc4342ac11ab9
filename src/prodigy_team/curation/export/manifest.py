"""What an export says of itself: from where, by whom, how split, with what left out, and the hashes of its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from prodigy_team.curation.export.formats import ExportReport
from prodigy_team.curation.split import Shares, Split
from prodigy_team.errors import TeamError
from prodigy_team.presence import is_file

MANIFEST, DROPPED, SPLIT = "manifest.json", "dropped.jsonl", "split.tsv"
_CHUNK = 1 << 20


def describe_file(path: Path) -> dict[str, Any]:
    """Size and hash of a finished file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return {"bytes": size, "sha256": digest.hexdigest()}


def describe(
    report: ExportReport,
    *,
    versions: Mapping[str, str],
    title: str,
    sources: Mapping[str, int],
    annotators: Mapping[str, int] | None,
    files: Mapping[str, Mapping[str, Any]],
    answers: Collection[str] | None = None,
    labels: Mapping[str, int] | None = None,
    split: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The manifest of an export.

    Args:
        sources: Name to records read.
        annotators: Name to answers exported, of merged ones everybody's; None: nobody looked.
        files: Name, relative to the manifest's folder, to size and hash.
        answers: Those that were asked for; None: what the format takes by itself.
        labels: Of formats that models are trained on: how often each occurs.
        split: From `describe_split`.
    """
    return {
        "versions": dict(versions),
        "format": report.format,
        "title": title,
        "sources": [{"name": name, "answers": count} for name, count in sorted(sources.items())],
        "answers": None if answers is None else sorted(answers),
        "read": report.read,
        "exported": report.exported,
        "dropped": dict(report.dropped),
        "dropped_spans": dict(report.spans),
        "written": dict(report.written),
        "split": split,
        "annotators": None if annotators is None else dict(sorted(annotators.items())),
        "labels": dict(sorted((labels or {}).items())),
        "files": {name: dict(described) for name, described in sorted(files.items())},
    }


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    """Write it; nothing in it depends on when that is."""
    path.write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def read_manifest(path: Path) -> dict[str, Any] | None:
    """One that an earlier export left; None where there is none."""
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise TeamError(
            f"The manifest {path} of an earlier export cannot be read: {error}.",
            remedy="Its split would be lost: put it right, or remove it to split anew.",
        ) from error
    return found if isinstance(found, dict) and "prodigy-team" in found.get("versions", {}) else None


def settings_of(shares: Shares) -> dict[str, Any]:
    """What makes two splits comparable."""
    return {
        "dev": float(shares.dev),
        "test": float(shares.test),
        "seed": shares.seed,
        "group_by": shares.group_by,
    }


def write_split(path: Path, sides: Mapping[bytes, str]) -> None:
    """Every key with its side, a line each, for the next export."""
    lines = sorted(f"{key.hex()}\t{side}\n" for key, side in sides.items())
    path.write_text("".join(lines), encoding="ascii")


def read_split(manifest: Mapping[str, Any] | None, path: Path, shares: Shares) -> tuple[dict[bytes, str], bool]:
    """The sides of an earlier export, and whether there was one that was split by other settings and so does not bind.

    Raises:
        TeamError: The file is not the one that the manifest names: sides that somebody trained on would move.
    """
    if manifest is None or not manifest.get("split"):
        return {}, False
    if {key: manifest["split"].get(key) for key in settings_of(shares)} != settings_of(shares):
        return {}, True
    expected = manifest.get("files", {}).get(path.name, {}).get("sha256")
    if not is_file(path) or describe_file(path)["sha256"] != expected:
        raise TeamError(
            f"{path} is not as the last export left it, so nobody can tell which side an input was on.",
            remedy="Put it back, or remove the export to split anew.",
        )
    pairs = (line.split("\t") for line in path.read_text(encoding="ascii").splitlines())
    return {bytes.fromhex(key): side for key, side in pairs}, False


def describe_split(shares: Shares, split: Split) -> dict[str, Any]:
    """The settings, and what came of them."""
    return {
        **settings_of(shares),
        "groups": {side: split.groups.get(side, 0) for side in shares.sides},
        "inputs": {side: split.inputs.get(side, 0) for side in shares.sides},
    }
