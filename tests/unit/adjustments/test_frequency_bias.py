"""The frequency bias added, or left out, after training."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sgg.adjustments.frequency_bias import FrequencyBiasAfterTraining
from sgg.config import validate
from sgg.methods.adjustment import PredictedPairs

COUNTS = np.zeros((3, 3, 3))
COUNTS[1, 2] = [0, 3, 1]
STATISTICS = SimpleNamespace(pair_counts=(COUNTS, np.full((3, 3), 5)))
"""Class 1 and class 2: predicate 1 three times, predicate 2 once, 5 overlapping pairs, plus one."""


def test_frequency_bias_add_is_the_table_of_training() -> None:
    context = PredictedPairs(torch.tensor([1, 2]), torch.tensor([2, 1]))
    found = FrequencyBiasAfterTraining().build(STATISTICS)(torch.ones(2, 3), context, "add")
    seen, unseen = np.array([6, 3, 1]) / 10, np.array([1, 0, 0])
    np.testing.assert_allclose(found, 1 + np.log(np.stack([seen, unseen]) + 1e-3), rtol=1e-6)


def test_frequency_bias_off_keeps_what_other_adjustments_added() -> None:
    """Plain logits 5, of which 2 are the bias; another adjustment has added 1."""
    plain, without = torch.full((2, 3), 5.0), torch.full((2, 3), 3.0)
    context = PredictedPairs(torch.ones(2).long(), torch.ones(2).long(), plain=plain,
                             counterfactuals={"without_frequency_bias": without})
    adjust = FrequencyBiasAfterTraining().build(STATISTICS)
    assert adjust(plain, context, "off") is without
    assert torch.equal(adjust(plain + 1, context, "off"), without + 1)


@pytest.mark.parametrize("values", [False, "off", ["trained", False]])
def test_frequency_bias_reads_a_bare_off(values) -> None:
    """YAML 1.1 reads it as false."""
    config = validate({"data": {"name": "toy"}, "model": {"frequency_bias": "add"},
                       "evaluation": {"frequency_bias": values}})
    assert config.evaluation.frequency_bias[-1] == "off"
