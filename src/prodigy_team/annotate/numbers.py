"""Numbers that JSON can hold and nobody can read: stored as they were sent, they would be in the way for good.

Python takes integers of at most 4,300 digits (``sys.set_int_max_str_digits``), and a float ends at 1.8e308.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

_decoder = msgspec.json.Decoder()
_DIGITS_TO_ZERO = bytes.maketrans(b"0123456789", b"0" * 10)
_LARGE = (b"0" * 309, b"0e000", b"0E000", b"0e+000", b"0E+000")
"""What such numbers look like once their digits are zeros; smaller ones and texts may look so too."""


def unreadable_number(answers: Sequence[msgspec.Raw], body: bytes) -> str | None:
    """What is wrong with the first answer that holds such a number; None where none does.

    Args:
        body: What the answers stand in. They are decoded, at six times the cost, only where it may hold one at all.
    """
    plain = body.translate(_DIGITS_TO_ZERO)
    if not any(each in plain for each in _LARGE):
        return None
    for number, raw in enumerate(answers):
        try:
            _decoder.decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            return f"answers[{number}] holds a number that nobody could read again: {error}"
    return None
