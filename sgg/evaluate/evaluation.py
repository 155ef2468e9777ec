"""From a model and images, or from its saved predictions, to numbers (docs/SYSTEM.md section 6).

    python -m sgg.evaluate CHECKPOINT [--data ROOT] [--mode sgcls,predcls] [--pred-weights 0,0.25,0.5,1]
                           [--json FILE] [--save-predictions FILE]
    python -m sgg.evaluate --predictions FILE [...]          every figure again, without a model or the images
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from sgg.common.atomic import write_json
from sgg.common.command_line import distinct, output_file, positive, run_command
from sgg.common.metric_names import DETECTION_COUNTS, KS, RECALLS, SUBSETS, headline_k
from sgg.common.versions import versions
from sgg.config.options import add_plugin_options
from sgg.evaluate.predictions import PredictionFile, Predictions, PredictionWriter, Protocol
from sgg.methods.adjustment import ADJUSTMENTS, BY_METRICS
from sgg.methods.variants import Adjuster, Variant, suffix, variants_of, with_suffix
from sgg.metrics import Conventions, SceneGraphMetrics, predicate_weights
from sgg.structures import Batch, Prediction, SceneGraph

if TYPE_CHECKING:
    from sgg.systems.contract import Predictor

FALLBACKS, FAILURES = (f"sgdet/{name}" for name in DETECTION_COUNTS)
NEED_A_MODEL = ("adjust", "data", "split", "images", "device", "plugin", "allow_changed_plugin", "save_predictions")
"""Options without effect on saved predictions."""
Figures = dict[str, float]
EachImage = Callable[[str, SceneGraph, Predictions], None]


def evaluate(
    predictor: Predictor,
    batches: Iterable[Batch],
    metrics: dict[str, SceneGraphMetrics],
    on_image: EachImage | None = None,
    adjusters: Mapping[str, Adjuster] | None = None,
) -> Figures:
    """One pass over `batches`; the figures of every mode, named `<mode>/<subset>/<metric>`, and two numbers of images:
    `sgdet/fallbacks`, for which detection had to lower its score threshold to find two boxes that overlap, and
    `sgdet/failures`, of those the ones in which it found none at any threshold.

    metrics: mode (sgcls, predcls, sgdet), and the suffix of an adjuster -> fresh metrics of that mode. on_image: gets
    each image's id, annotation and predictions, in numpy, once they are counted. adjusters: see `Predictor.predict`;
    None: scores stay as they are. Figures measured under one have its suffix. Networks are left in the state they came
    in.

    Raises what `predictor.predict` raises where networks have diverged.
    """
    from sgg.common import distributed as parallel
    from sgg.systems.contract import AS_IT_IS

    adjusters = AS_IT_IS if adjusters is None else adjusters
    fallbacks = failures = 0
    modes = [of_mode.mode for key, of_mode in metrics.items() if "/" not in key]
    with predictor.evaluating():
        for batch in batches:
            predicted = predictor.predict(batch, modes, adjusters)
            fallbacks += predicted.counts.get("fallbacks", 0)
            failures += _count_batch(batch, predicted.predictions, metrics, on_image)
    named = figures({mode: _of_all_workers(of_mode) for mode, of_mode in metrics.items()})
    if "sgdet" in metrics:
        totals = zip(*parallel.gathered((fallbacks, failures)), strict=True)
        named |= dict(zip((FALLBACKS, FAILURES), map(sum, totals), strict=True))
    return named


def _count_batch(batch: Batch, predictions: dict[str, list[Prediction]], metrics: dict[str, SceneGraphMetrics],
                 on_image: EachImage | None) -> int:
    """Count the images of a batch; returns the number of those on which SGDet failed."""
    failures = 0
    for image_id, graph, *of_modes in zip(batch.image_ids, batch.graphs(), *predictions.values(), strict=True):
        graph = graph.numpy()
        of_image = {mode: prediction.numpy() for mode, prediction in zip(predictions, of_modes, strict=True)}
        failures += _count(metrics, image_id, graph, of_image)
        if on_image is not None:
            on_image(image_id, graph, {mode: one for mode, one in of_image.items() if "/" not in mode})
    return failures


def _count(metrics: dict[str, SceneGraphMetrics], image_id: str, graph: SceneGraph, of_image: Predictions) -> bool:
    """Count an image in every mode; returns whether SGDet failed on it: its pairs are those that overlap."""
    failed = "sgdet" in metrics and not len(of_image["sgdet"].pairs)
    for mode, of_mode in metrics.items():
        of_mode.update(graph, of_image[mode], image_id, failed=failed and mode.startswith("sgdet"))
    return failed


def _of_all_workers(metrics: SceneGraphMetrics) -> SceneGraphMetrics:
    """What all processes that work together have counted."""
    from sgg.common import distributed as parallel

    if parallel.num_workers() == 1:
        return metrics
    first, *others = (metrics if rank == parallel.rank() else SceneGraphMetrics.from_state(state)
                      for rank, state in enumerate(parallel.gathered(metrics.state())))
    for other in others:
        first.merge(other)
    return first


def rescore(images: Iterable[tuple[str, SceneGraph, Predictions]], metrics: dict[str, SceneGraphMetrics]) -> Figures:
    """The figures of `evaluate` from saved predictions: a `PredictionFile`, or any images with their predictions. How
    often detection fell back does not follow from them."""
    failures = sum(_count(metrics, *image) for image in images)
    return figures(metrics) | ({FAILURES: failures} if "sgdet" in metrics else {})


def figures(metrics: dict[str, SceneGraphMetrics]) -> Figures:
    """Figures of every mode, named `<mode>/<subset>/<metric>`, with the suffix of the adjuster where there was one."""
    named: Figures = {}
    for key, of_mode in metrics.items():
        mode, slash, adjusted = key.partition("/")
        named |= {f"{mode}/{with_suffix(name, slash + adjusted)}": value for name, value in of_mode.compute().items()}
    return named


def tables(named: Figures, modes: Iterable[str], variants: Iterable[Variant], k: int) -> list[Table]:
    """A table a mode: rows are subsets under each variant of adjustments, in per cent, at one K; a dash: no such
    relation. Below that of SGDet are the numbers of its fallbacks and failures.
    """
    made, variants = [], list(variants)
    shown = [name for name in variants[0] if name == BY_METRICS or len({one[name] for one in variants}) > 1]
    heads = ["weight" if name == BY_METRICS else name for name in shown]
    for mode in modes:
        columns = [name for name in RECALLS if f"{mode}/all/{name}@{k}" in named]
        table = Table(*heads, "subset", "images", "relations", *columns, title=f"{mode}, K = {k}, per cent",
                      caption=_thresholds_in_words(named) if mode == "sgdet" else None, caption_justify="left",
                      box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        for variant in variants:
            for subset in SUBSETS:
                prefix, ending = f"{mode}/{subset}", suffix(variant)
                values = [named[f"{prefix}/{name}@{k}{ending}"] for name in columns]
                counts = [f"{named[f'{prefix}/num_{what}']:,}" for what in ("images", "relations")]
                cells = ["-" if math.isnan(value) else f"{100 * value:.2f}" for value in values]
                table.add_row(*(f"{variant[name]:g}" for name in shown), subset, *counts, *cells,
                              end_section=subset == SUBSETS[-1])
        made.append(table)
    return made


def _thresholds_in_words(named: Figures) -> str:
    fallbacks = "not told by this file"
    if FALLBACKS in named:
        fallbacks = f"{named[FALLBACKS]:,} images with a lowered score threshold"
    return (f"fallbacks: {fallbacks}\nfailures: {named[FAILURES]:,} images in which no two boxes overlap at any "
            "threshold; they are left out, or with --clean count as a recall of 0")


def main(arguments: list[str] | None = None) -> int:
    """The command; a user's mistake is told in one line, with exit status 2."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.predictions:
        without_effect = [f"--{name.replace('_', '-')}" for name in NEED_A_MODEL
                          if getattr(options, name) not in (None, False, [])]
        if without_effect:
            parser.error(f"{', '.join(without_effect)}: no effect with --predictions, whose file settles it; leave out")
    return run_command(lambda: _show(options))


def _show(options: argparse.Namespace) -> None:
    result = _from_file(options) if options.predictions else _from_checkpoint(options)
    console, protocol = Console(), result.protocol
    console.print(f"{protocol.split}: {protocol.source['data']['description']}")
    for table in tables(result.figures, result.modes, result.variants, headline_k(result.ks)):
        console.print(table)
    if options.json:
        named = {f"{protocol.split}/{name}": value for name, value in result.figures.items()}
        conventions = asdict(Conventions(**_conventions(options)))
        write_json(options.json, {"part": protocol.split, **protocol.source, "conventions": conventions,
                                  "versions": versions(), "figures": named})
        console.print(f"every figure: {options.json}")


@dataclass(frozen=True)
class _Result:
    protocol: Protocol
    modes: Sequence[str]
    ks: Sequence[int]
    variants: Sequence[Variant]
    figures: Figures


def _from_checkpoint(options: argparse.Namespace) -> _Result:
    from sgg.evaluate.restore import restore
    from sgg.methods.plugins import load_plugins
    from sgg.systems.contract import DivergedError

    load_plugins(options.plugin)
    adjust = dict(options.adjust or ())
    if unknown := [name for name in adjust if name not in ADJUSTMENTS]:
        raise ValueError(f"--adjust {unknown[0]}: there is no such adjustment; there are {', '.join(ADJUSTMENTS)}")
    given = {"data": {"root": options.data, "eval_images": options.images}, "training": {"device": options.device},
             "evaluation": {"modes": options.mode, "ks": options.ks, BY_METRICS: options.pred_weights,
                            **adjust}}
    restored = restore(options.checkpoint, {section: {key: value for key, value in values.items() if value is not None}
                                            for section, values in given.items()}, options.allow_changed_plugin)
    experiment = restored.foundation.experiment
    data, settings, split = experiment.data, experiment.config.evaluation, options.split or "test"
    protocol = Protocol(split, tuple(settings.modes), data.classes, data.predicates, data.triplets("train").as_dict(),
                        data.seen(split).as_dict(), predicate_weights(*experiment.pair_counts, 1),
                        {"checkpoint": str(restored.checkpoint.path), "epoch": restored.checkpoint.epoch,
                         "data": restored.foundation.facts})
    metrics = {mode + ending: of_mode for ending in experiment.adjusters for mode, of_mode in protocol.metrics(
        settings.modes, settings.ks, settings.values_of("pred_weight"), _conventions(options)).items()}
    batches = _with_bar(experiment.evaluation_batches(split),
                        math.ceil(len(experiment.split(split)) / settings.batch_size), "batches")
    saving = PredictionWriter(options.save_predictions, protocol) if options.save_predictions else nullcontext()
    with saving as writer:
        try:
            named = evaluate(restored.predictor, batches, metrics, writer.add if writer else None,
                             experiment.adjusters)
        except DivergedError as error:
            raise FloatingPointError(
                f"{restored.checkpoint.path}, after epoch {restored.checkpoint.epoch}: {error}; evaluate an earlier "
                "checkpoint, or train anew with a lower training.learning_rate") from error
        if writer:
            writer.fallbacks = int(named[FALLBACKS]) if FALLBACKS in named else None
    return _Result(protocol, settings.modes, settings.ks, experiment.variants, named)


def _from_file(options: argparse.Namespace) -> _Result:
    saved = PredictionFile(options.predictions)
    modes, ks, pred_weights = options.mode or saved.protocol.modes, options.ks or KS, options.pred_weights or [0.0]
    metrics = saved.protocol.metrics(modes, ks, pred_weights, _conventions(options))
    named = rescore(_with_bar(saved, len(saved), "images"), metrics)
    if "sgdet" in modes and saved.fallbacks is not None:
        named[FALLBACKS] = saved.fallbacks
    return _Result(saved.protocol, modes, ks, variants_of({BY_METRICS: pred_weights}), named)


def _adjustment(text: str) -> tuple[str, list[float]]:
    name, separator, values = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"must be NAME=X,..., got {text}")
    return name, distinct(float)(values)


def _conventions(options: argparse.Namespace) -> dict[str, Any]:
    return asdict(Conventions.clean()) if options.clean else {}


def _with_bar(steps: Iterable[Any], total: int, unit: str) -> Iterable[Any]:
    return track(steps, unit, total, console=Console(stderr=True))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sgg.evaluate", description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("checkpoint", nargs="?", type=Path, help="folder of a trial, or one of its checkpoints")
    source.add_argument("--predictions", type=Path, metavar="FILE", help="saved predictions, in place of a model")
    parser.add_argument("--data", metavar="ROOT", help="folder of the data sets, if not where the model was trained")
    parser.add_argument("--split", "--part", dest="split", choices=["val", "test"], help="of the data set (test)")
    parser.add_argument("--images", type=positive, metavar="N", help="only the first N images of the part")
    parser.add_argument("--device", help="cpu, cuda, ...; by default the one of the training settings")
    parser.add_argument("--mode", type=distinct(str), metavar="MODE,...", help="sgcls, predcls, sgdet")
    parser.add_argument("--pred-weights", type=distinct(float), metavar="X,...", help="exponents of the re-weighting")
    parser.add_argument("--adjust", type=_adjustment, action="append", metavar="NAME=X,...",
                        help="values of another adjustment, such as logit_adjustment=0,1; may be given several times")
    parser.add_argument("--ks", type=distinct(int), metavar="K,...", help="cut-offs")
    parser.add_argument("--clean", action="store_true",
                        help="plain definitions, without the habits of published evaluators (sgg.metrics.Conventions)")
    add_plugin_options(parser)
    parser.add_argument("--json", type=output_file, metavar="FILE", help="write every figure there")
    parser.add_argument("--save-predictions", type=output_file, metavar="FILE",
                        help="write the raw predictions (.npz) there")
    return parser
