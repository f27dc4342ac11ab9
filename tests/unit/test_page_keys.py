"""Keys that clash: actions, labels with keys of their own, and the digits of the others."""

from __future__ import annotations

from typing import Any

import pytest

from prodigy_team.annotate.shaping import check_keys
from prodigy_team.errors import UsageError

LABELS = [f"L{number}" for number in range(1, 26)]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"keymap": {"accept": ["1"]}}, ("the action accept", "the label L1")),
        ({"keymap": {"reject": ["shift+2"]}}, ("the action reject", "the label L12")),
        ({"keymap": {"undo": ["shift+alt+5"]}}, ("the action undo", "the label L25")),
    ],
)
def test_an_action_on_a_labels_digit_is_refused_where_there_are_labels(
    settings: dict[str, Any], names: tuple[str, str]
) -> None:
    check_keys(settings)
    with pytest.raises(UsageError) as refused:
        check_keys(settings, LABELS)
    assert all(name in refused.value.message for name in names)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"keymap_by_label": {"L2": "1"}},
        {"keymap_by_label": {"0": "q"}, "keymap": {"accept": ["1"]}},
        {"keymap": {"accept": ["shift+alt+6"]}},
    ],
)
def test_a_digit_that_no_label_has_is_free(settings: dict[str, Any]) -> None:
    check_keys(settings, LABELS)
