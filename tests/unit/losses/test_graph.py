"""Node and edge losses: labels of any integer type, parts of a batch, soft predicates."""

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
def test_edge_loss_and_node_loss_of_any_integer_type(dtype: type, kind: str) -> None:
    labels = LABELS.astype(dtype)
    assert edge_loss(LOGITS, labels, kind) == edge_loss(LOGITS, torch.from_numpy(LABELS), kind)
    assert edge_loss(LOGITS, torch.from_numpy(labels), kind) == edge_loss(LOGITS, LABELS.tolist(), kind)
    assert node_loss(LOGITS.numpy(), labels) == node_loss(LOGITS, LABELS)


@pytest.mark.parametrize("labels", [[1.0, 0.0, 2.0], [True, False, True], np.array([0.5, 1, 2])])
def test_edge_loss_and_node_loss_refuse_other_labels(labels: object) -> None:
    for loss in (node_loss, edge_loss):
        with pytest.raises(ValueError, match="labels must be integers, got torch"):
            loss(LOGITS, labels)


def test_edge_loss_and_node_loss_of_nothing_are_0() -> None:
    assert node_loss(torch.zeros(0, 3), []) == edge_loss(torch.zeros(0, 3), []) == 0


@pytest.mark.parametrize("kind", ["baseline", "dnorm", "dnorm-fgbg"])
def test_losses_of_parts_of_a_batch_add_up_to_its_loss(kind: str) -> None:
    """Each part is given the counts of the whole batch: 2 foreground edges and 1 background edge."""
    loss, labels = EDGE_LOSSES[kind]().build(None), torch.from_numpy(LABELS)
    parts = [loss(LOGITS[rows], labels[rows], EdgeContext(labels[rows], labels[rows], 2, 1))
             for rows in (slice(0, 1), slice(1, 3))]
    torch.testing.assert_close(sum(parts), edge_loss(LOGITS, LABELS, kind))


@pytest.mark.parametrize("kind", ["baseline", "dnorm", "dnorm-fgbg"])
def test_edge_loss_of_soft_targets(kind: str) -> None:
    """One-hot targets equal hard targets; a pair that is half background counts as half a foreground pair."""
    loss, labels = EDGE_LOSSES[kind](), torch.from_numpy(LABELS)
    loss, context = loss.build(None), EdgeContext(labels, labels)
    hard = torch.nn.functional.one_hot(labels, 3).float()
    torch.testing.assert_close(loss(LOGITS, hard, context), loss(LOGITS, labels, context))
    half = torch.tensor([[0.5, 0.5, 0.0]])
    ce = -(half * LOGITS[:1].log_softmax(1)).sum()
    divided = {"baseline": ce, "dnorm": ce / 0.5, "dnorm-fgbg": 0.5 * ce + 0.5 * ce}[kind]
    torch.testing.assert_close(loss(LOGITS[:1], half, EdgeContext(labels[:1], labels[:1])), divided)
