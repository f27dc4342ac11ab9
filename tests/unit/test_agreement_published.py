"""Coefficients of agreement against worked examples that others published, and what they do at their limits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from prodigy_team.curation.agreement.choices import mean_figure
from prodigy_team.curation.agreement.coefficients import (
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    masi_distance,
    percent_agreement,
)
from prodigy_team.curation.agreement.figures import THIN, Figure, PairAgreement
from prodigy_team.curation.agreement.spans import partial_f1, span_f1, token_kappa
from prodigy_team.curation.agreement.sums import Rows, intervals


def from_table(table: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """Two people's labels from a table of how often each pair was given."""
    pairs = [(row, column) for row, cells in enumerate(table) for column, n in enumerate(cells) for _ in range(n)]
    return [first for first, _ in pairs], [second for _, second in pairs]


@pytest.mark.parametrize(
    ("table", "kappa"),
    [([[25, 13, 12], [12, 2, 16], [3, 15, 2]], -0.092), ([[88, 14, 18], [10, 40, 10], [2, 6, 12]], 0.492)],
)
def test_cohen(table, kappa):
    """Cohen (1960), Educational and Psychological Measurement 20(1), 37-46: tables 1 (in per cent) and 2."""
    assert cohen_kappa(*from_table(table)) == pytest.approx(kappa, abs=5e-4)


FLEISS = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031
00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""
"""30 patients by 6 psychiatrists: depression, personality disorder, schizophrenia, neurosis, other."""


def test_fleiss():
    """Fleiss (1971), Psychological Bulletin 76(5), 378-382: table 1; observed 0.556, kappa 0.430."""
    units = [[label for label, n in enumerate(row) for _ in range(int(n))] for row in FLEISS.split()]

    assert len(units) == 30
    assert percent_agreement(units) == pytest.approx(0.556, abs=5e-4)
    assert fleiss_kappa(units) == pytest.approx(0.430, abs=5e-4)


@pytest.mark.parametrize(
    ("people", "alpha"),
    [
        (["0100000010", "1110010000"], 0.095),
        (["aabbdcccedda", "babbbccceddd"], 0.692),
        (["123321412...", "1233224125.3", ".3332342251.", "12332441251."], 0.743),
    ],
)
def test_krippendorff(people, alpha):
    """Krippendorff (2011), Computing Krippendorff's Alpha-Reliability: examples A, B and C; a dot is missing."""
    units = [[value for value in unit if value != "."] for unit in zip(*people, strict=True)]

    assert krippendorff_alpha(units) == pytest.approx(alpha, abs=5e-4)


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ("ab", "ab", 0),
        ("", "", 0),
        ("ab", "abcd", 1 - 2 / 4 * 2 / 3),  # one holds the other
        ("abc", "bcd", 1 - 2 / 4 * 1 / 3),  # each has something of its own
        ("ab", "cd", 1),
        ("", "a", 1),
    ],
)
def test_masi(first, second, distance):
    """Passonneau (2006), LREC: Jaccard's index times monotonicity, which is 1, 2/3, 1/3 or 0."""
    assert masi_distance(set(first), set(second)) == pytest.approx(distance)
    assert masi_distance(set(second), set(first)) == pytest.approx(distance)


def test_masi_in_alpha():
    """By hand: distances 1/3 in one of three units; 6 values, two of {a}, two of {a, b}, two of {c}."""
    a, ab, c = frozenset("a"), frozenset("ab"), frozenset("c")
    near = 1 - 1 / 2 * 2 / 3
    observed = 2 * near
    expected = 2 * (1 * 3 * near + 1 * 2 * 1 + 3 * 2 * 1) / 5

    assert krippendorff_alpha([[a, ab], [ab, ab], [c, c]], masi_distance) == pytest.approx(1 - observed / expected)


SPANS = [(0, 4, "A"), (10, 14, "B"), (20, 30, "A")]


@pytest.mark.parametrize(
    ("other", "exact", "partial"),
    [
        (SPANS, 1.0, 1.0),
        ([(0, 4, "B"), (10, 14, "B"), (20, 30, "A")], 2 / 3, 1.0),
        ([(1, 4, "A"), (10, 14, "B")], 2 * 1 / 5, 2 * 1.5 / 5),
        ([(4, 10, "A")], 0.0, 0.0),  # touching is not overlapping
        ([(0, 2, "A"), (2, 4, "A")], 0.0, 2 * 0.5 / 5),  # each span in one pair at most
        ([], 0.0, 0.0),
    ],
)
def test_spans(other, exact, partial):
    """Exact: start, end and label; partial: any overlap counts half, whatever the label; both symmetric."""
    assert (span_f1(SPANS, other), partial_f1(SPANS, other)) == pytest.approx((exact, partial))
    assert (span_f1(other, SPANS), partial_f1(other, SPANS)) == pytest.approx((exact, partial))


def test_tokens():
    """Tokens outside of spans are a label like others."""
    assert token_kappa(["", "A", "A", ""], ["", "A", "", ""]) == pytest.approx((3 / 4 - 1 / 2) / (1 / 2))


def test_where_nothing_can_be_measured():
    """nan, and no division by zero."""
    for found in (
        cohen_kappa([], []),
        cohen_kappa("aaa", "aaa"),
        fleiss_kappa([]),
        fleiss_kappa(["a", "b"]),
        fleiss_kappa(["aa", "aa"]),
        krippendorff_alpha([]),
        krippendorff_alpha(["aa", "aa", "b"]),
        percent_agreement(["a"]),
        span_f1([], []),
        partial_f1([], []),
        token_kappa([], []),
    ):
        assert math.isnan(found)
    assert cohen_kappa("aaa", "bbb") == 0
    with pytest.raises(ValueError, match="zip"):
        cohen_kappa("aa", "a")


def rows_of(shares: Sequence[float]) -> Rows:
    rows = Rows()
    for share in shares:
        rows.add((("same", share), ("units", 1.0)))
    return rows


def mean(sums):
    return sums["same"] / sums["units"]


@pytest.mark.parametrize("tasks", [40, 400, 20_000])
def test_the_interval_of_a_mean_is_what_theory_says(tasks):
    """1.96 standard errors to either side, counted alike, one by one, and in blocks of very many."""
    alike = [1.0, 1.0, 1.0, 0.0] * (tasks // 4)
    different = [share + place * 1e-9 for place, share in enumerate(alike)]
    reach = 1.96 * math.sqrt(0.75 * 0.25 / tasks)
    for shares in (alike, different):
        ((low, high),) = intervals(rows_of(shares), [mean])

        assert (high - low) / (2 * reach) == pytest.approx(1, abs=0.2)
        assert (low + high) / 2 == pytest.approx(0.75, abs=0.3 * reach)
        assert intervals(rows_of(shares), [mean]) == [(low, high)]
        assert intervals(rows_of(shares), [mean], seed=1) != [(low, high)]


def test_no_interval_of_one_task():
    """One task says nothing of others."""
    assert intervals(rows_of([1.0]), [mean]) == [None]


def test_sums_are_exact_in_blocks():
    """What is put together as it comes adds up as what is kept."""
    rows = rows_of([float(number) for number in range(12_000)])

    assert rows.sums() == {"same": sum(range(12_000)), "units": 12_000}
    assert len(rows) == 12_000
    assert len(rows.items()) < 6_000


def test_the_mean_of_few_tasks_is_thin():
    """As thin as what it is the mean of, and weighed by tasks."""

    def pair(second, tasks, kappa):
        figure = Figure(kappa, None, None, tasks, tasks < THIN)
        return PairAgreement("joe", second, tasks, figure, figure, None, None, None)

    few, enough = pair("jane", 3, 0.5), pair("cy", THIN - 3, 1.0)
    assert mean_figure("joe", [few], 3).thin
    mean = mean_figure("joe", [few, enough], THIN)
    assert (mean.value, mean.tasks, mean.thin) == (pytest.approx(0.95), THIN, False)
