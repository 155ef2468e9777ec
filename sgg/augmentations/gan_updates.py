"""The updates of generator and discriminators, and of the scene-graph model on what the generator makes.

Knyazev et al., ICCV 2021, section 3; docs/SYSTEM.md section 4.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from sgg import parallel
from sgg.config.schema import GAN as GANSettings
from sgg.features import PendingSample
from sgg.gan import GAN
from sgg.gan.perturb import Perturber
from sgg.losses.adversarial import discriminator_loss, generator_loss
from sgg.methods.augmentation import FeatureSource
from sgg.systems.contract import Draws, Losses
from sgg.systems.two_stage.augmenter import Augmenter
from sgg.systems.two_stage.learner import GraphLearner
from sgg.systems.two_stage.sample import Sample


class GANAugmenter(Augmenter):
    """A generator G of feature maps for perturbed graphs, its discriminators D, and F on what G makes.

    perturber: changes the labels that G is given, None to keep them. features: the real features that G is conditioned
    on, None for no conditioning. Adam with betas (0, .9) trains both.
    """

    def __init__(self, gan: GAN, settings: GANSettings, perturber: Perturber | None = None,
                 features: FeatureSource | None = None) -> None:
        self.gan, self.settings, self.perturber, self.features = gan, settings, perturber, features
        self.networks: Mapping[str, nn.Module] = {"gan": gan}
        betas = (0.0, 0.9)
        self.optimizers: Mapping[str, torch.optim.Optimizer] = {
            "generator": torch.optim.Adam(gan.generator.parameters(), settings.learning_rate_generator, betas),
            "discriminators": torch.optim.Adam(gan.discriminators.parameters(), settings.learning_rate_discriminator,
                                               betas)}

    def request(self, sample: Sample, draws: Draws) -> tuple[Tensor, PendingSample | None]:
        """The perturbed labels [N], and a real feature of each one's class, to come."""
        labels = sample.labels
        if self.perturber is not None:
            labels = self.perturber.sample_batch(labels, sample.relations, sample.encoding.image_index,
                                                 draws["perturb"])
        return labels, None if self.features is None else self.features.request(labels.cpu(), draws["visual"],
                                                                                labels.device)

    def update(self, sample: Sample, requested: tuple[Tensor, PendingSample | None], learner: GraphLearner) -> Losses:
        """Update G, F on what it generates, and D, as far as the terms say."""
        generated, fake = self.update_generator(sample, *requested, learner)
        return generated | (self.update_discriminators(sample, fake, learner) if "D" in self.settings.terms else {})

    def update_generator(self, real: Sample, labels: Tensor, visual: PendingSample | None,
                         learner: GraphLearner) -> tuple[Losses, Sample]:
        """One update of G, and of F on what it generates, as far as the terms say; the generated sample too."""
        conditions = None if visual is None else visual.result()
        terms = self.settings.terms
        with torch.set_grad_enabled(not {"G", "rec"}.isdisjoint(terms)):
            losses, fake = learner.together(self.generator_losses, real, labels, conditions, learner)
        if losses:
            self.optimizers["generator"].zero_grad(set_to_none=True)
            learner.zero_grad()
            sum(losses.values()).backward()
            if "rec" in terms:
                learner.step()
            self.optimizers["generator"].step()
        return losses, fake

    def update_discriminators(self, real: Sample, fake: Sample, learner: GraphLearner) -> Losses:
        """One update of D on both samples."""
        losses = learner.together(self.discriminator_losses, real, fake)
        self.optimizers["discriminators"].zero_grad(set_to_none=True)  # G's update left gradients here
        sum(losses.values()).backward()
        self.optimizers["discriminators"].step()
        return losses

    def generator_losses(self, real: Sample, labels: Tensor, visual: Tensor | None,
                         learner: GraphLearner) -> tuple[Losses, Sample]:
        """G on the real graph with other `labels` [N]: its losses, and the generated sample, detached.

        visual: [N, channels, 7, 7] what G is conditioned on.
        """
        here = real.encoding
        # Relative to the padded square, so that an object is laid out where its box is pooled from.
        extent = here.image_sizes.flip(1).repeat(1, 2)[here.image_index]
        fake_map = self.gan.generate(labels, here.boxes / extent, real.relations, here.image_index, visual,
                                     len(here.image_sizes))
        fake = real.on_map(learner.model, learner.detector, fake_map, labels)
        losses: Losses = {}
        if "G" in self.settings.terms:
            for level, inputs in _inputs(fake).items():
                loss = generator_loss(self.gan.discriminators[level], inputs)
                losses[f"G/{level}"] = self.settings.adversarial_weight * loss * parallel.share(len(inputs[0]), loss)
        if "rec" in self.settings.terms:
            seen = fake if self.settings.attach_generator else fake.detached()
            reconstruction = learner.losses(seen, biased=self.settings.reconstruction_bias)
            losses |= {f"rec/{name}": value for name, value in reconstruction.items()}
        return losses, fake.detached()

    def discriminator_losses(self, real: Sample, fake: Sample) -> Losses:
        """D of each level, on both samples."""
        reals, fakes, losses = _inputs(real), _inputs(fake), {}
        for level, discriminator in self.gan.discriminators.items():
            loss = discriminator_loss(discriminator, reals[level], fakes[level])
            losses[f"D/{level}"] = self.settings.adversarial_weight * loss * parallel.share(len(reals[level][0]), loss)
        return losses


def _inputs(sample: Sample) -> dict[str, tuple[Tensor, ...]]:
    """What each level's discriminator sees."""
    return {"nodes": (sample.nodes, sample.labels), "edges": (sample.edges, sample.hard_predicates),
            "global": (sample.map,)}
