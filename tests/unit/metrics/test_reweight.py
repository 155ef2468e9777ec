"""Division of predicate scores by a power of the predicates' frequency."""

import numpy as np
import pytest
import torch

from sgg.metrics import predicate_weights, reweight


def test_predicate_weights_are_powers_of_mean_smoothed_counts():
    foreground = np.zeros((2, 2, 3))
    foreground[0, 1, 1], foreground[..., 2] = 8, 2  # mean counts 2 and 2, smoothed 3 and 3
    background = np.full((2, 2), 14)
    assert predicate_weights(foreground, background, 2) == pytest.approx([256, 9, 9])
    assert predicate_weights(torch.tensor(foreground), torch.tensor(background), 0) == pytest.approx([1, 1, 1])


def test_reweight_renormalises_the_background_without_dividing_it():
    scores, weights = np.array([[0.5, 0.25, 0.25]]), np.array([4.0, 1, 0.5])
    assert reweight(scores, weights)[0] == pytest.approx([0.4, 0.2, 0.4])
    assert reweight(scores, weights, background=True)[0] == pytest.approx([1 / 7, 2 / 7, 4 / 7])
    assert scores.tolist() == [[0.5, 0.25, 0.25]]


def test_reweight_keeps_precision_and_empty_rows():
    assert reweight(torch.tensor([[0.0, 0.5]]), torch.tensor([1.0, 2.0])).dtype == np.float32
    assert reweight(np.zeros((1, 3)), np.ones(3)).tolist() == [[0, 0, 0]]
    assert reweight(np.zeros((0, 3)), np.ones(3)).shape == (0, 3)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: reweight(np.ones((2, 3)), np.ones(2)), r"weights must have shape \[R\].* got \[2\] and \[2, 3\]"),
    (lambda: reweight(np.ones((2, 3)), np.array([1, 0, 1])), r"weights must be positive numbers, got \[1.0, 0.0"),
    (lambda: predicate_weights(np.ones((2, 3, 4)), np.ones((2, 2)), 1), r"foreground_counts must have shape \[C, C"),
    (lambda: predicate_weights(np.ones((2, 2, 4)), np.ones((2, 3)), 1), r"background_counts must have shape \[2, 2\]"),
    (lambda: predicate_weights(np.ones((2, 2, 4)), np.ones((2, 2)), np.inf), "x must be finite, got inf"),
])
def test_predicate_weights_and_reweight_refuse_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
