"""Answers out of the database, as files to train on or to look at: one module for each format.

Names are loaded when first used, so that a plain copy does not pay for what looks into answers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prodigy_team.curation.export.exporting import export_answers, export_dataset
    from prodigy_team.curation.export.formats import FORMATS, ExportReport, Request

__all__ = ["FORMATS", "ExportReport", "Request", "export_answers", "export_dataset"]

_LAZY = {
    **dict.fromkeys(("FORMATS", "ExportReport", "Request"), "formats"),
    **dict.fromkeys(("export_answers", "export_dataset"), "exporting"),
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
