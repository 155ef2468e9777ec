"""A trained detector on disk: a folder of weights.safetensors and detector.json, without which it is not whole."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from sgg.checkpoint import load_strictly
from sgg.models.detector import Detector

FORMAT = 1
WEIGHTS, FACTS = OURS = "weights.safetensors", "detector.json"
UNFINISHED = tuple(f".{name}." for name in OURS)


def save_detector(detector: Detector, directory: Path | str, facts: dict[str, Any]) -> dict[str, Any]:
    """Write the detector into the folder `directory`, in place of one that is there. Returns what detector.json says.

    facts: plain values to keep with it, for example classes and settings. `hash` is added, of the weights. Raises what
    `require_place` raises.
    """
    directory = Path(directory)
    require_place(directory)
    directory.mkdir(parents=True, exist_ok=True)
    weights, described = (directory / f".{name}.{os.getpid()}" for name in (WEIGHTS, FACTS))
    try:
        save_file({name: value.contiguous() for name, value in detector.state_dict().items()}, weights)
        facts = {"format": FORMAT, "backbone": detector.backbone, "num_classes": detector.num_classes,
                 "image_size": detector.image_size, "hash": file_hash(weights), **facts}
        described.write_text(json.dumps(facts, indent=1) + "\n")
        (directory / FACTS).unlink(missing_ok=True)  # it is of the weights that go now
        os.replace(weights, directory / WEIGHTS)
        os.replace(described, directory / FACTS)
    finally:
        weights.unlink(missing_ok=True)
        described.unlink(missing_ok=True)
    return facts


def require_place(directory: Path) -> None:
    """Raise FileExistsError, naming what is in the way, unless `directory` is not there, is empty, or holds a detector
    and nothing else."""
    require_own(directory, lambda entry: entry.name in OURS or entry.name.startswith(UNFINISHED))


def require_own(directory: Path, is_ours: Callable[[Path], bool]) -> None:
    """Raise FileExistsError unless `directory` could be made, or is a folder of which every entry `is_ours`."""
    if directory.is_dir():
        foreign = sorted(entry.name for entry in directory.iterdir() if not is_ours(entry))
        if foreign:
            raise FileExistsError(f"{directory} holds other things ({', '.join(foreign[:3])}"
                                  f"{', ...' if len(foreign) > 3 else ''}): name a new or an empty folder")
    elif directory.exists():
        raise FileExistsError(f"{directory} is no folder: name a new or an empty one")


def load_detector(directory: Path | str) -> tuple[Detector, dict[str, Any]]:
    """The detector that `save_detector` wrote, frozen, on the CPU, and what detector.json says.

    Raises FileNotFoundError or ValueError naming the file.
    """
    directory = Path(directory)
    for name in (FACTS, WEIGHTS):
        if not (directory / name).is_file():
            raise FileNotFoundError(f"{directory / name} is missing: name a folder that `python -m sgg.detector train` "
                                    "has made")
    try:
        facts = json.loads((directory / FACTS).read_text())
        detector = Detector(facts["backbone"], facts["num_classes"], facts["image_size"])
        if facts["format"] != FORMAT:
            raise ValueError(f"format {facts['format']}, expected {FORMAT}")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{directory / FACTS} is not a detector's: {error!r}") from None
    try:
        weights = load_file(directory / WEIGHTS)
    except SafetensorError as error:
        raise ValueError(f"{directory / WEIGHTS} cannot be read: {error}") from None
    load_strictly(detector, weights, str(directory / WEIGHTS))
    return detector, facts


def file_hash(path: Path | str) -> str:
    """16 hexadecimal digits of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
