"""Rules that several settings must satisfy together. Each rule names the settings that it reads. A rule is skipped if
one of them is already invalid by itself, so a fault is reported once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from sgg.methods.adjustment import ADJUSTMENTS, faults_of_values
from sgg.methods.augmentation import AUGMENTATIONS
from sgg.methods.backbone import BACKBONES
from sgg.methods.head import HEADS

from .conditions import faults_without_effect
from .schema import Settings
from .search_metric import fault_of_metric

Rule = Callable[[Settings], str | None]
RULES: list[tuple[tuple[str, ...], Rule]] = []


def disagreements(settings: Settings, besides: Collection[str] = ()) -> list[str]:
    """One sentence for each broken rule. besides: settings or sections; rules that read one of them are skipped."""
    found = [rule(settings) for keys, rule in RULES if not any(_is_among(key, besides) for key in keys)]
    return [*(fault for fault in found if fault is not None),
            *faults_without_effect(Settings, settings.value_of, lambda key: _is_among(key, besides))]


def _is_among(key: str, others: Collection[str]) -> bool:
    return any(key == other or key.startswith(f"{other}.") for other in others)


def _reads(*keys: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        RULES.append((keys, rule))
        return rule
    return register


@_reads("data.min_objects", "data.max_objects")
def _min_objects_is_at_most_max_objects(settings: Settings) -> str | None:
    least, most = settings.data.min_objects, settings.data.max_objects
    if most is not None and least > most:
        return f"data.min_objects must be at most data.max_objects, got {least} and {most}"
    return None


@_reads("augmentation.kind", "model.frequency_bias")
def _augmentation_has_a_model_to_train(settings: Settings) -> str | None:
    kind = AUGMENTATIONS.kind_of(settings.augmentation)
    if settings.model.frequency_bias == "only" and kind != "off":
        return (f"model.frequency_bias is only, so the model has no weights that augmentation.kind {kind} could train: "
                "use model.frequency_bias off or add")
    return None


@_reads("augmentation.kind", "training.f_updates")
def _something_is_updated(settings: Settings) -> str | None:
    if settings.training.f_updates == 0 and AUGMENTATIONS.kind_of(settings.augmentation) == "off":
        return ("training.f_updates is 0 and augmentation.kind is off, so nothing would learn: let training.f_updates "
                "be at least 1, or choose an augmentation")
    return None


@_reads("model.head.kind", "model.frequency_bias")
def _frequency_bias_is_in_one_place(settings: Settings) -> str | None:
    head, bias = settings.model.head, settings.model.frequency_bias
    if head.has_frequency_bias and bias != "off":
        return (f"model.frequency_bias must be off with model.head {HEADS.kind_of(head)}, which has the frequencies "
                f"inside, as one of its branches; got {bias}")
    return None


@_reads("model.head.kind", "augmentation.kind")
def _head_learns_from_generated_features(settings: Settings) -> str | None:
    head, augmentation = settings.model.head, settings.augmentation
    if head.only_real and augmentation.generates:
        return (f"augmentation.kind {AUGMENTATIONS.kind_of(augmentation)} cannot be combined with model.head "
                f"{HEADS.kind_of(head)}: {head.only_real}; use augmentation.kind off, or another head")
    return None


@_reads("model.head.kind", "model.frequency_bias", "loss.kind", "evaluation")
def _adjustments_suit_the_model(settings: Settings) -> str | None:
    faults = [fault for name in ADJUSTMENTS
              for fault in faults_of_values(name, settings.evaluation.values_of(name), settings.trained)]
    return "; ".join(faults) or None


@_reads("detector.backbone", "augmentation.kind")
def _augmentation_has_a_single_map(settings: Settings) -> str | None:
    detector, augmentation = settings.detector, settings.augmentation
    if detector.spec.levels > 1 and (augmentation.generates or "features" in augmentation.needs):
        return (f"augmentation.kind {AUGMENTATIONS.kind_of(augmentation)} cannot be combined with detector.backbone "
                f"{BACKBONES.kind_of(detector)}: it works on features of a single map, and this detector has a pyramid "
                f"of {detector.spec.levels}; use augmentation.kind off, or another backbone")
    return None


@_reads("augmentation.kind", "training.mode")
def _augmentation_supports_the_mode(settings: Settings) -> str | None:
    augmentation, mode = settings.augmentation, settings.training.mode
    if mode not in augmentation.modes:
        others = [other for other in ("sgcls", "predcls", "sgdet") if other in augmentation.modes]
        return (f"training.mode {mode} cannot be combined with augmentation.kind "
                f"{AUGMENTATIONS.kind_of(augmentation)}, which supports {' and '.join(others)}; train in one of these "
                "modes; you can evaluate in any mode")
    return None


@_reads("resources.gpus", "resources.workers")
def _each_worker_has_a_gpu(settings: Settings) -> str | None:
    gpus, workers = settings.resources.gpus, settings.resources.num_workers
    if gpus != "auto" and gpus > 1 and gpus != int(gpus):
        return f"resources.gpus above 1 must be a whole number, got {gpus}"
    if gpus not in ("auto", 0) and workers > 1 and gpus != workers:
        return f"resources.gpus must be auto, 0 or one for each of {workers} workers, got {gpus:g}"
    return None


@_reads("resources.gpus", "resources.workers", "training.batch_size")
def _each_worker_has_an_image(settings: Settings) -> str | None:
    workers, images = settings.resources.num_workers, settings.training.batch_size
    if images is not None and images < workers:
        return f"training.batch_size must be at least the number of resources.workers ({workers}), got {images}"
    return None


@_reads("resources.gpus", "resources.workers", "training.batch_size", "training.accumulate")
def _each_part_of_a_batch_has_an_image(settings: Settings) -> str | None:
    training, workers = settings.training, settings.resources.num_workers
    if training.accumulate * workers > max(training.batch_size, workers):
        of_workers = f" for each of {workers} resources.workers" if workers > 1 else ""
        return (f"training.accumulate must be at most training.batch_size, so that each part of a batch has an image"
                f"{of_workers}: training.batch_size is {training.batch_size}, got {training.accumulate}")
    return None


@_reads("search.metric", "search.mode", "evaluation.modes", "evaluation.ks")
def _metric_is_measured(settings: Settings) -> str | None:
    search, measured = settings.search, settings.evaluation
    metrics = 1 if isinstance(search.metric, str) else len(search.metric)
    if isinstance(search.mode, list) and len(search.mode) != metrics:
        return (f"search.mode must be max or min, or one of them for each of search.metric, got {search.mode} for "
                f"{search.metric}; leave it out, since it follows from the metric")
    faults = [fault_of_metric(metric, mode, measured.modes, measured.ks) for metric, mode in search.objectives]
    return "; ".join(fault for fault in faults if fault) or None
