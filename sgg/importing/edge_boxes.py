"""Find the drawing of box pairs (`model.edge_boxes`) that a trained model needs, by evaluating it with both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from sgg.checkpoint.full_model import FullModel
from sgg.config import Config, validate
from sgg.config.edge_boxes import OF_PAPERS, EdgeBoxes
from sgg.evaluate.evaluation import evaluate
from sgg.experiment.context import Experiment
from sgg.experiment.torch_setup import device_of
from sgg.models.heads.imp.network import MessagePassing
from sgg.systems.two_stage.predictor import TwoStagePredictor

METRIC = "predcls/all/ngR@20"
"""The metric that decides. With given boxes and labels, only the edges matter; without graph constraint, every
predicate of a pair counts. `benchmarks/departures.py` shows that it separates the drawings, and that R@20 does not."""
SHOWN = (METRIC, "predcls/all/R@20", "sgcls/all/ngR@20", "sgcls/all/R@20")


@dataclass(frozen=True)
class EdgeBoxesComparison:
    """Evaluates a model with each drawing on the first `images` validation images of its data set under `root`.

    The model was not trained on validation images, and a choice by them does not use the test split. device: as
    `training.device`.
    """

    images: int
    root: Path
    device: str = "auto"

    def __call__(self, model: FullModel, config: Config, say: Callable[[str], None]) -> EdgeBoxes | None:
        """The better drawing; None if both are equally good. The model keeps its own drawing.

        config: of the imported model. say: gets sentences with the metrics of both drawings. Raises FileNotFoundError
        or ValueError with file and remedy if the data are missing or have other classes or predicates than the model.
        """
        experiment = self._experiment(model, config)
        device = device_of(experiment.config)
        predictor = TwoStagePredictor(model.scene_graph.to(device), model.detector.to(device), device)
        pairs = model.scene_graph.regions.box_pairs
        own, values = pairs.kind, {}
        for pairs.kind in OF_PAPERS:
            batches = track(experiment.evaluation_batches("val", largest=model.detector.image_size),
                            f"edge_boxes {pairs.kind}", len(experiment.split("val")), console=Console(stderr=True))
            values[pairs.kind] = evaluate(predictor, batches, experiment.metrics("val"))
        pairs.kind = own
        model.to("cpu")
        best = max(OF_PAPERS, key=lambda kind: values[kind][METRIC])
        images = values[best]["predcls/all/num_images"]
        say(f"first {images:,} validation images of {experiment.data.title}, per cent:")
        for kind in OF_PAPERS:
            say(f"  {kind:11}  " + "  ".join(f"{name} {100 * values[kind][name]:.2f}" for name in SHOWN))
        worst = min(OF_PAPERS, key=lambda kind: values[kind][METRIC])
        if values[best][METRIC] == values[worst][METRIC]:
            return None
        say(f"{best} is better than {worst} by {METRIC}")
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
        assert isinstance(head, MessagePassing)  # published models have no other head
        for what, of_model, of_data in (("classes", head.classify_nodes.out_features, len(data.classes)),
                                        ("predicates", head.classify_edges.out_features, len(data.predicates))):
            if of_model != of_data:
                raise ValueError(f"--try-both: the model knows {of_model - 1} {what}, {data.title} under {self.root} "
                                 f"has {of_data - 1}: name the data that it was trained on (--data), or the "
                                 "folder of the data sets (--root)")
        return experiment
