"""The detector of an experiment: found where it was trained before, else trained once while others wait."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from sgg.checkpoint.published import load_published
from sgg.data import DataSet
from sgg.data.transforms import padding_facts
from sgg.detector.files import FACTS, load_detector, require_place, save_detector
from sgg.detector.recipe import Recipe
from sgg.detector.start import load_coco
from sgg.detector.training import discard_state, pretrain
from sgg.hashing import file_hash, value_hash
from sgg.history import read_json
from sgg.locking import held
from sgg.methods.backbone import BACKBONES
from sgg.methods.plugins import plugin_of
from sgg.models.detector import Detector
from sgg.seeding import derive

log = logging.getLogger(__name__)

PICTURES = "pictures_hash"
"""What detector.json calls the hash of the pictures that a detector was trained on."""


def ensure_detector(data: DataSet, cache: Path | str, backbone: str, weights: Path | str | None = None,
                    epochs: int | None = None, batch_size: int | None = None, learning_rate: float | None = None,
                    workers: int = 0, device: torch.device | str = "cpu") -> tuple[Detector, str]:
    """The frozen detector for a data set, on the CPU, and the hash of its weights.

    weights: a folder made by `python -m sgg.detector train`, or the published `vg-faster-rcnn.tar`. Without it the
    detector is trained on `data.part("detector")` and kept under `cache`, by the hash of data and settings; processes
    that ask at the same time wait for the one that trains. epochs, batch_size, learning_rate: None for the backbone's
    own (`sgg/detector/backbones/`). device: where to train.

    Of pictures that are others than those a kept detector was trained on, another one is trained; the log tells that.
    One of the first edition, which does not say of which pictures it is, is used, and the log tells that too.

    Raises FileNotFoundError or ValueError naming a file of weights that is missing or does not fit the data, also where
    it was trained on the same data with other pictures.
    """
    if weights is not None:
        return _given(data, backbone, Path(weights))
    recipe = choose_recipe(backbone, epochs, batch_size, learning_rate)
    directory = _kept(Path(cache), data, backbone, recipe)
    if not (directory / FACTS).is_file():
        directory.parent.mkdir(parents=True, exist_ok=True)
        with held(directory.with_name(f"{directory.name}.lock")):
            if not (directory / FACTS).is_file():
                log.info("training the %s detector on %d images", backbone, len(data.part("detector")))
                train_into(directory, data, backbone, recipe, workers, device)
    detector, facts = load_detector(directory)
    return detector, facts["hash"]


def known_hash(data: DataSet, cache: Path | str, backbone: str, weights: Path | str | None = None,
               epochs: int | None = None, batch_size: int | None = None,
               learning_rate: float | None = None) -> str | None:
    """The hash that `ensure_detector` would return; None where it would train the detector first."""
    if weights is not None and not Path(weights).is_dir():
        return file_hash(Path(weights))
    directory = weights or _kept(Path(cache), data, backbone,
                                 choose_recipe(backbone, epochs, batch_size, learning_rate))
    facts = read_json(Path(directory) / FACTS) or {}
    return facts.get("hash")


def train_into(directory: Path, data: DataSet, backbone: str, recipe: Recipe, workers: int = 0,
               device: torch.device | str = "cpu", start: Path | None = None) -> Detector:
    """Train a detector and write it as the folder `directory`; an interrupted training there is taken up again.

    start: torchvision's COCO weights to go on from, instead of random ones. Raises what `require_place`, `load_coco`
    and `pretrain` raise, the first two before training.
    """
    require_place(directory)
    with torch.random.fork_rng([]):
        torch.manual_seed(derive(recipe.seed, "detector"))
        detector = Detector(backbone, len(data.classes))
    if start is not None:
        load_coco(start, detector)
    unfinished = directory.with_name(f"{directory.name}.unfinished")
    origin = {"data_hash": data.hash, PICTURES: _picture_hash(data),
              "start_hash": None if start is None else file_hash(start), **_padding(data)}
    pretrain(detector.to(device), data.part("detector"), recipe, unfinished, workers, origin)
    save_detector(detector.cpu(), directory, {"classes": data.classes, "data": data.description, **origin,
                                              "recipe": recipe.facts()})
    discard_state(unfinished)
    return detector


def choose_recipe(backbone: str, epochs: int | None = None, batch_size: int | None = None,
                  learning_rate: float | None = None) -> Recipe:
    """The backbone's recipe with the values that are given. Raises ValueError for an unknown backbone."""
    if backbone not in BACKBONES:
        raise ValueError(f"backbone must be one of {', '.join(BACKBONES)}, got {backbone!r}")
    given = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
    own = BACKBONES[backbone]().recipe()
    return replace(own, **{name: value for name, value in given.items() if value is not None})


def cache_path(cache: Path | str, data: DataSet, backbone: str, recipe: Recipe) -> Path:
    """Where the detector of data, pictures and settings is kept."""
    plugin = plugin_of(BACKBONES[backbone])  # whose code may change
    code = {} if plugin is None else {"plugin": plugin.digest}
    return _named(cache, backbone, [data.hash, _picture_hash(data), recipe.facts() | _padding(data) | code])


def first_edition_path(cache: Path | str, data: DataSet, backbone: str, recipe: Recipe) -> Path:
    """Where the first edition kept it, which did not look at pictures."""
    return _named(cache, backbone, [data.hash, recipe.facts() | _padding(data)])


def _named(cache: Path | str, backbone: str, identity: list[Any]) -> Path:
    return Path(cache) / "detectors" / f"{backbone}-{value_hash(identity)}"


def _kept(cache: Path, data: DataSet, backbone: str, recipe: Recipe) -> Path:
    """`cache_path` for the pictures as they are, or where a detector of the first edition is that serves instead."""
    pictures, directory = _picture_hash(data), cache_path(cache, data, backbone, recipe)
    if (directory / FACTS).is_file():
        return directory
    before = first_edition_path(cache, data, backbone, recipe)
    if (before / FACTS).is_file():
        _tell_unknown(before)
        return before
    for path in sorted(directory.parent.glob(f"{backbone}-*/{FACTS}")):
        facts = read_json(path) or {}
        if facts.get("data_hash") == data.hash and facts.get("recipe") == json.loads(json.dumps(recipe.facts())) and \
                facts.get(PICTURES, pictures) != pictures:
            log.warning("the pictures are not those that %s was trained on (%s, now %s): a detector is trained anew",
                        path.parent, facts[PICTURES], pictures)
    return directory


def _tell_unknown(detector: Path) -> None:
    log.warning("%s does not say on which pictures it was trained (it is of the first edition); it is used as it is",
                detector)


def _picture_hash(data: DataSet) -> str:
    return data.picture_hash(data.part("detector"))


def check_fits(detector: Detector, facts: dict[str, Any], data: DataSet, path: Path) -> None:
    """Raise ValueError unless a detector read from `path` knows the classes of `data`."""
    if facts.get("classes", data.classes) != data.classes or detector.num_classes != len(data.classes):
        raise ValueError(f"{path} knows {detector.num_classes - 1} classes that are not the {len(data.classes) - 1} of "
                         f"{data.name}: choose other weights (detector.weights) or other data")


def _padding(data: DataSet) -> dict[str, Any]:
    return padding_facts(data.part("detector").annotations.sizes)


def _given(data: DataSet, backbone: str, weights: Path) -> tuple[Detector, str]:
    if not weights.is_dir():
        detector = Detector(backbone, len(data.classes))
        load_published(weights, detector)
        return detector, file_hash(weights)
    detector, facts = load_detector(weights)
    check_fits(detector, facts, data, weights)
    if facts.get("data_hash") == data.hash:
        _require_pictures(facts, data, weights)
    if detector.backbone != backbone:
        raise ValueError(f"{weights} holds a {detector.backbone} detector, but detector.backbone is {backbone}")
    return detector, facts["hash"]


def _require_pictures(facts: dict[str, Any], data: DataSet, weights: Path) -> None:
    """Raise ValueError where a detector of the same annotation was trained on other pictures than there are now."""
    now = _picture_hash(data)
    if PICTURES not in facts:
        _tell_unknown(weights)
    elif facts[PICTURES] != now:
        raise ValueError(f"detector.weights: {weights} was trained on the images of {data.title}, but with other "
                         f"pictures ({PICTURES} {facts[PICTURES]}, now {now}): put the pictures back, or train a "
                         "detector on these with `python -m sgg.detector train`")
