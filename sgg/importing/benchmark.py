"""Import checkpoints of Scene-Graph-Benchmark (Tang et al. 2020, in code: KaihuaTang/Scene-Graph-Benchmark.pytorch) and
of the implementations that grew from it (docs/SYSTEM.md section 7)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sgg.common.published_files import left_out, require_filled
from sgg.config import Config
from sgg.detector.model import Detector
from sgg.detector.published import (
    BENCHMARK_ANCHORS,
    BENCHMARK_PLACES,
    faults_of_benchmark_anchors,
    filling_of_benchmark_detector,
)
from sgg.importing.imported_checkpoint import ImportFolder, Say, data_of
from sgg.methods.head import HEADS
from sgg.methods.published_head import PublishedHead
from sgg.models.published import BENCHMARK, BENCHMARK_HEAD, BENCHMARK_RELATION, filling_of_benchmark
from sgg.models.scene_graph import SceneGraphModel
from sgg.systems.two_stage.model import build_model

BACKBONE = "resnext101"
"""The detector of its published checkpoints."""
WIDEST = "backbone.body.layer3.22.conv2.weight"
"""A weight that of its usual backbones only this one has in the shape of `WIDEST_SHAPE`."""
WIDEST_SHAPE = (1024, 32, 3, 3)
CLASSES = "roi_heads.box.predictor.cls_score.weight"
SPATIAL = "roi_heads.relation.union_feature_extractor.spatial_fc."

State = dict[str, Tensor]


@dataclass(frozen=True)
class RelationModel:
    """The scene-graph model of a checkpoint, as its weights show it.

    kind, published, settings: of its relation head. embedding: the width of word vectors. frequency_bias: whether the
    table is added to the head's logits.
    """

    kind: str
    published: PublishedHead
    settings: dict[str, Any]
    num_classes: int
    num_predicates: int
    embedding: int
    frequency_bias: bool

    @classmethod
    def of(cls, state: State, source: str) -> RelationModel:
        """The model of the weights `state`, by plain names. source: the name of the file in messages.

        Raises ValueError that names the heads that are known, or a weight that does not show what it should.
        """
        shapes = {name.removeprefix(BENCHMARK_HEAD): tuple(value.shape) for name, value in state.items()
                  if name.startswith(BENCHMARK_HEAD)}
        known = {kind: published for kind, entry in HEADS.entries.items() if (published := entry.published())}
        kind = next((kind for kind, published in known.items() if published.fits(shapes)), None)
        if kind is None:
            raise ValueError(f"{source} has a relation head that is none of {', '.join(known)}: it has "
                             f"{BENCHMARK_HEAD}{next(iter(shapes), '')} and {max(len(shapes) - 1, 0)} other weights")
        head, separate = known[kind], next((name for name in state if name.startswith(SPATIAL)), None)
        if separate and head.separate is None:
            able = ", ".join(name for name, published in known.items() if published.separate)
            raise ValueError(f"{source} has {separate}: its model keeps the boxes of a pair apart from their picture "
                             f"(SEPARATE_SPATIAL), which of the heads here only {able} can, but its head is {kind}")
        try:
            settings = head.settings(shapes) | ({head.separate: True} if separate and head.separate else {})
            (classes, embedding), predicates = shapes[head.labels], shapes[head.predicates][0]
        except (KeyError, IndexError, ValueError):
            decisive = {name: list(shapes.get(name, ()))
                        for name in (*sorted(head.marks), head.labels, head.predicates)}
            raise ValueError(f"{source} does not fit the model:\n  a weight that shows the sizes of {kind} is missing "
                             "or has another number of axes: " + ", ".join(
                                 f"{BENCHMARK_HEAD}{name} has shape {shape}" for name, shape in decisive.items())
                             ) from None
        bias = not HEADS[kind].has_frequency_bias and any(name.startswith("freq_bias.") for name in shapes)
        return cls(kind, head, settings, classes, predicates, embedding, bias)

    def sections(self) -> dict[str, Any]:
        """The settings of this model, by section."""
        return {"detector": {"backbone": BACKBONE},
                "model": {"head": {"kind": self.kind, **self.settings}, "edge_boxes": "image_cells",
                          "box_strides": "intended", "dropout": 0.0,
                          "frequency_bias": "add" if self.frequency_bias else "off"},
                "embeddings": {"dim": self.embedding}, "augmentation": "off"}

    def build(self, config: Config, detector: Detector) -> SceneGraphModel:
        """The model of these settings with random weights; its box heads start from the detector's."""
        sizes = self.num_classes, self.num_predicates
        words = torch.zeros(sizes[0], self.embedding), torch.zeros(sizes[1], self.embedding)
        table = torch.zeros(sizes[0], *sizes) if config.model.needs_frequency_table else None
        return build_model(config, detector, sizes, words if config.model.head.needs_words else None, table)


def import_benchmark(path: Path, directory: Path, content: dict[str, Any], data_name: str | None, say: Say,
                     root: Path) -> Path:
    """Write a checkpoint of Scene-Graph-Benchmark in our format, as `import_published` does. content: of the file.

    The detector is imported where it is ResNeXt-101 32x8d with a feature pyramid. Another one is left out, and the user
    gets to read that. Raises ValueError as `import_published` does, before anything is written.
    """
    state: State = {name.removeprefix(BENCHMARK): value for name, value in content["state_dict"].items()}
    has_detector = WIDEST in state and tuple(state[WIDEST].shape) == WIDEST_SHAPE
    relation = None
    if any(name.startswith(BENCHMARK_RELATION) for name in state):
        relation = RelationModel.of(state, str(path))
    elif not has_detector:
        raise ValueError(f"{path} holds a detector alone, and it is not ResNeXt-101 32x8d with a feature pyramid: no "
                         "backbone here has its weights")
    classes = relation.num_classes if relation else _rows(state, CLASSES, path)
    folder = ImportFolder(directory, path.name, data_name or data_of(classes), root)
    config = None if relation is None else folder.config(relation.sections(), weights=has_detector)
    with torch.device("meta"):  # a weight of a wrong shape may need more memory than there is
        detector = Detector(BACKBONE, classes)
        model = None if relation is None or config is None else relation.build(config, detector)
    fillings = [filling_of_benchmark_detector(content["state_dict"], detector)] if has_detector else []
    if relation is not None and model is not None:
        fillings.append(filling_of_benchmark(content["state_dict"], model, relation.published, relation.settings))
    require_filled(path, fillings)
    if has_detector and (faults := faults_of_benchmark_anchors(state)):
        raise ValueError("\n  ".join([f"{path} does not fit the model:", *faults]))
    for filling in fillings:
        filling.assign()
    without_place = [name for name in left_out(content, fillings)
                     if not (has_detector and name.removeprefix(BENCHMARK).startswith(BENCHMARK_ANCHORS))]
    if without_place:
        say(f"left out: {', '.join(without_place)}")
    if not has_detector:
        say(f"the detector is not imported: {_other_detector(state)}. Name one with detector.weights that gives the "
            f"features of {BACKBONE}; without it sgg.evaluate trains a {BACKBONE} of its own, whose features are "
            "others")
    if relation is None or model is None or config is None:
        folder.write_detector(detector)
        return folder.detector
    return folder.write(config, {"model": model}, 0, detector if has_detector else None, relation.num_predicates, say)


def _rows(state: State, name: str, path: Path) -> int:
    shape = tuple(state[name].shape) if name in state else ()
    if len(shape) != 2:
        raise ValueError(f"{path} does not fit the model:\n  {name} has shape {list(shape)}, expected two axes")
    return shape[0]


def _other_detector(state: State) -> str:
    if not any(name.startswith(BENCHMARK_PLACES) for name in state):
        return "the file has none"
    found = list(state[WIDEST].shape) if WIDEST in state else "none"
    return (f"it is not ResNeXt-101 32x8d with a feature pyramid, whose {WIDEST} has shape {list(WIDEST_SHAPE)}; here "
            f"it has {found}")
