"""Why is the generator weak, and what mends it? Curves of feature quality on the toy genome, with each lever.

    python benchmarks/generator.py [--quick] [--json FILE] [--out runs/generator] [--root data] [--jobs 2]
        [--seeds 0,1,2] [--data-seed 21] [--epochs 3] [--generator-epochs 10,30] [--images N] [--levers "NAME;..."]

Version 3 of the toy genome, of a seed that no other table has. Every (lever, seed) is one trial of `sgg.training.fit`
under --out, with feature quality after each epoch; a trial that is there is not trained again. Shared generators are
trained first, and have curves of their own. Printed are tables of these curves, means over seeds, and zero-shot recall
in validation; the test split is not read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.results import Row, add_training, arguments_of, below, judged, report
from sgg.common import run_log
from sgg.config import Config, validate
from sgg.systems.two_stage.foundation import TwoStageFoundation
from sgg.systems.two_stage.generator_source import SharedGenerator
from sgg.training.fit import fit
from sgg.training.preparation import prepare

DATA = {"name": "toy", "version": 3}
SHORT, LONG = "shared", "shared longer"
FROZEN = {"generator": "shared", "frozen": True}
LEVERS: dict[str, dict[str, Any]] = {
    "papers": {},
    "gate at .5": {"reconstruct_above": 0.5},
    "3 adversarial updates": {"adversarial_updates": 3},
    "no conditioning": {"visual_conditioning": False},
    "rand": {"perturb": {"method": "rand"}},
    "rand, supported": {"perturb": {"method": "rand", "min_support": 1}},
    "graphn": {"perturb": {"method": "graphn"}},
    "graphn, supported": {"perturb": {"method": "graphn", "min_support": 1}},
    f"{SHORT}, frozen": FROZEN,
    f"{SHORT}, trained on": {"generator": "shared"},
    f"{LONG}, frozen": FROZEN,
    f"{LONG}, frozen, graphn, supported": FROZEN | {"perturb": {"method": "graphn", "min_support": 1}},
}
"""Settings of the GAN that differ from the papers'."""
COLUMNS = ("quality/{}/node/precision@5", "quality/{}/node/recall@5", "quality/{}/node/coverage@5",
           "quality/{}/node/frechet", "quality/{}/node/recognised", "quality/{}/node/accuracy",
           "quality/{}/edge/precision@5", "quality/{}/edge/frechet", "quality/{}/edge/accuracy",
           "quality/{}/global/precision@5", "quality/{}/global/frechet")
RECALLS = ("val/sgcls/zs/ngR@50", "val/predcls/zs/ngR@20")
PRECISION, DISTANCE = COLUMNS[0], COLUMNS[3]
GOAL = 0.5
"""The precision of generated nodes that [2] reaches on Visual Genome is .55."""
Rows = Sequence[Mapping[str, Any]]


def settings(lever: str, seed: int, options: argparse.Namespace) -> Config:
    """The config of a trial."""
    short, longer = options.generator_epochs
    data: dict[str, Any] = DATA | {"root": options.root}
    if options.data_seed is not None:
        data["seed"] = options.data_seed
    if options.images is not None:
        data |= {"train_images": options.images, "eval_images": max(8, options.images // 4)}
    gan: dict[str, Any] = {"kind": "gan", "quality_every": 1, **LEVERS[lever]}
    if "generator" in gan:
        gan["generator_epochs"] = longer if lever.startswith(LONG) else short
    training = {} if options.epochs is None else {"epochs": options.epochs}
    return validate({"experiment": {"seed": seed}, "data": data, "augmentation": gan,
                     "training": training, "evaluation": {"test": False}})


def folder(lever: str, seed: int, options: argparse.Namespace) -> Path:
    """The folder of a trial."""
    return Path(options.out) / f"{lever.replace(', ', '-').replace(' ', '-')}-{seed}"


def train(lever: str, seed: int, options: argparse.Namespace) -> Rows:
    """The rows of the epochs of a trial."""
    config = settings(lever, seed, options)
    rows = run_log.epoch_rows(folder(lever, seed, options))
    if len(rows) < config.training.epochs:
        fit(config, folder(lever, seed, options))
        rows = run_log.epoch_rows(folder(lever, seed, options))
    return rows


def shared_curve(lever: str, options: argparse.Namespace) -> Rows:
    """The rows of the epochs of the generator that the trials of a lever share; it is trained if it is not there."""
    foundation = prepare(settings(lever, 0, options))
    assert isinstance(foundation, TwoStageFoundation)
    assert isinstance(foundation.generator, SharedGenerator)
    return run_log.epoch_rows(foundation.generator.folder)


def show(name: str, trials: Sequence[Rows]) -> None:
    """The table of a curve: means over trials after each epoch, of generated features; the last line of real ones."""
    print(f"\n| {name}, n = {len(trials)} | {' | '.join(map(_heading, (*COLUMNS, *RECALLS)))} | s |")
    print("|---" * (len(COLUMNS) + len(RECALLS) + 2) + "|")
    for epoch in sorted({row["epoch"] for rows in trials for row in rows}):
        found = [row for rows in trials for row in rows if row["epoch"] == epoch]
        cells = [*(_mean(found, column.format("generated")) for column in COLUMNS),
                 *(_mean(found, recall) for recall in RECALLS)]
        print(f"| epoch {epoch} | {' | '.join(map(_cell, cells))} | {_mean(found, 'time'):.0f} |", flush=True)
    last = [rows[-1] for rows in trials]
    print(f"| real | {' | '.join(_cell(_mean(last, column.format('real'))) for column in COLUMNS)} | | | |", flush=True)


def _heading(name: str) -> str:
    parts = name.split("/")
    return " ".join(parts[2:] if name.startswith("quality") else parts[1:])


def _mean(rows: Rows, name: str) -> float:
    values = [row[name] for row in rows if row.get(name) is not None]
    return float(np.mean(values)) if values else float("nan")


def _cell(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3f}"


def results(curves: Mapping[str, Sequence[Rows]]) -> Iterator[Row]:
    """The last values of each curve, and whether the generator that was trained longer is the better one."""
    last = {name: [rows[-1] for rows in trials] for name, trials in curves.items()}
    for name, rows in last.items():
        for column in COLUMNS:
            value, real = _mean(rows, column.format("generated")), _mean(rows, column.format("real"))
            if not np.isnan(value):
                yield below(f"generator/{name}/{_heading(column)}", value, "", None if np.isnan(real) else real)
    if LONG in last and "papers" in last:
        now, longer = (_mean(last[name], DISTANCE.format("generated")) for name in ("papers", LONG))
        real = _mean(last[LONG], DISTANCE.format("real"))
        yield judged("generator/Frechet distance of nodes, trained longer, beside the papers' schedule", longer, "",
                     now, "real < longer < now", real < longer < now)
        precision = _mean(last[LONG], PRECISION.format("generated"))
        yield judged("generator/precision of nodes, trained longer", precision, "",
                     _mean(last["papers"], PRECISION.format("generated")), f">= {GOAL}", precision >= GOAL)


def main() -> int:
    """Train, print, write."""
    options = parsed()
    curves: dict[str, Sequence[Rows]] = {}
    print(prepare(settings(options.levers[0], 0, options)).experiment.data.banner, flush=True)
    for name in (SHORT, LONG):
        if (lever := next((one for one in options.levers if one.startswith(f"{name},")), None)) is not None:
            curves[name] = [shared_curve(lever, options)]
            show(f"{name}: the generator's own training", curves[name])
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        waiting = {lever: [pool.submit(train, lever, seed, options) for seed in options.seeds]
                   for lever in options.levers}
        for lever, trials in waiting.items():
            curves[lever] = [trial.result() for trial in trials]
            show(lever, curves[lever])
    return report(results(curves), options)


def parsed() -> argparse.Namespace:
    """The options of the command line."""
    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    parser = arguments_of(__doc__, "one seed, 32 images, one epoch: a test that it runs, without meaningful results")
    add_training(parser, "runs/generator")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seeds", type=numbers, default=[0, 1, 2], metavar="N,...", help="of trials; default: 0,1,2")
    parser.add_argument("--data-seed", type=int, default=21, metavar="N", help="of the genome; default: 21")
    parser.add_argument("--epochs", type=int, metavar="N", help="of trials; default: those of the toy genome")
    parser.add_argument("--generator-epochs", type=numbers, default=[10, 30], metavar="N,N",
                        help="of the shared generator, and of the one that is trained longer; default: 10,30")
    parser.add_argument("--images", type=int, metavar="N", help="training images; default: all")
    parser.add_argument("--levers", default=";".join(LEVERS), metavar="NAME;...",
                        help=f"some of them; default: {'; '.join(LEVERS)}")
    options = parser.parse_args()
    options.levers = [name.strip() for name in options.levers.split(";")]
    if unknown := [name for name in options.levers if name not in LEVERS]:
        parser.error(f"--levers: there is no {unknown[0]!r}; there are {'; '.join(LEVERS)}")
    if options.quick:
        options.out, options.seeds, options.images = f"{options.out}-quick", options.seeds[:1], 32
        options.epochs, options.generator_epochs = 1, [1, 2]
    return options


if __name__ == "__main__":
    sys.exit(main())
