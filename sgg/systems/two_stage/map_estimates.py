"""`python -m sgg.features maps --estimate`: what stored maps would take, with or without the data at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sgg.common.sizes import gigabytes
from sgg.config import Config
from sgg.config.schema import Features
from sgg.data.loading.views import views_of
from sgg.detector import known_hash
from sgg.experiment.context import Experiment
from sgg.methods.backbone import BACKBONES

from .estimate import Estimate
from .foundation import TwoStageFoundation
from .storing import explain_auto, free_bytes

TYPES = {"exact": "float32", "float16": "float16"}
"""The type of the numbers of a stored map, by the value of `features.maps`."""


def estimate_lines(config: Config, splits: Sequence[str], counts: Sequence[int] | None = None) -> list[str]:
    """What the stored outputs of splits would take, in both types, and what `auto` would decide. No store is written.

    The share that compression leaves, and the time, are measured on a few images if data and a trained detector are
    here. counts: the number of images of each split; then no data are opened, and only sizes before compression are
    known. Raises what `Experiment.open` raises.
    """
    views = {name: views_of(name, config.data.flip) for name in splits}
    reason = "compression and time are unknown: "
    if counts is not None:
        rows = {name: views[name] * count for name, count in zip(splits, counts, strict=True)}
        reason += "they are measured on images, and --counts gives none"
        estimates = _of_spec(config, rows)
    else:
        experiment = Experiment.open(config)
        if known_hash(experiment.data, experiment.cache, config.detector) is None:
            rows = {name: views[name] * len(experiment.split(name)) for name in splits}
            reason += "they are measured with the detector, which is not trained yet"
            estimates = _of_spec(config, rows)
        else:
            reason, estimates = "", _measured(config, splits)
    spec, free = config.detector.spec, free_bytes(config.cache)
    shape = " x ".join(map(str, spec.map_shape(spec.image_size)))
    lines = [f"one map of {BACKBONES.kind_of(config.detector)} is {shape} numbers"]
    for maps, estimate in estimates.items():
        lines += [f"{TYPES[maps]} (features.maps={maps}), {estimate.plain:,} bytes a map:",
                  *(f"  {line}" for line in estimate.lines())]
    return [*lines, *filter(None, [reason]), f"free under {config.cache}: {gigabytes(free)}",
            f"features.maps=auto {explain_auto(config, views, estimates['exact'], free)}"]


def _of_spec(config: Config, rows: dict[str, int]) -> dict[str, Estimate]:
    return {maps: Estimate.of_spec(rows, config.detector.spec, dtype) for maps, dtype in TYPES.items()}


def _measured(config: Config, splits: Sequence[str]) -> dict[str, Estimate]:
    foundation = TwoStageFoundation.open(config)
    found = {}
    for maps in TYPES:
        settings = config.model_copy(update={"features": Features(maps=maps)})
        other = replace(foundation, experiment=Experiment(settings, foundation.experiment.data))
        found[maps] = Estimate.of([other.stored(name) for name in splits])
    return found
