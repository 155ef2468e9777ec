"""SGDet on the toy genome: graphs from detections alone, compared with chance, and the metrics of the tiny detector.

    python benchmarks/sgdet.py [--quick] [--json FILE] [--out runs/sgdet] [--root data] [--seed 0]

The benchmark trains one model on detections (`training.mode: sgdet`) and one on annotated boxes, as the papers do, and
evaluates both on the test images without given boxes. Chance: the scores of the first model, shuffled among the pairs
and predicates of each image. --quick: 64 images, one epoch.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.results import add_training, arguments_of, judged, report
from benchmarks.learning import chance
from sgg import systems
from sgg.common.run_log import read_test
from sgg.config import Config, validate
from sgg.detector.evaluation import measure
from sgg.training.fit import fit

METRICS = ("sgdet/zs/ngR@50", "sgdet/zs/ngR@100", "sgdet/all/ngR@50", "sgdet/all/ngR@100")


def settings(mode: str, options: argparse.Namespace) -> Config:
    """The config of a run that is trained in `mode` and evaluated in SGDet."""
    config: dict[str, Any] = {
        "experiment": {"seed": options.seed}, "data": {"name": "toy", "root": options.root},
        "training": {"mode": mode}, "evaluation": {"modes": ["sgdet"]}, "search": {"metric": "val/sgdet/zs/ngR@100"}}
    if options.quick:
        config["data"] |= {"train_images": 64, "eval_images": 40}
        config["training"] |= {"epochs": 1}
    return validate(config)


def train(mode: str, options: argparse.Namespace) -> dict[str, float]:
    """The test metrics of the run of a mode; a run that is there is not trained again."""
    folder = Path(options.out) / mode
    if read_test(folder) is None:
        fit(settings(mode, options), folder)
    return {name.removeprefix("test/"): value for name, value in read_test(folder).items()}


def main() -> int:
    """Train, measure, print; return 1 where SGDet is not above chance."""
    parser = arguments_of(__doc__, "a few images, one epoch: a test that it runs, without meaningful results")
    add_training(parser, "runs/sgdet")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.out += "-quick" if options.quick else ""

    foundation = systems.prepare(settings("sgdet", options))
    data = foundation.experiment.data
    print(data.banner, flush=True)
    found = measure(foundation.detector, data)
    print(", ".join(f"{name} {100 * value:.1f} %" for name, value in found.items()), flush=True)
    rows = {mode: train(mode, options) for mode in ("sgdet", "sgcls")}
    rows["chance"] = chance(Path(options.out) / "sgdet", options.seed)
    print("| trained on | " + " | ".join(METRICS) + " |\n|---|" + "---|" * len(METRICS))
    for name, values in rows.items():
        print(f"| {name} | " + " | ".join(f"{100 * values[metric]:.1f}" for metric in METRICS) + " |")
    ours, luck = rows["sgdet"]["sgdet/zs/ngR@100"], rows["chance"]["sgdet/zs/ngR@100"]
    average = judged("mAP@.5 of the tiny detector", found["test/detector/mAP@.5"], "share", None, None, True)
    above = judged("SGDet zero-shot ngR@100, beside chance", ours, "share", luck, "above chance", ours > luck)
    return report([average, above], options)


if __name__ == "__main__":
    sys.exit(main())
