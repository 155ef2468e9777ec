"""An edge loss whose result breaks the contract is named with its file."""

from functools import partial

import pytest
import torch

from sgg.methods.edge_loss import require_scalar

LOGITS = torch.zeros(3, 2, requires_grad=True)


def mine(logits, predicates, context):
    """A loss of somebody."""


class Callable:
    """The same as an object."""

    __call__ = mine


@pytest.mark.parametrize("function", [mine, partial(mine, context=None), Callable()])
@pytest.mark.parametrize(("loss", "message"), [
    (LOGITS.sum(1), r"must return a scalar tensor, got shape \[3\]"),
    (0.5, "must return a scalar tensor, got float"),
    (LOGITS.detach().sum(), "must return a loss with a gradient"),
])
def test_require_scalar_names_the_file_of_the_loss(function, loss, message) -> None:
    with pytest.raises(ValueError, match=rf"test_edge_loss\.py:\d+: the edge loss \w+ {message}"):
        require_scalar(loss, function, LOGITS)


def test_require_scalar_needs_no_gradient_without_one_of_the_logits() -> None:
    assert require_scalar(LOGITS.detach().sum(), mine, LOGITS.detach()) == 0
    assert require_scalar(LOGITS.sum(), mine, LOGITS) == 0
