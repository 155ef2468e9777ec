"""Does it learn? Losses, GAN and perturbations on the toy genome's test set, over seeds, and simple baselines.

    python benchmarks/learning.py [--quick] [--json FILE] [--out runs/learning] [--root data] [--jobs 2] [--seeds 0,1,2]

Every (row, seed) is one trial of `sgg.training.fit` under --out; a trial that is there is not trained again. They are
compared with:

- frequency: the training frequency of each predicate between two classes, where the detector gives the classes;
- chance: the scores of the dnorm models, shuffled among pairs and predicates;
- ceiling: the fraction of relations of whose two objects the detector, given their boxes, predicts the right classes.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.results import Row, add_training, arguments_of, judged, report, times
from benchmarks.common.without_model import frequency_only
from sgg import systems
from sgg.common.run_log import read_test
from sgg.config import Config, validate
from sgg.evaluate import restore
from sgg.evaluate.evaluation import metric_values
from sgg.structures import Prediction
from sgg.training.fit import fit

GAN = {"kind": "gan"}
ROWS: dict[str, dict[str, Any]] = {
    "baseline": {"loss": {"kind": "baseline"}},
    "dnorm": {},
    "dnorm, two F updates": {"training": {"f_updates": 2}},
    "GAN": {"augmentation": GAN},
    "GAN, neigh": {"augmentation": GAN | {"perturb": {"method": "neigh"}}},
    "GAN, GraphN": {"augmentation": GAN | {"perturb": {"method": "graphn"}}},
}
METRICS = ["sgcls/zs/ngR@50", "sgcls/10s/ngR@50", "sgcls/100s/ngR@50", "sgcls/all/ngR@50",
           "predcls/zs/ngR@20", "predcls/10s/ngR@20", "predcls/100s/ngR@20", "predcls/all/ngR@20"]
GOAL_PREDCLS, GOAL_SGCLS = "predcls/zs/ngR@20", "sgcls/zs/ngR@50"


def settings(row: str, seed: int, options: argparse.Namespace) -> Config:
    """The config of one trial."""
    config: dict[str, Any] = {"experiment": {"seed": seed}, "data": {"name": "toy", "root": options.root}}
    if options.quick:
        config |= {"data": config["data"] | {"train_images": 64, "eval_images": 40}, "training": {"epochs": 1}}
    for section, values in ROWS[row].items():
        config[section] = config.get(section, {}) | values
    return validate(config)


def train(row: str, seed: int, options: argparse.Namespace) -> dict[str, float]:
    """The test metrics of one trial."""
    done = read_test(folder(row, seed, options))
    if done is None:
        fit(settings(row, seed, options), folder(row, seed, options))
        done = read_test(folder(row, seed, options))
    return {name.removeprefix("test/"): value for name, value in done.items()}


def folder(row: str, seed: int, options: argparse.Namespace) -> Path:
    """The folder of a trial."""
    return Path(options.out) / f"{row.replace(', ', '-').replace(' ', '-')}-{seed}"


def chance(directory: Path, seed: int) -> dict[str, float]:
    """Test metrics of the trial in a folder, whose scores are shuffled among the pairs and predicates of each image."""
    trained = restore.restore(directory)
    rng = np.random.default_rng(seed)
    experiment = trained.foundation.experiment
    metrics = experiment.metrics("test")
    with trained.predictor.evaluating():
        for batch in experiment.evaluation_batches("test"):
            predictions = trained.predictor.predict(batch, list(metrics)).predictions
            for mode, of_mode in metrics.items():
                for graph, prediction in zip(batch.graphs(), predictions[mode], strict=True):
                    of_mode.update(graph.numpy(), _shuffled(prediction.numpy(), rng))
    return metric_values(metrics)


def _shuffled(prediction: Prediction, rng: np.random.Generator) -> Prediction:
    """The same scores in random order among the pairs and predicates of an image."""
    scores = prediction.predicate_scores.copy()
    scores[:, 1:] = rng.permutation(scores[:, 1:].ravel()).reshape(scores[:, 1:].shape)
    scores /= scores.sum(1, keepdims=True)
    return Prediction(prediction.boxes, prediction.labels, prediction.label_scores, prediction.pairs, scores)


def show(name: str, runs: list[dict[str, float]]) -> None:
    """One row of the table: mean and standard deviation in per cent."""
    cells = []
    for metric in METRICS:
        values = 100 * np.array([run[metric] for run in runs])
        spread = f" ± {values.std(ddof=1):.1f}" if len(values) > 1 else ""
        cells.append(f"{values.mean():5.1f}{spread}")
    print(f"| {name} | {len(runs)} | " + " | ".join(cells) + " |", flush=True)


def results(runs: dict[str, list[dict[str, float]]], frequency: dict[str, float],
            by_chance: list[dict[str, float]]) -> list[Row]:
    """The goals, and whether they are reached."""
    dnorm = {metric: float(np.mean([run[metric] for run in runs["dnorm"]])) for metric in (GOAL_PREDCLS, GOAL_SGCLS)}
    luck = float(np.mean([run[GOAL_SGCLS] for run in by_chance]))
    goal = min(10 * frequency[GOAL_PREDCLS], 0.6)
    rows = [judged("dnorm zero-shot PredCls ngR@20, beside the frequency table", dnorm[GOAL_PREDCLS], "share",
                   frequency[GOAL_PREDCLS], f">= {goal:.3f}", dnorm[GOAL_PREDCLS] >= goal),
            times("dnorm zero-shot SGCls ngR@50, beside chance", dnorm[GOAL_SGCLS], "share", luck, 3)]
    for metric in (GOAL_SGCLS, GOAL_PREDCLS):
        ours, theirs = ([run[metric] for run in runs[row]] for row in ("dnorm", "baseline"))
        p = float(stats.ttest_rel(ours, theirs).pvalue) if len(ours) > 1 else float("nan")
        ahead = bool(np.mean(ours) > np.mean(theirs))
        rows.append(judged(f"dnorm, beside baseline, {metric}, paired p = {p:.4f}", float(np.mean(ours)),
                           "share", float(np.mean(theirs)), "ahead with p < .05", ahead and p < 0.05))
    return rows


def main() -> int:
    """Train, measure, print; return 1 if a goal is missed."""
    parser = arguments_of(__doc__, "one seed, 64 images, one epoch: a test that it runs, without meaningful results")
    add_training(parser, "runs/learning")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seeds", default="0,1,2")
    options = parser.parse_args()
    if options.quick:
        options.out, options.seeds = f"{options.out}-quick", "0"
    seeds = [int(seed) for seed in options.seeds.split(",")]

    foundation = systems.prepare(settings("GAN", seeds[0], options))
    print(foundation.experiment.data.banner, flush=True)
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        waiting = {row: [pool.submit(train, row, seed, options) for seed in seeds] for row in ROWS}
        frequency, ceiling = frequency_only(foundation)
        print("| | n | " + " | ".join(METRICS) + " |\n|---|---|" + "---|" * len(METRICS))
        show("frequency, detector's labels", [frequency])
        runs = {}
        for row, trials in waiting.items():
            runs[row] = [trial.result() for trial in trials]
            show(row, runs[row])
    by_chance = [chance(folder("dnorm", seed, options), seed) for seed in seeds]
    show("chance", by_chance)
    print("ceiling, the detector predicts the right classes of both objects: "
          + ", ".join(f"{subset} {100 * fraction:.1f} %" for subset, fraction in ceiling.items()))
    return report(results(runs, frequency, by_chance), options)


if __name__ == "__main__":
    sys.exit(main())
