"""One update of the scene-graph model F, the generator G and the discriminators D (SPEC sections 2 to 4).

Per batch: F on the real features; G, and F on the generated features; D. Knyazev et al., ICCV 2021, section 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sgg.config.schema import GAN as GANSettings
from sgg.config.schema import Config, Loss
from sgg.features import FeatureStore
from sgg.gan import GAN
from sgg.gan.perturb import Perturber
from sgg.inference import Observation, detect, observe, overlapping_pairs
from sgg.losses import edge_loss, node_loss
from sgg.losses.adversarial import discriminator_loss, generator_loss
from sgg.models.assignment import assign
from sgg.models.detector import Detector
from sgg.models.sampling import training_pairs
from sgg.models.scene_graph import SceneGraphModel, most_likely_labels
from sgg.structures import Batch

Losses = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Scene:
    """A training batch with what is asked about it.

    labels: [N] classes of the nodes. pairs: [P, 2] and predicates: [P], 0 for background. nodes, edges: their visual
    features [.., channels, 7, 7].
    """

    seen: Observation
    labels: Tensor
    pairs: Tensor
    predicates: Tensor
    nodes: Tensor
    edges: Tensor


@dataclass(frozen=True, slots=True)
class Randomness:
    """The generators that one epoch's updates draw from."""

    pairs: torch.Generator
    perturb: torch.Generator
    visual: torch.Generator


class GraphUpdate:
    """Updates F on a scene: node loss + edge loss, gradient clipped.

    `loss` is also what reconstructs a scene from generated features.
    """

    def __init__(self, model: SceneGraphModel, optimizer: torch.optim.Optimizer, loss: Loss, mode: str, clip: float,
                 autocast: Callable[[], torch.autocast]):
        self.model, self.optimizer, self.settings, self.mode, self.clip = model, optimizer, loss, mode, clip
        self.autocast = autocast

    def __call__(self, scene: Scene) -> Losses:
        """One update on `scene`; returns its losses."""
        losses = self.losses(scene)
        self.optimizer.zero_grad(set_to_none=True)
        sum(losses.values()).backward()
        self.apply()
        return losses

    def losses(self, scene: Scene) -> Losses:
        """Node and edge loss of a scene."""
        with self.autocast():
            node_logits, edge_logits = self.model.classify(
                scene.nodes, scene.edges, scene.seen.boxes, scene.seen.image_index, scene.pairs, scene.seen.frames)
            labels = scene.labels if self.mode == "predcls" else most_likely_labels(node_logits.detach())[0]
            edge_logits = self.model.with_bias(edge_logits, labels, scene.pairs)
        edges = edge_loss(edge_logits.float(), scene.predicates, self.settings.kind, self.settings.foreground_weight,
                          self.settings.background_weight, self.settings.scale)
        return {"nodes": node_loss(node_logits.float(), scene.labels), "edges": edges}

    def apply(self) -> None:
        """Step along the gradients there are, clipped.

        Raises FloatingPointError, with the parameters untouched, where they are not finite.
        """
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        if not torch.isfinite(norm):
            raise FloatingPointError(f"the norm of the gradient is {norm.item()}")
        self.optimizer.step()


class AdversarialUpdate:
    """Updates G and D, and F on what G makes, from one real scene."""

    def __init__(self, gan: GAN, settings: GANSettings, graph_update: GraphUpdate, optimizer_g: torch.optim.Optimizer,
                 optimizer_d: torch.optim.Optimizer, perturber: Perturber | None, store: FeatureStore | None):
        self.gan, self.settings, self.graph = gan, settings, graph_update
        self.optimizer_g, self.optimizer_d = optimizer_g, optimizer_d
        self.perturber, self.store = perturber, store

    def __call__(self, real: Scene, batch: Batch, randomness: Randomness) -> Losses:
        """One update of each network that `settings.terms` names; returns the losses."""
        fake, fake_map = self.generate(real, batch, randomness)
        losses: Losses = {}
        if "G" in self.settings.terms or "rec" in self.settings.terms:
            losses |= self._update_generator(fake, fake_map)
        if "D" in self.settings.terms:
            losses |= self._update_discriminators(real, fake, fake_map)
        return losses

    def generate(self, real: Scene, batch: Batch, randomness: Randomness) -> tuple[Scene, Tensor]:
        """The scene with perturbed labels and generated features, and the generated map."""
        labels = real.labels
        if self.perturber is not None:
            labels = self.perturber.sample_batch(labels, batch.relations, batch.image_index, randomness.perturb)
        visual = None if self.store is None else self.store.sample(labels.cpu(), randomness.visual).to(labels.device)
        # Relative to the padded square, so that an object is laid out where its box is pooled from.
        extent = real.seen.frames.flip(1).repeat(1, 2)[batch.image_index]
        fake_map = self.gan.generate(labels, real.seen.boxes / extent, batch.relations, batch.image_index, visual,
                                     len(batch))
        nodes, edges = self.graph.model.features(fake_map, real.seen.boxes, batch.image_index, real.pairs)
        return replace(real, labels=labels, nodes=nodes, edges=edges), fake_map

    def _update_generator(self, fake: Scene, fake_map: Tensor) -> Losses:
        losses: Losses = {}
        if "G" in self.settings.terms:
            for level, features in self._inputs(fake, fake_map).items():
                loss = generator_loss(self.gan.discriminators[level], features)
                losses[f"G/{level}"] = self.settings.adversarial_weight * loss
        if "rec" in self.settings.terms:
            attached = self.settings.attach_generator
            scene = fake if attached else replace(fake, nodes=fake.nodes.detach(), edges=fake.edges.detach())
            losses |= {f"rec/{name}": value for name, value in self.graph.losses(scene).items()}
        self.optimizer_g.zero_grad(set_to_none=True)
        self.graph.optimizer.zero_grad(set_to_none=True)
        sum(losses.values()).backward()
        if "rec" in self.settings.terms:
            self.graph.apply()
        self.optimizer_g.step()
        return losses

    def _update_discriminators(self, real: Scene, fake: Scene, fake_map: Tensor) -> Losses:
        real_inputs, fake_inputs = self._inputs(real, real.seen.map), self._inputs(fake, fake_map)
        losses = {f"D/{level}": self.settings.adversarial_weight
                  * discriminator_loss(discriminator, real_inputs[level], fake_inputs[level])
                  for level, discriminator in self.gan.discriminators.items()}
        self.optimizer_d.zero_grad(set_to_none=True)  # G's update left gradients here
        sum(losses.values()).backward()
        self.optimizer_d.step()
        return losses

    def _inputs(self, scene: Scene, feature_map: Tensor) -> dict[str, tuple[Tensor, ...]]:
        return {"nodes": (scene.nodes, scene.labels),
                "edges": (scene.edges, scene.predicates),
                "global": (feature_map,)}


class TrainingStep:
    """Everything that happens to one batch; `__call__` returns the losses by name.

    f_updates: how often F is updated on the real batch.
    """

    def __init__(self, detector: Detector, graph_update: GraphUpdate, adversarial: AdversarialUpdate | None,
                 config: Config):
        self.detector, self.graph, self.adversarial = detector, graph_update, adversarial
        self.pairs_per_image, self.foreground_share = config.model.pairs_per_image, config.model.foreground_share
        self.f_updates = config.training.f_updates

    def __call__(self, batch: Batch, randomness: Randomness) -> Losses:
        """Update every network on `batch`, which is on the device of the networks."""
        scene = self.ask(batch, randomness)
        if len(scene.pairs) < 2:  # BatchNorm cannot train on one value; detections may leave fewer pairs
            return {}
        for _ in range(self.f_updates):
            losses = self.graph(scene)
        if self.adversarial is not None:
            losses = losses | self.adversarial(scene, batch, randomness)
        return {name: value.detach() for name, value in losses.items()}

    def ask(self, batch: Batch, randomness: Randomness) -> Scene:
        """The batch as seen by the detector, with the pairs to classify."""
        if self.graph.mode == "sgdet":
            seen = detect(self.detector, batch)
            labels, relations = assign(seen.picture_boxes, seen.detected_labels, seen.image_index, batch.boxes,
                                       batch.labels, batch.image_index, batch.relations)
            background = overlapping_pairs(seen)
        else:
            seen, labels, relations, background = observe(self.detector, batch), batch.labels, batch.relations, None
        pairs, predicates = training_pairs(seen.image_index, relations, len(batch), self.pairs_per_image,
                                           self.foreground_share, randomness.pairs, background)
        with torch.no_grad():
            nodes, edges = self.graph.model.features(seen.map, seen.boxes, seen.image_index, pairs)
        return Scene(seen, labels, pairs, predicates, nodes, edges)
