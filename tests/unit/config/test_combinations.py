"""Every combination of head, edge loss, augmentation, mode of training and frequency bias: it is allowed, or a config
with it does not load and the message says why."""

from itertools import product

import pytest

from sgg.config import Config, ConfigError, validate
from sgg.methods.augmentation import AUGMENTATIONS
from sgg.methods.edge_loss import EDGE_LOSSES
from sgg.methods.head import HEADS

REASONS = {
    "training.mode sgdet cannot be combined with augmentation.kind gan": lambda head, augmentation, mode, bias: (
        augmentation == "gan" and mode == "sgdet"),
    "model.frequency_bias is only, so the model has no weights": lambda head, augmentation, mode, bias: (
        augmentation != "off" and bias == "only"),
    "model.frequency_bias must be off with model.head causal": lambda head, augmentation, mode, bias: (
        head == "causal" and bias != "off"),
    "augmentation.kind gan cannot be combined with model.head causal: ": lambda head, augmentation, mode, bias: (
        head == "causal" and augmentation == "gan"),
}


@pytest.mark.parametrize("head", list(HEADS))
def test_validate_allows_a_combination_or_says_why_not(head: str) -> None:
    for loss, *rest in product(EDGE_LOSSES, AUGMENTATIONS, ("sgcls", "predcls", "sgdet"), ("off", "add", "only")):
        augmentation, mode, bias = rest
        settings = {"data": {"name": "toy"}, "loss": loss, "augmentation": augmentation, "training": {"mode": mode},
                    "model": {"head": head, "frequency_bias": bias}}
        expected = [reason for reason, holds in REASONS.items() if holds(head, *rest)]
        if not expected:
            assert isinstance(validate(settings), Config)
            continue
        with pytest.raises(ConfigError) as raised:
            validate(settings)
        assert len(raised.value.faults) == len(expected)
        assert all(reason in str(raised.value) for reason in expected)
