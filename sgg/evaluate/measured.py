"""Metrics of a trained model, of saved predictions, or of those of another toolkit, as the command asks for them."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import track

from sgg.common.metric_names import KS
from sgg.config.corruptions import SEVERITIES
from sgg.data.images.corruption import Corruption, corrupt
from sgg.data.options import open_by_options
from sgg.data.zero_shot_list import ZeroShotList
from sgg.evaluate.evaluation import FAILURES, FALLBACKS, Values, evaluate, rescore
from sgg.evaluate.predictions import PredictionFile, PredictionSource, PredictionWriter, Protocol
from sgg.evaluate.robustness import named_corruptions
from sgg.methods.adjustment import ADJUSTMENTS, BY_METRICS
from sgg.methods.variants import Variant, variants_of
from sgg.metrics import Conventions, SceneGraphMetrics, predicate_weights
from sgg.metrics.checks import checked_mode

if TYPE_CHECKING:  # saved predictions are scored without torch
    from sgg.evaluate.restore import Restored


@dataclass(frozen=True)
class Measured:
    """Metrics and what they are of. conventions: fields of `sgg.metrics.Conventions`."""

    protocol: Protocol
    modes: Sequence[str]
    ks: Sequence[int]
    variants: Sequence[Variant]
    values: Values
    metrics: Mapping[str, SceneGraphMetrics]
    listed: ZeroShotList | None
    conventions: Mapping[str, Any]


def restored(options: argparse.Namespace) -> tuple[Restored, list[Corruption]]:
    """The trained system, and the corruptions of images under which the command asks for it."""
    from sgg.evaluate.restore import restore
    from sgg.methods.plugins import load_plugins

    load_plugins(options.plugin)
    adjust = dict(options.adjust or ())
    if unknown := [name for name in adjust if name not in ADJUSTMENTS]:
        raise ValueError(f"--adjust {unknown[0]}: must be one of {', '.join(ADJUSTMENTS)}")
    chosen = [] if options.corruption in (None, ["off"]) else named_corruptions(
        options.corruption, options.severity or SEVERITIES)
    if chosen:
        corrupt()  # the package is there
    given = {"data": {"root": options.root and str(options.root), "eval_images": options.images},
             "training": {"device": options.device},
             "evaluation": {"modes": options.mode, "ks": options.ks, BY_METRICS: options.pred_weights,
                            "zero_shot_list": options.zero_shot_list and str(options.zero_shot_list),
                            "relation_nms": options.relation_nms,
                            # Corruptions that the command names are not of the settings; val is never corrupted.
                            "corruption": "off" if options.corruption or options.split == "val" else None, **adjust}}
    found = restore(options.checkpoint, {section: {key: value for key, value in values.items() if value is not None}
                                         for section, values in given.items()}, options.allow_changed_plugin)
    seed = found.foundation.experiment.config.seed
    return found, [Corruption(name, severity, seed) for name, severity in chosen]


def measured(options: argparse.Namespace, found: Restored, corruption: Corruption | None = None) -> Measured:
    """The metrics of a trained system. corruption: of the images; None: what its settings say."""
    from sgg.methods.plugin_errors import naming_places
    from sgg.systems.contract import DivergedError

    experiment = found.foundation.experiment
    data, settings, split = experiment.data, experiment.config.evaluation, options.split or "test"
    provenance = found.foundation.provenance
    source: PredictionSource = {"checkpoint": str(found.checkpoint.path), "epoch": found.checkpoint.epoch,
                                "data": provenance if corruption is None else corruption.described(provenance)}
    if plugins := found.checkpoint.meta.get("plugins"):
        source["plugins_in_training"] = plugins
    protocol = Protocol(split, tuple(settings.modes), data.classes, data.predicates, data.triplets("train").as_dict(),
                        data.seen(split).as_dict(), predicate_weights(*experiment.pair_counts, 1), source)
    conventions = _conventions(options) | {"relation_nms": settings.relation_nms}
    metrics = {mode + ending: of_mode for ending in experiment.adjusters for mode, of_mode in protocol.metrics(
        settings.modes, settings.ks, settings.values_of("pred_weight"), conventions, experiment.zero_shot_list).items()}
    batches = _with_bar(found.foundation.evaluation_batches(split, corruption),
                        math.ceil(len(experiment.split(split)) / settings.batch_size), "batches")
    saving = PredictionWriter(options.save_predictions, protocol) if options.save_predictions else nullcontext()
    with saving as writer, naming_places():
        try:
            named = evaluate(found.predictor, batches, metrics, writer.add if writer else None, experiment.adjusters)
        except DivergedError as error:
            raise FloatingPointError(
                f"{found.checkpoint.path}, after epoch {found.checkpoint.epoch}: {error}; evaluate an earlier "
                "checkpoint, or train again with a lower training.learning_rate") from error
        if writer:
            writer.fallbacks = int(named[FALLBACKS]) if FALLBACKS in named else None
    return Measured(protocol, settings.modes, settings.ks, experiment.variants, named, metrics,
                    experiment.zero_shot_list, conventions)


def of_file(options: argparse.Namespace) -> Measured:
    """The metrics of saved predictions."""
    saved = PredictionFile(options.predictions)
    modes, ks, pred_weights = options.mode or saved.protocol.modes, options.ks or KS, options.pred_weights or [0.0]
    listed = None
    if options.zero_shot_list:
        listed = ZeroShotList.read(options.zero_shot_list, saved.protocol.classes, saved.protocol.predicates)
    conventions = _conventions(options) | {"relation_nms": bool(options.relation_nms)}
    metrics = saved.protocol.metrics(modes, ks, pred_weights, conventions, listed)
    named = rescore(_with_bar(saved, len(saved), "images"), metrics)
    if "sgdet" in modes and saved.fallbacks is not None:
        named[FALLBACKS] = saved.fallbacks
    return Measured(saved.protocol, modes, ks, variants_of({BY_METRICS: pred_weights}), named, metrics, listed,
                    conventions)


def of_foreign(options: argparse.Namespace) -> Measured:
    """The metrics of predictions of another toolkit."""
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
    conventions = _conventions(options) | {"relation_nms": bool(options.relation_nms)} | found.conventions
    metrics = protocol.metrics([mode], ks, pred_weights, conventions, listed)
    try:
        named = rescore(_with_bar(found, len(found), "images"), metrics)
    except ValueError as error:  # the metrics name the image, but do not know the file
        raise ValueError(str(error) if str(found.path) in str(error) else f"{found.path}: {error}") from None
    named.pop(FAILURES, None)  # of a detector of ours
    if missing := len(found) - found.found:
        print(f"{missing:,} of {len(found):,} images have no prediction in {options.predictions}: their recall is 0")
    return Measured(protocol, [mode], ks, variants_of({BY_METRICS: pred_weights}), named, metrics, listed, conventions)


def _only(values: Sequence[str], option: str) -> str:
    if len(values) > 1:
        raise ValueError(f"{option} must be one value with --format, got {', '.join(values)}: a file holds predictions "
                         "of one mode")
    return values[0]


def _conventions(options: argparse.Namespace) -> dict[str, Any]:
    return asdict(Conventions.clean()) if options.clean else {}


def _with_bar(steps: Iterable[Any], total: int, unit: str) -> Iterable[Any]:
    return track(steps, unit, total, console=Console(stderr=True))
