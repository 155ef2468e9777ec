"""All metrics of scene graph generation, in one pass over the images."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from numbers import Real
from operator import index
from typing import Any

import numpy as np

from sgg.common.metric_names import HARMONIC_MEANS, KS, ZERO_SHOT_SETS
from sgg.methods.head import Mode
from sgg.metrics.checks import ImageArrays, checked_arrays, checked_mode
from sgg.metrics.conventions import Conventions
from sgg.metrics.counted import CountedImages
from sgg.metrics.matching import MatchedImages
from sgg.metrics.ranking import matched_ranks
from sgg.metrics.recall import COUNTED, RANKED_KINDS, RecallTally, harmonic_mean, mean_recall, shot_subset
from sgg.metrics.tally import run_starts
from sgg.metrics.triplet import MAX_PREDICATES, ShotCounts, TripletTally, triplet_metrics
from sgg.structures import Array, Prediction, SceneGraph, to_numpy

BLOCK = 1 << 18
"""Predicate scores that are ranked together: enough to spread the cost of numpy calls, few enough to fit a cache."""
STATE_VERSION = 2
"""Version 1 has neither subsets beside COUNTED nor relative recall; its counts go on without them."""


class SceneGraphMetrics:
    """Recall and related metrics of one mode, for every subset and predicate weight, in one pass and bounded memory.

    mode: predcls (boxes and classes given), sgcls (boxes given) or sgdet. num_predicates: R, background included.
    train_triplets: training counts by (subject class, predicate, object class); they weigh the "-weighted" metrics.
    subset_triplets: the counts that decide zs, 10s and 100s; None: train_triplets. (For Visual Genome the test subsets
    count train and validation images, but the weights count training images alone: docs/SYSTEM.md section 1.) ks: the
    cut-offs K. predicate_weights: for each `pred_weight` x the weights [R] by which scores are divided; the unweighted
    scores (x = 0) are always evaluated. zero_shot_list: the triplets of `zs-list`; None: that subset is not measured.
    conventions: fields of `Conventions` by name that differ from the reference.

    watch: may be set to a function that gets the images each time when some have been counted.

    Raises ValueError, naming the argument, for an unknown mode, an empty training table, predicates out of range,
    cut-offs that are not positive integers, and weights that are not R positive numbers, or not 1 for x = 0.
    """

    def __init__(self, mode: str, num_predicates: int, train_triplets: Mapping[tuple[int, int, int], int],
                 subset_triplets: Mapping[tuple[int, int, int], int] | None = None,
                 ks: Sequence[int] = KS,
                 predicate_weights: Mapping[float, Array] | None = None,
                 zero_shot_list: Iterable[tuple[int, int, int]] | None = None, **conventions: Any) -> None:
        checked = checked_mode(mode)
        if not 2 <= num_predicates <= MAX_PREDICATES:
            raise ValueError(f"num_predicates must be in 2..{MAX_PREDICATES}, background included, "
                             f"got {num_predicates}")
        train = ShotCounts(train_triplets, num_predicates, "train_triplets")
        subset = train
        if subset_triplets is not None:
            subset = ShotCounts(subset_triplets, num_predicates, "subset_triplets")
        listed = None
        if zero_shot_list is not None:
            listed = ShotCounts.of_list(zero_shot_list, num_predicates, "zero_shot_list")
        self._build(checked, index(num_predicates), train, subset, ks, predicate_weights or {},
                    Conventions(**conventions), listed)

    def _build(self, mode: Mode, num_predicates: int, train: ShotCounts, subset: ShotCounts, ks: Sequence[int],
               weights: Mapping[float, Array], conventions: Conventions, listed: ShotCounts | None,
               version: int = STATE_VERSION) -> None:
        self.mode, self.num_predicates, self.conventions = mode, num_predicates, conventions
        self.ks = _checked_ks(ks)
        self.train, self.subset, self.zero_shot_list, self.version = train, subset, listed, version
        wanted = version > 1 and train != subset, listed is not None  # where train decides zs, zs-train is the same
        others = [name for name, measured in zip(ZERO_SHOT_SETS, wanted, strict=True) if measured]
        self.subsets = (*COUNTED, *others)
        self.weights = {0.0: np.ones(num_predicates)}
        for x, values in sorted(weights.items()):
            self.weights[float(x)] = _checked_weights(x, values, num_predicates)
        self.num_images = 0
        self._recall = RecallTally(num_predicates, self.ks, len(self.weights), len(others), relative=version > 1)
        self._triplets = TripletTally(len(self.weights))
        self.watch: Callable[[CountedImages], None] | None = None
        self._waiting: list[ImageArrays] = []
        self._names: list[object] = []
        self._num_waiting = 0

    def update(self, truth: SceneGraph, prediction: Prediction, image: object = None, failed: bool = False) -> None:
        """Count one image. An image without a relation changes only `num_images`.

        image: its name in messages; None: its number. failed: whether the detector found no two boxes that overlap, see
        `Conventions.failed_images_count`. An image without pairs that is not marked as failed has a recall of 0.

        Raises ValueError naming the argument, the image and the value: see `checks.checked_arrays`.
        """
        name = self.num_images if image is None else image
        arrays = checked_arrays(truth, prediction, self.mode, self.num_predicates, name)
        self.num_images += 1
        if not len(arrays.relations) or (failed and not self.conventions.failed_images_count):
            return
        if self._waiting and any(a.dtype != b.dtype for a, b in zip(arrays, self._waiting[0], strict=True)):
            self._count()  # the result of an image must not depend on the precision of other images
        # The caller may overwrite its arrays before they are counted.
        self._waiting.append(ImageArrays(*(array.copy() for array in arrays)))
        self._names.append(name)
        self._num_waiting += arrays.predicate_scores.size
        if self._num_waiting >= BLOCK:
            self._count()

    def _count(self) -> None:
        if not self._waiting:
            return
        matched = MatchedImages(self._waiting, self.mode, self.conventions)
        ranks = np.array([matched_ranks(matched, self.conventions, weights if x else None)
                          for x, weights in self.weights.items()])
        counts = self.subset(matched.triplets), self.train(matched.triplets)
        recalled = len(RANKED_KINDS)
        self._recall.add(matched.image, matched.predicates, counts[0], 1 / (counts[1] + 1), ranks[:, :recalled],
                         self._others(matched.triplets, counts[1]))
        self._triplets.add(matched.triplets, ranks[:, recalled])
        if self.watch is not None:
            self.watch(CountedImages(self._names, self._waiting, matched.image, counts[0], ranks[0, 1]))
        self._waiting, self._names, self._num_waiting = [], [], 0

    def _others(self, codes: np.ndarray, train_counts: np.ndarray) -> list[np.ndarray]:
        """For each subset after COUNTED, [E] whether it has each triplet."""
        inside = {"zs-train": train_counts == 0}
        if self.zero_shot_list is not None:
            inside["zs-list"] = self.zero_shot_list(codes) > 0
        return [inside[name] for name in self.subsets[len(COUNTED):]]

    def merge(self, other: SceneGraphMetrics) -> SceneGraphMetrics:
        """Add the counts of another process over other images. The result is exactly that of one process over all
        images.

        Raises ValueError naming the setting in which the two differ.
        """
        for setting in ("mode", "num_predicates", "ks", "conventions", "train", "subset", "zero_shot_list", "version"):
            if getattr(self, setting) != getattr(other, setting):
                raise ValueError(f"metrics of different {setting} cannot be merged")
        if (self.weights.keys() != other.weights.keys()
                or any(not np.array_equal(self.weights[x], other.weights[x]) for x in self.weights)):
            raise ValueError("metrics of different predicate_weights cannot be merged: "
                             f"{list(self.weights)} and {list(other.weights)}")
        other._count()
        self._recall.tally.add(*other._recall.tally.items())
        self._triplets.tally.add(*other._triplets.tally.items())
        self.num_images += other.num_images
        return self

    def compute(self, per_predicate: bool = False) -> dict[str, float]:
        """Every metric by name, fractions in [0, 1]; NaN for a subset without a relation.

        Names are `<subset>/<metric>`, where subset is one of `subsets`, and metric is R@K, ngR@K, mR@K, ng-mR@K, F1@K,
        ng-F1@K, A@K (not in sgdet), ngR@K-weighted, {R,mR,ngR,ng-mR}-relative (K is the number of annotated
        relations of the image, those outside of the subset too), triplet-R@K, triplet-R@K-weighted,
        triplet-rank-{mean,median,class-median} or triplet-rank-{mean,class-median}-weighted. The suffix is `/x0.5` for
        pred_weight 0.5 and `/x1` for 1. `<subset>/num_images`, `<subset>/num_relations` and `<subset>/num_triplets` are
        the numbers of images, relations and distinct triplets. per_predicate: add R@K/predicate3, ngR@K/predicate3 and
        so on.
        """
        self._count()
        images, relations, recall = self._recall.means()
        values: dict[str, float] = {}
        for s, subset in enumerate(self.subsets):
            values[f"{subset}/num_images"] = int(images[s, 0])
            values[f"{subset}/num_relations"] = int(relations[s, 0])
        for w, x in enumerate(self.weights):
            suffix = f"/x{x:g}" if x else ""
            codes, ranks, counts = self._triplets.counts(w)
            of_subset, in_training = shot_subset(self.subset(codes)), self.train(codes)
            inside = [np.ones(len(codes), bool), *(of_subset == s for s in range(1, len(COUNTED))),
                      *self._others(codes, in_training)]
            for s, (subset, chosen) in enumerate(zip(self.subsets, inside, strict=True)):
                values[f"{subset}/num_triplets"] = len(run_starts(codes[chosen]))
                named = self._recall_values(recall[s, :, w], per_predicate)
                named |= triplet_metrics(codes[chosen], ranks[chosen], counts[chosen], in_training[chosen],
                                         self.conventions.single_precision_ranks)
                values |= {f"{subset}/{metric}{suffix}": value for metric, value in named.items()}
        return values

    def _recall_values(self, recall: np.ndarray, per_predicate: bool) -> dict[str, float]:
        """Recall metrics of one subset and weight by name. recall: [R, 4, K], or K + 1: last the relative recall."""
        everything, means = recall[0], mean_recall(recall[1:], self.conventions.absent_predicates_count)
        relative: dict[str, float] = {}
        if self._recall.relative:
            relative = {"R-relative": everything[0, -1], "ngR-relative": everything[1, -1],
                        "mR-relative": means[0, -1], "ng-mR-relative": means[1, -1]}
            everything, means, recall = everything[:, :-1], means[:, :-1], recall[..., :-1]
        constrained, unconstrained, given, weighted = everything
        columns = {"R@{}": constrained, "ngR@{}": unconstrained, "mR@{}": means[0], "ng-mR@{}": means[1],
                   "ngR@{}-weighted": weighted}
        for name, (one, other) in HARMONIC_MEANS.items():
            columns[f"{name}@{{}}"] = harmonic_mean(columns[f"{one}@{{}}"], columns[f"{other}@{{}}"])
        if self.mode != "sgdet":
            columns["A@{}"] = given
        if per_predicate:
            for p in range(1, self.num_predicates):
                columns |= {f"R@{{}}/predicate{p}": recall[p, 0], f"ngR@{{}}/predicate{p}": recall[p, 1]}
        return {name.format(k): float(value) for name, values in columns.items()
                for k, value in zip(self.ks, values, strict=True)} | {
                    name: float(value) for name, value in relative.items()}

    @property
    def training_counts(self) -> np.ndarray:
        """[R - 1] how many relations of `train_triplets` have each predicate from 1 on."""
        return self.train.by_predicate(self.num_predicates)

    @property
    def relation_counts(self) -> np.ndarray:
        """[R - 1] how many counted relations have each predicate from 1 on."""
        self._count()
        return self._recall.means()[1][0, 1:]

    def predicate_recall(self, pred_weight: float = 0.0, ks: Sequence[int] | None = None) -> dict[str, np.ndarray]:
        """R@K and ngR@K of each predicate from 1 on, [R - 1] by name, over all relations; NaN for a predicate without
        a relation. These are the values of `compute(per_predicate=True)`. pred_weight: one of `weights`. ks: some of
        `ks`; None: all."""
        self._count()
        _, _, recall = self._recall.means()
        of_weight = recall[0, 1:, list(self.weights).index(pred_weight)]
        return {f"{kind}@{k}": of_weight[:, place, self.ks.index(k)] for place, kind in enumerate(RANKED_KINDS[:2])
                for k in ks or self.ks}

    def state(self) -> dict[str, object]:
        """All counts and settings as text, numbers and numpy arrays, which npz can hold, or JSON as lists."""
        self._count()
        recall_keys, recall_values = self._recall.tally.items()
        triplet_keys, triplet_values = self._triplets.tally.items()
        listed = {} if self.zero_shot_list is None else {"zero_shot_codes": self.zero_shot_list.codes}
        return {"version": self.version, **listed, "mode": self.mode, "num_predicates": self.num_predicates,
                "num_images": self.num_images, "ks": np.array(self.ks),
                "weight_exponents": np.array(list(self.weights)), "weights": np.stack(list(self.weights.values())),
                "train_codes": self.train.codes, "train_counts": self.train.numbers,
                "subset_codes": self.subset.codes, "subset_counts": self.subset.numbers,
                "recall_keys": recall_keys, "recall_values": recall_values,
                "triplet_keys": triplet_keys, "triplet_values": triplet_values,
                **{f"convention_{name}": value for name, value in asdict(self.conventions).items()}}

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> SceneGraphMetrics:
        """The metrics of a `state`, which may have gone through npz or JSON.

        Raises ValueError for a state of another version.
        """
        arrays = {name: np.asarray(value) for name, value in state.items()}
        if "version" not in arrays or arrays["version"] not in (1, STATE_VERSION):
            raise ValueError(f"state must have version 1 or {STATE_VERSION}, got {state.get('version')}")
        prefix = "convention_"
        weights = dict(zip(arrays["weight_exponents"].tolist(), arrays["weights"], strict=True))
        conventions = Conventions(**{name.removeprefix(prefix): value.item()
                                     for name, value in arrays.items() if name.startswith(prefix)})
        codes, metrics = arrays.get("zero_shot_codes"), cls.__new__(cls)
        metrics._build(checked_mode(str(arrays["mode"])), int(arrays["num_predicates"]),
                       ShotCounts.from_arrays(arrays["train_codes"], arrays["train_counts"]),
                       ShotCounts.from_arrays(arrays["subset_codes"], arrays["subset_counts"]),
                       arrays["ks"].tolist(), weights, conventions,
                       None if codes is None else ShotCounts.from_arrays(codes, np.ones_like(codes)),
                       int(arrays["version"]))
        metrics.num_images = int(arrays["num_images"])
        for name, tally in ("recall", metrics._recall.tally), ("triplet", metrics._triplets.tally):
            tally.add(arrays[f"{name}_keys"], arrays[f"{name}_values"])
        return metrics


def _checked_ks(ks: Sequence[int]) -> tuple[int, ...]:
    try:
        whole = tuple(sorted({index(k) for k in ks}))
    except TypeError:  # no list, or a list of other values
        whole = ()
    if not whole or whole[0] < 1:
        raise ValueError(f"ks must be integers >= 1, got {ks}")
    return whole


def _checked_weights(x: object, values: Array, num_predicates: int) -> np.ndarray:
    if not (isinstance(x, Real) and math.isfinite(x)):
        raise ValueError(f"predicate_weights must have finite exponents x as keys, got {x!r}")
    weights = to_numpy(values)
    if weights.shape != (num_predicates,) or weights.dtype.kind not in "iuf":
        raise ValueError(f"predicate_weights[{x}] must have shape [{num_predicates}], a number for each predicate, "
                         f"got {list(weights.shape)} of {weights.dtype}")
    weights = weights.astype(np.float64)
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        raise ValueError(f"predicate_weights[{x}] must be positive numbers, got {weights.tolist()}")
    if x == 0 and (weights != 1).any():
        raise ValueError(f"predicate_weights[{x}] must be ones, because x = 0 leaves the scores as they are, "
                         f"got {weights.tolist()}")
    return weights
