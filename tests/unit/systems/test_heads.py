"""Every relation head in the two-stage system: updates and an evaluation in each mode, with every edge loss,
augmentation and adjustment."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from sgg.config import validate
from sgg.evaluate.evaluation import evaluate
from sgg.methods.edge_loss import EDGE_LOSSES
from sgg.methods.head import HEADS
from sgg.methods.variants import suffix
from sgg.systems.contract import Draws
from tests.combinations import MODES, QUICK, Combination, pairwise
from tests.untrained import untrained


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


MADE = {"gan": "rec", "feature_mixing": "mixed"}
"""How the names of the losses on features that an augmentation makes begin."""


def words(combination: Combination) -> str:
    return "-".join(map(str, [*combination[:-1], *(combination.adjustment or ())]))


@pytest.mark.parametrize("combination", pairwise(), ids=words)
def test_training_step_and_evaluation_of_each_combination(toy_root, combination: Combination) -> None:
    """Two updates, each of which changes the head; then an evaluation in every mode."""
    settings = combination.settings
    config = validate(settings | {
        "data": {"name": "toy", "root": str(toy_root), "train_images": 4, "flip": False},
        "training": settings["training"] | {"batch_size": 4},
        "augmentation": settings["augmentation"] | QUICK.get(combination.augmentation, {}),
        "evaluation": settings["evaluation"] | {"modes": list(MODES)}})
    foundation = untrained(config, toy_root)
    experiment, system = foundation.experiment, foundation.build()
    system.train()
    batch = next(iter(experiment.training_batches().epoch(1)))
    for step in range(2):
        before = [parameter.clone() for parameter in system.model.relation_head.parameters()]
        losses = system.training_step(batch, Draws(0, step)).losses
        assert all(math.isfinite(value) for value in losses.values())
        assert {"nodes", "edges"} <= losses.keys()
        if combination.augmentation != "off":
            own, prefix = {name for name in losses if name.startswith("head/")}, MADE[combination.augmentation]
            assert {f"{prefix}/{name}" for name in own | {"edges"}} <= losses.keys(), "the head's own count there, too"
        after = system.model.relation_head.parameters()
        assert any(not torch.equal(old, new) for old, new in zip(before, after, strict=True))
    images = []
    named = evaluate(system, [batch], experiment.metrics("val"), lambda *image: images.append(image),
                     experiment.adjusters)
    assert len(images) == 4
    for _, _, predictions in images:
        assert predictions.keys() == set(MODES)
        assert all((one.labels > 0).all() and np.isfinite(one.predicate_scores).all() for one in predictions.values())
    ending = suffix(experiment.variants[0])
    assert bool(ending) is (combination.adjustment is not None)
    for mode in ("predcls", "sgcls"):
        assert {f"{mode}/all/R@50", f"{mode}/all/R@50{ending}"} <= named.keys()


def test_pairwise_has_every_pair_of_parts() -> None:
    """Every head with every loss, mode and adjustment that it takes; every augmentation with all heads but one."""
    rows = pairwise()
    assert {(row.head, row.loss) for row in rows} == set(product(HEADS, EDGE_LOSSES))
    assert {(row.head, row.mode) for row in rows} == set(product(HEADS, MODES))
    assert {(row.loss, row.mode) for row in rows} == set(product(EDGE_LOSSES, MODES))
    for kind in MADE:
        assert {row.head for row in rows if row.augmentation == kind} == {
            head for head in HEADS if not HEADS[head].only_real}
        assert {row.loss for row in rows if row.augmentation == kind} == set(EDGE_LOSSES)
    assert {row.head for row in rows if row.adjustment == ("effect", "tde")} == {"causal"}
    assert {row.loss for row in rows if row.adjustment == ("tcar", 1.0)} == set(EDGE_LOSSES)
