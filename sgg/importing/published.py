"""Import the trained models of the papers into our format."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sgg.checkpoint.full_model import FullModel
from sgg.checkpoint.published import fillings_of
from sgg.common.published_files import left_out, read_published, require_filled
from sgg.config import Config
from sgg.config.edge_boxes import EdgeBoxes
from sgg.detector.model import Detector
from sgg.detector.proposals import RANDOM
from sgg.detector.published import is_benchmark, is_motifs
from sgg.gan import GAN
from sgg.importing.benchmark import import_benchmark
from sgg.importing.edge_boxes import EdgeBoxesComparison
from sgg.importing.imported_checkpoint import ImportFolder, Say, data_of, require_import_folder
from sgg.methods.backbone import BACKBONES
from sgg.methods.dataset import DATA_SETS
from sgg.models.frequency_bias import FrequencyBias
from sgg.models.heads.imp.network import MessagePassing
from sgg.models.roi_features import RoIFeatures
from sgg.models.scene_graph import SceneGraphModel

log = logging.getLogger(__name__)

GQA_WITHOUT_LEFT_RIGHT = 309  # predicates, background included


@dataclass(frozen=True)
class Architecture:
    """The architecture of a published model, as its weights show it. num_predicates: 0 for a detector alone."""

    backbone: str
    num_classes: int
    num_predicates: int
    hidden_dim: int = 512
    frequency_bias: bool = False
    gan: bool = False
    large_discriminator: bool = False
    visual_conditioning: bool = False

    @classmethod
    def of(cls, content: dict[str, Any], source: str = "the file") -> Architecture:
        """The architecture of a model that `read_published` returned.

        source: its name in messages. Raises ValueError that names a weight that is missing or has a wrong number of
        axes.
        """
        weights, gan = content["state_dict"], content.get("gan", {})
        if is_motifs(weights):
            return cls("vgg16", _shape(source, weights, "score_fc.weight", 2)[0], 0)
        backbone = "resnet50" if any(".fpn." in name for name in weights) else "vgg16"
        classes, hidden = _shape(source, weights, "obj_fc.weight", 2)
        predicates, _ = _shape(source, weights, "rel_fc.weight", 2)
        visual = bool(gan) and (_shape(source, gan, "G_proj.weight", 4)[1] >
                                _shape(source, gan, "G_node.2.weight", 4)[0])
        return cls(backbone, classes, predicates, hidden, "freq_bias.obj_baseline.weight" in weights, bool(gan),
                   "D_global.2.weight_orig" in gan, visual)

    def build(self, edge_boxes: EdgeBoxes = "union_frame") -> FullModel:
        """Build the modules of this architecture with random weights. edge_boxes: the drawing of box pairs, which the
        weights do not show."""
        detector = Detector(self.backbone, self.num_classes)
        table = torch.zeros(self.num_classes, self.num_classes, self.num_predicates) if self.frequency_bias else None
        scene_graph = SceneGraphModel(
            RoIFeatures(detector.channels, 1 / detector.stride, box_kind=edge_boxes),
            detector.box_head_copy("node"), detector.box_head_copy("edge"),
            MessagePassing(detector.head_dim, self.hidden_dim, self.num_classes, self.num_predicates),
            None if table is None else FrequencyBias(table), "off" if table is None else "add")
        return FullModel(detector, scene_graph)

    def build_gan(self, detector: Detector) -> GAN | None:
        """Build the GAN for a detector; None if the model was trained without one."""
        if not self.gan:
            return None
        return GAN(self.num_classes, self.num_predicates, detector.channels, detector.map_size,
                   large_discriminator=self.large_discriminator, visual_conditioning=self.visual_conditioning)

    def settings(self, data_name: str, edge_boxes: EdgeBoxes | None = None) -> dict[str, Any]:
        """The settings of these modules, by section. edge_boxes: None: the default of the data set."""
        without = self.num_predicates == GQA_WITHOUT_LEFT_RIGHT
        has_sides = "exclude_left_right" in DATA_SETS[data_name].model_fields
        return {
            "data": {"exclude_left_right": without} if has_sides else {},
            "detector": {"backbone": self.backbone},
            "model": {"head": {"kind": "imp", "hidden_dim": self.hidden_dim}, "edge_boxes": edge_boxes,
                      "dropout": BACKBONES[self.backbone].spec.dropout,
                      "frequency_bias": "add" if self.frequency_bias else "off"},
            "augmentation": {"kind": "gan", "large_discriminator": self.large_discriminator,
                             "visual_conditioning": self.visual_conditioning} if self.gan else "off"}

    def build_all(self) -> tuple[Detector | FullModel, GAN | None]:
        """Build all modules with random weights: the model, or the detector if there is no model, and the GAN."""
        if not self.num_predicates:
            return Detector(self.backbone, self.num_classes), None
        model = self.build()
        return model, self.build_gan(model.detector)


def import_published(path: Path | str, directory: Path | str, edge_boxes: EdgeBoxes | None = None,
                     data_name: str | None = None, comparison: EdgeBoxesComparison | None = None,
                     say: Say = log.info, root: Path = Path("data")) -> Path:
    """Write a published file in our format under `directory`. Returns the folder for evaluation or for settings.

    The detector goes to `directory`/detector (for `detector.weights`). All other weights of a trained model go to a
    checkpoint like those of training. It names that detector, but no hash of data, since that of the published data is
    unknown. `directory`/parts gets what predictions need beside them, if the data set is at hand under `root`.

    data_name: the name of the data set; None: the one with this number of classes, else Visual Genome. edge_boxes: the
    drawing of box pairs in the training; None: the result of `comparison`, and without it the drawing that the papers
    used for this data set. say: gets sentences for the user: the tensors that are left out, the drawing, and the
    metrics of the comparison.

    Raises what `load_published` and `comparison` raise, before anything is written. Raises FileExistsError, before
    anything is read, if `directory` holds something other than an earlier import.
    """
    path, directory = Path(path), Path(directory)
    require_import_folder(directory)
    content = read_published(path)
    if is_benchmark(content["state_dict"]):
        if edge_boxes or comparison:
            raise ValueError(f"{path} is of an implementation with a single drawing of box pairs: leave out "
                             "--edge-boxes and --try-both")
        return import_benchmark(path, directory, content, data_name, say, root)
    epoch = content.get("epoch", 0)
    if type(epoch) is not int or not 0 <= epoch < 10**6:
        raise ValueError(f"{path}: 'epoch' must be a whole number from 0 to 999,999, got {epoch!r:.60}")
    architecture = Architecture.of(content, str(path))
    if not architecture.num_predicates and (edge_boxes or comparison):
        raise ValueError(f"{path} holds only a detector, which draws no pairs of boxes: leave out --edge-boxes and "
                         "--try-both")
    with torch.device("meta"):  # a weight with a wrong shape may need more memory than there is
        require_filled(path, fillings_of(path, content, *architecture.build_all()))
    model, gan = architecture.build_all()
    fillings = fillings_of(path, content, model, gan)
    require_filled(path, fillings)
    for filling in fillings:
        filling.apply()
    if without_place := left_out(content, fillings):
        say(f"left out: {', '.join(without_place)}")
    folder = ImportFolder(directory, path.name, data_name or data_of(architecture.num_classes), root)
    if isinstance(model, Detector):
        folder.write_detector(model, **RANDOM)
        return folder.detector
    drawing = _drawing(model, folder.config(architecture.settings(folder.data_name)), edge_boxes, comparison, say)
    config = folder.config(architecture.settings(folder.data_name, drawing))
    return folder.write(config, {"model": model.scene_graph, "gan": gan}, epoch, model.detector,
                        architecture.num_predicates, say)


def _drawing(model: FullModel, config: Config, edge_boxes: EdgeBoxes | None, comparison: EdgeBoxesComparison | None,
             say: Say) -> EdgeBoxes:
    """`edge_boxes`, else the result of the comparison, else the drawing of the data set. Tells the user about it."""
    usual = config.model.edge_boxes
    found = None if comparison is None else comparison(model, config, say)
    if edge_boxes is not None:
        if found not in (None, edge_boxes):
            say(f"model.edge_boxes: {edge_boxes}, as asked for, though {found} is better")
        return edge_boxes
    if comparison is None:
        say(f"model.edge_boxes: {usual}, the default for {config.data.called()}; the model needs the drawing that "
            "it was trained with, which its weights do not tell: let --try-both 200 find out, or name it with "
            "--edge-boxes")
        return usual
    if found is None:
        say(f"model.edge_boxes: {usual}, for neither is better")
    return found or usual


def _shape(source: str, weights: dict[str, Tensor], name: str, axes: int) -> tuple[int, ...]:
    if name not in weights:
        raise ValueError(f"{source} has no {name}: it is neither Neural Motifs' detector nor a trained model")
    shape = tuple(weights[name].shape)
    if len(shape) != axes or 0 in shape:
        raise ValueError(f"{source} does not fit the model:\n  {name} has shape {list(shape)}, expected {axes} axes, "
                         "none of them empty")
    return shape
