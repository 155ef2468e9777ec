"""Losses of generated scenes, on a few toy pictures."""

import pytest
import torch

from sgg import build
from sgg.config import validate
from sgg.data import open_dataset
from sgg.losses import edge_loss
from sgg.models.detector import Detector
from sgg.models.scene_graph import most_likely_labels
from sgg.steps import Randomness


@pytest.fixture
def trial(toy_root):
    """Networks with a frequency bias, and a scene, for some settings of the GAN."""
    def made(**gan):
        data = open_dataset("toy", toy_root)
        config = validate({
            "data": {"name": "toy", "root": str(toy_root), "train_images": 4}, "training": {"batch_size": 4},
            "model": {"frequency_bias": "add"}, "gan": {"enabled": True, "visual_conditioning": False, **gan}})
        ground = build.Ground(config, data, Detector("tiny", len(data.classes)), "0123", None)
        run = build.build_run(ground)
        run.model.eval()  # or dropout would differ from call to call
        run.gan.eval()
        batch = next(ground.training_batches().epoch(1))
        scene = run.step.ask(batch, Randomness(*(torch.Generator().manual_seed(0) for _ in range(3))))
        return run, scene
    return made


@pytest.mark.parametrize("biased", [False, True])
def test_the_frequency_bias_in_the_reconstruction(trial, biased) -> None:
    """The reference adds it on real features only; `gan.reconstruction_bias` adds it on generated ones too."""
    run, scene = trial(**({"reconstruction_bias": True} if biased else {}))
    objectives, model = run.step.objectives, run.model
    losses, fake = objectives("generator", scene, scene.labels, None)
    logits = {}
    for name, seen in (("real", scene), ("fake", fake)):
        nodes, edges = model.classify(seen.nodes, seen.edges, seen.seen.boxes, seen.seen.image_index, seen.pairs,
                                      seen.seen.frames)
        labels = most_likely_labels(nodes)[0]
        bias = model.frequency_bias(labels[seen.pairs[:, 0]], labels[seen.pairs[:, 1]])
        logits[name] = edges + bias if biased or name == "real" else edges
    torch.testing.assert_close(losses["rec/edges"], edge_loss(logits["fake"], scene.predicates, "dnorm"))
    torch.testing.assert_close(objectives("graph", scene)["edges"],
                               edge_loss(logits["real"], scene.predicates, "dnorm"))


def test_without_a_frequency_bias_the_switch_does_nothing(trial) -> None:
    run, scene = trial()
    run.model.frequency_bias = None
    losses = []
    for switch in (False, True):
        run.step.objectives.settings = replace_bias(run.step.objectives.settings, switch)
        losses.append(run.step.objectives("generator", scene, scene.labels, None)[0]["rec/edges"])
    assert torch.equal(*losses)


def replace_bias(settings, switch: bool):
    return settings.model_copy(update={"reconstruction_bias": switch})
