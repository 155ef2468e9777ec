"""The edge loss of T-CAR with the contexts of training, against its formula in plain Python; golden numbers are in
tests/golden/test_tcar.py."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sgg.config import ConfigError, validate
from sgg.losses.edges.tcar import TCAR
from sgg.losses.edges.tcar.triplets import ContextPlausibility, SeenTriplets
from sgg.methods.edge_loss import EdgeContext

CLASSES, PREDICATES = 4, 4
COUNTS = {(1, 1, 2): 5, (1, 1, 3): 1, (2, 1, 3): 2, (2, 2, 1): 3, (3, 2, 2): 2, (3, 3, 3): 1}
STATISTICS = SimpleNamespace(num_classes=CLASSES, num_predicates=PREDICATES,
                             triplets=(np.array(list(COUNTS)), np.array(list(COUNTS.values()))))
torch.manual_seed(0)
ENDS = torch.cartesian_prod(torch.arange(CLASSES), torch.arange(CLASSES))
LOGITS = torch.randn(16, PREDICATES, dtype=torch.float64)
LABELS = torch.randint(PREDICATES, (16,))


def value(rows=slice(None), counts=(None, None), targets=LABELS, **settings):
    """The loss of some pairs."""
    loss = TCAR(**settings).build(STATISTICS)
    return loss(LOGITS[rows], targets[rows], EdgeContext(*ENDS[rows].T, *counts))


def weight(triplet) -> float:
    """The formula, triplet by triplet."""
    most = max(COUNTS.values())
    total = sum(n * math.log(most / n) for n in COUNTS.values())
    count = COUNTS.get(triplet)
    return math.log(most / count) * sum(COUNTS.values()) / total if count else 0.0


def is_plausible(s: int, p: int, o: int, least: float, slip: bool) -> bool:
    """Whether the triplet is unseen and its contexts are frequent enough, by counting all triplets."""
    if 0 in (s, p, o) or ((s, p, o) in COUNTS and not (slip and weight((s, p, o)) == 0)):
        return False
    subject = sum(n for (a, b, _), n in COUNTS.items() if (a, b) == (s, p))
    object_ = sum(n for (_, b, c), n in COUNTS.items() if (b, c) == (p, o))
    return subject >= least and object_ >= least


def slow(least: float, slip: bool, calibration: float) -> float:
    """The loss of all pairs, pair by pair."""
    sums, numbers, mass = [0.0, 0.0], [0, 0], 0.0
    for (s, o), row, label in zip(ENDS.tolist(), LOGITS.tolist(), LABELS.tolist(), strict=True):
        weights = [weight((s, p, o)) for p in range(PREDICATES)]
        exps = [math.exp(z - w) for z, w in zip(row, weights, strict=True)]
        sums[label > 0] -= math.log(exps[label] / sum(exps))
        numbers[label > 0] += 1
        exps = [e if (s, p, o) in COUNTS and (weights[p] or not slip) else math.exp(row[p] + 1)
                for p, e in enumerate(exps)]
        mass += sum(exps[p] for p in range(PREDICATES) if is_plausible(s, p, o, least, slip)) / sum(exps)
    mean = mass / len(LOGITS)
    return (3 * sums[0] / numbers[0] + sums[1] / numbers[1]) / 4 - calibration * math.log(mean + 1e-5 * (mean < 1e-5))


@pytest.mark.parametrize("least", [1, 2, 3])
@pytest.mark.parametrize("slip", [False, True])
def test_tcar_is_its_formula(least: int, slip: bool) -> None:
    """With contexts of 3, no unseen triplet is plausible, unless the most frequent one counts as unseen."""
    found = value(calibration=0.5, min_context=least, most_frequent_is_unseen=slip)
    assert found.item() == pytest.approx(slow(least, slip, 0.5), rel=1e-12)
    assert value(calibration=0.5, min_context=least, most_frequent_is_unseen=slip, scale=2).item() == pytest.approx(
        2 * found.item())


def test_context_plausibility_of_few_triplets() -> None:
    """At least twice: subjects 1 and 2 of predicate 1 with objects 2 and 3; subjects 2 and 3 of predicate 2 with
    objects 1 and 2; predicate 3 occurs once only. Whether a triplet is seen does not matter here."""
    found = ContextPlausibility.of(*STATISTICS.triplets, CLASSES, PREDICATES, 2)(*ENDS.T)
    expected = {(1, 2, 1), (1, 3, 1), (2, 2, 1), (2, 3, 1), (2, 1, 2), (2, 2, 2), (3, 1, 2), (3, 2, 2)}
    assert {(*ENDS[row].tolist(), predicate) for row, predicate in found.nonzero().tolist()} == expected


def test_seen_triplets_of_two() -> None:
    """Counts 4 and 1: log 4 * 5 / log 4 = 5 for the rare one, 0 for the other; both are seen."""
    seen = SeenTriplets.of(np.array([[2, 1, 1], [1, 1, 2]]), np.array([4, 1]), 3, 2)
    weights, known = seen.at(torch.tensor([1, 2, 2]), torch.tensor([2, 1, 2]))
    assert weights.tolist() == [[0, 5], [0, 0], [0, 0]]
    assert known.tolist() == [[False, True], [False, True], [False, False]]


def test_seen_triplets_of_equal_counts_have_no_weights() -> None:
    weights, known = SeenTriplets.of(np.array([[2, 1, 1], [1, 1, 2]]), np.array([3, 3]), 3, 2).at(
        torch.tensor([1, 2]), torch.tensor([2, 1]))
    assert (weights == 0).all()
    assert known.sum() == 2


def test_tcar_of_soft_targets() -> None:
    """One-hot targets equal hard ones. Without calibration, a pair of half background has half of each part, divided
    by a half at most."""
    hard = torch.nn.functional.one_hot(LABELS, PREDICATES).double()
    torch.testing.assert_close(value(targets=hard), value())
    row, mixed = slice(6, 7), torch.zeros(16, PREDICATES, dtype=torch.float64)
    mixed[6] = torch.tensor([0.5, 0.5, 0.0, 0.0])
    one = [value(row, (1, 1), torch.full((16,), label), calibration=0.0, foreground_weight=1, background_weight=1)
           for label in (0, 1)]
    torch.testing.assert_close(value(row, (1, 1), mixed, calibration=0.0, foreground_weight=1, background_weight=1),
                               (one[0] + one[1]) / 2)


def test_tcar_of_parts_of_a_batch() -> None:
    """The cross-entropies add up to those of the batch. The other term is the mean of the parts' own."""
    foreground = int((LABELS > 0).sum())
    counts, parts = (foreground, 16 - foreground), [slice(0, 4), slice(4, 4), slice(4, 16)]
    torch.testing.assert_close(sum(value(rows, counts, calibration=0.0) for rows in parts), value(calibration=0.0))

    def term(rows, counts=(None, None)):
        return value(rows, counts, calibration=1.0) - value(rows, counts, calibration=0.0)

    torch.testing.assert_close(sum(term(rows, counts) for rows in parts),
                               (4 * term(parts[0]) + 12 * term(parts[2])) / 16)


def test_tcar_of_nothing_is_0() -> None:
    assert value(slice(0, 0)) == 0


def test_tcar_needs_triplets() -> None:
    empty = SimpleNamespace(num_classes=3, num_predicates=2, triplets=(np.zeros((0, 3), int), np.zeros(0, int)))
    with pytest.raises(ValueError, match=r"loss\.kind tcar calibrates by the counts of training triplets.*use images"):
        TCAR().build(empty)


def test_tcar_needs_a_weight() -> None:
    with pytest.raises(ConfigError, match="kind tcar divides by the sum of foreground_weight and background_weight"):
        validate({"loss": {"kind": "tcar", "foreground_weight": 0, "background_weight": 0}})
