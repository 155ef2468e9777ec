"""The scene-graph model F during training: its losses and its updates (docs/SYSTEM.md sections 2 and 3)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from sgg.common import distributed as parallel
from sgg.common.precision import full
from sgg.config import Config
from sgg.detector.model import Detector
from sgg.losses import node_loss
from sgg.losses.total import total
from sgg.methods.edge_loss import EdgeContext, EdgeLossFunction, require_scalar
from sgg.methods.head import HeadOutputs
from sgg.models.scene_graph import SceneGraphModel
from sgg.systems.contract import Losses
from sgg.systems.optimization import clipped_step

from .sample import Sample
from .totals import mean_scale


class GraphLearner:
    """F with its losses and its optimiser.

    detector: frozen, on the device of F. edge_loss: scores the predicates. optimizer: of F. mode: of training. The
    owner sets `together`, which calls a function so that gradients are averaged over all processes that train together
    (`sgg.common.distributed.Together`).
    """

    together: parallel.Together

    def __init__(self, model: SceneGraphModel, detector: Detector, edge_loss: EdgeLossFunction,
                 optimizer: torch.optim.Optimizer, config: Config, device: torch.device) -> None:
        self.model, self.detector, self.optimizer = model, detector, optimizer
        self._norms: list[Tensor] = []
        self._edge_loss, self.mode, self._clip = edge_loss, config.training.mode, config.training.clip_gradient
        self._autocast: Callable[[], Any] = contextlib.nullcontext
        if config.training.autocast_bf16:
            self._autocast = partial(torch.autocast, device.type, torch.bfloat16)

    def losses(self, sample: Sample, biased: bool = True) -> Losses:
        """The losses of F on a sample: node loss, edge loss and the head's own. On generated features they are the
        reconstruction loss of the labels and predicates from which the features were generated.

        biased: use the frequency bias, if the model has one.
        """
        return self.losses_of(self.outputs(sample, biased), sample)

    def outputs(self, sample: Sample, biased: bool = True) -> HeadOutputs:
        """The outputs of F on a sample. biased: as in `losses`."""
        encoding, labels = sample.encoding, sample.labels
        with self._autocast():
            outputs: HeadOutputs = self.model(
                sample.nodes, sample.edges, encoding.boxes, encoding.image_index, sample.pairs, encoding.image_sizes,
                self.mode, labels if self.mode == "predcls" else None, biased=biased, detector_logits=sample.logits,
                class_boxes=encoding.class_boxes, target_labels=labels, target_predicates=sample.hard_predicates,
                related=sample.related_pairs, largest=encoding.largest)
        return outputs

    def losses_of(self, outputs: HeadOutputs, sample: Sample) -> Losses:
        """The losses of the outputs of F on a sample."""
        labels, whole = sample.labels, sample.whole
        scales = {"objects": mean_scale(len(labels), whole.objects),
                  "pairs": mean_scale(len(sample.pairs), whole.pairs),
                  "images": mean_scale(sample.num_images, whole.images)}
        assert outputs.labels is not None  # the model sets them
        subjects, objects = outputs.labels[sample.pairs[:, 0]], outputs.labels[sample.pairs[:, 1]]
        context = EdgeContext(subjects, objects, whole.foreground, whole.background)
        logits = full(outputs.predicate_logits)
        edges = require_scalar(self._edge_loss(logits, sample.predicates, context), self._edge_loss, logits)
        return {"nodes": node_loss(full(outputs.label_logits), labels) * scales["objects"],
                "edges": edges * parallel.num_workers(),  # divided by counts of the whole batch; then averaged
                **{f"head/{name}": full(value) * scales[outputs.units.get(name, "objects")]
                   for name, value in outputs.losses.items()}}

    def update(self, samples: Sequence[Sample]) -> Losses:
        """One update on a batch that is split into samples; their gradients are added. The update is that of `step`."""
        self.zero_grad()
        losses: list[Losses] = []
        for sample in samples:
            losses.append(self.together(self.losses, sample))
            total(losses[-1].values()).backward()
        self.step()
        return added(losses)

    def zero_grad(self) -> None:
        """Clear the gradients of F."""
        self.optimizer.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Clip the gradient of F and update F. Where the gradient is not finite, F stays as it is; `take_norms` shows
        that."""
        self._norms.append(clipped_step(self.optimizer, self._clip))

    def take_norms(self) -> list[Tensor]:
        """The gradient's norm in each update since the last call, scalars on the device of F."""
        norms, self._norms = self._norms, []
        return norms


def added(losses: Sequence[Losses]) -> Losses:
    """The losses of a batch, the sums of those of its samples, without gradient."""
    if len(losses) == 1:
        return losses[0]
    names = dict.fromkeys(name for one in losses for name in one)
    return {name: total(one[name].detach() for one in losses if name in one) for name in names}

