"""Records as pandas frames, where pandas is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from prodigy_team.errors import TeamError

if TYPE_CHECKING:
    from pandas import DataFrame


def frame_of(records: Sequence[Mapping[str, Any]], columns: Sequence[str], *, times: Sequence[str] = ()) -> DataFrame:
    """A frame of N rows for N records, with these columns even where N is 0.

    Args:
        times: Columns of Unix seconds, which become times in UTC.

    Raises:
        TeamError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise TeamError("pandas is not installed.", remedy="Run: pip install pandas") from error
    frame = pandas.DataFrame.from_records(list(records), columns=list(columns))
    for name in times:
        seconds = pandas.to_numeric(frame[name])
        frame[name] = pandas.to_datetime(seconds, unit="s", utc=True, errors="coerce")
    return frame
