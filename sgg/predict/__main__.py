"""Predict scene graphs of images of your own, from a checkpoint alone (docs/PREDICTION.md).

    python -m sgg.predict CHECKPOINT IMAGE-OR-FOLDER... --out DIR
                          [--boxes FILE] [--top K] [--threshold T] [--keep-duplicates] [--no-pictures] [--batch B]
                          [--format json|sgbench|coco-relations]

writes DIR/NAME.json, and DIR/NAME.graph.png with the boxes and the graph, for each image. With another format than json
it writes one file with all images, DIR/predictions.json, and the pictures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sgg.common.atomic import require_writable
from sgg.common.command_line import not_negative, positive, run_command
from sgg.common.parser import command_parser
from sgg.common.progress import image_bar
from sgg.config.options import add_plugin_options
from sgg.evaluate.formats import writable, writer_of

SOME_FAILED = 1
COLLECTED = "predictions.json"
"""The file of formats that hold all images."""
NAMED = 10
"""The most images that a note names."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns 0; 1 if some images could not be read, which the end of the output names; 2 after a
    user's mistake."""
    return run_command(lambda: _predict(build_parser().parse_args(arguments)))


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command."""
    parser = command_parser("sgg.predict", __doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT",
                        help="folder of a trial, one of its checkpoints, or what `sgg.checkpoint export` wrote")
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE-OR-FOLDER",
                        help="image files, and folders whose images are all predicted, those in folders below too")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--boxes", type=Path, metavar="FILE",
                        help="JSON with the boxes of each image, with or without labels, instead of the detector's")
    parser.add_argument("--top", type=not_negative, default=20, metavar="K",
                        help="the most triplets of an image; default: 20")
    parser.add_argument("--threshold", type=_score, default=0.0, metavar="T",
                        help="the lowest score of a triplet, 0 to 1; default: 0, which leaves none out")
    parser.add_argument("--keep-duplicates", dest="once", action="store_false",
                        help="keep all boxes of the detector, also several of one class for one object")
    parser.add_argument("--format", choices=["json", *writable()], default="json",
                        help="json: a document of each image; the others: one file, which sgg.evaluate and other "
                             "toolkits score; default: json")
    parser.add_argument("--no-pictures", dest="pictures", action="store_false", help="write JSON only")
    parser.add_argument("--batch", type=positive, default=8, metavar="B",
                        help="the number of images computed together; default: 8")
    parser.add_argument("--device", default="auto", help="cpu, cuda, ...; default: auto, a GPU if there is one")
    add_plugin_options(parser)
    return parser


def _score(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, got {text}")
    return number


def _predict(options: argparse.Namespace) -> int:
    require_writable(options.out)
    if options.out.exists() and not options.out.is_dir():
        raise ValueError(f"--out {options.out} is a file: name a folder")
    from sgg.methods.plugin_errors import naming_places
    from sgg.methods.plugins import load_plugins
    from sgg.predict.given import read_boxes
    from sgg.predict.images import find_images, large_images
    from sgg.predict.predictor import Predictor
    from sgg.predict.run import Run

    files, left_out = find_images(options.images, options.out)
    load_plugins(options.plugin)
    predictor = Predictor(options.checkpoint, options.device, options.allow_changed_plugin)
    boxes = None if options.boxes is None else read_boxes(options.boxes, predictor.classes)
    collected = None if options.format == "json" else writer_of(options.format, predictor.classes, predictor.predicates)
    if boxes is not None and (others := boxes.others({file.name for file in files})):
        print(f"note: --boxes {options.boxes}: {len(others):,} of {len(boxes.images):,} entries are of images that are "
              f"not given: {', '.join(others[:NAMED])}{', ...' if len(others) > NAMED else ''}", file=sys.stderr)
    run = Run(predictor, options.out, options.batch, boxes, options.top, options.threshold, options.pictures,
              options.once, collected)
    with naming_places(), large_images(), image_bar("images") as on_image:
        faults = run.predict(files, on_image)
    if collected is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        collected.write(options.out / COLLECTED)
    rest = f"; left out, since their names do not end like those of images: {left_out:,}" if left_out else ""
    print(f"{len(files) - len(faults):,} of {len(files):,} images predicted: {options.out}{rest}")
    if faults:
        print("\n  ".join([f"{len(faults):,} could not be predicted:", *faults]), file=sys.stderr)
        return SOME_FAILED
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
