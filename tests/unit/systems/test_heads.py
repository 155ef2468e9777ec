"""Every relation head in the two-stage system: updates and predictions in each mode, with every edge loss and with
the GAN."""

import math
from dataclasses import replace
from itertools import cycle, islice, product

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


COVER = [(head, mode, loss) for number, head in enumerate(HEADS) for place, mode in enumerate(MODES)
         for index, loss in enumerate(EDGE_LOSSES) if (number + place + index) % 3 == 0]
"""Every head with every mode and with every loss, and every mode with every loss."""


@pytest.mark.parametrize(("head", "mode", "loss"), COVER)
def test_training_step_and_predictions_of_each_head(toy_root, head: str, mode: str, loss: str) -> None:
    """Two updates, each of which changes the head; then predictions in every mode."""
    bias = "off" if HEADS[head].has_frequency_bias else "add"
    config = validate({"data": {"name": "toy", "root": str(toy_root), "train_images": 4, "flip": False},
                       "model": {"head": head, "frequency_bias": bias}, "loss": {"kind": loss},
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


def test_cover_has_all_pairs() -> None:
    for one, other in ((0, 1), (0, 2), (1, 2)):
        names = [list(HEADS), MODES, list(EDGE_LOSSES)]
        assert {(case[one], case[other]) for case in COVER} == set(product(names[one], names[other]))


GENERATED = [head for head in HEADS if not HEADS[head].only_real]
WITH_GAN = list(islice(zip(cycle(GENERATED), cycle(EDGE_LOSSES)), max(len(GENERATED), len(EDGE_LOSSES.entries))))
"""Every head that takes generated features, and every loss, at least once."""


@pytest.mark.parametrize(("head", "loss"), WITH_GAN)
def test_training_step_of_each_head_and_each_loss_with_the_gan(toy_root, head: str, loss: str) -> None:
    config = validate({"data": {"name": "toy", "root": str(toy_root), "train_images": 4, "flip": False},
                       "model": {"head": head}, "training": {"batch_size": 4}, "loss": {"kind": loss},
                       "augmentation": {"kind": "gan", "visual_conditioning": False, "perturb": {"method": "rand"}}})
    foundation = untrained(config, toy_root)
    system = foundation.build()
    system.train()
    batch = next(iter(foundation.experiment.training_batches().epoch(1)))
    losses = system.training_step(batch, Draws(0, 1)).losses
    assert all(math.isfinite(value) for value in losses.values())
    own = {name for name in losses if name.startswith("head/")}
    assert {f"rec/{name}" for name in own} <= losses.keys(), "the losses of the head count on generated features, too"
    assert "rec/edges" in losses
