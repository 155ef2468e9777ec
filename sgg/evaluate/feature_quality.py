"""The study of feature quality: generated features of a run compared with real features ([2], Table 3 and its figure).

Every sample is compared with real features of training images. Real features of test images show the result for other
images and the same detector; generated features are judged against that. Features are averaged over space, so that some
thousand samples suffice to fit a Gaussian whose dimension is the number of channels.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sgg import checkpoint, systems
from sgg.augmentations.gan.generation import generated_map
from sgg.checkpoint.paths import WEIGHTS
from sgg.common.atomic import write_json
from sgg.common.hashing import sha256_of
from sgg.common.seeding import generator
from sgg.common.versions import PROGRAM, program
from sgg.config.loading.checking import validate_written
from sgg.data import DataSet, Split
from sgg.evaluate.restore import trained_on_the_same
from sgg.features import FeatureStore, Progress
from sgg.gan import GAN
from sgg.methods.augmentation import AUGMENTATIONS
from sgg.metrics.quality import comparable_quality
from sgg.structures import Batch
from sgg.systems.two_stage.encoding import Encoding, encode_annotated
from sgg.systems.two_stage.extraction import Extraction, store_path
from sgg.systems.two_stage.foundation import TwoStageFoundation
from sgg.viz.clusters import draw_clusters, embed

KINDS = ("node", "edge", "global")
REFERENCE = ("real train", "real", "train", "all")
SAMPLES = (("real test", "real", "test", "all"), ("real test zs", "real", "test", "zs"),
           ("generated test", "generated", "test", "all"), ("generated test zs", "generated", "test", "zs"))
PLOTTED = ("real test", "generated test", "generated test zs")
POINTS = 1000  # of a panel

Groups = dict[str, list[str]]


@dataclass(frozen=True, eq=False)
class Sample:
    """Features averaged over space [n, C] float32 and their labels [n]."""

    features: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class FeatureStudy:
    """The features of a trained run with a GAN.

    checkpoint: of the generator. output: folder of the results and of generated features. images: number of images per
    split. rows: number of features of a store to compare, drawn at random.
    """

    foundation: TwoStageFoundation
    gan: GAN
    checkpoint: Path
    output: Path
    images: int = 1000
    rows: int = 5000
    progress: Progress = iter

    @property
    def data(self) -> DataSet:
        """The data of the run."""
        return self.foundation.experiment.data

    @classmethod
    def open(cls, directory: Path | str, images: int = 1000, rows: int = 5000, progress: Progress = iter,
             allow_changed_plugin: bool = False) -> FeatureStudy:
        """The study of a trial's folder or of one of its checkpoints; results go to its folder `quality`.

        Raises FileNotFoundError without a checkpoint. Raises ValueError where the run has no GAN, belongs to other data
        or another detector, or needs a plugin that is not loaded, has changed, or has a part that cannot be used.
        """
        found = checkpoint.open_checkpoint(directory)
        found.require_plugins(allow_changed_plugin, "add --plugin {}")
        config = validate_written(found.meta["config"], str(found.path))
        if AUGMENTATIONS.kind_of(config.augmentation) != "gan":
            raise ValueError(f"{found.path}: this run has no GAN, so there are no generated features to study")
        # Its weights come from the checkpoint, wherever they were at the begin of the training.
        fresh = config.augmentation.model_copy(update={"generator": "trial"})
        config = config.model_copy(update={"augmentation": fresh})
        foundation = systems.prepare(config, trained_on_the_same(found), "training", make_maps=False)
        gan = foundation.build().networks["gan"]
        assert isinstance(foundation, TwoStageFoundation)  # no other system has a GAN
        assert isinstance(gan, GAN)
        found.load_weights(**{"gan.generator": gan.generator})  # discriminators are not used
        return cls(foundation, gan.eval(), found.path, Path(directory) / "quality", images, rows, progress)

    def write(self, ks: Sequence[int] = (1, 3, 5, 10), groups: Groups | None = None,
              folder: Path | None = None) -> list[dict[str, Any]]:
        """Compare all samples, write quality.json and a plot of each kind, and return the rows of the table.

        groups: name -> classes, for the colours of the plot of nodes; None: the ten most frequent classes. folder:
        where these files go; None: `output`, where generated features are in any case. Raises ValueError, before the
        comparison, for a name in `groups` that is no class.
        """
        for group, members in (groups or {}).items():
            unknown = [name for name in members if name not in self.data.classes]
            if unknown:
                raise ValueError(f"group {group}: {unknown[0]!r} is no class of {self.data.title}")
        folder = folder or self.output
        folder.mkdir(parents=True, exist_ok=True)
        table = []
        for kind in KINDS:
            reference = self.sample(kind, *REFERENCE[1:])
            samples = {name: self.sample(kind, *which) for name, *which in SAMPLES}
            table += [{"features": kind, "sample": name, "n": len(sample.labels),
                       **comparable_quality(reference.features, sample.features, ks)}
                      for name, sample in samples.items()]
            self._draw(folder, kind, {name: samples[name] for name in PLOTTED}, groups if kind == "node" else None)
        write_json(folder / "quality.json",
                   {"checkpoint": str(self.checkpoint), "data": self.foundation.provenance, "reference": REFERENCE[0],
                    "images": self.images, "ks": list(ks), PROGRAM: program(), "rows": table})
        return table

    def sample(self, kind: str, source: str, split: str, subset: str) -> Sample:
        """Real or generated features of a kind, from the images and relations of a split; empty if the split has no
        image."""
        images = self.data.split(split, subset).head(self.images)
        if not len(images):
            return Sample(np.zeros((0, self.foundation.detector.channels), np.float32), np.zeros(0, np.int64))
        store = self.store(kind, source, images, subset)
        order = torch.randperm(len(store), generator=generator(0, "quality", kind, source, split, subset))
        rows = order[:self.rows].sort().values.numpy()
        blocks = [store[rows[start:start + 512]].astype(np.float32).mean((2, 3)) for start in range(0, len(rows), 512)]
        return Sample(np.concatenate(blocks), store.labels_of(rows))

    def store(self, kind: str, source: str, images: Split, subset: str) -> FeatureStore:
        """The store of these features, which is written where it is missing. Real features are stored with those of the
        detector, for all runs."""
        foundation, generated = self.foundation, source == "generated"
        settings = {"subset": subset, **({"generator": sha256_of(self.checkpoint / WEIGHTS)[:12]} if generated else {})}
        extraction = Extraction(self.data, images, foundation.detector, foundation.detector_hash, kind, source,
                                encode=self.generate if generated else None, settings=settings,
                                maps=foundation.stored_maps)
        cache = self.output if generated else foundation.experiment.cache
        return extraction.ensure(store_path(cache, extraction.identity), self.progress)

    def generate(self, batch: Batch) -> tuple[Encoding, Tensor]:
        """Generate the features of a batch. The real features on which the generator is conditioned depend on the
        images."""
        encoding = encode_annotated(self.foundation.detector, batch)
        visual = None
        if self.foundation.features is not None:
            draws = generator(0, "quality", *batch.image_ids)
            visual = self.foundation.features.request(batch.labels, draws, batch.labels.device).result()
        made = generated_map(self.gan, encoding, batch.labels, batch.relations, visual)
        return replace(encoding, map=made), batch.labels

    def _draw(self, folder: Path, kind: str, samples: dict[str, Sample], groups: Groups | None) -> None:
        thinned = {name: Sample(sample.features[thin], sample.labels[thin]) for name, sample in samples.items()
                   if len(thin := np.linspace(0, len(sample.labels) - 1, min(POINTS, len(sample.labels)), dtype=int))}
        if sum(len(sample.labels) for sample in thinned.values()) < 4:
            return  # t-SNE needs four samples
        names, group_of_label = self._groups(kind, samples, groups)
        positions = embed([sample.features for sample in thinned.values()])
        panels = [(name, where, group_of_label[sample.labels])
                  for (name, sample), where in zip(thinned.items(), positions, strict=True)]
        draw_clusters(folder / f"{kind}.png", f"{kind} features, t-SNE", panels, names)

    def _groups(self, kind: str, samples: dict[str, Sample], groups: Groups | None) -> tuple[list[str], np.ndarray]:
        """Names of the groups, and the group of each label, -1 for none."""
        if kind == "global":
            return [], np.array([-1])
        classes = self.data.classes if kind == "node" else self.data.predicates
        if groups is None:
            labels = np.concatenate([sample.labels for sample in samples.values()])
            counts = np.bincount(labels, minlength=len(classes))
            groups = {classes[label]: [classes[label]] for label in np.argsort(-counts)[:10] if counts[label]}
        group_of_label = np.full(len(classes), -1)
        for number, members in enumerate(groups.values()):
            group_of_label[[classes.index(name) for name in members]] = number
        return list(groups), group_of_label


def read_groups(path: Path) -> Groups:
    """The groups of classes in a JSON file {group: [class, ...]}, which `--groups` names. Raises ValueError that names
    the file, and OSError where it cannot be read."""
    form = f"--groups {path} must hold JSON {{group: [class, ...]}}"
    try:
        groups = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{form}: {error}") from None
    if not isinstance(groups, dict):
        raise ValueError(f"{form}, but holds {type(groups).__name__}")
    for name, classes in groups.items():
        if not (isinstance(classes, list) and all(isinstance(one, str) for one in classes)):
            raise ValueError(f"{form}, but {name!r} is {classes!r}")
    return groups
