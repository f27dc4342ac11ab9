"""Answers out of the database, as files to train on or to look at: one module for each format."""

from __future__ import annotations

from prodigy_team.curation.export.exporting import export_answers, export_dataset
from prodigy_team.curation.export.formats import FORMATS, ExportReport, Request

__all__ = ["FORMATS", "ExportReport", "Request", "export_answers", "export_dataset"]
