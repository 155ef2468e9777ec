"""The context of an adjustment, and why a value does not suit a model."""

import pytest
import torch

from sgg.config import ConfigError, validate
from sgg.methods.adjustment import PredictedPairs

PLAIN, OTHERS, ENDS = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.1, 5.0]]), torch.tensor([1])


def test_instead_of_plain_is_the_other_logits_exactly_if_nothing_was_added() -> None:
    context = PredictedPairs(ENDS, ENDS, plain=PLAIN)
    assert context.instead_of_plain(PLAIN, OTHERS) is OTHERS
    assert PredictedPairs(ENDS, ENDS).instead_of_plain(PLAIN, OTHERS) is OTHERS


def test_instead_of_plain_keeps_what_was_added() -> None:
    context = PredictedPairs(ENDS, ENDS, plain=PLAIN)
    torch.testing.assert_close(context.instead_of_plain(PLAIN + 3, OTHERS), OTHERS + 3)


def test_faults_of_values_name_setting_value_reason_and_remedy() -> None:
    with pytest.raises(ConfigError) as raised:
        validate({"data": {"name": "toy"}, "evaluation": {"effect": ["none", "tde"], "frequency_bias": ["off"]}})
    (faults,) = raised.value.faults
    assert faults.split("; ") == [
        "evaluation.effect tde takes logits that model.head imp does not give (average_context, expected_classes), "
        "since it has no context branch: use model.head causal, or leave this value out",
        "evaluation.frequency_bias off changes nothing, since model.frequency_bias is off: leave this value out"]
