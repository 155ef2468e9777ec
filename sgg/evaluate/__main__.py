"""Evaluate a trained model, or score saved predictions again (docs/SYSTEM.md section 6).

    python -m sgg.evaluate CHECKPOINT [--root DIR] [--mode sgcls,predcls] [--pred-weights 0,0.25,0.5,1]
                           [--zero-shot-list FILE] [--per-predicate] [--json FILE] [--save-predictions FILE]
    python -m sgg.evaluate --predictions FILE [...]          all metrics again, without a model or the images
    python -m sgg.evaluate --predictions FILE --format sgbench --data psg [--mode sgdet]     of another toolkit
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from sgg.common.atomic import write_json
from sgg.common.command_line import distinct, output_file, positive, run_command, table_console
from sgg.common.metric_names import KS, headline_k
from sgg.common.parser import add_data_option, add_renamed, command_parser
from sgg.common.versions import code_provenance
from sgg.config.options import add_plugin_options
from sgg.data.options import add_reading_options, open_by_options
from sgg.data.zero_shot_list import ZeroShotList, describe_list
from sgg.evaluate import formats
from sgg.evaluate.evaluation import FAILURES, FALLBACKS, Values, evaluate, rescore, unadjusted
from sgg.evaluate.predicate_recall import PredicateRecall
from sgg.evaluate.predictions import PredictionFile, PredictionSource, PredictionWriter, Protocol
from sgg.evaluate.tables import predicate_tables, tables
from sgg.methods.adjustment import ADJUSTMENTS, BY_METRICS, Value
from sgg.methods.dataset import DATA_SETS
from sgg.methods.variants import Variant, variants_of
from sgg.metrics import Conventions, SceneGraphMetrics, predicate_weights
from sgg.metrics.checks import checked_mode

NEED_A_MODEL = ("adjust", "root", "split", "images", "device", "plugin", "allow_changed_plugin", "save_predictions")
"""Options without effect on saved predictions."""
NEED_A_FORMAT = ("data", "num_val_images", "exclude_left_right", "allow_clipping", "self_relations", "settings")
"""Options that say what the predictions of another toolkit are compared with."""
NOT_OF_OTHERS = ("adjust", "images", "device", "allow_changed_plugin", "save_predictions")
"""Options without effect on predictions of another toolkit."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 2 after a user's mistake, with the message in one line."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    _require_effect(parser, options)
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
    if given := [f"--{name.replace('_', '-')}" for name in without_effect
                 if getattr(options, name) not in (None, False, [], parser.get_default(name))]:
        parser.error(f"leave out {', '.join(given)}: {reason}")


def _show(options: argparse.Namespace) -> None:
    result = _from_foreign(options) if options.format else _from_file(options) if options.predictions else \
        _from_checkpoint(options)
    console, protocol = table_console(), result.protocol
    console.print(f"{protocol.split}: {protocol.source['data']['description']}")
    listed = {} if result.listed is None else {"zero_shot_list": result.listed.provenance(protocol.train_triplets)}
    shown = tables(result.values, result.modes, result.variants, headline_k(result.ks),
                   describe_list(listed.get("zero_shot_list")))
    if options.per_predicate:
        shown += predicate_tables(result.metrics, result.modes, result.variants, protocol.predicates,
                                  headline_k(result.ks))
    for table in shown:
        console.print(table)
    if options.json:
        named = {f"{protocol.split}/{name}": value for name, value in result.values.items()}
        conventions = asdict(Conventions(**result.conventions))
        # The data of saved predictions may name the list and conventions of an earlier evaluation.
        data = {name: value for name, value in protocol.source["data"].items()
                if name not in ("zero_shot_list", "relation_nms")} | listed
        write_json(options.json, {"part": protocol.split, **protocol.source, "data": data, "conventions": conventions,
                                  **code_provenance(), "figures": named, **_per_predicate(options, result)})
        console.print(f"all metrics: {options.json}")


def _per_predicate(options: argparse.Namespace, result: _Result) -> dict[str, Any]:
    """What the file of all metrics has beside them with --per-predicate, without adjustments."""
    if not options.per_predicate:
        return {}
    return {"per_predicate": PredicateRecall.of(unadjusted(result.metrics), result.protocol.predicates).to_json()}


@dataclass(frozen=True)
class _Result:
    protocol: Protocol
    modes: Sequence[str]
    ks: Sequence[int]
    variants: Sequence[Variant]
    values: Values
    metrics: Mapping[str, SceneGraphMetrics]
    listed: ZeroShotList | None
    conventions: Mapping[str, Any]


def _from_checkpoint(options: argparse.Namespace) -> _Result:
    from sgg.evaluate.restore import restore
    from sgg.methods.plugin_errors import naming_places
    from sgg.methods.plugins import load_plugins
    from sgg.systems.contract import DivergedError

    load_plugins(options.plugin)
    adjust = dict(options.adjust or ())
    if unknown := [name for name in adjust if name not in ADJUSTMENTS]:
        raise ValueError(f"--adjust {unknown[0]}: must be one of {', '.join(ADJUSTMENTS)}")
    given = {"data": {"root": options.root and str(options.root), "eval_images": options.images},
             "training": {"device": options.device},
             "evaluation": {"modes": options.mode, "ks": options.ks, BY_METRICS: options.pred_weights,
                            "zero_shot_list": options.zero_shot_list and str(options.zero_shot_list),
                            "relation_nms": options.relation_nms or None, **adjust}}
    restored = restore(options.checkpoint, {section: {key: value for key, value in values.items() if value is not None}
                                            for section, values in given.items()}, options.allow_changed_plugin)
    experiment = restored.foundation.experiment
    data, settings, split = experiment.data, experiment.config.evaluation, options.split or "test"
    source: PredictionSource = {"checkpoint": str(restored.checkpoint.path), "epoch": restored.checkpoint.epoch,
                                "data": restored.foundation.provenance}
    if plugins := restored.checkpoint.meta.get("plugins"):
        source["plugins_in_training"] = plugins
    protocol = Protocol(split, tuple(settings.modes), data.classes, data.predicates, data.triplets("train").as_dict(),
                        data.seen(split).as_dict(), predicate_weights(*experiment.pair_counts, 1), source)
    conventions = _conventions(options) | {"relation_nms": settings.relation_nms}
    metrics = {mode + ending: of_mode for ending in experiment.adjusters for mode, of_mode in protocol.metrics(
        settings.modes, settings.ks, settings.values_of("pred_weight"), conventions, experiment.zero_shot_list).items()}
    batches = _with_bar(restored.foundation.evaluation_batches(split),
                        math.ceil(len(experiment.split(split)) / settings.batch_size), "batches")
    saving = PredictionWriter(options.save_predictions, protocol) if options.save_predictions else nullcontext()
    with saving as writer, naming_places():
        try:
            named = evaluate(restored.predictor, batches, metrics, writer.add if writer else None,
                             experiment.adjusters)
        except DivergedError as error:
            raise FloatingPointError(
                f"{restored.checkpoint.path}, after epoch {restored.checkpoint.epoch}: {error}; evaluate an earlier "
                "checkpoint, or train again with a lower training.learning_rate") from error
        if writer:
            writer.fallbacks = int(named[FALLBACKS]) if FALLBACKS in named else None
    return _Result(protocol, settings.modes, settings.ks, experiment.variants, named, metrics,
                   experiment.zero_shot_list, conventions)


def _from_file(options: argparse.Namespace) -> _Result:
    saved = PredictionFile(options.predictions)
    modes, ks, pred_weights = options.mode or saved.protocol.modes, options.ks or KS, options.pred_weights or [0.0]
    listed = None
    if options.zero_shot_list:
        listed = ZeroShotList.read(options.zero_shot_list, saved.protocol.classes, saved.protocol.predicates)
    conventions = _conventions(options) | {"relation_nms": options.relation_nms}
    metrics = saved.protocol.metrics(modes, ks, pred_weights, conventions, listed)
    named = rescore(_with_bar(saved, len(saved), "images"), metrics)
    if "sgdet" in modes and saved.fallbacks is not None:
        named[FALLBACKS] = saved.fallbacks
    return _Result(saved.protocol, modes, ks, variants_of({BY_METRICS: pred_weights}), named, metrics, listed,
                   conventions)


def _from_foreign(options: argparse.Namespace) -> _Result:
    from sgg.evaluate.foreign import ForeignPredictions
    from sgg.methods.plugins import load_plugins

    load_plugins(options.plugin)
    mode = checked_mode(_only(options.mode or ["sgdet"], "--mode"))
    options.root, options.data = options.root or Path("data"), options.data or "auto"
    data = open_by_options(options)
    found = ForeignPredictions(options.predictions, options.format, data, options.split or "test", mode)
    protocol = found.protocol()
    ks, pred_weights = options.ks or KS, options.pred_weights or [0.0]
    listed = None
    if options.zero_shot_list:
        listed = ZeroShotList.read(options.zero_shot_list, data.classes, data.predicates)
    conventions = _conventions(options) | {"relation_nms": options.relation_nms} | found.conventions
    metrics = protocol.metrics([mode], ks, pred_weights, conventions, listed)
    named = rescore(_with_bar(found, len(found), "images"), metrics)
    named.pop(FAILURES, None)  # of a detector of ours
    if missing := len(found) - found.found:
        print(f"{missing:,} of {len(found):,} images have no prediction in {options.predictions}: their recall is 0")
    return _Result(protocol, [mode], ks, variants_of({BY_METRICS: pred_weights}), named, metrics, listed, conventions)


def _only(values: Sequence[str], option: str) -> str:
    if len(values) > 1:
        raise ValueError(f"{option} must be one value with --format, got {', '.join(values)}: a file holds predictions "
                         "of one mode")
    return values[0]


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


def _conventions(options: argparse.Namespace) -> dict[str, Any]:
    return asdict(Conventions.clean()) if options.clean else {}


def _with_bar(steps: Iterable[Any], total: int, unit: str) -> Iterable[Any]:
    return track(steps, unit, total, console=Console(stderr=True))


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
    add_data_option(parser, ["auto", *DATA_SETS], help="with --format: the data set")
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
    parser.add_argument("--relation-nms", action="store_true",
                        help="suppress relations of alike pairs before ranking, as T-CAR's evaluator does "
                             "(evaluation.relation_nms)")
    parser.add_argument("--zero-shot-list", type=Path, metavar="FILE",
                        help="also measure zs-list: the triplets of this CSV file (docs/METRICS.md); default: as in "
                             "training, none for saved predictions")
    parser.add_argument("--per-predicate", action="store_true",
                        help="also print the recall of each predicate and the means of head, body and tail")
    add_plugin_options(parser)
    parser.add_argument("--json", type=output_file, metavar="FILE", help="write all metrics to this file")
    parser.add_argument("--save-predictions", type=output_file, metavar="FILE",
                        help="write the raw predictions (.npz) to this file")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
