"""Feature mixing (docs/SYSTEM.md section 5) against the authors' implementation, with the random numbers that it drew:
which relations of the bank are mixed in, mixed features and targets, replaced objects, repeats of images, both losses.
And the priors of its adjustment at test time.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sgg.adjustments.pko import PKO, log_priors
from sgg.augmentations.feature_mixing import FeatureMixing
from sgg.augmentations.feature_mixing.bank import Bank, Direction
from sgg.augmentations.feature_mixing.blend import Blend
from sgg.augmentations.feature_mixing.choice import Choice
from sgg.augmentations.feature_mixing.contrast import contrastive_loss
from sgg.augmentations.feature_mixing.resampling import Resampling
from sgg.losses.edges.baseline import Baseline
from sgg.methods.edge_loss import EdgeContext
from sgg.systems.two_stage.encoding import Encoding
from sgg.systems.two_stage.sample import Plan
from tests.golden.heads import CLOSE

GOLDEN = np.load(Path(__file__).parent / "files" / "cfa.npz")
CLASSES, PREDICATES = 9, 6
PAIRS, LABELS = GOLDEN["in.pairs"], GOLDEN["in.labels"]
DROPPED, NONE = 3, 0.99
"""The row of the relation that is dropped; and a random number for which nothing is replaced."""
ENDS = ("subject", "object")


def plan(with_dropped: bool) -> Plan:
    """The image, with its pairs in order. with_dropped: whether it has the relation that is not among the pairs."""
    boxes = torch.from_numpy(GOLDEN["in.boxes"])
    own = np.array([0, 2, 1, 4, 5])  # sorted by subject and object
    related = [1, 4, *([DROPPED] if with_dropped else [])]
    relations = np.column_stack([np.zeros(len(related)), PAIRS[related], np.abs(GOLDEN["in.rel_labels"][related])])
    encoding = Encoding(torch.zeros(1, 1, 1, 1), boxes, boxes, torch.zeros(5, dtype=torch.long),
                        torch.tensor([[200, 200]]))
    return Plan(encoding, torch.from_numpy(LABELS), torch.from_numpy(relations).long(), torch.from_numpy(PAIRS[own]),
                torch.from_numpy(GOLDEN["in.rel_labels"][own]))


def chosen(draws: list[list[float]], with_dropped: bool = False, published: bool = True, share: float = 0.5,
           background: int | None = None):
    """The choice with the reference's bank, groups of classes and random numbers."""
    direction = Direction(0.7, published)
    bank = Bank(GOLDEN["in.bank.triplets"], GOLDEN["in.bank.vectors"], np.arange(9), direction, CLASSES)
    empty = Bank(np.zeros((0, 3), np.int64), np.zeros((0, 2)), np.arange(0), direction, CLASSES)
    # The root of 1 / (1 / 16): the image has 4 repeats, so an object is replaced with probability .5 x 3 / 4.
    resampling = Resampling(np.full(PREDICATES, 1 / 16), 1.0, 0.7)
    groups = np.concatenate([[-1], GOLDEN["in.class_groups"]])
    settings = FeatureMixing(share=share, mixed_per_image=background)
    choice = Choice(settings, bank, empty, np.arange(PREDICATES) > 0, resampling, groups)
    left = [np.array(numbers) for numbers in draws]

    def uniform(count: int) -> np.ndarray:
        numbers = left.pop(0)
        assert len(numbers) == count
        return numbers

    found = choice(plan(with_dropped), LABELS, uniform)
    assert not left
    return found


def mixing(case: str, published: bool = False):
    """The choice for `background` or `foreground`, which mixes and replaces nothing."""
    key = f"out.extrinsic.{case}."
    drawn, share, none = GOLDEN[key + "draws"].tolist(), float(GOLDEN[key + "lambda"]), [[NONE] * 2, [], [NONE] * 2, []]
    if case == "background":
        return chosen([[], [], drawn, *none], published=published, share=share)
    return chosen([drawn, [], *none], True, published, share, background=0)


@pytest.mark.parametrize("published", [True, False])
@pytest.mark.parametrize("case", ["background", "foreground"])
def test_mixing_is_that_of_the_reference(case: str, published: bool) -> None:
    """Into background, and into the dropped relation. The pairs of this image agree with their relations of the bank in
    both ways to compare directions."""
    key = f"out.extrinsic.{case}."
    share = float(GOLDEN[key + "lambda"])
    found = mixing(case, published)
    rows = [PAIRS.tolist().index(pair) for pair in found.pairs.tolist()]
    ends = found.pairs[found.rows].reshape(-1)
    np.testing.assert_array_equal(np.array(rows)[found.rows], GOLDEN[key + "changed_rows"])
    np.testing.assert_array_equal(ends, GOLDEN[key + "changed_objects"])
    np.testing.assert_allclose(found.targets, GOLDEN[key + "targets"][rows], **CLOSE)
    np.testing.assert_array_equal(found.predicates, GOLDEN[key + "rel_labels"][rows])
    np.testing.assert_array_equal(found.labels, LABELS)
    of_ends = np.stack([GOLDEN[f"in.bank.{end}_features"][found.mixed] for end in ENDS], 1).reshape(-1, 12)
    nodes = Blend.of(ends, 5, share)(torch.from_numpy(GOLDEN["in.roi_features"]), torch.from_numpy(of_ends))
    edges = Blend.of(found.rows, len(rows), share)(torch.from_numpy(GOLDEN["in.union_features"][rows]),
                                                   torch.from_numpy(GOLDEN["in.bank.union_features"][found.mixed]))
    np.testing.assert_allclose(nodes, GOLDEN[key + "roi_features"], **CLOSE)
    np.testing.assert_allclose(edges, GOLDEN[key + "union_features"][rows], **CLOSE)


@pytest.mark.parametrize("case", ["background", "foreground"])
def test_mixing_relates_no_pair(case: str) -> None:
    """In the reference `rel_binary` of a candidate stays 0: of background, and of a dropped relation, too. The pairs
    with an annotated relation that is not dropped are related."""
    key = f"out.extrinsic.{case}."
    found = mixing(case)
    rows = np.array([PAIRS.tolist().index(pair) for pair in found.pairs.tolist()])
    candidates = np.isin(rows, GOLDEN[key + "candidates"])
    assert candidates.sum() == len(GOLDEN[key + "candidates"])
    of_candidates = GOLDEN[key + "rel_binary"][tuple(found.pairs[candidates].T)]
    np.testing.assert_array_equal(found.related[candidates], of_candidates)
    np.testing.assert_array_equal(found.related, GOLDEN["in.rel_labels"][rows] > 0)


@pytest.mark.parametrize("case", ["background", "foreground"])
def test_candidates_are_those_of_the_reference(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bank is asked for the reference's candidates, by the vectors between their centres."""
    asked, for_pairs = list[np.ndarray](), Bank.for_pairs

    def watched(bank: Bank, ends, vectors: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        asked.append(vectors)
        return for_pairs(bank, ends, vectors, uniform)

    monkeypatch.setattr(Bank, "for_pairs", watched)
    mixing(case)
    expected = GOLDEN["out.vectors"][GOLDEN[f"out.extrinsic.{case}.candidates"]]
    np.testing.assert_allclose(np.concatenate(asked), expected, **CLOSE)


def test_mixing_keeps_to_the_budget_of_background_pairs() -> None:
    """Of the three pairs into which something fits, the two whose random numbers come first."""
    none = [[NONE] * 2, [], [NONE] * 2, []]
    found = chosen([[], [], [0.9, 0.1, 0.5], [0.5] * 3, *none], background=2)
    assert found.pairs[found.rows].tolist() == PAIRS[[2, 5]].tolist()
    assert not len(chosen([[], [], *none], background=0).rows)


@pytest.mark.parametrize("first", [1, 4])
@pytest.mark.parametrize("role", [0, 1])
def test_replacing_is_that_of_the_reference(first: int, role: int) -> None:
    """The reference's function treats the first relation only, and writes the class of a new object to the subject:
    here it is the object's."""
    key = f"out.intrinsic.{('sub', 'obj')[role]}.first{first}."
    test, choice = GOLDEN[key + "draws"].tolist()
    row = [1, 4].index(first)
    tried = [NONE, NONE]
    tried[row] = test
    own = [tried, [choice]]
    found = chosen([[], [], *([[NONE] * 2, []] if role == 0 else []), *own, *([[NONE] * 2, []] if role else [])],
                   background=0)
    (replaced,), (relation,) = found.replaced, found.replacing
    assert found.roles.tolist() == [role]
    assert replaced == PAIRS[first, role]
    features = GOLDEN["in.roi_features"].copy()
    features[replaced] = GOLDEN[f"in.bank.{ENDS[role]}_features"][relation]
    np.testing.assert_array_equal(features, GOLDEN[key + "roi_features"])
    logits = GOLDEN["in.predict_logits"].copy()
    logits[replaced] = GOLDEN[f"in.bank.{ENDS[role]}_logits"][relation]
    np.testing.assert_array_equal(logits, GOLDEN[key + "predict_logits"])
    expected = LABELS.copy()
    expected[PAIRS[first, 0]] = found.labels[replaced]
    np.testing.assert_array_equal(expected, GOLDEN[key + "labels"])
    assert found.labels[replaced] == GOLDEN["in.bank.triplets"][relation, 2 * role]


def test_replacing_has_half_the_probability_of_the_repeats() -> None:
    """.5 x 3 / 4 = .375 for an image with 4 repeats."""
    for number, replaced in ((0.374, 1), (0.376, 0)):
        found = chosen([[], [], [number, NONE], [0.6] * replaced, [NONE] * 2, []], background=0)
        assert len(found.replaced) == replaced


def test_repeats_are_those_of_the_reference() -> None:
    resampling = Resampling(GOLDEN["in.predicate_frequency64"], 0.07, 0.7)
    images = np.arange(PREDICATES)
    np.testing.assert_array_equal(resampling.of_images(images, images, PREDICATES), GOLDEN["out.repeats"])


def test_baseline_with_soft_targets_is_that_of_the_reference() -> None:
    logits = torch.from_numpy(GOLDEN["in.soft.logits"]).requires_grad_()
    ends = torch.ones(6, dtype=torch.long)
    loss = Baseline().build(None)(logits, torch.from_numpy(GOLDEN["in.soft.targets"]), EdgeContext(ends, ends))
    loss.backward()
    np.testing.assert_allclose(loss.item(), GOLDEN["out.soft.loss"], **CLOSE)
    np.testing.assert_allclose(logits.grad, GOLDEN["out.soft.grad"], **CLOSE)


def test_contrastive_loss_is_that_of_the_reference() -> None:
    both = [torch.from_numpy(GOLDEN[f"in.contrast.{name}_logits"]).requires_grad_() for name in ("mixed", "original")]
    loss = contrastive_loss(*both)
    loss.backward()
    np.testing.assert_allclose(loss.item(), GOLDEN["out.contrast.loss_before_0.1"], **CLOSE)
    for name, logits in zip(("mixed", "original"), both, strict=True):
        np.testing.assert_allclose(logits.grad, GOLDEN[f"out.contrast.grad_{name}"], **CLOSE)


def test_pko_has_the_priors_of_the_reference() -> None:
    """The reference's numbers come from our own statement of its rule. Class 0 occurs with the background only."""
    counts = GOLDEN["in.fg_matrix_with_background"]
    foreground = counts.copy()
    foreground[:, :, 0] = 0
    subjects, objects = log_priors(foreground, counts[:, :, 0] - 1)
    np.testing.assert_allclose(subjects, GOLDEN["out.prior.subject"], **CLOSE)
    np.testing.assert_allclose(objects, GOLDEN["out.prior.object"], **CLOSE)
    adjust = PKO().build(SimpleNamespace(pair_counts=(foreground, counts[:, :, 0] - 1)))
    logits, ends = torch.zeros(2, PREDICATES), torch.tensor([[3, 4], [1, 2]])
    found = adjust(logits, EdgeContext(*ends), 2.0)
    expected = 2 * (GOLDEN["out.prior.subject"][[3, 4]] + GOLDEN["out.prior.object"][[1, 2]])
    np.testing.assert_allclose(found, expected, **CLOSE)
