"""A trained detector on disk: a folder with weights.safetensors and detector.json, whole or not there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from sgg.checkpoint import load_strictly
from sgg.models.detector import Detector

FORMAT = 1
WEIGHTS, FACTS = "weights.safetensors", "detector.json"


def save_detector(detector: Detector, directory: Path | str, facts: dict[str, Any]) -> dict[str, Any]:
    """Write the detector as `directory`, in one rename, replacing what is there. Returns what detector.json says.

    facts: plain values to keep with it, for example classes and settings. `hash` is added, of the weights.
    """
    directory = Path(directory)
    temporary = directory.with_name(f".{directory.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    save_file({name: value.contiguous() for name, value in detector.state_dict().items()}, temporary / WEIGHTS)
    facts = {"format": FORMAT, "backbone": detector.backbone, "num_classes": detector.num_classes,
             "image_size": detector.image_size, "hash": file_hash(temporary / WEIGHTS), **facts}
    (temporary / FACTS).write_text(json.dumps(facts, indent=1) + "\n")
    if directory.exists():
        shutil.rmtree(directory)
    os.replace(temporary, directory)
    return facts


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
