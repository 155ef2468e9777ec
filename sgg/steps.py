"""One update of the scene-graph model F, the generator G and the discriminators D (docs/SYSTEM.md sections 2 to 4).

Per batch: F on the real features; G, and F on the generated features; D. Knyazev et al., ICCV 2021, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sgg import parallel
from sgg.config import Config
from sgg.features import FeatureStore
from sgg.features.store import PendingSample
from sgg.gan.perturb import Perturber
from sgg.inference import detect, observe, overlapping_pairs
from sgg.models.assignment import assign
from sgg.models.detector import Detector
from sgg.models.sampling import training_pairs
from sgg.objectives import Losses, Objectives, Scene
from sgg.structures import Batch


@dataclass(frozen=True, slots=True)
class Randomness:
    """The generators that one epoch's updates draw from."""

    pairs: torch.Generator
    perturb: torch.Generator
    visual: torch.Generator


class TrainingStep:
    """Everything that happens to one batch; `__call__` returns the losses by name.

    optimizers: `model` of F and, where there is a GAN, `generator` and `discriminators`. perturber: changes the labels
    that G is given, None to keep them. store: the real features that G is conditioned on, None for no conditioning.
    """

    def __init__(self, detector: Detector, objectives: Objectives, optimizers: dict[str, torch.optim.Optimizer],
                 config: Config, perturber: Perturber | None = None, store: FeatureStore | None = None):
        self.detector, self.optimizers, self.perturber, self.store = detector, optimizers, perturber, store
        self.model, self.gan, self.terms = objectives.model, objectives.gan, config.gan.terms
        self.objectives: nn.Module = parallel.distributed(objectives)
        self.settings, self.sampled = config.training, config.model

    def __call__(self, batch: Batch, randomness: Randomness, fallbacks: list[int] | None = None) -> Losses:
        """Update every network on `batch`, which is on the device of the networks.

        fallbacks: gets the number of images for which SGDet's detector had to lower its score threshold.

        Raises FloatingPointError where F's gradient is not finite, with F's parameters as they were before that update.
        """
        scene = self.ask(batch, randomness)
        if fallbacks is not None:
            fallbacks.append(scene.seen.fallbacks)
        # BatchNorm cannot train on one value; detections may leave fewer pairs.
        if parallel.total(torch.tensor(len(scene.pairs), device=scene.pairs.device)) < 2:
            return {}
        if self.gan is not None:
            labels, visual = self.imagine(scene, randomness)  # is read from the store while F is updated
        for _ in range(self.settings.f_updates):
            losses = self.update_graph(scene)
        if self.gan is not None:
            generated, fake = self.update_generator(scene, labels, visual)
            losses |= generated | (self.update_discriminators(scene, fake) if "D" in self.terms else {})
        return parallel.averaged(losses)

    def ask(self, batch: Batch, randomness: Randomness) -> Scene:
        """The batch as seen by the detector, with the pairs to classify."""
        if self.settings.mode == "sgdet":
            seen = detect(self.detector, batch)
            labels, relations = assign(seen.picture_boxes, seen.detected_labels, seen.image_index, batch.boxes,
                                       batch.labels, batch.image_index, batch.relations)
            background = overlapping_pairs(seen)
        else:
            seen, labels, relations, background = observe(self.detector, batch), batch.labels, batch.relations, None
        pairs, predicates = training_pairs(seen.image_index, relations, len(batch), self.sampled.pairs_per_image,
                                           self.sampled.foreground_share, randomness.pairs, background)
        with torch.no_grad():
            nodes, edges = self.model.features(seen.map, seen.boxes, seen.image_index, pairs)
        return Scene(seen, labels, relations, pairs, predicates, nodes, edges, seen.map)

    def imagine(self, scene: Scene, randomness: Randomness) -> tuple[Tensor, PendingSample | None]:
        """The perturbed labels [N], and a real feature of each one's class, to come."""
        labels = scene.labels
        if self.perturber is not None:
            labels = self.perturber.sample_batch(labels, scene.relations, scene.seen.image_index, randomness.perturb)
        return labels, None if self.store is None else self.store.request(labels.cpu(), randomness.visual,
                                                                                labels.device)

    def update_graph(self, scene: Scene) -> Losses:
        """One update of F on the real features."""
        losses = self.objectives("graph", scene)
        self.optimizers["model"].zero_grad(set_to_none=True)
        sum(losses.values()).backward()
        self._step_model()
        return losses

    def update_generator(self, real: Scene, labels: Tensor, visual: PendingSample | None) -> tuple[Losses, Scene]:
        """One update of G, and of F on what it generates, as far as `gan.terms` say; the generated scene too."""
        conditions = None if visual is None else visual.result()
        with torch.set_grad_enabled(not {"G", "rec"}.isdisjoint(self.terms)):
            losses, fake = self.objectives("generator", real, labels, conditions)
        if losses:
            self.optimizers["generator"].zero_grad(set_to_none=True)
            self.optimizers["model"].zero_grad(set_to_none=True)
            sum(losses.values()).backward()
            if "rec" in self.terms:
                self._step_model()
            self.optimizers["generator"].step()
        return losses, fake

    def update_discriminators(self, real: Scene, fake: Scene) -> Losses:
        """One update of D on both scenes."""
        losses = self.objectives("discriminators", real, fake)
        self.optimizers["discriminators"].zero_grad(set_to_none=True)  # G's update left gradients here
        sum(losses.values()).backward()
        self.optimizers["discriminators"].step()
        return losses

    def _step_model(self) -> None:
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_gradient)
        if not torch.isfinite(norm):
            raise FloatingPointError(f"the norm of the gradient is {norm.item()}")
        self.optimizers["model"].step()
