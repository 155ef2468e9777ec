"""Every relation head in the two-stage system: updates and predictions in each mode, with every edge loss."""

import math
from dataclasses import replace

import pytest
import torch

from sgg.config import validate
from sgg.methods.edge_loss import EDGE_LOSSES
from sgg.methods.head import HEADS
from sgg.systems.contract import Draws
from tests.untrained import untrained

MODES = ["predcls", "sgcls", "sgdet"]


def test_training_step_refuses_wrong_shapes_of_a_compiled_head(toy_root) -> None:
    """A function that leaves out a pair replaces the compiled one."""
    config = validate({"data": {"name": "toy", "root": str(toy_root), "train_images": 4},
                       "training": {"batch_size": 4}})
    foundation = untrained(config, toy_root)
    system = foundation.build()
    classify = system.model.classify

    def compiled(*arguments, **asked):
        outputs = classify(*arguments, **asked)
        return replace(outputs, predicate_logits=outputs.predicate_logits[1:])

    system.model.classify = compiled
    batch = next(iter(foundation.experiment.training_batches().epoch(1)))
    with pytest.raises(ValueError, match=r"imp/network\.py:\d+: MessagePassing must return predicate_logits of shape"):
        system.training_step(batch, Draws(0, 1))


@pytest.mark.parametrize("loss", list(EDGE_LOSSES))
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("head", list(HEADS))
def test_training_step_and_predictions_of_each_head(toy_root, head: str, mode: str, loss: str) -> None:
    """Two updates, each of which changes the head; then predictions in every mode."""
    config = validate({"data": {"name": "toy", "root": str(toy_root), "train_images": 4, "flip": False},
                       "model": {"head": head, "frequency_bias": "add"}, "loss": {"kind": loss},
                       "training": {"mode": mode, "batch_size": 4}})
    foundation = untrained(config, toy_root)
    system = foundation.build()
    system.train()
    batch = next(iter(foundation.experiment.training_batches().epoch(1)))
    for step in range(2):
        before = [parameter.clone() for parameter in system.model.relation_head.parameters()]
        losses = system.training_step(batch, Draws(0, step)).losses
        assert all(math.isfinite(value) for value in losses.values())
        assert {"nodes", "edges"} <= losses.keys()
        after = system.model.relation_head.parameters()
        assert any(not torch.equal(old, new) for old, new in zip(before, after, strict=True))
    with system.evaluating():
        found = system.predict(batch, MODES).predictions
    assert found.keys() == set(MODES)
    for predictions in found.values():
        assert len(predictions) == 4
        assert all((one.labels > 0).all() and one.predicate_scores.isfinite().all() for one in predictions)
