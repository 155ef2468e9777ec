"""The calibration of T-CAR (docs/SYSTEM.md section 3) against the public implementation: weights of triplets, both
terms and their gradients, with the plausible triplets that its own network found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sgg.losses.edges.tcar import TCAR
from sgg.losses.edges.tcar.calibration import Calibration, unseen_loss
from sgg.losses.edges.tcar.triplets import SeenTriplets
from sgg.methods.edge_loss import EdgeContext
from tests.golden.heads import CLOSE

GOLDEN = np.load(Path(__file__).parent / "files" / "tcar.npz")
CLASSES, PREDICATES = 9, 6
PAIRS = torch.from_numpy(GOLDEN["in.pair_labels"])
SEEN = SeenTriplets.of(GOLDEN["in.triplets"][:, [0, 2, 1]], GOLDEN["in.counts"], CLASSES, PREDICATES)


def plausible_of(rate: str):
    """The reference's plausible unseen triplets at a rate of its threshold."""
    table = torch.from_numpy(GOLDEN[f"out.rate{rate}.plausible_unseen"].astype(bool))
    return lambda subjects, objects: table[subjects, objects]


def test_seen_triplets_have_the_weights_of_the_reference() -> None:
    """Of all pairs of classes; the most frequent triplet has 0 in both."""
    subjects, objects = (ends.flatten() for ends in torch.meshgrid(*[torch.arange(CLASSES)] * 2, indexing="ij"))
    weights, seen = SEEN.at(subjects, objects)
    expected = GOLDEN["out.alpha"].reshape(-1, PREDICATES)
    np.testing.assert_allclose(weights.numpy(), expected, **CLOSE)
    assert seen.sum() == (expected > 0).sum() + 1 == len(GOLDEN["in.triplets"])


CASES = [("mixed", "in.logits", "in.rel_labels", "0.85", 0.01),
         ("mixed.rate0.5.lambda1", "in.logits", "in.rel_labels", "0.5", 1.0),
         ("nofg", "in.logits", "in.rel_labels_nofg", "0.85", 0.01),
         ("nobg", "in.logits", "in.rel_labels_nobg", "0.85", 0.01),
         ("cold", "in.logits_cold", "in.rel_labels", "0.85", 0.01)]


@pytest.mark.parametrize(("case", "logits", "predicates", "rate", "calibration"), CASES)
@pytest.mark.parametrize("soft", [False, True])
def test_tcar_equals_the_reference(case, logits, predicates, rate, calibration, soft: bool) -> None:
    """The sum of both terms and its gradient, which is the sum of theirs; each term alone; one-hot targets, too."""
    labels = torch.from_numpy(GOLDEN[predicates])
    target = torch.nn.functional.one_hot(labels, PREDICATES).float() if soft else labels
    for factor, terms in ((calibration, ("loss_cal", "rel_ce_loss")), (0.0, ("rel_ce_loss",))):
        given = torch.from_numpy(GOLDEN[logits]).clone().requires_grad_()
        settings = TCAR(calibration=factor, most_frequent_is_unseen=True)
        loss = Calibration(settings, SEEN, plausible_of(rate))(given, target, EdgeContext(*PAIRS.T))
        loss.backward()
        np.testing.assert_allclose(loss.item(), sum(GOLDEN[f"out.{case}.{term}"] for term in terms), **CLOSE)
        np.testing.assert_allclose(given.grad.numpy(), sum(GOLDEN[f"out.{case}.grad.{term}"] for term in terms),
                                   **CLOSE)


@pytest.mark.parametrize(("case", "logits", "predicates", "rate", "calibration"), CASES)
def test_unseen_loss_equals_the_reference(case, logits, predicates, rate, calibration) -> None:
    weights, _ = SEEN.at(*PAIRS.T)
    given = torch.from_numpy(GOLDEN[logits]).clone().requires_grad_()
    loss = calibration * unseen_loss(given, weights.float(), weights > 0, plausible_of(rate)(*PAIRS.T))
    loss.backward()
    np.testing.assert_allclose(loss.item(), GOLDEN[f"out.{case}.loss_cal"], **CLOSE)
    np.testing.assert_allclose(given.grad.numpy(), GOLDEN[f"out.{case}.grad.loss_cal"], **CLOSE)


def test_unseen_loss_of_the_reference_covers_the_branch_below_epsilon() -> None:
    """The cold case alone has a mean below 1e-5, so that 1e-5 is added to it: .01 * -log(1e-5) = .1151."""
    assert GOLDEN["out.cold.loss_cal"] == pytest.approx(0.01 * -np.log(1e-5), rel=1e-3)
    assert GOLDEN["out.mixed.loss_cal"] < 0.1
