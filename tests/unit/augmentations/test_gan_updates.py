"""Losses of generated scenes, on a few toy images."""

import pytest
import torch

from sgg.config import validate
from sgg.losses import edge_loss
from sgg.models.scene_graph import most_likely_labels
from sgg.systems.contract import Draws
from tests.untrained import untrained


@pytest.fixture
def trial(toy_root):
    """Networks with a frequency bias, and a scene, for some settings of the GAN."""
    def made(**gan):
        config = validate({
            "data": {"name": "toy", "root": str(toy_root), "train_images": 4}, "training": {"batch_size": 4},
            "model": {"frequency_bias": "add"}, "augmentation": {"kind": "gan", "visual_conditioning": False, **gan}})
        foundation = untrained(config, toy_root)
        system = foundation.build()
        for network in system.networks.values():
            network.eval()  # or dropout would differ from call to call
        batch = next(foundation.experiment.training_batches().epoch(1))
        return system, system.plan(batch, Draws(0, 1)).sample(system.model, system.device)
    return made


@pytest.mark.parametrize("biased", [False, True])
def test_generator_losses_with_the_frequency_bias_in_the_reconstruction(trial, biased) -> None:
    """The reference adds the bias on real features only; `augmentation.reconstruction_bias` also adds it on generated
    features."""
    system, sample = trial(**({"reconstruction_bias": True} if biased else {}))
    learner, model = system.learner, system.model
    losses, fake = system.augmenter.generator_losses(sample, sample.labels, None, learner, ("G", "rec"))
    logits = {}
    for name, seen in (("real", sample), ("fake", fake)):
        outputs = model.classify(seen.nodes, seen.edges, seen.encoding.boxes, seen.encoding.image_index, seen.pairs,
                                 seen.encoding.image_sizes)
        edges = outputs.predicate_logits
        labels = most_likely_labels(outputs.label_logits)[0]
        bias = model.frequency_bias(labels[seen.pairs[:, 0]], labels[seen.pairs[:, 1]])
        logits[name] = edges + bias if biased or name == "real" else edges
    torch.testing.assert_close(losses["rec/edges"], edge_loss(logits["fake"], sample.predicates, "dnorm"))
    torch.testing.assert_close(learner.losses(sample)["edges"],
                               edge_loss(logits["real"], sample.predicates, "dnorm"))


def test_generator_losses_without_a_frequency_bias_ignore_the_switch(trial) -> None:
    system, sample = trial()
    system.model.frequency_bias = None
    losses = []
    for switch in (False, True):
        augmenter = system.augmenter
        augmenter.settings = augmenter.settings.model_copy(update={"reconstruction_bias": switch})
        found, _ = augmenter.generator_losses(sample, sample.labels, None, system.learner, ("G", "rec"))
        losses.append(found["rec/edges"])
    assert torch.equal(*losses)


def test_update_generator_computes_no_gradient_of_the_discriminators(trial) -> None:
    """G's gradient is that of a pass in which all weights learn, and D's weights get none, which nobody would use."""
    system, sample = trial()
    gan, augmenter = system.augmenter.gan, system.augmenter
    losses, _ = augmenter.generator_losses(sample, sample.labels, None, system.learner, ("G", "rec"))
    weights = list(gan.generator.parameters())
    expected = torch.autograd.grad(sum(losses.values()), weights, allow_unused=True)
    augmenter.update_generator([sample], [(sample.labels, None)], system.learner)
    for weight, gradient in zip(weights, expected, strict=True):
        assert (weight.grad is None) == (gradient is None)
        assert gradient is None or torch.equal(weight.grad, gradient)
    assert all(weight.grad is None and weight.requires_grad for weight in gan.discriminators.parameters())
    augmenter.update_discriminators([sample], [sample], system.learner)
    assert any(weight.grad is not None for weight in gan.discriminators.parameters())
