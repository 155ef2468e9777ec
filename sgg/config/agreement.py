"""What several settings must agree on. Each rule names the settings that it reads, so that one of them that is wrong by
itself is not complained of twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from sgg.methods.augmentation import AUGMENTATIONS

from .schema import Settings
from .search_metric import fault_of_metric

Rule = Callable[[Settings], str | None]
RULES: list[tuple[tuple[str, ...], Rule]] = []


def disagreements(settings: Settings, besides: Collection[str] = ()) -> list[str]:
    """One line for each rule that is broken, of those that read none of the settings or sections `besides`."""
    found = [rule(settings) for keys, rule in RULES if not any(_among(key, besides) for key in keys)]
    return [fault for fault in found if fault is not None]


def _among(key: str, others: Collection[str]) -> bool:
    return any(key == other or key.startswith(f"{other}.") for other in others)


def _reads(*keys: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        RULES.append((keys, rule))
        return rule
    return register


@_reads("data.min_objects", "data.max_objects")
def _some_size_is_right(settings: Settings) -> str | None:
    least, most = settings.data.min_objects, settings.data.max_objects
    if most is not None and least > most:
        return f"data.min_objects must be at most data.max_objects, got {least} and {most}"
    return None


@_reads("augmentation.kind", "model.frequency_bias")
def _an_augmentation_has_something_to_train(settings: Settings) -> str | None:
    kind = AUGMENTATIONS.kind_of(settings.augmentation)
    if settings.model.frequency_bias == "only" and kind != "off":
        return f"model.frequency_bias only has nothing for augmentation.kind {kind} to train: use off or add"
    return None


@_reads("augmentation.kind", "training.mode")
def _an_augmentation_serves_in_the_mode(settings: Settings) -> str | None:
    augmentation, mode = settings.augmentation, settings.training.mode
    if mode not in augmentation.modes:
        others = [other for other in ("sgcls", "predcls", "sgdet") if other in augmentation.modes]
        return (f"training.mode {mode} cannot be combined with augmentation.kind "
                f"{AUGMENTATIONS.kind_of(augmentation)}, which serves in {' and '.join(others)}; train in one of "
                "these, and evaluate in any mode")
    return None


@_reads("resources.gpus", "resources.workers")
def _a_gpu_for_each_worker(settings: Settings) -> str | None:
    gpus, workers = settings.resources.gpus, settings.resources.num_workers
    if gpus != "auto" and gpus > 1 and gpus != int(gpus):
        return f"resources.gpus above 1 must be whole, got {gpus}"
    if gpus not in ("auto", 0) and workers > 1 and gpus != workers:
        return f"resources.gpus must be auto, 0 or one for each of {workers} workers, got {gpus:g}"
    return None


@_reads("resources.gpus", "resources.workers", "training.batch_size")
def _an_image_for_each_worker(settings: Settings) -> str | None:
    workers, images = settings.resources.num_workers, settings.training.batch_size
    if images is not None and images < workers:
        return f"training.batch_size must give each of {workers} resources.workers an image, got {images}"
    return None


@_reads("resources.gpus", "resources.workers", "training.batch_size", "training.accumulate")
def _an_image_for_each_part(settings: Settings) -> str | None:
    training, workers = settings.training, settings.resources.num_workers
    if training.accumulate * workers > max(training.batch_size, workers):
        of_workers = f" for each of {workers} resources.workers" if workers > 1 else ""
        return (f"training.accumulate must be at most training.batch_size, so that each part of a batch has an image"
                f"{of_workers}: training.batch_size is {training.batch_size}, got {training.accumulate}")
    return None


@_reads("search.metric", "search.mode", "evaluation.modes", "evaluation.ks")
def _the_metric_is_measured(settings: Settings) -> str | None:
    search, measured = settings.search, settings.evaluation
    return fault_of_metric(search.metric, search.mode, measured.modes, measured.ks)
