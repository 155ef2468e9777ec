"""The context of an adjustment."""

import torch

from sgg.methods.adjustment import PredictedPairs

PLAIN, OTHERS, ENDS = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.1, 5.0]]), torch.tensor([1])


def test_instead_of_plain_is_the_other_logits_exactly_if_nothing_was_added() -> None:
    context = PredictedPairs(ENDS, ENDS, plain=PLAIN)
    assert context.instead_of_plain(PLAIN, OTHERS) is OTHERS
    assert PredictedPairs(ENDS, ENDS).instead_of_plain(PLAIN, OTHERS) is OTHERS


def test_instead_of_plain_keeps_what_was_added() -> None:
    context = PredictedPairs(ENDS, ENDS, plain=PLAIN)
    torch.testing.assert_close(context.instead_of_plain(PLAIN + 3, OTHERS), OTHERS + 3)
