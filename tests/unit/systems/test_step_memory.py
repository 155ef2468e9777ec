"""The memory of a step from shapes, beside that of a real step."""

from dataclasses import replace

import pytest

from sgg import systems
from sgg.common.live_memory import bytes_of, peak_of
from sgg.config import validate
from sgg.detector.model import Detector
from sgg.experiment.context import Experiment
from sgg.systems.contract import Draws
from sgg.systems.forecast import NeedsValuesError
from sgg.systems.two_stage import step_memory as module
from sgg.systems.two_stage.foundation import TwoStageFoundation
from sgg.systems.two_stage.step_memory import held_by, largest_draw, memory_key, smaller_steps, step_memory


@pytest.fixture
def experiment(toy_root):
    def of(**sections):
        return Experiment.open(validate({"data": {"name": "toy", "root": str(toy_root), "workers": 0}, **sections}))
    return of


def real(experiment):
    """The peak of a real step on the same batch, and what is held between two steps, in bytes."""
    detector = Detector(experiment.config.detector, experiment.num_classes)
    system = TwoStageFoundation(experiment, detector, "untrained").build()
    system.train()
    batch = module._largest_batch(experiment, detector)
    batch = replace(batch, outputs=batch.outputs._replace(map=batch.outputs.map.contiguous()))

    def held():
        return [*detector.parameters(), *detector.buffers(), *held_by(system)]

    peak = peak_of(lambda: system.training_step(batch, Draws(0, 1)), lambda: [batch.outputs.map, *held()])
    return peak, bytes_of(held())


@pytest.mark.parametrize("sections", [
    {}, {"training": {"recompute_box_heads": True}}, {"training": {"accumulate": 2}},
    {"training": {"optimizer": "adamw", "mode": "predcls", "f_updates": 2}}, {"training": {"mode": "sgdet"}},
    {"model": {"frequency_bias": "add"}},
    {"augmentation": {"kind": "gan", "visual_conditioning": False}},
    {"augmentation": {"kind": "feature_mixing", "min_cosine": -1, "drop": 0, "replacement": 0}},
], ids=["plain", "recomputed", "in parts", "adamw", "sgdet", "frequency bias", "gan", "feature mixing"])
def test_step_memory_is_that_of_a_real_step(experiment, sections):
    """Within 2 %: the real one also has the host's plan, and a few random numbers."""
    one = experiment(**sections)
    found = step_memory(one)
    peak, kept = real(one)
    assert found.peak == pytest.approx(peak, rel=0.02)
    assert found.kept == kept


@pytest.mark.parametrize("head", ["motifs", "vctree", "causal", "tcar"])
def test_step_memory_of_heads_that_decide_by_values_says_so(experiment, head):
    """Their order of objects, trees and groups follow from scores."""
    one = experiment(model={"head": {"kind": head}})
    with pytest.raises(NeedsValuesError, match="it needs values of tensors"):
        systems.step_memory(one.config, one.data)


def test_step_memory_knows_what_a_checkpoint_holds(experiment):
    """Weights and moments of SGD: twice the weights of F, and its buffers. The detector is no part of it."""
    one = experiment()
    system = TwoStageFoundation(one, Detector(one.config.detector, one.num_classes), "untrained").build()
    weights = sum(4 * weight.numel() for weight in system.model.parameters())
    buffers = sum(value.numel() * value.element_size() for value in system.model.state_dict().values()) - weights
    assert step_memory(one).checkpoint == 2 * weights + buffers


def test_step_memory_of_a_worker_is_that_of_its_images(experiment):
    """Of 8 images each of two workers has 4."""
    found = step_memory(experiment(resources={"workers": 2}))
    assert found.images == 4
    assert found.peak < step_memory(experiment()).peak


def test_step_memory_with_features_and_perturbation(experiment):
    """Neither the store of features nor values of labels are needed; conditioning makes G larger."""
    perturbed = {"kind": "gan", "perturb": {"method": "graphn"}}
    found = step_memory(experiment(augmentation=perturbed))
    assert found.kept > step_memory(experiment(augmentation={**perturbed, "visual_conditioning": False})).kept


@pytest.mark.parametrize("budget", [5, 1000])
def test_largest_draw_is_the_largest(experiment, budget):
    """By another way: one batch after another."""
    import numpy as np

    split = experiment().split("train")
    counts = split.annotations.objects_per_image.tolist()
    draws = np.random.default_rng(0).integers(len(counts), size=(module.DRAWN, 4)).tolist()
    sizes = [(min(sum(counts[image] * (counts[image] - 1) for image in draw), budget * 4),
              sum(counts[image] for image in draw)) for draw in draws]
    chosen = [counts[image] for image in largest_draw(split, 4, budget)]
    assert (min(sum(count * (count - 1) for count in chosen), budget * 4), sum(chosen)) == max(sizes)


@pytest.mark.parametrize(("training", "changes"), [
    ({"batch_size": 8}, [{"training.recompute_box_heads": True}, {"training.accumulate": 2},
                         {"training.recompute_box_heads": True, "training.accumulate": 2}, {"training.batch_size": 4}]),
    ({"batch_size": 8, "accumulate": 8, "recompute_box_heads": True}, []),
    ({"batch_size": 1}, [{"training.recompute_box_heads": True}]),
    ({"batch_size": 6, "accumulate": 2, "recompute_box_heads": True}, [{"training.accumulate": 4},
                                                                       {"training.batch_size": 3}])])
def test_smaller_steps(training, changes):
    assert smaller_steps(validate({"data": {"name": "toy"}, "training": training})) == changes


def test_smaller_steps_are_smaller(experiment):
    one = experiment()
    before = step_memory(one).peak
    for change in smaller_steps(one.config):
        training = {key.removeprefix("training."): value for key, value in change.items()}
        after = experiment(training=training)
        assert step_memory(after).peak < before, change


@pytest.mark.parametrize(("sections", "same"), [
    ({"training": {"learning_rate": 0.5}}, True), ({"loss": {"kind": "baseline"}}, True),
    ({"augmentation": {"kind": "gan", "perturb": {"method": "graphn", "alpha": 9}}}, True),
    ({"training": {"batch_size": 7}}, False), ({"model": {"head": {"hidden_dim": 7}}}, False),
    ({"augmentation": "off"}, False), ({"training": {"recompute_box_heads": True}}, False)])
def test_memory_key(sections, same):
    plain = {"data": {"name": "toy"}, "augmentation": {"kind": "gan"}}
    assert (memory_key(validate({**plain, **sections})) == memory_key(validate(plain))) is same
