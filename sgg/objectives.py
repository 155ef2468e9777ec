"""What a batch is scored by: the losses of the scene-graph model F, the generator G and the discriminators D.

Knyazev et al., ICCV 2021, section 3. `sgg/steps.py` says which of them updates what, and when.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from sgg import parallel
from sgg.config import Config
from sgg.gan import GAN
from sgg.inference import Observation
from sgg.losses import edge_loss, node_loss
from sgg.losses.adversarial import discriminator_loss, generator_loss
from sgg.models.scene_graph import SceneGraphModel, most_likely_labels

Losses = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Scene:
    """A training batch with what is asked about it.

    labels: [N] classes of the nodes. relations: [E, 4] of the annotation. pairs: [P, 2] and predicates: [P], 0 for
    background. nodes, edges: their visual features [.., channels, 7, 7]. map: that they are pooled from.
    """

    seen: Observation
    labels: Tensor
    relations: Tensor
    pairs: Tensor
    predicates: Tensor
    nodes: Tensor
    edges: Tensor
    map: Tensor

    def detached(self) -> Scene:
        """The same, which passes no gradient on."""
        return replace(self, nodes=self.nodes.detach(), edges=self.edges.detach(), map=self.map.detach())


class Objectives(nn.Module):
    """All losses of a trial. Each call names one of the methods below, `objectives("graph", scene)`, so that one
    wrapper, DistributedDataParallel, serves them all.

    autocast: makes the context that F runs in.
    """

    def __init__(self, model: SceneGraphModel, gan: GAN | None, config: Config, autocast: Callable[[], Any]):
        super().__init__()
        self.model, self.gan, self.autocast = model, gan, autocast
        self.edge, self.settings, self.mode = config.loss, config.gan, config.training.mode

    def forward(self, which: str, *inputs: Any) -> Any:
        """What the method `which` makes of `inputs`."""
        return {"graph": self.graph, "generator": self.generator, "discriminators": self.discriminators}[which](*inputs)

    def graph(self, scene: Scene, biased: bool = True) -> Losses:
        """F on a scene: node loss and edge loss. On generated features they reconstruct what these were made from.

        biased: with the model's frequency bias, where it has one.
        """
        with self.autocast():
            node_logits, edge_logits = self.model.classify(
                scene.nodes, scene.edges, scene.seen.boxes, scene.seen.image_index, scene.pairs, scene.seen.frames)
            if biased:
                labels = scene.labels if self.mode == "predcls" else most_likely_labels(node_logits.detach())[0]
                edge_logits = self.model.with_bias(edge_logits, labels, scene.pairs)
        nodes = node_loss(_full(node_logits), scene.labels) * parallel.share(len(scene.labels), node_logits)
        return {"nodes": nodes, "edges": self._edge_loss(_full(edge_logits), scene.predicates)}

    def generator(self, real: Scene, labels: Tensor, visual: Tensor | None) -> tuple[Losses, Scene]:
        """G on the real graph with other `labels` [N]: its losses, and the generated scene, detached.

        visual: [N, channels, 7, 7] what G is conditioned on.
        """
        seen = real.seen
        # Relative to the padded square, so that an object is laid out where its box is pooled from.
        extent = seen.frames.flip(1).repeat(1, 2)[seen.image_index]
        fake_map = self.gan.generate(labels, seen.boxes / extent, real.relations, seen.image_index, visual,
                                     len(seen.frames))
        nodes, edges = self.model.features(fake_map, seen.boxes, seen.image_index, real.pairs)
        fake = replace(real, labels=labels, nodes=nodes, edges=edges, map=fake_map)
        losses: Losses = {}
        if "G" in self.settings.terms:
            for level, inputs in _inputs(fake).items():
                loss = generator_loss(self.gan.discriminators[level], inputs)
                losses[f"G/{level}"] = self.settings.adversarial_weight * loss * parallel.share(len(inputs[0]), loss)
        if "rec" in self.settings.terms:
            scene = fake if self.settings.attach_generator else fake.detached()
            reconstruction = self.graph(scene, biased=self.settings.reconstruction_bias)
            losses |= {f"rec/{name}": value for name, value in reconstruction.items()}
        return losses, fake.detached()

    def discriminators(self, real: Scene, fake: Scene) -> Losses:
        """D of each level, on both scenes."""
        reals, fakes, losses = _inputs(real), _inputs(fake), {}
        for level, discriminator in self.gan.discriminators.items():
            loss = discriminator_loss(discriminator, reals[level], fakes[level])
            losses[f"D/{level}"] = self.settings.adversarial_weight * loss * parallel.share(len(reals[level][0]), loss)
        return losses

    def _edge_loss(self, logits: Tensor, predicates: Tensor) -> Tensor:
        foreground = (predicates > 0).sum()
        totals = parallel.total(torch.stack([foreground, len(predicates) - foreground])).tolist()
        settings = self.edge
        loss = edge_loss(logits, predicates, settings.kind, settings.foreground_weight, settings.background_weight,
                         settings.scale, totals=totals)
        return loss * parallel.num_workers()  # of the whole batch, and to be averaged


def _full(logits: Tensor) -> Tensor:
    """In float32 where autocast made them bfloat16."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _inputs(scene: Scene) -> dict[str, tuple[Tensor, ...]]:
    """What each level's discriminator sees."""
    return {"nodes": (scene.nodes, scene.labels), "edges": (scene.edges, scene.predicates), "global": (scene.map,)}
