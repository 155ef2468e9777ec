"""What a prediction needs beside the weights of a checkpoint: names, word vectors and the frozen detector.

    TRIAL/parts/
        parts.json             names of classes and predicates, the hash of the detector; written last
        words.safetensors      word vectors of classes and predicates, if the relation head needs them
        detector/              the frozen detector, as `sgg/detector/files.py` writes it

So a trial's folder predicts on another machine, without a data set. All trials of a study have the same detector, which
may have half a gigabyte: the files are hard links to it where the disk allows that, so that it takes its room once.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sgg.common.atomic import replaced, write_json
from sgg.common.run_log import PARTS_FOLDER, read_optional_json, require_keys
from sgg.config import Config
from sgg.detector import folder_of
from sgg.detector.classes import class_fault
from sgg.detector.files import load_detector, save_detector
from sgg.detector.layout import METADATA
from sgg.detector.layout import WEIGHTS as DETECTOR_WEIGHTS
from sgg.detector.model import Detector
from sgg.detector.proposals import note_of, require_proposals
from sgg.experiment.context import Experiment
from sgg.systems.contract import Vocabulary

from .model import build_model
from .predictor import TwoStagePredictor

FORMAT = 1
PARTS, WORDS, DETECTOR = "parts.json", "words.safetensors", "detector"


def write_parts(experiment: Experiment, detector: Detector, detector_hash: str, folder: Path) -> None:
    """Write the parts of an experiment with a detector into `folder`. Nothing is written where they are there already.

    Raises OSError that names a file that cannot be written.
    """
    data = experiment.data
    content = {"format": FORMAT, "classes": list(data.classes), "predicates": list(data.predicates),
               "detector": detector_hash, "words": experiment.config.model.head.needs_words}
    if read_optional_json(folder / PARTS) == content:
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PARTS).unlink(missing_ok=True)  # it describes other files
    _write_detector(experiment, detector, detector_hash, folder)
    if content["words"]:
        classes, predicates = experiment.word_vectors
        with replaced(folder / WORDS) as temporary:
            save_file({"classes": classes.contiguous(), "predicates": predicates.contiguous()}, temporary)
            temporary.chmod(folder.stat().st_mode & 0o666)  # safetensors gives read access to the owner only
    write_json(folder / PARTS, content)


def copy_parts(source: Path, folder: Path) -> None:
    """Copy the parts in the folder `source` into another `folder`, as links where the disk allows that."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PARTS).unlink(missing_ok=True)
    _link_detector(source / DETECTOR, folder / DETECTOR, copy=True)
    if (source / WORDS).is_file():
        _link(source / WORDS, folder / WORDS, copy=True)
    _link(source / PARTS, folder / PARTS, copy=True)


def require_detections(folder: Path, asking: str) -> None:
    """Raise ValueError if the detector among the parts in `folder` cannot find boxes. asking: who wants them."""
    require_proposals(folder / DETECTOR, asking)


def open_parts(folder: Path, config: Config, device: torch.device,
               detector_hash: str | None) -> tuple[TwoStagePredictor, Vocabulary]:
    """The predictor of a config, with fresh weights in the scene-graph model, from the parts in `folder`; and the names
    of classes and predicates. What it detects lies in the images.

    detector_hash: identifies the detector of the training; None: unknown. Raises FileNotFoundError, or ValueError that
    names a file that is damaged or belongs to another training.
    """
    described = folder / PARTS
    try:
        content = require_keys(json.loads(described.read_bytes()), str(described), format=int, classes=list,
                               predicates=list, detector=str, words=bool)
    except ValueError as error:
        raise ValueError(f"{described} cannot be read: {error}") from None
    if content["format"] != FORMAT:
        raise ValueError(f"{described} has format {content['format']}, this program reads {FORMAT}")
    if detector_hash not in (None, content["detector"]):
        raise ValueError(f"{described} is of another training: its detector is {content['detector']}, that of the "
                         f"checkpoint {detector_hash}")
    detector, metadata = load_detector(folder / DETECTOR)
    classes, predicates = tuple(content["classes"]), tuple(content["predicates"])
    if fault := class_fault(metadata.get("classes"), detector.num_classes, classes, PARTS):
        raise ValueError(f"{folder}: the detector is of another training: {fault}; copy the folder `parts` once more")
    shape = len(classes), len(classes), len(predicates)
    table = torch.zeros(shape) if config.model.needs_frequency_table else None
    model = build_model(config, detector, (len(classes), len(predicates)),
                        _words(folder / WORDS) if content["words"] else None, table)
    predictor = TwoStagePredictor(model.to(device), detector.to(device), device, inside=True)
    return predictor, Vocabulary(classes, predicates)


def _words(path: Path) -> tuple[Tensor, Tensor]:
    try:
        vectors = load_file(path)
        return vectors["classes"], vectors["predicates"]
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None


def _write_detector(experiment: Experiment, detector: Detector, wanted: str, folder: Path) -> None:
    """Link the files of the detector with the hash `wanted` from where it is kept, or else from another trial; copy or
    save them where that cannot be."""
    kept = folder_of(experiment.data, experiment.config.cache, experiment.config.detector)
    found = [kept] if kept is not None and (read_optional_json(kept / METADATA) or {}).get("hash") == wanted else []
    others = sorted(folder.parent.parent.glob(f"*/{PARTS_FOLDER}/{PARTS}"))
    found += [described.parent / DETECTOR for described in others
              if (read_optional_json(described) or {}).get("detector") == wanted]
    if any(_link_detector(place, folder / DETECTOR) for place in found):
        return
    if found:
        _link_detector(found[0], folder / DETECTOR, copy=True)
    else:  # it comes from a published file
        weights = experiment.config.detector.weights
        note = {} if weights is None else note_of(weights)
        save_detector(detector, folder / DETECTOR, {"classes": list(experiment.data.classes), **note})


def _link_detector(source: Path, target: Path, copy: bool = False) -> bool:
    """Whether both files of a detector could be linked, or copied."""
    target.mkdir(parents=True, exist_ok=True)
    return all(_link(source / name, target / name, copy) for name in (DETECTOR_WEIGHTS, METADATA))


def _link(source: Path, target: Path, copy: bool) -> bool:
    """Make `target` a hard link to a file; where that cannot be, a copy, if a `copy` will do. Returns whether it is
    there. Files of parts are never changed in place, so a link stays what it was."""
    try:
        with replaced(target) as temporary:
            os.link(source, temporary)
        return True
    except OSError:  # another disk, or one without links
        if not copy:
            return False
    with replaced(target) as temporary:
        shutil.copyfile(source, temporary)
    return True
