"""Every combination of head, edge loss, augmentation, mode of training, frequency bias and adjustment: it is allowed,
or a config with it does not load and the message says why."""

from itertools import product

import pytest

from sgg.config import Config, ConfigError, validate
from sgg.methods.adjustment import ADJUSTMENTS, faults_of_values
from sgg.methods.edge_loss import EDGE_LOSSES
from sgg.methods.head import HEADS
from tests.combinations import ADJUSTED, BIASES, Combination, trained

MANY = {name: [entry.neutral, *ADJUSTED[name]] for name, entry in ADJUSTMENTS.entries.items()}
"""Every value that is tried of each adjustment."""


def require(settings: dict, expected: list[str]) -> None:
    """A config loads if nothing is expected; else its faults are those that are expected."""
    if not expected:
        assert isinstance(validate(settings), Config)
        return
    with pytest.raises(ConfigError) as raised:
        validate(settings)
    text = str(raised.value)
    assert all(reason in text for reason in expected), (expected, text)
    adjusted = [reason for reason in expected if reason.startswith("evaluation.")]
    assert len(raised.value.faults) == len(expected) - len(adjusted) + bool(adjusted), "those of adjustments are one"
    assert text.count("leave this value out") == len(adjusted), "no other value is refused"


@pytest.mark.parametrize("head", list(HEADS))
def test_validate_allows_a_combination_or_says_why_not(head: str) -> None:
    """The whole product: each model, augmentation and mode without adjustments, and with every value of every
    adjustment. All of these values are in one config, whose message has a reason for each that is refused."""
    for combination in (one for one in trained() if one.head == head):
        require(combination.settings, combination.reasons)
        adjusted = [reason for name, values in ADJUSTED.items() for value in values
                    if (reason := combination.reason_of_adjustment(name, value))]
        require({**combination.settings, "evaluation": MANY}, combination.reasons + adjusted)


@pytest.mark.parametrize("head", list(HEADS))
def test_faults_of_values_of_every_combination(head: str) -> None:
    """Each value of each adjustment by itself, with each model. Several adjustments are refused if one is."""
    models = [Combination(head, loss, "off", "sgcls", bias) for loss, bias in product(EDGE_LOSSES, BIASES)]
    for combination in (model for model in models if not model.reasons):
        config = validate(combination.settings)
        for name, value in ((name, value) for name, values in MANY.items() for value in values):
            faults = faults_of_values(name, [value], config.trained)
            expected = combination.reason_of_adjustment(name, value)
            assert len(faults) == bool(expected)
            assert not expected or (faults[0].startswith(expected) and "leave this value out" in faults[0])


def test_adjusted_has_every_adjustment() -> None:
    assert ADJUSTED.keys() == set(ADJUSTMENTS)
