"""The second update of a step, on the batch into which features of real relations have been mixed.

Li et al., ICCV 2023; docs/SYSTEM.md section 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Generator, Tensor

from sgg.common import distributed as parallel
from sgg.common.precision import full
from sgg.data.annotations import Annotations
from sgg.losses.total import total
from sgg.methods.augmentation import AugmentationParts, PendingFeatures
from sgg.models.sampling import Budget, uniform_pairs
from sgg.systems.contract import Draws, Losses
from sgg.systems.two_stage.augmenter import Augmenter
from sgg.systems.two_stage.learner import GraphLearner, added
from sgg.systems.two_stage.sample import Plan, Sample
from sgg.systems.two_stage.totals import Totals, mean_scale

from . import FeatureMixing
from .blend import Blend
from .choice import Choice
from .contrast import contrastive_loss


@dataclass(frozen=True, slots=True)
class Mix:
    """What is mixed into a sample.

    plan: of the mixed sample. counts: its own and the number of changed objects. renewed: [D] objects whose
    features are those that `of_classes` [D, channels, 7, 7] reads; None without perturbation. relations: reads those of
    M relations that are mixed in and of Q that replace an object, [M + Q, 3, channels, 7, 7]. nodes, edges: the blends
    of the features of objects and pairs. replaced: [Q] objects; roles: [Q] the region of the relation that takes the
    place of each. changed: [.] all changed objects.
    """

    plan: Plan
    counts: tuple[float, ...]
    renewed: Tensor
    of_classes: PendingFeatures | None
    relations: PendingFeatures
    nodes: Blend
    edges: Blend
    replaced: Tensor
    roles: Tensor
    changed: Tensor


class FeatureMixer(Augmenter):
    """Mixes features of a bank into batches, and trains F on these too. It has no networks.

    choice: decides what is mixed in. parts: with the sources of real features.
    """

    def __init__(self, choice: Choice, settings: FeatureMixing, parts: AugmentationParts) -> None:
        self.choice, self.settings, self._parts = choice, settings, parts
        self._perturber = settings.perturb.build(parts.statistics)

    def repeats(self, annotations: Annotations) -> np.ndarray | None:
        """Images with rare predicates occur more often."""
        return self.choice.resampling.repeats(annotations) if self.settings.repeat_below else None

    def sample_pairs(self, relations: Tensor, background: Tensor, budget: Budget,
                     generator: Generator) -> tuple[Tensor, Tensor] | None:
        """Without the relations that are dropped; among the others the choice is uniform."""
        if not len(relations) or not (self.settings.repeat_below and self.settings.drop):
            return None
        kept = torch.from_numpy(self.choice.resampling.kept(relations.numpy(), int(relations[:, 0].max()) + 1,
                                                            _uniform(len(relations), generator)))
        rows, others = uniform_pairs(len(kept), len(background), budget, generator)
        return kept[rows], others

    def request(self, plan: Plan, draws: Draws) -> Mix:
        """Choose what is mixed into the sample of a plan, and begin to read it."""
        share, device, sources = self.settings.share, self._parts.device, self._parts
        labels = self._perturbed(plan, draws["perturb"])
        chosen = self.choice(plan, labels.numpy(), lambda count: _uniform(count, draws["mix"]))
        mixed = replace(plan, labels=torch.from_numpy(chosen.labels), pairs=torch.from_numpy(chosen.pairs),
                        predicates=torch.from_numpy(chosen.targets), hard=torch.from_numpy(chosen.predicates),
                        related=torch.from_numpy(chosen.related))
        renewed = (labels != plan.labels).nonzero()[:, 0]
        ends = chosen.pairs[chosen.rows].reshape(-1)
        changed = np.unique(np.concatenate([ends, chosen.replaced, renewed.numpy()]))
        assert sources.relations is not None  # as asked for
        of_classes = None
        if sources.features is not None:
            of_classes = sources.features.request(labels[renewed], draws["visual"], device)
        blends = Blend.of(ends, len(labels), share), Blend.of(chosen.rows, len(chosen.pairs), share)
        return Mix(mixed, (*mixed.counts, len(changed)), renewed, of_classes,
                   sources.relations.request(np.concatenate([chosen.mixed, chosen.replacing]), device), *blends,
                   torch.from_numpy(chosen.replaced), torch.from_numpy(chosen.roles), torch.from_numpy(changed))

    def _perturbed(self, plan: Plan, generator: Generator) -> Tensor:
        """[N] the perturbed classes. Detections that show no object keep theirs, 0."""
        if self._perturber is None:
            return plan.labels
        known, relations, labels = plan.labels > 0, plan.relations.clone(), plan.labels.clone()
        relations[:, 1:3] = (known.cumsum(0) - 1)[relations[:, 1:3]]
        labels[known] = self._perturber.sample_batch(labels[known], relations, plan.encoding.image_index[known],
                                                     generator)
        return labels

    def update(self, samples: Sequence[Sample], requested: Sequence[Mix], learner: GraphLearner) -> Losses:
        """One update of F on the mixed batch."""
        sums = parallel.totals([mix.counts for mix in requested], self._parts.device)
        *counts, changed = map(sum, zip(*sums, strict=True))
        totals, losses = Totals.of(*counts), list[Losses]()
        learner.zero_grad()
        for sample, mix in zip(samples, requested, strict=True):
            losses.append(learner.together(self.losses, sample, mix, totals, int(changed), learner))
            total(losses[-1].values()).backward()
        learner.step()
        return added(losses)

    def losses(self, sample: Sample, mix: Mix, totals: Totals, changed: int, learner: GraphLearner) -> Losses:
        """The losses of F on the mixed sample; where labels are predicted, also the contrastive loss against the
        original. totals, changed: numbers in the whole batch, `changed` of changed objects."""
        mixed = self.mixed(sample, mix, totals, learner)
        outputs = learner.outputs(mixed)
        losses = {f"mixed/{name}": value for name, value in learner.losses_of(outputs, mixed).items()}
        if self.settings.contrast and learner.mode != "predcls":
            rows = mix.changed.to(sample.labels.device, non_blocking=True)
            both = [full(one.label_logits)[rows] for one in (outputs, learner.outputs(sample))]
            losses["mixed/contrast"] = (self.settings.contrast * contrastive_loss(*both)
                                        * mean_scale(len(rows), changed))
        return losses

    @staticmethod
    @torch.no_grad()
    def mixed(sample: Sample, mix: Mix, totals: Totals, learner: GraphLearner) -> Sample:
        """The mixed sample: features of objects and pairs after pooling, before the box heads."""
        device = sample.labels.device
        fresh = replace(mix.plan, encoding=sample.encoding).sample(learner.model, device, totals)
        nodes, logits = fresh.nodes, fresh.logits
        renewed, replaced, roles = (one.to(device, non_blocking=True) for one in (mix.renewed, mix.replaced, mix.roles))
        given, replacing = mix.relations.result().to(nodes).tensor_split([len(mix.edges.rows)])
        replacing = replacing[torch.arange(len(roles), device=device), roles]
        taken = [(replaced, replacing)]
        if mix.of_classes is not None:
            of_classes = mix.of_classes.result().to(nodes)
            taken.insert(0, (renewed, of_classes))
            nodes = nodes.index_copy(0, renewed, of_classes)
        nodes = mix.nodes(nodes, given[:, :2].flatten(0, 1)).index_copy(0, replaced, replacing)
        if logits is not None:
            for rows, features in taken:
                logits = logits.index_copy(0, rows, learner.detector.logits_of(features))
        return replace(fresh, nodes=nodes, edges=mix.edges(fresh.edges, given[:, 2]), logits=logits)


def _uniform(count: int, generator: Generator) -> np.ndarray:
    """[count] random numbers in [0, 1)."""
    return torch.rand(count, generator=generator, dtype=torch.float64).numpy()
