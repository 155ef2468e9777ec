"""One update of all networks on a batch: F on the real features, then the updates of the augmentation.

docs/SYSTEM.md sections 2 to 4; Knyazev et al., ICCV 2021, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from sgg.common import distributed as parallel
from sgg.config import Config
from sgg.detector.model import Detector
from sgg.experiment.context import Experiment
from sgg.methods.edge_loss import EdgeLossFunction
from sgg.models.scene_graph import SceneGraphModel
from sgg.structures import Batch
from sgg.systems.contract import Draws, Foundation, Losses, StepResult
from sgg.systems.optimization import build_optimizer, rate_factor

from .augmenter import MODEL, Augmenter, repeats_of, sampled_pairs
from .learner import GraphLearner
from .predictor import TwoStagePredictor
from .sample import Plan, Sample, draw_plan
from .totals import Totals

PAIRS = 1
"""The place of the number of pairs in `Plan.counts`."""


class TwoStage(TwoStagePredictor):
    """A frozen detector, a scene-graph model F that learns on its features, and an augmentation.

    networks: `model`, which is F, and those of the augmentation.
    """

    def __init__(self, learner: GraphLearner, augmenter: Augmenter, config: Config, device: torch.device) -> None:
        super().__init__(learner.model, learner.detector, device)
        self.learner, self.augmenter = learner, augmenter
        self.networks: Mapping[str, nn.Module] = {**self.networks, **augmenter.networks}
        self.optimizers: Mapping[str, torch.optim.Optimizer] = {MODEL: learner.optimizer, **augmenter.optimizers}
        self.rates: Sequence[str] = ("training.learning_rate",
                                     *(f"augmentation.{name}" for name in config.augmentation.rates))
        self._base_rates = [group["lr"] for group in learner.optimizer.param_groups]
        self._settings, self._model_settings = config.training, config.model
        learner.together = parallel.Together(self.networks)

    @classmethod
    def assembled(cls, model: SceneGraphModel, detector: Detector, augmenter: Augmenter, edge_loss: EdgeLossFunction,
                  config: Config, device: torch.device) -> TwoStage:
        """The system of built parts, with the optimiser of F that the settings describe."""
        settings = config.training
        optimizer = build_optimizer(settings, model.parameter_groups(settings.learning_rate, settings.box_head_rate))
        return cls(GraphLearner(model, detector, edge_loss, optimizer, config, device), augmenter, config, device)

    def set_rates(self, done: int, steps_per_epoch: int) -> None:
        """Set the learning rates of F for the step that follows `done` steps. Those of the augmentation do not change.
        """
        factor = rate_factor(self._settings, done, steps_per_epoch)
        for group, rate in zip(self.optimizers[MODEL].param_groups, self._base_rates, strict=True):
            group["lr"] = rate * factor

    def repeats(self, experiment: Experiment) -> np.ndarray | None:
        """[I] how often each training image occurs in an epoch, as the augmentation decides. Raises MethodError where
        its numbers are wrong."""
        return repeats_of(self.augmenter, experiment.split("train").annotations)

    def train(self) -> None:
        """Put F into training mode. The networks of the augmentation are always in training mode."""
        self.model.train()

    def training_step(self, batch: Batch, draws: Draws) -> StepResult:
        """Update every network on `batch`. The losses of F are those of its last update (`training.f_updates`). The
        result has no losses where no part of the batch (`training.accumulate`) has two pairs. Where the gradient of F
        is not finite, F is not updated; the norms of the result show it.
        """
        plans = [self.plan(part, draws) for part in batch.split(self._parts(batch))]
        counts = {"fallbacks": sum(one.encoding.fallbacks for one in plans)} if self._settings.mode == "sgdet" else {}
        # BatchNorm cannot train on one value, and detections may give fewer than two pairs.
        sums = parallel.totals([one.counts for one in plans], self.device)
        kept = [(plan, numbers) for plan, numbers in zip(plans, sums, strict=True) if numbers[PAIRS] >= 2]
        if not kept:
            return StepResult({}, counts)
        totals = Totals.of(*map(sum, zip(*(numbers for _, numbers in kept), strict=True)))
        # Their features are read in the background while F is updated.
        requested = [self.augmenter.request(plan, draws) for plan, _ in kept]
        losses = self.advance([plan.sample(self.model, self.device, totals) for plan, _ in kept], requested)
        return StepResult(losses, counts, self.learner.take_norms())

    def plan(self, batch: Batch, draws: Draws) -> Plan:
        """Encode the batch with the detector and sample the pairs to classify."""
        settings = self._model_settings
        return draw_plan(batch, self._settings.mode, self.detector, self.model.needs, settings.pairs_per_image,
                         settings.foreground_share, draws["pairs"], partial(sampled_pairs, self.augmenter))

    def advance(self, samples: Sequence[Sample], requested: Sequence[Any]) -> Losses:
        """Every update of a step, on samples that are on the device. Nothing here waits for the device."""
        losses: Losses = {}
        for _ in range(self._settings.f_updates):
            losses = self.learner.update(samples)
        return parallel.averaged(losses | self.augmenter.update(samples, requested, self.learner))

    def measure(self, foundation: Foundation, epoch: int) -> Mapping[str, float]:
        """What the augmentation measures of itself after an epoch, by process 0."""
        return self.augmenter.measure(foundation, self.learner, epoch) if parallel.rank() == 0 else {}

    def _parts(self, batch: Batch) -> int:
        """The number of parts of a batch: the same on every process."""
        wanted = min(self._settings.accumulate, len(batch))
        return wanted if self._settings.accumulate == 1 else parallel.least(wanted, self.device)
