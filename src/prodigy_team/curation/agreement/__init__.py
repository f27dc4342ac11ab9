"""How far annotators agree: coefficients, their intervals, and the tasks on which people differ most."""

from __future__ import annotations

from prodigy_team.curation.agreement.figures import (
    Agreement,
    Disagreement,
    Figure,
    LabelAgreement,
    PairAgreement,
    PersonAgreement,
    ViewAgreement,
    WeekAgreement,
)
from prodigy_team.curation.agreement.measuring import measure

__all__ = [
    "Agreement",
    "Disagreement",
    "Figure",
    "LabelAgreement",
    "PairAgreement",
    "PersonAgreement",
    "ViewAgreement",
    "WeekAgreement",
    "measure",
]
