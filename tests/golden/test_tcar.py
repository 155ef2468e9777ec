"""The calibration of T-CAR (docs/SYSTEM.md section 3) against the public implementation: weights of triplets, both
terms and their gradients, and the logits at test, with the plausible triplets that its own network found; and that
network with its loss."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sgg.adjustments.tcar import TCARAtTest
from sgg.common.published_files import rename
from sgg.losses.edges.tcar import TCAR
from sgg.losses.edges.tcar.calibration import Calibration, unseen_loss
from sgg.losses.edges.tcar.network import PlausibilityNetwork, positive_unlabelled_loss
from sgg.losses.edges.tcar.triplets import KnownTriplets, ScoredPlausibility, SeenTriplets, threshold
from sgg.methods.adjustment import PredictedPairs
from sgg.methods.edge_loss import EdgeContext
from tests.golden.heads import CLOSE

GOLDEN = np.load(Path(__file__).parent / "files" / "tcar.npz")
CLASSES, PREDICATES = 9, 6
PAIRS = torch.from_numpy(GOLDEN["in.pair_labels"])
SEEN = SeenTriplets.of(GOLDEN["in.triplets"][:, [0, 2, 1]], GOLDEN["in.counts"], CLASSES, PREDICATES)


def known(plausible) -> KnownTriplets:
    """What the reference knows, for which the most frequent triplet is unseen."""
    return KnownTriplets(SEEN, plausible, most_frequent_is_unseen=True)


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
        settings = TCAR(calibration=factor)
        loss = Calibration(settings, known(plausible_of(rate)))(given, target, EdgeContext(*PAIRS.T))
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


@pytest.mark.parametrize("rate", ["0", "0.5", "0.85", "1"])
def test_tcar_at_test_equals_the_reference(rate: str, monkeypatch) -> None:
    """Of all pairs of classes: +1 for plausible unseen triplets, -1 for all others, the background among them."""
    adjust = at_test(rate, monkeypatch)
    subjects, objects = (ends.flatten() for ends in torch.meshgrid(*[torch.arange(CLASSES)] * 2, indexing="ij"))
    zeros = torch.zeros(len(subjects), PREDICATES)
    expected = torch.from_numpy(GOLDEN[f"out.rate{rate}.test_adjustment"]).float().view(-1, PREDICATES)
    assert torch.equal(adjust(zeros, PredictedPairs(subjects, objects), 1.0), expected)
    assert torch.equal(adjust(zeros, PredictedPairs(subjects, objects), 0.5), expected / 2)


def test_tcar_at_test_on_the_logits_of_the_reference(monkeypatch) -> None:
    """74 pairs of three images, by the labels of their objects."""
    labels, pairs = (torch.from_numpy(GOLDEN[name]) for name in ("in.labels", "in.eval_pairs"))
    counts = torch.from_numpy(GOLDEN["in.num_objs"])
    ends = labels[pairs[:, 1:] + (counts.cumsum(0) - counts)[pairs[:, 0], None]]
    logits = torch.from_numpy(GOLDEN["in.eval_logits"])
    found = at_test("0.85", monkeypatch)(logits, PredictedPairs(*ends.T), 1.0)
    np.testing.assert_allclose(found.numpy(), GOLDEN["out.eval.rel_dists"], **CLOSE)


def at_test(rate: str, monkeypatch):
    """The adjustment with the reference's plausible triplets."""
    monkeypatch.setattr(TCAR, "triplets", lambda *_: known(plausible_of(rate)))
    return TCARAtTest().build(SimpleNamespace(trained=SimpleNamespace(loss=TCAR())))


@pytest.mark.parametrize("rate", ["0", "0.5", "0.85", "1"])
def test_scored_plausibility_equals_the_reference(rate: str) -> None:
    """Its threshold, and the unseen triplets above it, from given scores."""
    scores = GOLDEN["in.prune_scores"]
    assert threshold(scores, float(rate)) == pytest.approx(float(GOLDEN[f"out.rate{rate}.threshold"]), rel=1e-6)
    subjects, objects = (ends.flatten() for ends in torch.meshgrid(*[torch.arange(CLASSES)] * 2, indexing="ij"))
    found = known(ScoredPlausibility.of(scores, float(rate))).at(subjects, objects).plausible_unseen
    np.testing.assert_array_equal(found, GOLDEN[f"out.rate{rate}.plausible_unseen"].reshape(-1, PREDICATES) > 0)


NAMES = {"sbj_embed.": "classes.", "rel_embed.": "predicates.", "project.": "score.",
         "dense_s.": "subject_gate.", "dense_o.": "object_gate.", "dense_r.": "predicate_gate.",
         **{f"cnt_fusion_{ends}.dense_{side}.": f"{ours}.{layer}." for ends, ours in (
             ("so", "subject_object"), ("sr", "subject_predicate"), ("or", "object_predicate"))
            for side, layer in (("x", "first"), ("y", "second"))}}
"""Prefixes of the reference's weights, and ours. Its table `obj_embed` is not used there."""
OF_NETWORK = "reduction.in.triplets"


def network() -> PlausibilityNetwork:
    weights = {rename(name.removeprefix("reduction.sd."), NAMES): torch.from_numpy(GOLDEN[name])
               for name in GOLDEN.files if name.startswith("reduction.sd.") and "obj_embed" not in name}
    found = PlausibilityNetwork(weights["classes.weight"], weights["predicates.weight"], 16)
    found.load_state_dict(weights)
    return found


def triplets_of_network() -> torch.Tensor:
    """[40, 3] subject, predicate, object."""
    return torch.from_numpy(GOLDEN[OF_NETWORK])[:, [0, 2, 1]]


def test_plausibility_network_equals_the_reference() -> None:
    with torch.no_grad():
        scores = network()(triplets_of_network()).sigmoid()
    np.testing.assert_allclose(scores, GOLDEN["reduction.out.score"][:, 0], **CLOSE)


@pytest.mark.parametrize(("case", "labels", "prior"), [("pi0.03", "labels", 0.03), ("pi0.6", "labels", 0.6),
                                                       ("clipped", "labels_clipped", 0.97)])
def test_positive_unlabelled_loss_equals_the_reference(case: str, labels: str, prior: float) -> None:
    """The loss and the norm of each gradient. In the clipped case only the seen triplets count."""
    found, seen = network(), torch.from_numpy(GOLDEN[f"reduction.in.{labels}"]) > 0
    loss = positive_unlabelled_loss(found(triplets_of_network()), seen, prior)
    loss.backward()
    np.testing.assert_allclose(loss.item(), GOLDEN[f"reduction.out.{case}.loss"], **CLOSE)
    prefix = f"reduction.out.{case}.gradnorm."
    norms = {rename(name.removeprefix(prefix), NAMES): GOLDEN[name] for name in GOLDEN.files if name.startswith(prefix)}
    own = dict(found.named_parameters())
    assert norms.keys() == own.keys()
    for name, norm in norms.items():
        np.testing.assert_allclose(own[name].grad.norm(), norm, **CLOSE, err_msg=name)
