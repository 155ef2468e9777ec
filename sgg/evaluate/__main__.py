"""Evaluate a trained model, or score saved predictions again (docs/SYSTEM.md section 6).

    python -m sgg.evaluate CHECKPOINT [--root DIR] [--mode sgcls,predcls] [--pred-weights 0,0.25,0.5,1]
                           [--zero-shot-list FILE] [--per-predicate] [--json FILE] [--save-predictions FILE]
    python -m sgg.evaluate CHECKPOINT --corruption all       the same under 15 corruptions of the test images
    python -m sgg.evaluate --predictions FILE [...]          all metrics again, without a model or the images
    python -m sgg.evaluate --predictions FILE --format sgbench --data psg [--mode sgdet]     of another toolkit
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sgg.common.command_line import distinct, output_file, positive, run_command
from sgg.common.parser import add_data_option, add_renamed, command_parser
from sgg.config.corruptions import SEVERITIES
from sgg.config.options import add_plugin_options
from sgg.data.options import add_reading_options
from sgg.evaluate import formats
from sgg.evaluate.measured import measured, of_file, of_foreign, restored
from sgg.evaluate.robustness import ALL
from sgg.evaluate.shown import show, show_robustness
from sgg.methods.adjustment import Value
from sgg.methods.dataset import DATA_SETS

NEED_A_MODEL = ("adjust", "root", "split", "images", "device", "plugin", "allow_changed_plugin", "save_predictions",
                "corruption", "severity")
"""Options without effect on saved predictions."""
NEED_A_FORMAT = ("data", "num_val_images", "exclude_left_right", "allow_clipping", "self_relations", "settings")
"""Options that say what the predictions of another toolkit are compared with."""
NOT_OF_OTHERS = ("adjust", "images", "device", "allow_changed_plugin", "save_predictions", "corruption", "severity")
"""Options without effect on predictions of another toolkit."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 2 after a user's mistake, with the message in one line."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    _require_effect(parser, options)
    if fault := _fault_of_corruption(options):
        parser.error(fault)
    return run_command(lambda: _show(options))


def _require_effect(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End the command if an option was given that has no effect with the others."""
    if options.format and not options.predictions:
        parser.error("--format says what the file of --predictions is: name that file")
    without_effect, reason = list(NEED_A_FORMAT), "only with --format: the checkpoint says which data it needs"
    if options.format:
        without_effect, reason = list(NOT_OF_OTHERS), "no effect with --format, because the file already fixes it"
    elif options.predictions:
        without_effect = [*NEED_A_MODEL, *NEED_A_FORMAT]
        reason = "no effect with --predictions, because the file already fixes it"
    named = {action.dest: action.option_strings[0] for action in parser._actions if action.option_strings}
    if given := [named[name] for name in without_effect
                 if getattr(options, name) not in (None, False, [], parser.get_default(name))]:
        parser.error(f"leave out {', '.join(given)}: {reason}")


def _fault_of_corruption(options: argparse.Namespace) -> str | None:
    """Why --corruption cannot be used with the other options; None where it can."""
    if not options.corruption or options.corruption == ["off"]:
        return "--severity needs --corruption" if options.severity else None
    if options.split == "val":
        return ("--corruption is for the test split, so that nothing is chosen by corrupted images: leave out --split "
                "val")
    several = [f"--{name.replace('_', '-')}" for name in ("save_predictions", "per_predicate")
               if getattr(options, name)]
    one = len(options.corruption) == 1 and options.corruption != [ALL] and len(options.severity or SEVERITIES) == 1
    return None if one or not several else f"{several[0]} needs one --corruption NAME and one --severity N"


def _show(options: argparse.Namespace) -> None:
    if options.predictions:
        return show(options, of_foreign(options) if options.format else of_file(options))
    found, corruptions = restored(options)
    if len(corruptions) > 1:
        return show_robustness(options, found, corruptions)
    return show(options, measured(options, found, *corruptions))


def _adjustment(text: str) -> tuple[str, list[Value]]:
    name, separator, values = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"must be NAME=X,..., got {text}")
    return name, distinct(_number_or_word)(values)


def _number_or_word(text: str) -> Value:
    try:
        return float(text)
    except ValueError:
        return text


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command."""
    parser = command_parser("sgg.evaluate", __doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("checkpoint", nargs="?", type=Path, help="folder of a trial, or one of its checkpoints")
    source.add_argument("--predictions", type=Path, metavar="FILE", help="saved predictions, instead of a model")
    parser.add_argument("--format", choices=formats.names(),
                        help="the predictions are of another toolkit, in this format; they are compared with the data "
                             "set of --data")
    parser.add_argument("--root", type=Path, metavar="DIR",
                        help="folder of the data sets; default: the one with which the model was trained")
    add_data_option(parser, ["auto", *DATA_SETS], of_plugins=True, help="with --format: the data set")
    add_reading_options(parser)
    add_renamed(parser, "--split", "--part", choices=["val", "test"], help="the split to evaluate; default: test")
    parser.add_argument("--images", type=positive, metavar="N", help="only the first N images of the split")
    parser.add_argument("--device", help="cpu, cuda, ...; default: the one of the training settings")
    parser.add_argument("--mode", type=distinct(str), metavar="MODE,...",
                        help="sgcls, predcls, sgdet; default: as in training")
    parser.add_argument("--pred-weights", type=distinct(float), metavar="X,...",
                        help="exponents of the re-weighting, each of which is measured (evaluation.pred_weight)")
    parser.add_argument("--adjust", type=_adjustment, action="append", metavar="NAME=X,...",
                        help="values of another adjustment, such as logit_adjustment=0,1 or effect=none,tde; may be "
                             "given several times")
    parser.add_argument("--ks", type=distinct(int), metavar="K,...", help="the K of recall at K (evaluation.ks)")
    parser.add_argument("--clean", action="store_true",
                        help="use the plain definitions of the metrics, not the conventions of the published "
                             "evaluators (sgg.metrics.Conventions)")
    parser.add_argument("--relation-nms", action=argparse.BooleanOptionalAction,
                        help="suppress relations of alike pairs before ranking, as T-CAR's evaluator does "
                             "(evaluation.relation_nms); default: as in training, not for saved predictions")
    parser.add_argument("--zero-shot-list", type=Path, metavar="FILE",
                        help="also measure zs-list: the triplets of this CSV file (docs/METRICS.md); default: as in "
                             "training, none for saved predictions")
    parser.add_argument("--corruption", type=distinct(str), metavar="NAME,...",
                        help="corrupt the test images: one of the 15 common corruptions, several of them, or all; off: "
                             "none; default: as in training (docs/METRICS.md)")
    parser.add_argument("--severity", type=distinct(int), metavar="N,...",
                        help="severities of --corruption, from 1 to 5; default: all five. More than one corruption or "
                             "severity makes a table with means")
    parser.add_argument("--per-predicate", action="store_true",
                        help="also print the recall of each predicate and the means of head, body and tail")
    add_plugin_options(parser)
    parser.add_argument("--json", type=output_file, metavar="FILE", help="write all metrics to this file")
    parser.add_argument("--save-predictions", type=output_file, metavar="FILE",
                        help="write the raw predictions (.npz) to this file")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
