"""The same figures as scikit-learn, statsmodels, krippendorff, NLTK and nervaluate, on 1,000 random cases each."""

from __future__ import annotations

import math
import random
import warnings
from collections import Counter

import pytest

from prodigy_team.curation.agreement.coefficients import (
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    masi_distance,
    percent_agreement,
)
from prodigy_team.curation.agreement.spans import match, partial_f1, span_f1, token_kappa

CASES = 1_000
WHY = "not installed; pip install 'prodigy-team[test]' (nervaluate on Python 3.11 or newer)"


def library(name: str):
    """Skip with the reason where it is missing; what it warns of while it is imported is its own matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"{name} is {WHY}")


def cases():
    """1,000 generators of random cases, always the same."""
    return map(random.Random, range(CASES))


def two_people(chance):
    """Two people's labels, who agree more or less often."""
    labels, same = range(chance.randint(1, 5)), chance.random()
    first = chance.choices(labels, k=chance.randint(1, 25))
    return first, [each if chance.random() < same else chance.choice(labels) for each in first]


def same(ours: float, theirs: float) -> None:
    """To 1e-9, and undefined where they are."""
    if math.isnan(ours):
        assert math.isnan(theirs)
    else:
        assert ours == pytest.approx(theirs, abs=1e-9)


def test_cohen_and_percent_as_scikit_learn():
    metrics = library("sklearn.metrics")
    for number, chance in enumerate(cases()):
        first, second = two_people(chance)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = metrics.cohen_kappa_score(first, second)

        same(cohen_kappa(first, second), theirs)
        same(token_kappa(map(str, first), map(str, second)), theirs)
        if number % 10 == 0:
            same(percent_agreement(zip(first, second, strict=True)), metrics.accuracy_score(first, second))


def test_fleiss_as_statsmodels():
    rating = library("statsmodels.stats.inter_rater")
    for chance in cases():
        labels, people = "abcde"[: chance.randint(2, 5)], chance.randint(2, 6)
        units = [chance.choices(labels, k=people) for _ in range(chance.randint(1, 15))]
        if len({value for unit in units for value in unit}) == 1:
            assert math.isnan(fleiss_kappa(units))
            continue
        table = [[unit.count(label) for label in labels] for unit in units]

        same(fleiss_kappa(units), rating.fleiss_kappa(table))


def test_alpha_as_krippendorff():
    reliability = library("krippendorff")
    for chance in cases():
        labels, tasks, missing = "abcde"[: chance.randint(2, 5)], chance.randint(2, 15), chance.random() / 2
        people = [
            [None if chance.random() < missing else chance.choice(labels) for _ in range(tasks)]
            for _ in range(chance.randint(2, 5))
        ]
        units = [[value for value in unit if value is not None] for unit in zip(*people, strict=True)]
        if len({value for unit in units if len(unit) > 1 for value in unit}) < 2:
            assert math.isnan(krippendorff_alpha(units))
            continue
        counts = [[Counter(unit)[label] for label in labels] for unit in units]

        same(krippendorff_alpha(units), reliability.alpha(value_counts=counts, level_of_measurement="nominal"))


def test_masi_as_nltk():
    """Its distance of sets, and alpha with it."""
    library("nltk")
    from nltk.metrics.agreement import AnnotationTask
    from nltk.metrics.distance import masi_distance as theirs

    if theirs({1}, {1, 2}) != 1 - 1 / 2 * 2 / 3:
        pytest.skip("this NLTK rounds two thirds to 0.67")
    for chance in cases():
        people, tasks = chance.randint(2, 4), chance.randint(2, 8)
        given = [
            (str(person), str(task), frozenset(chance.sample("abcd", chance.randint(1, 3))))
            for person in range(people)
            for task in range(tasks)
        ]
        first, second = given[0][2], given[-1][2]
        same(masi_distance(first, second), theirs(first, second))
        if len({value for _, _, value in given}) > 1:
            units = [[value for _, own, value in given if own == str(task)] for task in range(tasks)]
            same(krippendorff_alpha(units, masi_distance), AnnotationTask(given, distance=theirs).alpha())


def random_spans(chance):
    """Up to four spans that do not overlap each other, their ends the first place behind them."""
    edges = sorted(chance.sample(range(30), 2 * chance.randint(0, 4)))
    return [(start, end, chance.choice("AB")) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def test_spans_as_nervaluate():
    """Of several texts together, as a pair of people is counted; an end there is the last place of a span."""
    nervaluate = library("nervaluate")
    strict, overlapping = nervaluate.strategies.StrictEvaluation(), nervaluate.strategies.PartialEvaluation()
    for chance in cases():
        first, second = random_spans(chance), random_spans(chance)
        if chance.random() < 0.5:
            second = sorted({*chance.sample(first, len(first) // 2)})
        ours, theirs = span_f1(first, second), partial_f1(first, second)
        if not first and not second:
            assert [math.isnan(ours), math.isnan(theirs)] == [True, True]
            continue
        true, marked = (
            [nervaluate.entities.Entity(label=label, start=start, end=end - 1) for start, end, label in spans]
            for spans in (first, second)
        )
        same(ours, strict.evaluate(true, marked, ["A", "B"])[0].f1)
        same(theirs, overlapping.evaluate(true, marked, ["A", "B"])[0].f1)


def test_order_and_names_do_not_matter():
    """Of units, of people, and what values are called."""
    for chance in list(cases())[::10]:
        first, second = two_people(chance)
        units = [[a, b] for a, b in zip(first, second, strict=True)]
        names = dict(enumerate(chance.sample("vwxyz", 5)))
        other = [[names[value] for value in reversed(unit)] for unit in chance.sample(units, len(units))]
        for coefficient in (percent_agreement, fleiss_kappa, krippendorff_alpha):
            same(coefficient(units), coefficient(other))
        same(cohen_kappa(first, second), cohen_kappa(*zip(*other, strict=True)))


def test_as_many_spans_are_paired_as_can_be() -> None:
    """Also where somebody's own spans overlap, against SciPy's maximum matching; and where there are thousands."""
    csgraph, sparse = library("scipy.sparse.csgraph"), library("scipy.sparse")
    chance = random.Random(1)
    for _ in range(1000):
        first, second = ({_any_span(chance) for _ in range(chance.randint(1, 7))} for _ in range(2))
        over = [[one[0] < other[1] and other[0] < one[1] for other in second] for one in first]
        most = (csgraph.maximum_bipartite_matching(sparse.csr_matrix(over)) >= 0).sum()
        same = len({one[:2] for one in first} & {other[:2] for other in second})
        if not same:
            assert match(first, second) == (0, most)
    chain = [(10 * place, 10 * place + 10, "A") for place in range(3000)]
    shifted = [(start - 9, end - 9, "A") for start, end, _ in reversed(chain)]
    assert match([*chain, (0, 5, "A")], shifted) == (0, 3000)


def _any_span(chance: random.Random) -> tuple[int, int, str]:
    start = chance.randint(0, 12)
    return start, start + chance.randint(1, 6), "A"
