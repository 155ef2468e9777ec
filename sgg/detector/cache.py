"""The cache of detectors: an experiment gets its detector from it, or trains it once while other processes wait."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import torch

from sgg.common.hashing import file_hash, value_hash
from sgg.common.locking import held
from sgg.common.run_log import read_optional_json
from sgg.common.seeding import derive
from sgg.data import DataSet
from sgg.data.loading.transforms import padding_identity
from sgg.detector.classes import class_fault
from sgg.detector.coco_weights import load_coco
from sgg.detector.files import detector_hash, load_detector, require_place, save_detector
from sgg.detector.layout import FOLDER, IMAGE_HASH, METADATA, METRICS, SETTINGS
from sgg.detector.model import Detector
from sgg.detector.published import load_published_detector
from sgg.detector.quality import measure_trained
from sgg.detector.training import discard_state, pretrain
from sgg.methods.backbone import BACKBONES, Backbone
from sgg.methods.loaded_plugins import plugin_of
from sgg.methods.plugin_errors import naming_faults

log = logging.getLogger(__name__)


def ensure_detector(data: DataSet, cache: Path | str, settings: Backbone, workers: int = 0,
                    device: torch.device | str = "cpu") -> tuple[Detector, str]:
    """The frozen detector for a data set, on the CPU, and its hash (`sgg.detector.files.detector_hash`).

    settings: of its backbone. `settings.weights` is a folder that `python -m sgg.detector train` wrote, or the
    published `vg-faster-rcnn.tar`. Without it, the detector is trained on `data.split("detector")` and kept under
    `cache`, in a folder named by the hash of data and settings. Other processes that need it wait. device: of the
    training.

    If the image files have changed since a kept detector was trained, another one is trained, and the log says so. A
    detector of the first edition does not name its image files; it is used, and the log says so.

    Raises FileNotFoundError, or ValueError that names a file of weights that does not fit the data, or was trained on
    the same annotation with other image files. If it was trained on other data, the log says so.
    """
    if settings.weights is not None:
        return _given(data, settings, settings.weights)
    directory = _kept(Path(cache), data, settings)
    if not (directory / METADATA).is_file():
        directory.parent.mkdir(parents=True, exist_ok=True)
        with held(directory.with_name(f"{directory.name}.lock")):
            if not (directory / METADATA).is_file():
                _warn_of_other_images(Path(cache), data, settings)
                log.info("training the %s detector on %d images", BACKBONES.kind_of(settings),
                         len(data.split("detector")))
                train_into(directory, data, settings, workers, device)
    detector, metadata = load_detector(directory)
    return detector, metadata["hash"]


def known_hash(data: DataSet, cache: Path | str, settings: Backbone) -> str | None:
    """The hash that `ensure_detector` would return; None if it would train the detector first."""
    weights = settings.weights
    if weights is not None and not weights.is_dir():
        return detector_hash(weights, settings)
    metadata = read_optional_json((weights or _kept(Path(cache), data, settings)) / METADATA) or {}
    return metadata.get("hash")


def folder_of(data: DataSet, cache: Path | str, settings: Backbone) -> Path | None:
    """The folder of the detector that `ensure_detector` has returned; None where its weights are a published file."""
    weights = settings.weights
    if weights is None:
        return _kept(Path(cache), data, settings)
    return weights if weights.is_dir() else None


def train_into(directory: Path, data: DataSet, settings: Backbone, workers: int = 0,
               device: torch.device | str = "cpu", start: Path | None = None, batch_size: int = 8) -> Detector:
    """Train a detector, measure it on val, and write it to the folder `directory`. An interrupted training resumes.

    start: a file of torchvision's COCO weights to start from; None: random weights. batch_size: of the measurement.
    Raises what `require_place`, `load_coco`, `DataSet.require_boxes` and `pretrain` raise, all but the last before
    training.
    """
    require_place(directory)
    data.require_boxes()
    with naming_faults("detector", type(settings)):
        recipe = settings.recipe()
    with torch.random.fork_rng([]):
        torch.manual_seed(derive(recipe.seed, "detector"))
        detector = Detector(settings, len(data.classes))
    if start is not None:
        load_coco(start, detector)
    unfinished = directory.with_name(f"{directory.name}.unfinished")
    origin = {"data_hash": data.hash, IMAGE_HASH: _image_hash(data),
              "start_hash": None if start is None else file_hash(start), **_padding(data)}
    pretrain(detector.to(device), data.split("detector"), recipe, unfinished, workers, origin)
    metrics = measure_trained(detector, data, workers, batch_size)
    save_detector(detector.cpu(), directory, {"classes": data.classes, "data": data.description, **origin,
                                              "recipe": recipe.to_json(), **({METRICS: metrics} if metrics else {})})
    discard_state(unfinished)
    return detector


def cache_path(cache: Path | str, data: DataSet, settings: Backbone) -> Path:
    """The folder in the cache of the detector for data, image files and settings."""
    plugin = plugin_of(type(settings))  # whose code may change
    code = {} if plugin is None else {"plugin": plugin.digest}
    own = {SETTINGS: settings.own_settings} if settings.own_settings else {}
    return _named(cache, settings, [data.hash, _image_hash(data), _recipe_json(settings) | _padding(data) | code | own])


def first_edition_path(cache: Path | str, data: DataSet, settings: Backbone) -> Path:
    """The folder of the first edition, which did not check image files and whose backbones had no own settings."""
    return _named(cache, settings, [data.hash, _recipe_json(settings) | _padding(data)])


def _named(cache: Path | str, settings: Backbone, identity: list[Any]) -> Path:
    return Path(cache) / FOLDER / f"{BACKBONES.kind_of(settings)}-{value_hash(identity)}"


def _recipe_json(settings: Backbone) -> dict[str, Any]:
    """The recipe of the detector's training, as it is after reading it from JSON."""
    return json.loads(json.dumps(settings.recipe().to_json()))


def _kept(cache: Path, data: DataSet, settings: Backbone) -> Path:
    """`cache_path` for the current image files, or the folder of a detector of the first edition that replaces it."""
    directory = cache_path(cache, data, settings)
    if (directory / METADATA).is_file():
        return directory
    before = first_edition_path(cache, data, settings)
    if not settings.own_settings and (before / METADATA).is_file():
        _warn_of_unknown_images(before)
        return before
    return directory


def _warn_of_other_images(cache: Path, data: DataSet, settings: Backbone) -> None:
    """Say which detector of the same data and settings does not serve, because it was trained on other image files."""
    images = _image_hash(data)
    for path in sorted(cache.glob(f"{FOLDER}/{BACKBONES.kind_of(settings)}-*/{METADATA}")):
        metadata = read_optional_json(path) or {}
        same = (metadata.get("data_hash"), metadata.get("recipe"), metadata.get(SETTINGS, {})) == \
            (data.hash, _recipe_json(settings), settings.own_settings)
        if same and metadata.get(IMAGE_HASH, images) != images:
            log.warning("the image files are not those that %s was trained on (%s, now %s): a new detector is trained",
                        path.parent, metadata[IMAGE_HASH], images)


def _warn_of_unknown_images(detector: Path) -> None:
    log.warning("%s does not say which image files it was trained on (it is of the first edition); it is used as it is",
                detector)


def _image_hash(data: DataSet) -> str:
    return data.image_hash(data.split("detector"))


def check_fits(detector: Detector, metadata: dict[str, Any], data: DataSet, path: Path) -> None:
    """Raise ValueError unless a detector from `path` has the classes of `data`."""
    if fault := class_fault(metadata.get("classes"), detector.num_classes, data.classes, data.name):
        raise ValueError(f"{path} does not fit: {fault}; choose other weights (detector.weights) or other data")


def _padding(data: DataSet) -> dict[str, Any]:
    return padding_identity(data.split("detector").annotations.sizes)


def _given(data: DataSet, settings: Backbone, weights: Path) -> tuple[Detector, str]:
    if not weights.is_dir():
        detector = Detector(settings, len(data.classes))
        load_published_detector(weights, detector)
        return detector, detector_hash(weights, settings)
    detector, metadata = load_detector(weights)
    check_fits(detector, metadata, data, weights)
    if metadata.get("data_hash") == data.hash:
        _require_images(metadata, data, weights)
    elif "data_hash" in metadata:
        log.warning("detector.weights: %s was trained on other data (%s [%s]) than this run reads (%s [%s]); its "
                    "classes have the same names, and it is used as it is", weights,
                    metadata.get("data", "not described"), metadata["data_hash"], data.description, data.hash)
    else:
        log.warning("detector.weights: %s does not say which data it was trained on; it is used as it is", weights)
    if detector.backbone != (wanted := BACKBONES.kind_of(settings)):
        raise ValueError(f"{weights} holds a {detector.backbone} detector, but detector.backbone is {wanted}")
    own = settings.own_settings
    for name, then in detector.settings.own_settings.items():
        if own[name] != then:
            raise ValueError(f"{weights} was trained with detector.{name} {then!r}, here it is {own[name]!r}: set "
                             f"detector.{name} to that value, or choose other weights (detector.weights)")
    return detector, metadata["hash"]


def _require_images(metadata: dict[str, Any], data: DataSet, weights: Path) -> None:
    """Raise ValueError if a detector of the same annotation was trained on other image files."""
    now = _image_hash(data)
    if IMAGE_HASH not in metadata:
        _warn_of_unknown_images(weights)
    elif metadata[IMAGE_HASH] != now:
        raise ValueError(f"detector.weights: {weights} was trained on the images of {data.title}, but with other "
                         f"image files ({IMAGE_HASH} {metadata[IMAGE_HASH]}, now {now}): put the files back, or train "
                         "a detector on the new ones with `python -m sgg.detector train`")
