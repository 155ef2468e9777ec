"""SGDet on the toy genome: graphs from detections alone, beside chance, and what the tiny detector finds.

    python benchmarks/sgdet.py [--quick] [--json FILE] [--out runs/sgdet] [--data data] [--seed 0]

Trains one model on detections (`training.mode: sgdet`) and one on annotated boxes, as the papers do, and evaluates
both on the test images without telling them any box. Chance: the first model's scores, shuffled among the pairs and
predicates of each image. --quick: 64 images, one epoch.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from learning import shuffled

from sgg import build, restore
from sgg.config import Config, validate
from sgg.detector.evaluation import measure
from sgg.fit import fit
from sgg.history import read_json, write_json
from sgg.inference import predict

FIGURES = ("zs/ngR@50", "zs/ngR@100", "all/ngR@50", "all/ngR@100")


def settings(mode: str, options: argparse.Namespace) -> Config:
    """A run trained in `mode` and evaluated in SGDet."""
    config: dict[str, Any] = {
        "experiment": {"seed": options.seed}, "data": {"name": "toy", "root": options.data},
        "training": {"mode": mode}, "evaluation": {"modes": ["sgdet"]}, "search": {"metric": "val/sgdet/zs/ngR@100"}}
    if options.quick:
        config["data"] |= {"train_images": 64, "eval_images": 40}
        config["training"] |= {"epochs": 1}
    return validate(config)


def train(mode: str, options: argparse.Namespace) -> dict[str, float]:
    """The test figures of the run of a mode; one that is there already is not trained again."""
    folder = Path(options.out) / mode
    if read_json(folder / "test.json") is None:
        fit(settings(mode, options), folder)
    return {name.removeprefix("test/sgdet/"): value for name, value in read_json(folder / "test.json").items()}


def chance(folder: Path, seed: int) -> dict[str, float]:
    """Test figures of a trained model whose scores are shuffled within each image."""
    trained, rng = restore.restore(folder), np.random.default_rng(seed)
    metrics = trained.ground.metrics("test")["sgdet"]
    for batch in trained.ground.evaluation_batches("test"):
        predictions = predict(trained.model, trained.ground.detector, batch, ["sgdet"])["sgdet"]
        for graph, prediction in zip(batch.graphs(), predictions, strict=True):
            metrics.update(graph.numpy(), shuffled(prediction.numpy(), rng))
    return metrics.compute()


def main() -> int:
    """Train, measure, print; exit status 1 where SGDet is not above chance."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--out", default="runs/sgdet")
    parser.add_argument("--data", default="data")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.out += "-quick" if options.quick else ""

    ground = build.prepare(settings("sgdet", options))
    print(ground.data.banner, flush=True)
    found = measure(ground.detector, ground.data)
    print(", ".join(f"{name} {100 * value:.1f} %" for name, value in found.items()), flush=True)
    rows = {mode: train(mode, options) for mode in ("sgdet", "sgcls")}
    rows["chance"] = chance(Path(options.out) / "sgdet", options.seed)
    print("| trained on | " + " | ".join(FIGURES) + " |\n|---|" + "---|" * len(FIGURES))
    for name, figures in rows.items():
        print(f"| {name} | " + " | ".join(f"{100 * figures[figure]:.1f}" for figure in FIGURES) + " |")
    ours, luck = rows["sgdet"]["zs/ngR@100"], rows["chance"]["zs/ngR@100"]
    if options.json:
        write_json(options.json, [{
            "name": "SGDet zero-shot ngR@100, beside chance", "value": ours, "unit": "share", "reference": luck,
            "ratio": ours / luck if luck else None, "goal": "above chance", "ok": ours > luck}])
    return 0 if options.quick or ours > luck else 1


if __name__ == "__main__":
    sys.exit(main())
