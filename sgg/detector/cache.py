"""The detector of an experiment: found where it was trained before, else trained once while others wait."""

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
from sgg.detector.coco_weights import load_coco
from sgg.detector.files import METADATA, SETTINGS, detector_hash, load_detector, require_place, save_detector
from sgg.detector.model import Detector
from sgg.detector.published import load_published_detector
from sgg.detector.training import discard_state, pretrain
from sgg.methods.backbone import BACKBONES, Backbone
from sgg.methods.plugins import plugin_of

log = logging.getLogger(__name__)

FOLDER = "detectors"
"""Where detectors are kept, below the cache."""
PICTURES = "pictures_hash"
"""What detector.json calls the hash of the pictures that a detector was trained on."""


def ensure_detector(data: DataSet, cache: Path | str, settings: Backbone, workers: int = 0,
                    device: torch.device | str = "cpu") -> tuple[Detector, str]:
    """The frozen detector for a data set, on the CPU, and its hash (`sgg.detector.files.detector_hash`).

    settings: of its backbone. `settings.weights`: a folder made by `python -m sgg.detector train`, or the published
    `vg-faster-rcnn.tar`. Without it the detector is trained on `data.split("detector")` and kept under `cache`, by the
    hash of data and settings; processes that ask at the same time wait for the one that trains. device: where to train.

    Of pictures that are others than those a kept detector was trained on, another one is trained; the log tells that.
    One of the first edition, which does not say of which pictures it is, is used, and the log tells that too.

    Raises FileNotFoundError or ValueError naming a file of weights that is missing or does not fit the data, also where
    it was trained on the same data with other pictures. The log tells where it was trained on other data.
    """
    if settings.weights is not None:
        return _given(data, settings, settings.weights)
    directory = _kept(Path(cache), data, settings)
    if not (directory / METADATA).is_file():
        directory.parent.mkdir(parents=True, exist_ok=True)
        with held(directory.with_name(f"{directory.name}.lock")):
            if not (directory / METADATA).is_file():
                log.info("training the %s detector on %d images", BACKBONES.kind_of(settings),
                         len(data.split("detector")))
                train_into(directory, data, settings, workers, device)
    detector, metadata = load_detector(directory)
    return detector, metadata["hash"]


def known_hash(data: DataSet, cache: Path | str, settings: Backbone) -> str | None:
    """The hash that `ensure_detector` would return; None where it would train the detector first."""
    weights = settings.weights
    if weights is not None and not weights.is_dir():
        return detector_hash(weights, settings)
    metadata = read_optional_json((weights or _kept(Path(cache), data, settings)) / METADATA) or {}
    return metadata.get("hash")


def train_into(directory: Path, data: DataSet, settings: Backbone, workers: int = 0,
               device: torch.device | str = "cpu", start: Path | None = None) -> Detector:
    """Train a detector and write it as the folder `directory`; an interrupted training there is taken up again.

    start: torchvision's COCO weights to go on from, instead of random ones. Raises what `require_place`, `load_coco`,
    `DataSet.require_boxes` and `pretrain` raise, all but the last before training.
    """
    require_place(directory)
    data.require_boxes()
    recipe = settings.recipe()
    with torch.random.fork_rng([]):
        torch.manual_seed(derive(recipe.seed, "detector"))
        detector = Detector(settings, len(data.classes))
    if start is not None:
        load_coco(start, detector)
    unfinished = directory.with_name(f"{directory.name}.unfinished")
    origin = {"data_hash": data.hash, PICTURES: _image_hash(data),
              "start_hash": None if start is None else file_hash(start), **_padding(data)}
    pretrain(detector.to(device), data.split("detector"), recipe, unfinished, workers, origin)
    save_detector(detector.cpu(), directory, {"classes": data.classes, "data": data.description, **origin,
                                              "recipe": recipe.to_json()})
    discard_state(unfinished)
    return detector


def cache_path(cache: Path | str, data: DataSet, settings: Backbone) -> Path:
    """Where the detector of data, pictures and settings is kept."""
    plugin = plugin_of(type(settings))  # whose code may change
    code = {} if plugin is None else {"plugin": plugin.digest}
    own = {SETTINGS: settings.own_settings} if settings.own_settings else {}
    return _named(cache, settings, [data.hash, _image_hash(data), _recipe_json(settings) | _padding(data) | code | own])


def first_edition_path(cache: Path | str, data: DataSet, settings: Backbone) -> Path:
    """Where the first edition kept it, which did not look at pictures, and whose backbones had no own settings."""
    return _named(cache, settings, [data.hash, _recipe_json(settings) | _padding(data)])


def _named(cache: Path | str, settings: Backbone, identity: list[Any]) -> Path:
    return Path(cache) / FOLDER / f"{BACKBONES.kind_of(settings)}-{value_hash(identity)}"


def _recipe_json(settings: Backbone) -> dict[str, Any]:
    """How the detector is trained, as a file has it."""
    return json.loads(json.dumps(settings.recipe().to_json()))


def _kept(cache: Path, data: DataSet, settings: Backbone) -> Path:
    """`cache_path` for the pictures as they are, or where a detector of the first edition is that serves instead."""
    pictures, directory = _image_hash(data), cache_path(cache, data, settings)
    if (directory / METADATA).is_file():
        return directory
    before = first_edition_path(cache, data, settings)
    if not settings.own_settings and (before / METADATA).is_file():
        _tell_unknown(before)
        return before
    for path in sorted(directory.parent.glob(f"{BACKBONES.kind_of(settings)}-*/{METADATA}")):
        metadata = read_optional_json(path) or {}
        same = (metadata.get("data_hash"), metadata.get("recipe"), metadata.get(SETTINGS, {})) == \
            (data.hash, _recipe_json(settings), settings.own_settings)
        if same and metadata.get(PICTURES, pictures) != pictures:
            log.warning("the pictures are not those that %s was trained on (%s, now %s): a detector is trained anew",
                        path.parent, metadata[PICTURES], pictures)
    return directory


def _tell_unknown(detector: Path) -> None:
    log.warning("%s does not say on which pictures it was trained (it is of the first edition); it is used as it is",
                detector)


def _image_hash(data: DataSet) -> str:
    return data.image_hash(data.split("detector"))


def check_fits(detector: Detector, metadata: dict[str, Any], data: DataSet, path: Path) -> None:
    """Raise ValueError unless a detector read from `path` knows the classes of `data`."""
    if metadata.get("classes", data.classes) != data.classes or detector.num_classes != len(data.classes):
        raise ValueError(f"{path} knows {detector.num_classes - 1} classes that are not the {len(data.classes) - 1} of "
                         f"{data.name}: choose other weights (detector.weights) or other data")


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
        _require_pictures(metadata, data, weights)
    elif "data_hash" in metadata:
        log.warning("detector.weights: %s was trained on other data (%s [%s]) than this run reads (%s [%s]); its "
                    "classes have the same names, and it is used as it is", weights,
                    metadata.get("data", "not described"), metadata["data_hash"], data.description, data.hash)
    else:
        log.warning("detector.weights: %s does not say on which data it was trained; it is used as it is", weights)
    if detector.backbone != (wanted := BACKBONES.kind_of(settings)):
        raise ValueError(f"{weights} holds a {detector.backbone} detector, but detector.backbone is {wanted}")
    own = settings.own_settings
    for name, then in detector.settings.own_settings.items():
        if own[name] != then:
            raise ValueError(f"{weights} was trained with detector.{name} {then!r}, here it is {own[name]!r}: set "
                             f"detector.{name} to that value, or choose other weights (detector.weights)")
    return detector, metadata["hash"]


def _require_pictures(metadata: dict[str, Any], data: DataSet, weights: Path) -> None:
    """Raise ValueError where a detector of the same annotation was trained on other pictures than there are now."""
    now = _image_hash(data)
    if PICTURES not in metadata:
        _tell_unknown(weights)
    elif metadata[PICTURES] != now:
        raise ValueError(f"detector.weights: {weights} was trained on the images of {data.title}, but with other "
                         f"pictures ({PICTURES} {metadata[PICTURES]}, now {now}): put the pictures back, or train a "
                         "detector on these with `python -m sgg.detector train`")
