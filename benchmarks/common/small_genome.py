"""A small data set in Visual Genome's files, with random images, and a detector with random weights in the published
layout: both editions read them."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import torch

from benchmarks.images import SIZES, write_images
from sgg.detector.model import Detector
from sgg.detector.published import MOTIFS_DETECTOR

CLASSES, PREDICATES, OBJECTS, RELATIONS = 150, 50, 12, 6
EVALUATED = 2
"""The images of val, and by default those of test."""
FRAME = 1024
"""The longer side of an image in the coordinates of the boxes."""
WEIGHTS = "vg-faster-rcnn.tar"


def write(root: Path, train: int, test: int = EVALUATED) -> Path:
    """Write data and weights under `root`, unless they are there. Returns the file of the weights. train, test: the
    numbers of images."""
    weights = root / "VG" / WEIGHTS
    if not weights.exists():
        (root / "VG" / "VG_100K").mkdir(parents=True, exist_ok=True)
        for number, path in enumerate(write_images(root / "VG" / "VG_100K", train + EVALUATED + test)):
            path.rename(path.with_name(f"{number}.jpg"))
        _write_annotations(root / "VG" / "stanford_filtered", train, test)
        _write_detector(weights)  # last: it says that all is there
    return weights


def _write_annotations(folder: Path, train: int, test: int) -> None:
    folder.mkdir(exist_ok=True)
    rng, images = np.random.default_rng(0), train + EVALUATED + test
    sizes = np.array([SIZES[image % len(SIZES)] for image in range(images)])
    extent = np.repeat(sizes[:, ::-1] * FRAME / sizes.max(axis=1, keepdims=True), OBJECTS, axis=0)
    size = (extent * rng.uniform(0.1, 0.4, extent.shape)).astype(int)
    corner = (rng.random(size.shape) * (extent - size)).astype(int)
    first_box, first_relation = OBJECTS * np.arange(images), RELATIONS * np.arange(images)
    pairs = np.array([[one, (one + 1) % OBJECTS] for one in range(RELATIONS)]) + first_box[:, None, None]
    with h5py.File(folder / "VG-SGG.h5", "w") as file:
        file["split"] = np.array([0] * (train + EVALUATED) + [2] * test)
        file["boxes_1024"] = np.concatenate([corner + size // 2, size], axis=1)
        file["labels"] = rng.integers(1, CLASSES + 1, (images * OBJECTS, 1))
        file["relationships"] = pairs.reshape(-1, 2)
        file["predicates"] = rng.integers(1, PREDICATES + 1, (images * RELATIONS, 1))
        for name, first, count in (("box", first_box, OBJECTS), ("rel", first_relation, RELATIONS)):
            file[f"img_to_first_{name}"], file[f"img_to_last_{name}"] = first, first + count - 1
    (folder / "VG-SGG-dicts.json").write_text(json.dumps(
        {"label_to_idx": {f"class{i}": i for i in range(1, CLASSES + 1)},
         "predicate_to_idx": {f"predicate{i}": i for i in range(1, PREDICATES + 1)}}))
    (folder / "image_data.json").write_text(json.dumps(
        [{"width": int(width), "height": int(height), "url": f"https://example.org/VG_100K/{i}.jpg", "image_id": i}
         for i, (height, width) in enumerate(sizes)]))


def _write_detector(path: Path) -> None:
    torch.manual_seed(0)
    ours = Detector("vgg16", CLASSES + 1).rcnn.state_dict()
    weights = {theirs + name.removeprefix(prefix): value.contiguous() for theirs, prefix in MOTIFS_DETECTOR.items()
               for name, value in ours.items() if name.startswith(prefix)}
    torch.save({"state_dict": weights, "epoch": 0}, path)
