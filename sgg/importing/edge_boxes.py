"""Which drawing of box pairs a trained model was made for, found by evaluating it with both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.progress import track

from sgg.checkpoint.full_model import FullModel
from sgg.config import Config, validate
from sgg.config.edge_boxes import EdgeBoxes
from sgg.evaluate.evaluation import evaluate
from sgg.experiment.context import Experiment
from sgg.experiment.torch_setup import device_of
from sgg.models.heads.imp.network import MessagePassing
from sgg.systems.two_stage.predictor import TwoStagePredictor

FIGURE = "predcls/all/ngR@20"
"""What decides. With boxes and labels given, only the edges count; unconstrained, every predicate of a pair counts.
`benchmarks/departures.py` found this to tell drawings apart where the best predicate alone does not."""
KINDS: tuple[EdgeBoxes, ...] = get_args(EdgeBoxes)
SHOWN = (FIGURE, "predcls/all/R@20", "sgcls/all/ngR@20", "sgcls/all/R@20")


@dataclass(frozen=True)
class EdgeBoxesComparison:
    """Evaluates a model with each drawing on the first `images` validation images of its data set under `root`.

    Validation images are no training images, and choosing by them leaves the test untouched. device: as
    `training.device`.
    """

    images: int
    root: Path
    device: str = "auto"

    def __call__(self, model: FullModel, config: Config, say: Callable[[str], None]) -> EdgeBoxes | None:
        """The better drawing; None where both are equally good. Says the figures of both. The model keeps its own
        drawing.

        config: of the imported model. Raises FileNotFoundError or ValueError, naming file and remedy, where the data
        are missing or have other classes or predicates than the model.
        """
        experiment = self._experiment(model, config)
        device = device_of(experiment.config)
        predictor = TwoStagePredictor(model.scene_graph.to(device), model.detector.to(device), device)
        pairs = model.scene_graph.regions.box_pairs
        own, figures = pairs.kind, {}
        for pairs.kind in KINDS:
            batches = track(experiment.evaluation_batches("val"), f"edge_boxes {pairs.kind}",
                            len(experiment.split("val")), console=Console(stderr=True))
            figures[pairs.kind] = evaluate(predictor, batches, experiment.metrics("val"))
        pairs.kind = own
        model.to("cpu")
        best = max(KINDS, key=lambda kind: figures[kind][FIGURE])
        images = figures[best]["predcls/all/num_images"]
        say(f"first {images:,} validation images of {experiment.data.title}, per cent:")
        for kind in KINDS:
            say(f"  {kind:11}  " + "  ".join(f"{name} {100 * figures[kind][name]:.2f}" for name in SHOWN))
        worst = min(KINDS, key=lambda kind: figures[kind][FIGURE])
        if figures[best][FIGURE] == figures[worst][FIGURE]:
            return None
        say(f"{best} is better than {worst} by {FIGURE}")
        return best

    def _experiment(self, model: FullModel, config: Config) -> Experiment:
        settings = config.model_dump()
        settings["data"] |= {"root": self.root, "eval_images": self.images, "train_images": 1}
        settings["detector"]["weights"] = None  # they are not written yet
        settings["training"]["device"] = self.device
        settings["evaluation"] |= {"modes": ["predcls", "sgcls"], "ks": [20], "batch_size": 1}
        settings["search"] = {}
        experiment = Experiment.open(validate(settings, "--try-both"))
        data = experiment.data
        head = model.scene_graph.relation_head
        assert isinstance(head, MessagePassing)  # for published models have no other
        for what, of_model, of_data in (("classes", head.classify_nodes.out_features, len(data.classes)),
                                        ("predicates", head.classify_edges.out_features, len(data.predicates))):
            if of_model != of_data:
                raise ValueError(f"--try-both: the model knows {of_model - 1} {what}, {data.title} under {self.root} "
                                 f"has {of_data - 1}: name the data that it was trained on (--data), or the "
                                 "folder of the data sets (--root)")
        return experiment
