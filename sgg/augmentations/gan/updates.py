"""Updates of the generator, of the discriminators, and of the scene-graph model on generated features.

Knyazev et al., ICCV 2021, section 3; docs/SYSTEM.md section 4.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sgg.experiment.validation import is_due
from sgg.gan import GAN
from sgg.losses.adversarial import discriminator_loss, generator_loss
from sgg.losses.total import total
from sgg.methods.augmentation import FeatureSource, PendingFeatures
from sgg.perturbations.perturber import Perturber
from sgg.systems.contract import Draws, Foundation, Losses
from sgg.systems.two_stage.augmenter import Augmenter
from sgg.systems.two_stage.learner import GraphLearner, added
from sgg.systems.two_stage.sample import Plan, Sample
from sgg.systems.two_stage.totals import mean_scale

from . import GANAugmentation
from .curves import FeatureCurves
from .gate import RecognitionGate
from .generation import generated_map


class GANAugmenter(Augmenter):
    """A generator G of feature maps for perturbed graphs, its discriminators D, and F on the generated maps.

    perturber: changes the labels that G gets; None keeps them. features: the real features on which G is conditioned;
    None: G is not conditioned. Adam with betas (0, .9) trains both G and D.

    terms: the losses of a step. A frozen G is in evaluation mode: its BatchNorm has the statistics of its training, and
    changes no more.
    """

    def __init__(self, gan: GAN, settings: GANAugmentation, perturber: Perturber | None = None,
                 features: FeatureSource | None = None) -> None:
        self.gan, self.settings, self.perturber, self.features = gan, settings, perturber, features
        self.networks: Mapping[str, nn.Module] = {"gan": gan}
        self.gate = RecognitionGate(settings.reconstruct_above) if settings.reconstruct_above else None
        if self.gate is not None:
            self.networks = {**self.networks, "gate": self.gate.to(next(gan.parameters()).device)}
        self._curves: FeatureCurves | None = None
        self.terms = frozenset(settings.terms) - (frozenset({"D", "G"}) if settings.frozen else frozenset())
        self.learns = "G" in self.terms or ("rec" in self.terms and settings.attach_generator)
        if settings.frozen:
            gan.generator.eval()
        betas = (0.0, 0.9)
        self.optimizers: Mapping[str, torch.optim.Optimizer] = {
            "generator": torch.optim.Adam(gan.generator.parameters(), settings.learning_rate_generator, betas,
                                          fused=True),
            "discriminators": torch.optim.Adam(gan.discriminators.parameters(), settings.learning_rate_discriminator,
                                               betas, fused=True)}

    def request(self, plan: Plan, draws: Draws) -> tuple[Tensor, PendingFeatures | None]:
        """The perturbed labels [N], and a pending real feature of each of their classes."""
        if self.gate is not None:
            self.gate.begin(draws.epoch)
        labels = plan.labels
        if self.perturber is not None:
            labels = self.perturber.sample_batch(labels, plan.relations, plan.encoding.image_index, draws["perturb"])
        device = next(self.gan.parameters()).device
        pending = None if self.features is None else self.features.request(labels, draws["visual"], device)
        return labels.to(device, non_blocking=True), pending

    def update(self, samples: Sequence[Sample], requested: Sequence[tuple[Tensor, PendingFeatures | None]],
               learner: GraphLearner) -> Losses:
        """Update G, F on the generated features, and D, as the terms say. The losses are those of the last updates."""
        inputs = [(labels, None if visual is None else visual.result()) for labels, visual in requested]
        reconstructs = "rec" in self.terms and (self.gate is None or self.gate.is_open)
        adversarial = not self.terms.isdisjoint({"D", "G"})  # else, as with a frozen G, nothing but F learns here
        losses: Losses = {}
        for left in reversed(range(self.settings.adversarial_updates if adversarial else 1)):
            losses, fakes = self.update_generator(samples, inputs, learner, reconstructs and not left)
            if "D" in self.terms:
                losses |= self.update_discriminators(samples, fakes, learner)
        return losses

    def measure(self, foundation: Foundation, learner: GraphLearner, epoch: int) -> Mapping[str, float]:
        """A point of the curves of feature quality, where `quality_every` asks for one after this epoch."""
        settings, training = self.settings, foundation.experiment.config.training
        if settings.quality_every is None or not is_due(epoch, settings.quality_every, training.epochs):
            return {}
        if self._curves is None:
            self._curves = FeatureCurves(foundation, learner.detector, self.features, settings.quality_images)
        learns = training.f_updates or "rec" in self.terms
        return self._curves.point(self.gan, learner.model if learns else None)

    def update_generator(self, reals: Sequence[Sample], inputs: Sequence[tuple[Tensor, Tensor | None]],
                         learner: GraphLearner, reconstructs: bool = True) -> tuple[Losses, list[Sample]]:
        """One update of G, and of F on generated features, as the terms say. Returns the losses and the generated
        samples.

        inputs: of each sample the labels [N], and the features [N, channels, 7, 7] on which G is conditioned.
        reconstructs: whether the term `rec` counts.
        """
        terms = self.terms - (set() if reconstructs else {"rec"})
        losses, fakes = [], []
        self.optimizers["generator"].zero_grad(set_to_none=True)
        learner.zero_grad()
        for real, (labels, visual) in zip(reals, inputs, strict=True):
            with torch.set_grad_enabled(not {"G", "rec"}.isdisjoint(terms)), without_gradient(self.gan.discriminators):
                of_sample, fake = learner.together(self.generator_losses, real, labels, visual, learner, terms)
            if self.gate is not None:
                self.gate.count(learner.detector.logits_of(fake.nodes), labels)
            fakes.append(fake)
            losses.append(of_sample)
            if of_sample:
                total(of_sample.values()).backward()
        if any(losses):
            if "rec" in terms:
                learner.step()
            self.optimizers["generator"].step()
        return added(losses), fakes

    def update_discriminators(self, reals: Sequence[Sample], fakes: Sequence[Sample], learner: GraphLearner) -> Losses:
        """One update of D on real and generated samples."""
        losses: list[Losses] = []
        self.optimizers["discriminators"].zero_grad(set_to_none=True)
        for real, fake in zip(reals, fakes, strict=True):
            losses.append(learner.together(self.discriminator_losses, real, fake))
            total(losses[-1].values()).backward()
        self.optimizers["discriminators"].step()
        return added(losses)

    def generator_losses(self, real: Sample, labels: Tensor, visual: Tensor | None, learner: GraphLearner,
                         terms: Collection[str]) -> tuple[Losses, Sample]:
        """The losses of G on the real graph with other `labels` [N], and the generated sample, detached.

        visual: [N, channels, 7, 7] the features on which G is conditioned. terms: the losses to compute.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.learns):
            fake_map = generated_map(self.gan, real.encoding, labels, real.relations, visual)
            fake = real.on_map(learner.model, learner.detector, fake_map, labels)
        losses: Losses = {}
        if "G" in terms:
            for level, inputs in _inputs(fake).items():
                loss = generator_loss(self.gan.discriminators[level], inputs)
                losses[f"G/{level}"] = self.settings.adversarial_weight * loss * _scale_of(real, level)
        if "rec" in terms:
            sample = fake if self.settings.attach_generator else fake.detached()
            reconstruction = learner.losses(sample, biased=self.settings.reconstruction_bias)
            losses |= {f"rec/{name}": value for name, value in reconstruction.items()}
        return losses, fake.detached()

    def discriminator_losses(self, real: Sample, fake: Sample) -> Losses:
        """The loss of the discriminator of each level on both samples."""
        reals, fakes, losses = _inputs(real), _inputs(fake), {}
        for level, discriminator in self.gan.discriminators.items():
            loss = discriminator_loss(discriminator, reals[level], fakes[level])
            losses[f"D/{level}"] = self.settings.adversarial_weight * loss * _scale_of(real, level)
        return losses


@contextmanager
def without_gradient(network: nn.Module) -> Iterator[None]:
    """In the block gradients flow through a network, but its own weights get none. This saves a third of its work."""
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    for weight in weights:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in weights:
            weight.requires_grad_(True)


def _inputs(sample: Sample) -> dict[str, tuple[Tensor, ...]]:
    """The inputs of the discriminator of each level."""
    return {"nodes": (sample.nodes, sample.labels), "edges": (sample.edges, sample.hard_predicates),
            "global": (sample.map,)}


def _scale_of(sample: Sample, level: str) -> float:
    """The factor of the mean loss of a level over a sample, see `mean_scale`."""
    whole = sample.whole
    count, total = {"nodes": (len(sample.labels), whole.objects), "edges": (len(sample.pairs), whole.pairs),
                    "global": (sample.num_images, whole.images)}[level]
    return mean_scale(count, total)
