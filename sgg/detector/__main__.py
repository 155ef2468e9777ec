"""Train and measure an object detector.

    python -m sgg.detector train    --data vg --out detectors/vg [--backbone vgg16] [--start coco.pth] [--epochs 10]
    python -m sgg.detector evaluate detectors/vg --data vg [--split test] [--json metrics.json]
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from sgg.common.atomic import write_json
from sgg.common.command_line import not_negative, output_file, positive, positive_number, run_command, table_console
from sgg.common.parser import add_renamed, command_parser
from sgg.common.versions import PROGRAM, program
from sgg.config import validate
from sgg.config.options import settings_given
from sgg.data import DataSet
from sgg.data.options import add_data_set_options, open_by_options
from sgg.data.splits import SPLITS
from sgg.detector.tables import metric_table
from sgg.methods.backbone import BACKBONES, Backbone


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns 0, or 2 if an argument or a file is wrong."""
    options = build_parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return run_command(lambda: _run(options), "interrupted; run the same command again to resume")


def _run(options: argparse.Namespace) -> None:
    from sgg.common.device import find_device
    from sgg.methods.plugins import load_plugins

    load_plugins(options.plugin)
    options.device = find_device(options.device, "--device")
    options.run(options)


def _open(options: argparse.Namespace, *splits: str) -> DataSet:
    data = open_by_options(options)
    data.require_images(*(data.split(name) for name in (*splits, *SPLITS)))
    print(data.banner)
    return data


def _train(options: argparse.Namespace) -> None:
    from sgg.common.run_log import read_optional_json
    from sgg.detector.cache import train_into
    from sgg.detector.files import require_place
    from sgg.detector.layout import METADATA, METRICS

    require_place(options.out)
    if (options.out / METADATA).exists():
        raise FileExistsError(f"{options.out} already holds a detector: name another folder, or delete it")
    settings = _backbone(options)
    data = _open(options, "detector")
    train_into(options.out, data, settings, options.workers, options.device, options.start, options.batch_size or 8)
    print(f"wrote {options.out}")
    _report((read_optional_json(options.out / METADATA) or {}).get(METRICS, {}), None)


def _backbone(options: argparse.Namespace) -> Backbone:
    """The settings of the backbone, completed as in a config for the data set. Raises ConfigError."""

    given = {"backbone": options.backbone, "epochs": options.epochs, "batch_size": options.batch_size,
             "learning_rate": options.learning_rate, **settings_given(options, "detector")}
    return validate({"data": {"name": options.data, "root": str(options.root)},
                     "detector": {name: value for name, value in given.items() if value is not None}},
                    "the command line").detector


def _evaluate(options: argparse.Namespace) -> None:
    from sgg.detector.cache import check_fits
    from sgg.detector.evaluation import measure
    from sgg.detector.files import load_detector
    from sgg.detector.proposals import require_proposals

    detector, metadata = load_detector(options.detector)
    require_proposals(options.detector, "average precision")
    data = _open(options)
    check_fits(detector, metadata, data, options.detector)
    _report(measure(detector.to(options.device), data, options.split, options.batch_size or 8, options.workers,
                    options.images), options.json)


def _report(metrics: dict[str, float], path: Path | None) -> None:
    table_console().print(metric_table(metrics))
    if path:
        write_json(path, {**metrics, PROGRAM: program()})


def build_parser() -> argparse.ArgumentParser:
    """The parser of both commands."""
    parser = command_parser("sgg.detector", __doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)

    train = commands.add_parser("train", help="train on the boxes of a data set; an interrupted training resumes")
    add_renamed(train, "--out", "--to", type=Path, required=True, metavar="DIR", help="folder to write")
    train.add_argument("--backbone", metavar="NAME",
                       help=f"{', '.join(BACKBONES)}, or of a plugin; default: vgg16, for the toy genome tiny")
    train.add_argument("--start", type=Path, metavar="FILE",
                       help="torchvision's COCO weights, from which training starts (resnet50)")
    train.add_argument("--epochs", type=positive, metavar="N", help="as detector.epochs")
    train.add_argument("--learning-rate", type=positive_number, metavar="X", help="as detector.learning_rate")
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="COCO mAP, and how often both objects of a relation are right")
    evaluate.add_argument("detector", type=Path, help="a folder that `train` wrote")
    add_renamed(evaluate, "--split", "--part", choices=["train", "val", "test"], default="test",
                help="of the data set; default: test")
    evaluate.add_argument("--images", type=positive, metavar="N", help="only the first N images of the split")
    evaluate.add_argument("--json", type=output_file, metavar="FILE",
                          help="also write the values to this file, as fractions of 1")
    evaluate.set_defaults(run=_evaluate)

    for command in (train, evaluate):
        add_data_set_options(command, "which brings the data set or the backbone",
                             {"detector": Backbone} if command is train else None)
        command.add_argument("--batch-size", type=positive, metavar="N", help="images at a time")
        command.add_argument("--workers", type=not_negative, default=0, metavar="N",
                             help="processes that read images; default: 0, this process reads them")
        command.add_argument("--device", default="auto", help="cpu, cuda, ...; default: auto, a GPU if there is one")
    return parser


if __name__ == "__main__":
    sys.exit(main())
