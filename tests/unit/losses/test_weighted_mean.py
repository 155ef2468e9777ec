"""The edge losses that are weighted means over pairs, each against its formula in plain Python."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

from sgg.config import ConfigError, validate
from sgg.losses import edge_loss
from sgg.methods.edge_loss import EDGE_LOSSES, EdgeContext

KINDS = ["class-balanced", "focal", "logit-adjusted"]
STATISTICS = SimpleNamespace(num_classes=3, num_predicates=5, triplets=(
    np.array([[1, 1, 2], [2, 1, 1], [1, 2, 2], [2, 3, 2]]), np.array([4, 2, 1, 1])))
"""Predicate 1 occurs 6 times, 2 and 3 once each, 4 never."""
torch.manual_seed(0)
LOGITS = torch.randn(12, 5, dtype=torch.float64)
PREDICATES = torch.arange(12) % 5
PREDICATES[:4] = 0


def value(kind: str, logits, predicates, counts=(None, None), **settings):
    """The loss by its entry in the registry."""
    ends = torch.ones(len(logits), dtype=torch.long)
    loss = EDGE_LOSSES[kind](**settings).build(STATISTICS)
    return loss(torch.as_tensor(logits), torch.as_tensor(predicates), EdgeContext(ends, ends, *counts))


def slow(kind: str, setting: float, row: list[float], predicate: int) -> float:
    """The loss of one pair."""
    counts = [0, 6, 1, 1, 0]
    if kind == "logit-adjusted":
        row = [row[0], *(z + setting * math.log(max(n, 1) / 9) for z, n in zip(row[1:], counts[1:], strict=True))]
    p = math.exp(row[predicate]) / sum(map(math.exp, row))
    if kind == "focal":
        return (1 - p) ** setting * -math.log(p)
    if kind == "class-balanced" and predicate:
        inverse = [(1 - setting) / (1 - setting ** max(n, 1)) for n in counts[1:]]
        return inverse[predicate - 1] / (sum(inverse[:3]) / 3) * -math.log(p)
    return -math.log(p)


@pytest.mark.parametrize(("kind", "name", "setting"), [
    ("logit-adjusted", "tau", 1.0), ("logit-adjusted", "tau", -0.5), ("focal", "focusing", 2.0),
    ("focal", "focusing", 0.5), ("class-balanced", "effective_beta", 0.9), ("class-balanced", "effective_beta", 0.0)])
@pytest.mark.parametrize("divided_by", ["pairs", "annotated"])
def test_weighted_mean_is_its_formula(kind: str, name: str, setting: float, divided_by: str) -> None:
    """Weights 2 and .5, scale 3; 6 of the 12 pairs are background."""
    rows = zip(LOGITS.tolist(), PREDICATES.tolist(), strict=True)
    expected = sum((2 if predicate else 0.5) * slow(kind, setting, row, predicate) for row, predicate in rows)
    found = value(kind, LOGITS, PREDICATES, foreground_weight=2, background_weight=0.5, scale=3, divided_by=divided_by,
                  **{name: setting})
    assert (PREDICATES > 0).sum() == 6
    assert found.item() == pytest.approx(3 * expected / {"pairs": 12, "annotated": 6}[divided_by], rel=1e-12)


def test_logit_adjusted_of_equal_logits() -> None:
    """The priors of predicates 1 to 4 are 6, 1, 1 and 1 of 9 and the background has 1: so 1/2, 1/3 and thrice 1/18."""
    logits = torch.zeros(3, 5, dtype=torch.float64)
    assert value("logit-adjusted", logits, [0, 1, 4]).item() == pytest.approx(
        (math.log(2) + math.log(3) + math.log(18)) / 3)


def test_focal_of_equal_logits() -> None:
    """p = 1/5, so (4/5)^2 ln 5."""
    assert value("focal", torch.zeros(1, 5, dtype=torch.float64), [3]).item() == pytest.approx(0.64 * math.log(5))


def test_class_balanced_of_equal_logits() -> None:
    """b = 1/2: 1 / (1 - b^n) is 64/63 for 6 and 2 for 1; their mean over the three that occur is 316/189."""
    for predicate, weight in ((0, 1), (1, 64 / 63 * 189 / 316), (2, 2 * 189 / 316), (4, 2 * 189 / 316)):
        found = value("class-balanced", torch.zeros(1, 5, dtype=torch.float64), [predicate], effective_beta=0.5)
        assert found.item() == pytest.approx(weight * math.log(5))


@pytest.mark.parametrize(("kind", "neutral"), [("logit-adjusted", {"tau": 0.0}), ("focal", {"focusing": 0.0}),
                                               ("class-balanced", {"effective_beta": 0.0})])
def test_weighted_mean_is_cross_entropy_at_its_neutral_setting(kind: str, neutral: dict) -> None:
    for divided_by, known in (("pairs", "baseline"), ("annotated", "dnorm")):
        torch.testing.assert_close(value(kind, LOGITS, PREDICATES, divided_by=divided_by, **neutral),
                                   edge_loss(LOGITS, PREDICATES, known))


@pytest.mark.parametrize("kind", KINDS)
def test_weighted_mean_of_parts_of_a_batch_adds_up(kind: str) -> None:
    """Each part has the counts of the whole batch."""
    for divided_by in ("pairs", "annotated"):
        parts = [value(kind, LOGITS[rows], PREDICATES[rows], (6, 6), divided_by=divided_by)
                 for rows in (slice(0, 3), slice(3, 3), slice(3, 12))]
        torch.testing.assert_close(sum(parts), value(kind, LOGITS, PREDICATES, divided_by=divided_by))


@pytest.mark.parametrize("kind", KINDS)
def test_weighted_mean_of_soft_targets(kind: str) -> None:
    """One-hot targets equal hard ones. Without weights of pairs, a mixture has the mixture of the losses."""
    hard = one_hot(PREDICATES, 5).double()
    torch.testing.assert_close(value(kind, LOGITS, hard, divided_by="annotated"),
                               value(kind, LOGITS, PREDICATES, divided_by="annotated"))
    mixed = torch.tensor([[0.25, 0.0, 0.75, 0.0, 0.0]], dtype=torch.float64)
    background, second = (value(kind, LOGITS[:1], [predicate]) for predicate in (0, 2))
    torch.testing.assert_close(value(kind, LOGITS[:1], mixed), 0.25 * background + 0.75 * second)
    torch.testing.assert_close(value(kind, LOGITS[:1], mixed, foreground_weight=3.0, divided_by="annotated"),
                               (0.25 + 3 * 0.75) * (0.25 * background + 0.75 * second), msg="divided by at least 1")


@pytest.mark.parametrize("focusing", [0.0, 0.5, 1.0, 2.0])
def test_focal_has_a_finite_gradient_where_a_pair_is_certain(focusing: float) -> None:
    logits = torch.tensor([[1000.0, 0.0], [0.0, 1000.0], [40.0, 0.0]], requires_grad=True)
    ends = torch.ones(3, dtype=torch.long)
    loss = EDGE_LOSSES["focal"](focusing=focusing).build(None)(logits, torch.zeros(3).long(), EdgeContext(ends, ends))
    loss.backward()
    assert logits.grad.isfinite().all()
    assert loss.item() == pytest.approx(1000 / 3)


@pytest.mark.parametrize("kind", KINDS)
def test_weighted_mean_of_nothing_is_0(kind: str) -> None:
    assert value(kind, torch.zeros(0, 5), torch.zeros(0, dtype=torch.long)) == 0


@pytest.mark.parametrize(("setting", "named"), [
    ({"kind": "class-balanced", "effective_beta": 1}, r"loss\.effective_beta must be < 1"),
    ({"kind": "focal", "focusing": -1}, r"loss\.focusing must be >= 0"),
    ({"kind": "logit-adjusted", "tau": 11}, r"loss\.tau must be <= 10"),
    ({"kind": "focal", "divided_by": "images"}, r"loss\.divided_by must be one of 'pairs' or 'annotated'")])
def test_validate_names_a_wrong_setting_of_a_loss(setting: dict, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        validate({"loss": setting})
