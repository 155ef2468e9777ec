"""One model under several adjustments: names of metrics, and the metrics of each variant."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sgg.methods.edge_loss import EdgeContext
from sgg.methods.variants import (
    adjusters,
    counterfactuals_of,
    objective,
    split_suffix,
    suffix,
    values_by_variant,
    variants_of,
    with_adjustments,
    with_suffix,
)

SAME = {"epoch": 2, "loss": 3.0, "val/sgcls/zs/num_images": 7, "val/sgcls/zs/num_relations": 9,
        "val/sgdet/fallbacks": 4, "val/sgdet/failures": 1}
ROW = SAME | {"val/sgcls/zs/ngR@50": 0.1, "val/sgcls/zs/ngR@50/x0.5": 0.2,
              "val/sgcls/zs/ngR@50/logit_adjustment=-1": 0.3, "val/sgcls/zs/ngR@50/logit_adjustment=-1/x0.5": 0.4}
BOTH = {"logit_adjustment": -1.0, "pred_weight": 0.5}


def test_suffix_split_suffix_and_with_suffix() -> None:
    assert split_suffix("val/sgcls/zs/ngR@50/x0.5") == ("val/sgcls/zs/ngR@50", "/x0.5")
    assert split_suffix("val/sgcls/zs/ngR@50") == ("val/sgcls/zs/ngR@50", "")
    assert split_suffix("val/sgcls/zs/ngR@50/logit_adjustment=-1/x0.5") == ("val/sgcls/zs/ngR@50",
                                                                     "/logit_adjustment=-1/x0.5")
    assert suffix(BOTH) == "/logit_adjustment=-1/x0.5"
    assert suffix({"logit_adjustment": 0.0, "pred_weight": 0.0}) == ""
    assert with_suffix("zs/ngR@50/x0.5", "/logit_adjustment=-1") == "zs/ngR@50/logit_adjustment=-1/x0.5"
    assert with_suffix("zs/num_images", "/logit_adjustment=-1") == "zs/num_images", "no adjustment changes it"


def test_variants_of_is_the_grid_of_all_values() -> None:
    found = variants_of({"pred_weight": [0.0, 0.5], "logit_adjustment": [0.0, 1.0], "ks": [20]})
    assert [suffix(one) for one in found] == ["", "/x0.5", "/logit_adjustment=1", "/logit_adjustment=1/x0.5"]


def test_suffix_of_words_in_the_order_of_names() -> None:
    variants = variants_of({"tcar": [0.0, 1.0], "effect": ["none", "tde"], "pred_weight": [0.5]})
    assert [suffix(one) for one in variants] == ["/x0.5", "/tcar=1/x0.5", "/effect=tde/x0.5", "/effect=tde/tcar=1/x0.5"]
    assert split_suffix("val/sgcls/zs/ngR@50/effect=tde/tcar=1/x0.5") == ("val/sgcls/zs/ngR@50",
                                                                     "/effect=tde/tcar=1/x0.5")


def test_adjusters_take_the_counterfactual_logits_of_their_values() -> None:
    found = adjusters(variants_of({"effect": ["none", "tde", "te"], "logit_adjustment": [0.0]}), SimpleNamespace())
    wanted = {ending: one.counterfactuals for ending, one in found.items()}
    assert wanted == {"": set(), "/effect=tde": {"expected_classes", "average_context"},
                      "/effect=te": {"expected_classes", "average_context_and_classes"}}
    assert counterfactuals_of(found.values()) == {"expected_classes", "average_context", "average_context_and_classes"}


@pytest.mark.parametrize(("name", "now"), [
    ("val/sgcls/zs/ngR@100", "val/sgcls/zs/ngR@100/effect=tde"),
    ("test/sgcls/zs/ngR@100/x0.5", "test/sgcls/zs/ngR@100/effect=tde/x0.5"),
    ("val/sgcls/zs/mR@50/logit_adjustment=1/x0.5", "val/sgcls/zs/mR@50/effect=tde/logit_adjustment=1/x0.5"),
    ("val/sgcls/zs/num_images", "val/sgcls/zs/num_images"), ("loss", "loss"), ("epoch", "epoch")])
def test_with_adjustments_names_what_an_earlier_version_did_not(name: str, now: str) -> None:
    assert with_adjustments(name, {"effect": "tde"}) == now
    assert with_adjustments(name, {}) == name


def test_values_by_variant_keeps_counts_in_each_variant() -> None:
    variants = [{}, {"pred_weight": 0.5}, {"logit_adjustment": -1.0}, BOTH, {"pred_weight": 1.0}]
    assert values_by_variant(ROW, variants) == [
        *(SAME | {"val/sgcls/zs/ngR@50": value} for value in (0.1, 0.2, 0.3, 0.4)), SAME]


@pytest.mark.parametrize(("metric", "mode", "weights", "best"), [
    ("val/sgcls/zs/ngR@50", "max", [0, 0.5], 0.2), ("val/sgcls/zs/ngR@50", "min", [0, 0.5], 0.1),
    ("val/sgcls/zs/ngR@50", "max", [1], None), ("loss", "min", [0.5], 3.0)])
def test_objective_takes_the_best_variant(metric, mode, weights, best) -> None:
    assert objective(ROW, metric, mode, variants_of({"pred_weight": weights})) == best


def test_adjusters_leave_pred_weight_to_the_metrics() -> None:
    """Predicate 1 is three times as frequent as predicate 2; predicate 3 never occurs and counts as once."""
    statistics = SimpleNamespace(triplets=(np.array([[1, 1, 1], [1, 2, 1]]), np.array([3, 1])), num_predicates=4)
    found = adjusters(variants_of({"pred_weight": [0.0, 0.5], "logit_adjustment": [1.0]}), statistics)
    assert list(found) == ["", "/logit_adjustment=1"], "the plain figures are measured in any case"
    logits, context = torch.zeros(2, 4), EdgeContext(torch.ones(2).long(), torch.ones(2).long())
    assert torch.equal(found[""](logits, context), logits)
    shares = np.array([1, 3 / 5, 1 / 5, 1 / 5])
    torch.testing.assert_close(found["/logit_adjustment=1"](logits, context)[0],
                               torch.from_numpy(-np.log(shares)).float())
