"""A trained detector on disk: a folder with weights.safetensors and detector.json, which is written last."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from sgg.common.atomic import require_writable
from sgg.common.hashing import file_hash, value_hash
from sgg.common.run_log import require_keys
from sgg.common.versions import PROGRAM, program
from sgg.common.weights import load_strictly, require_fitting
from sgg.config.loading.errors import messages
from sgg.detector.layout import METADATA, SETTINGS, WEIGHTS
from sgg.detector.model import Detector
from sgg.methods.backbone import BACKBONES, Backbone

FORMAT = 1
OURS = WEIGHTS, METADATA
RANGES = {"num_classes": (2, 1_000_000), "image_size": (16, 10_000)}
"""The allowed values in detector.json. Images of 10,000 pixels a side already exceed the memory of any detector."""
UNFINISHED = tuple(f".{name}." for name in OURS)


def save_detector(detector: Detector, directory: Path | str, metadata: dict[str, Any]) -> dict[str, Any]:
    """Write the detector into the folder `directory`, in place of an earlier one. Returns the content of detector.json.

    metadata: plain values to keep with it, for example classes and the recipe. The function adds `settings`, the
    backbone's own settings if it has any, and `hash`, see `detector_hash`. Raises what `require_place` raises.
    """
    directory = Path(directory)
    require_place(directory)
    directory.mkdir(parents=True, exist_ok=True)
    weights, described = (directory / f".{name}.{os.getpid()}" for name in (WEIGHTS, METADATA))
    try:
        save_file({name: value.contiguous() for name, value in detector.state_dict().items()}, weights)
        metadata = {"format": FORMAT, "backbone": detector.backbone, "num_classes": detector.num_classes,
                 "image_size": detector.image_size, "hash": detector_hash(weights, detector.settings),
                 **({SETTINGS: own} if (own := detector.settings.own_settings) else {}), PROGRAM: program(), **metadata}
        described.write_text(json.dumps(metadata, indent=1) + "\n")
        shutil.copymode(described, weights)  # safetensors gives read access to the owner only, whatever the umask
        (directory / METADATA).unlink(missing_ok=True)  # it describes the old weights
        os.replace(weights, directory / WEIGHTS)
        os.replace(described, directory / METADATA)
    finally:
        weights.unlink(missing_ok=True)
        described.unlink(missing_ok=True)
    return metadata


def detector_hash(weights: Path, settings: Backbone) -> str:
    """The hash that identifies a detector: that of its file of weights and of the backbone's own settings, if it has
    any. The same weights may give other maps under other settings."""
    own = settings.own_settings
    return value_hash([file_hash(weights), own]) if own else file_hash(weights)


def require_place(directory: Path) -> None:
    """Raise FileExistsError that names other files unless `directory` is missing, empty, or holds only a detector."""
    require_own(directory, lambda entry: entry.name in OURS or entry.name.startswith(UNFINISHED))


def require_own(directory: Path, is_ours: Callable[[Path], bool]) -> None:
    """Raise FileExistsError if `directory` is a file, or a folder with an entry that is not `is_ours`; OSError if it
    cannot be written."""
    if directory.is_dir():
        foreign = sorted(entry.name for entry in directory.iterdir() if not is_ours(entry))
        if foreign:
            raise FileExistsError(f"{directory} holds other files ({', '.join(foreign[:3])}"
                                  f"{', ...' if len(foreign) > 3 else ''}): name a new or an empty folder")
    elif directory.exists():
        raise FileExistsError(f"{directory} is no folder: name a new or an empty folder")
    require_writable(directory)


def load_detector(directory: Path | str) -> tuple[Detector, dict[str, Any]]:
    """The detector that `save_detector` wrote, frozen, on the CPU, and the content of detector.json.

    Raises FileNotFoundError, or ValueError that names the file.
    """
    directory = Path(directory)
    for name in (METADATA, WEIGHTS):
        if not (directory / name).is_file():
            raise FileNotFoundError(f"{directory / name} is missing: name a folder that `python -m sgg.detector train` "
                                    "has made")
    metadata = _read_metadata(directory / METADATA)
    try:
        weights = load_file(directory / WEIGHTS)
    except SafetensorError as error:
        raise ValueError(f"{directory / WEIGHTS} cannot be read: {error}") from None
    shape = _settings(metadata, directory / METADATA), metadata["num_classes"], metadata["image_size"]
    with torch.device("meta"):  # a wrong number of classes may ask for more memory than there is
        require_fitting(Detector(*shape), weights, str(directory / WEIGHTS))
    detector = Detector(*shape)
    load_strictly(detector, weights, str(directory / WEIGHTS))
    return detector, metadata


def _settings(metadata: dict[str, Any], path: Path) -> Backbone:
    """The settings of the backbone that detector.json, at `path`, describes."""
    entry, own = BACKBONES[metadata["backbone"]], metadata.get(SETTINGS, {})
    try:
        return entry.model_validate(own)
    except ValidationError as error:
        said = "; ".join(f"{SETTINGS}.{message}" for message in messages(error, entry))
        raise ValueError(f"{path} is not a detector's of this backbone: {said}") from None


def _read_metadata(path: Path) -> dict[str, Any]:
    try:
        metadata = require_keys(json.loads(path.read_bytes()), "it", format=int, backbone=str, num_classes=int,
                             image_size=int, hash=str)
        if metadata["format"] != FORMAT:
            raise ValueError(f"format {metadata['format']}, expected {FORMAT}")
        BACKBONES.section_of(metadata["backbone"])
        for name, (least, most) in RANGES.items():
            if not least <= metadata[name] <= most:
                raise ValueError(f"{name} must be {least:,} to {most:,}, got {metadata[name]}")
    except (ValueError, RecursionError) as error:  # of JSON and of Unicode, too
        raise ValueError(f"{path} is not a detector's: {error}") from None
    return metadata
