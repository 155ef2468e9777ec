"""Pages of pictures: `python -m sgg.show zero-shot | perturbations | predictions | features` (docs/VIEWERS.md).

Each writes DIR/index.html and the pictures beside it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import track

from sgg.common.command_line import distinct, not_negative, positive, positive_number, run_command
from sgg.common.parser import command_parser
from sgg.config.options import add_plugin_options
from sgg.data.options import add_data_set_options, open_by_options
from sgg.features.options import add_study_options

METHODS = "rand,neigh,graphn"


class Viewer(NamedTuple):
    """A command: its name, what its page shows, the function that declares its options, and the one that writes the
    page and returns its path."""

    name: str
    text: str
    add_options: Callable[[argparse.ArgumentParser], None]
    show: Callable[[argparse.Namespace], Path]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns 0, or 2 after a user's mistake, with the message in one line."""
    options = build_parser().parse_args(arguments)
    return run_command(lambda: _run(options))


def _run(options: argparse.Namespace) -> None:
    from sgg.methods.plugins import load_plugins
    from sgg.show.page import require_page_folder

    require_page_folder(options.out)
    load_plugins(options.plugin)
    print(f"written: {options.show(options)}")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all its commands."""
    parser = command_parser("sgg.show", __doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for viewer in VIEWERS:
        command = commands.add_parser(viewer.name, help=viewer.text, description=viewer.text)
        command.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
        viewer.add_options(command)
        command.set_defaults(show=viewer.show)
    return parser


def _add_zero_shot(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    parser.add_argument("--limit", type=positive, default=50, metavar="N",
                        help="the most entries of the page: the most frequent triplets; default: 50")
    parser.add_argument("--examples", type=positive, default=3, metavar="N",
                        help="the most images of a triplet; default: 3")
    parser.add_argument("--neighbours", type=not_negative, default=8, metavar="N",
                        help="the most triplets of training in each line; default: 8")


def _zero_shot(options: argparse.Namespace) -> Path:
    from sgg.show.zero_shot import show_zero_shot

    return show_zero_shot(open_by_options(options), options.out, options.split, options.limit, options.examples,
                          options.neighbours)


def _add_perturbations(parser: argparse.ArgumentParser) -> None:
    _add_data(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--index", type=not_negative, default=0, metavar="I",
                       help="number of the image in the split, from 0; default: 0")
    which.add_argument("--image", metavar="NAME", help="name of the image, without the ending of its file")
    parser.add_argument("--method", type=distinct(str), default=METHODS.split(","), metavar="NAME,...",
                        help=f"the methods; default: {METHODS}")
    parser.add_argument("--topk", type=distinct(not_negative), metavar="K,...",
                        help="as augmentation.perturb.topk, of neigh and GraphN; default: 5")
    parser.add_argument("--alpha", type=distinct(positive_number), metavar="A,...",
                        help="as augmentation.perturb.alpha, of GraphN; default: 2")
    parser.add_argument("--intensity", type=positive_number, default=0.2, metavar="L",
                        help="as augmentation.perturb.intensity; default: 0.2")
    parser.add_argument("--min-support", type=not_negative, default=0, metavar="N",
                        help="as augmentation.perturb.min_support; default: 0")
    parser.add_argument("--seed", type=not_negative, default=0, help="seed of all draws; default: 0")


def _perturbations(options: argparse.Namespace) -> Path:
    from sgg.show.perturbations import show_perturbations, vectors_of

    for name, value, having in (("--topk", options.topk, ("neigh", "graphn")), ("--alpha", options.alpha, ("graphn",))):
        if value is not None and not {*having} & {*options.method}:
            raise ValueError(f"{name} acts with --method {' or '.join(having)} alone: leave it out")
    data = open_by_options(options)
    image = options.index if options.image is None else options.image
    return show_perturbations(data, options.out, vectors_of(data, options.root), options.split, image, options.method,
                              options.topk or [5], options.alpha or [2.0], options.intensity, options.seed,
                              options.min_support)


def _add_predictions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT",
                        help="folder of a trial, or one of its checkpoints")
    parser.add_argument("--root", type=Path, metavar="DIR",
                        help="folder of the data sets; default: the one with which the model was trained")
    _add_split(parser)
    parser.add_argument("--mode", type=distinct(str), metavar="MODE,...",
                        help="sgcls, predcls, sgdet; default: as in training")
    parser.add_argument("--limit", type=positive, default=20, metavar="N",
                        help="the most entries of the page: the first images; default: 20")
    parser.add_argument("--top", type=not_negative, default=20, metavar="K",
                        help="the best triplets of an image that count; default: 20")
    parser.add_argument("--zero-shot", action="store_true", help="only images with a zero-shot relation")
    parser.add_argument("--unconstrained", action="store_true",
                        help="several predicates for a pair of objects, as in ngR@K; default: one, as in R@K")
    parser.add_argument("--device", help="cpu, cuda, ...; default: the one of the training settings")
    add_plugin_options(parser)


def _predictions(options: argparse.Namespace) -> Path:
    from sgg.methods.plugin_errors import naming_places
    from sgg.show.predictions import open_model, require_top, show_predictions

    require_top(options.top)
    model = open_model(options.checkpoint, options.root, options.mode, options.device, options.allow_changed_plugin)
    with naming_places():
        return show_predictions(model, options.out, options.split, options.limit, options.top, options.zero_shot,
                                not options.unconstrained)


def _add_features(parser: argparse.ArgumentParser) -> None:
    add_study_options(parser, "numbers that are shown first; default: 5")


def _features(options: argparse.Namespace) -> Path:
    from sgg.evaluate.feature_quality import FeatureStudy, read_groups
    from sgg.show.features import show_features

    groups = read_groups(options.groups) if options.groups else None
    bar = partial(track, description="features", console=Console(stderr=True))
    study = FeatureStudy.open(options.run, options.images, options.rows, bar, options.allow_changed_plugin)
    return show_features(study, options.out, options.k or 5, groups)


def _add_data(parser: argparse.ArgumentParser) -> None:
    add_data_set_options(parser, "which defines the data set")
    _add_split(parser)


def _add_split(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--split", choices=["val", "test"], default="test", help="of the data set; default: test")


VIEWERS = (
    Viewer("zero-shot", "the zero-shot triplets of a data set, with their images and what training has seen near to "
           "them", _add_zero_shot, _zero_shot),
    Viewer("perturbations", "the graph of one image, perturbed by each method, with the exact probability of each "
           "class", _add_perturbations, _perturbations),
    Viewer("predictions", "predictions of a checkpoint beside the annotation: hits, misses and wrong triplets",
           _add_predictions, _predictions),
    Viewer("features", "the quality of generated features: real beside generated, in numbers and by t-SNE",
           _add_features, _features))


if __name__ == "__main__":
    sys.exit(main())
