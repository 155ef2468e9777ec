"""A head whose outputs break the contract is named in its first step."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from sgg.methods.head import HeadOutputs, require_shapes


class Mine(nn.Module):
    """A head of somebody."""


FITS = HeadOutputs(torch.zeros(3, 5), torch.zeros(2, 4), torch.zeros(3))


@pytest.mark.parametrize(("outputs", "message"), [
    (torch.zeros(3), r"must return HeadOutputs, got Tensor"),
    (HeadOutputs(torch.zeros(3, 4), torch.zeros(2, 4)), r"label_logits of shape \[3, 5\], got \[3, 4\]"),
    (HeadOutputs(torch.zeros(3, 5), torch.zeros(3, 4)), r"predicate_logits of shape \[2, 4\], got \[3, 4\]"),
    (HeadOutputs(torch.zeros(3, 5), torch.zeros(2)), r"predicate_logits of shape \[2, 4\], got \[2\]"),
    (HeadOutputs(torch.zeros(3, 5), None), r"predicate_logits of shape \[2, 4\], got NoneType"),
    (HeadOutputs(torch.zeros(3, 5), torch.zeros(2, 4), torch.zeros(2)), r"labels of shape \[3\], got \[2\]"),
    (replace(FITS, losses={"mine": torch.zeros(2)}), r"the loss 'mine' as a scalar tensor, got \[2\]"),
    (replace(FITS, losses={"mine": torch.zeros(())}, units={"mine": "boxes"}),
     r"as units objects, pairs, images by the names of its losses, got 'boxes' for 'mine'"),
    (replace(FITS, units={"mine": "pairs"}), r"as units .*, got 'pairs' for 'mine'"),
])
def test_require_shapes_names_the_file_of_the_head(outputs, message: str) -> None:
    with pytest.raises(ValueError, match=rf"test_head\.py:\d+: Mine .*{message}") as raised:
        require_shapes(outputs, Mine(), 3, 2, 5, 4)
    assert "test_head.py:" in str(raised.value)
    require_shapes(FITS, Mine(), 3, 2, 5, 4)
    require_shapes(FITS, Mine(), 3, 2, None, None)
