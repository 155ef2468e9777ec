"""The contracts of heads and augmentations: inputs, outputs and effects that no entry of the repository uses."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn

from sgg.config import validate
from sgg.detector.model import resize_boxes
from sgg.methods.head import HeadOutputs, Unit
from sgg.models.frequency_bias import FrequencyBias
from sgg.models.sampling import all_pairs, training_pairs
from sgg.systems.contract import Draws
from sgg.systems.two_stage.augmenter import Augmenter
from sgg.systems.two_stage.predictor import TwoStagePredictor
from sgg.systems.two_stage.totals import Totals
from tests.untrained import untrained

EVERYTHING = frozenset({"detector_logits", "class_boxes", "class_vectors", "predicate_vectors", "maps", "box_masks"})


class Greedy(nn.Module):
    """Needs every optional input, labels every object `said`, and has a loss of its own."""

    def __init__(self, width: int, classes: int, predicates: int) -> None:
        super().__init__()
        self.nodes, self.edges, self.said = nn.Linear(width, classes), nn.Linear(width, predicates), 2
        self.asked = []

    def forward(self, inputs):
        self.asked.append(inputs)
        labels = inputs.labels if inputs.labels is not None else torch.full_like(inputs.image_index, self.said)
        losses = {"norm": self.nodes.weight.square().mean()} if self.training else {}
        return HeadOutputs(self.nodes(inputs.nodes), self.edges(inputs.edges), labels, losses)


@pytest.fixture
def foundation(toy_root):
    torch.manual_seed(0)
    return untrained(validate({
        "data": {"name": "toy", "root": str(toy_root), "train_images": 6, "eval_images": 4},
        "training": {"batch_size": 3, "mode": "sgcls"}, "evaluation": {"batch_size": 4},
        "model": {"pairs_per_image": 20}}), toy_root)


def greedy(foundation) -> Greedy:
    return Greedy(foundation.detector.head_dim, foundation.experiment.num_classes,
                  foundation.experiment.num_predicates)


def with_head(system, head: nn.Module, foundation):
    """The same with another head, which conditions its predicates on labels, and a frequency bias."""
    model, experiment = system.model, foundation.experiment
    model.relation_head, model.needs, model.conditions_on_labels = head, EVERYTHING, True
    model.class_vectors, model.predicate_vectors = experiment.word_vectors
    model.frequency_bias = FrequencyBias(torch.randn(experiment.num_classes, experiment.num_classes,
                                                     experiment.num_predicates))
    model.bias_mode = "add"
    return system


def test_head_inputs_are_what_a_head_asks_for_and_its_losses_count(foundation) -> None:
    system = with_head(foundation.build(), head := greedy(foundation), foundation)
    batch = next(foundation.experiment.training_batches().epoch(1))
    losses = system.training_step(batch, Draws(0, 1)).losses
    assert losses.keys() == {"nodes", "edges", "head/norm"}
    assert losses["head/norm"] > 0
    (seen,) = head.asked
    objects, pairs, channels = len(seen.nodes), len(seen.pairs), foundation.detector.channels
    classes, predicates = foundation.experiment.num_classes, foundation.experiment.num_predicates
    shapes = {"detector_logits": (objects, classes), "class_vectors": (classes, 200),
              "predicate_vectors": (predicates, 200), "node_maps": (objects, channels, 7, 7),
              "edge_maps": (pairs, channels, 7, 7), "box_masks": (pairs, 2, 27, 27), "target_labels": (objects,),
              "target_predicates": (pairs,), "related": (pairs,), "boxes": (objects, 4), "image_sizes": (3, 2)}
    assert {name: tuple(getattr(seen, name).shape) for name in shapes} == shapes
    assert (seen.labels, seen.class_boxes, seen.mode) == (None, None, "sgcls"), "boxes are given, labels are not"
    assert torch.equal(seen.target_labels, batch.labels)
    assert torch.equal(seen.related, seen.target_predicates > 0)
    expected = foundation.detector.classify(batch.images, batch.boxes, batch.image_index)
    torch.testing.assert_close(seen.detector_logits.softmax(1), expected)


class Ones(Greedy):
    """Has a loss of 1 for each unit that a loss can be a mean over."""

    def forward(self, inputs):
        ones = {f"of {unit}": torch.ones(()) for unit in get_args(Unit)}
        return replace(super().forward(inputs), losses=ones, units={f"of {unit}": unit for unit in get_args(Unit)})


def test_losses_of_a_head_count_by_the_share_of_what_they_are_means_over(foundation) -> None:
    """A sample with 3 of 6 images, and as many of its objects and pairs, of the whole batch."""
    system, experiment = foundation.build(), foundation.experiment
    head = Ones(foundation.detector.head_dim, experiment.num_classes, experiment.num_predicates)
    with_head(system, head.train(), foundation)
    plan = system.plan(next(experiment.training_batches().epoch(1)), Draws(0, 1))
    objects, pairs, foreground, images = plan.counts
    assert images == 3
    sample = plan.sample(system.model, system.device, Totals(4 * objects, 5 * pairs, foreground, 6))
    losses = system.learner.losses(sample)
    found = [float(losses[f"head/of {unit}"]) for unit in ("objects", "pairs", "images")]
    assert found == pytest.approx([1 / 4, 1 / 5, 1 / 2])


def test_predict_runs_a_head_that_conditions_on_labels_once_a_mode(foundation) -> None:
    system = with_head(foundation.build(), head := greedy(foundation), foundation)
    predictor = TwoStagePredictor(system.model, foundation.detector)
    batch = next(iter(foundation.experiment.evaluation_batches("val")))
    with predictor.evaluating():
        found = predictor.predict(batch, ["sgcls", "predcls", "sgdet"]).predictions
    assert [one.mode for one in head.asked] == ["sgcls", "predcls", "sgdet"]
    sgcls, predcls, sgdet = head.asked
    assert torch.equal(predcls.labels, batch.labels)
    assert sgdet.class_boxes.shape == (len(sgdet.nodes), foundation.experiment.num_classes, 4)
    for image, prediction in enumerate(found["sgcls"]):
        assert set(prediction.labels.tolist()) == {head.said}
        rows = sgcls.image_index == image
        scores = head.nodes(sgcls.nodes[rows]).softmax(1)[:, head.said]
        torch.testing.assert_close(prediction.label_scores, scores.detach())
        logits = head.edges(sgcls.edges) + system.model.frequency_bias.table.weight[
            head.said * foundation.experiment.num_classes + head.said]
        here = sgcls.image_index[sgcls.pairs[:, 0]] == image
        torch.testing.assert_close(prediction.predicate_scores.sort(0).values,
                                   logits[here].softmax(1).sort(0).values.detach())
    for image, prediction in enumerate(found["sgdet"]):
        rows = (sgdet.image_index == image).nonzero()[:, 0]
        if len(rows):  # the boxes of the class that the head has said
            frame = resize_boxes(prediction.boxes, torch.zeros(len(rows), dtype=torch.long),
                                 [tuple(batch.images[image].shape[1:])], [tuple(sgdet.image_sizes[image].tolist())])
            torch.testing.assert_close(frame, sgdet.class_boxes[rows, head.said], rtol=1e-4, atol=1e-3)


class Repeating(Augmenter):
    """Repeats every second image, and samples the first relations and the last background pairs."""

    def repeats(self, annotations):
        return np.array([1 + image % 2 for image in range(len(annotations))])

    def sample_pairs(self, relations, background, budget, generator):
        return torch.arange(min(2, len(relations))), torch.arange(len(background))[-3:]


def test_augmenter_repeats_images_and_chooses_pairs(foundation) -> None:
    system = foundation.build()
    system.augmenter = Repeating()
    experiment = foundation.experiment
    batches = experiment.training_batches(system.repeats(experiment))
    assert len(batches) == 3, "6 images are 9"
    names = [name for batch in batches.epoch(1) for name in batch.image_ids]
    part = experiment.split("train")
    assert sorted(names) == sorted(name for image in range(6) for name in [part.image_id(image)] * (1 + image % 2))
    batch = next(batches.epoch(1))
    sample = system.plan(batch, Draws(0, 1)).sample(system.model, system.device)
    assert len(sample.pairs) == 5
    assert (sample.predicates > 0).sum() == 2
    wanted = {tuple(row) for row in batch.relations[:2, 1:].tolist()}
    chosen = {(*pair, predicate) for pair, predicate in zip(sample.pairs.tolist(), sample.predicates.tolist(),
                                                           strict=True) if predicate}
    assert chosen == wanted
    assert system.training_step(batch, Draws(0, 1)).losses.keys() == {"nodes", "edges"}


def test_sample_counts_soft_predicates_by_what_is_not_background(foundation) -> None:
    system = foundation.build()
    batch = next(foundation.experiment.training_batches().epoch(1))
    sample = system.plan(batch, Draws(0, 1)).sample(system.model, system.device)
    soft = torch.zeros(len(sample.pairs), foundation.experiment.num_predicates)
    soft[:, 0], soft[:, 1] = 0.6, 0.4
    sample = replace(sample, predicates=soft)
    assert sample.whole.foreground == pytest.approx(0.4 * len(soft))
    assert sample.whole.background == pytest.approx(0.6 * len(soft))
    assert torch.isfinite(system.learner.losses(sample)["edges"])


def test_predict_gives_the_mode_sgdet_to_a_head_that_does_not_condition(foundation) -> None:
    predictor = foundation.build_predictor()
    modes, classify = [], predictor.model.classify
    predictor.model.classify = lambda *regions, **asked: modes.append(regions[6]) or classify(*regions, **asked)
    with predictor.evaluating():
        predictor.predict(next(iter(foundation.experiment.evaluation_batches("val"))), ["sgcls", "predcls", "sgdet"])
    assert modes == ["sgcls", "sgdet"]


def test_training_pairs_do_not_change_by_a_sampler_that_leaves_the_choice() -> None:
    image_index, relations = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([[0, 0, 1, 2], [1, 3, 4, 1]])
    both = [training_pairs(image_index, relations, 2, 2, 0.5, torch.Generator().manual_seed(0), sampler=sampler)
            for sampler in (None, lambda *_: None)]
    for first, second in zip(*both, strict=True):
        assert torch.equal(first, second)
    assert len(all_pairs(image_index)) == 8
