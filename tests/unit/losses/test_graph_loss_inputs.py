"""Labels of any integer type, as numpy and torch have them."""

import numpy as np
import pytest
import torch

from sgg.losses import edge_loss, node_loss
from sgg.methods.edge_loss import EDGE_LOSSES, EdgeContext

LOGITS = torch.tensor([[0.5, 1.0, -1.0], [2.0, 0.0, 0.3], [0.1, 0.2, 0.3]])
LABELS = np.array([2, 0, 1])
TYPES = [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32, np.int64]


@pytest.mark.parametrize("kind", ["baseline", "dnorm", "dnorm-fgbg"])
@pytest.mark.parametrize("dtype", TYPES)
def test_labels_of_any_integer_type(dtype: type, kind: str) -> None:
    labels = LABELS.astype(dtype)
    assert edge_loss(LOGITS, labels, kind) == edge_loss(LOGITS, torch.from_numpy(LABELS), kind)
    assert edge_loss(LOGITS, torch.from_numpy(labels), kind) == edge_loss(LOGITS, LABELS.tolist(), kind)
    assert node_loss(LOGITS.numpy(), labels) == node_loss(LOGITS, LABELS)


@pytest.mark.parametrize("labels", [[1.0, 0.0, 2.0], [True, False, True], np.array([0.5, 1, 2])])
def test_other_labels_are_refused(labels: object) -> None:
    for loss in (node_loss, edge_loss):
        with pytest.raises(ValueError, match="labels must be whole numbers, got torch"):
            loss(LOGITS, labels)


def test_no_objects_cost_nothing() -> None:
    assert node_loss(torch.zeros(0, 3), []) == edge_loss(torch.zeros(0, 3), []) == 0


@pytest.mark.parametrize("kind", ["baseline", "dnorm", "dnorm-fgbg"])
def test_parts_of_a_batch_add_up_to_it(kind: str) -> None:
    """With the counts of the whole batch, 2 foreground edges and 1 of background, each row costs what it does there."""
    parts = [edge_loss(LOGITS[rows], LABELS[rows], kind, totals=(2, 1)) for rows in (slice(0, 1), slice(1, 3))]
    torch.testing.assert_close(sum(parts), edge_loss(LOGITS, LABELS, kind))


@pytest.mark.parametrize("kind", ["baseline", "dnorm", "dnorm-fgbg"])
def test_soft_targets(kind: str) -> None:
    """One-hot ones are the hard ones; a pair that is half background is half a foreground pair in the density."""
    loss, labels = EDGE_LOSSES[kind](), torch.from_numpy(LABELS)
    loss, context = loss.build(None), EdgeContext(labels, labels)
    hard = torch.nn.functional.one_hot(labels, 3).float()
    torch.testing.assert_close(loss(LOGITS, hard, context), loss(LOGITS, labels, context))
    half = torch.tensor([[0.5, 0.5, 0.0]])
    ce = -(half * LOGITS[:1].log_softmax(1)).sum()
    divided = {"baseline": ce, "dnorm": ce / 0.5, "dnorm-fgbg": 0.5 * ce + 0.5 * ce}[kind]
    torch.testing.assert_close(loss(LOGITS[:1], half, EdgeContext(labels[:1], labels[:1])), divided)
