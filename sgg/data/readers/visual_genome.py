"""Read Visual Genome in Xu et al.'s split ("stanford_filtered"), from the original files: docs/SYSTEM.md section 1.

    <directory>/stanford_filtered/VG-SGG.h5             boxes, classes, relations, split; or VG-SGG-with-attri.h5
    <directory>/stanford_filtered/VG-SGG-dicts.json     names of classes and predicates; or VG-SGG-dicts-with-attri.json
    <directory>/stanford_filtered/image_data.json       id and size of each image
    <directory>/VG_100K/<image_id>.jpg                  or the `file_name` of image_data.json, if it has one

The files "with-attri" hold the same images, boxes and relations, and attributes of objects, which are not read.
"""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np

from sgg.data import boxes as box_math
from sgg.data.annotation_files import h5_dataset, integer_field, open_h5, read_h5, require_json
from sgg.data.annotations import Annotations
from sgg.data.checks.box_conventions import CENTRE_AND_SIZE, require_convention
from sgg.data.checks.consistency import STRAY_SHARE, USUAL, Rules, checked
from sgg.data.dataset import BACKGROUND, DataSet, stem
from sgg.data.findings import Finding
from sgg.data.readers.file_names import require_below
from sgg.data.records import Record, short
from sgg.data.splits import partition

FOLDER, IMAGES = "stanford_filtered", "VG_100K"
H5 = "VG-SGG.h5", "VG-SGG-with-attri.h5"
NAMES = "VG-SGG-dicts.json", "VG-SGG-dicts-with-attri.json"
SIZES = "image_data.json"
NUM_VAL_IMAGES = 5000
LONGER_SIDE = 1024  # pixels of the frame of `boxes_1024`
CORRUPT_IMAGES = (1592, 1722, 4616, 4617)  # in image_data.json, not in the h5
# The frame is square, so boxes may lie below a wide image; the published file has a few.
REMEDY = "get the data set with: python -m sgg.data prepare vg --root ROOT"


def open_visual_genome(directory: Path | str, name: str = "vg", title: str = "Visual Genome (stanford split)",
                       num_val_images: int = NUM_VAL_IMAGES, remedy: str = REMEDY,
                       rules: Rules = USUAL) -> DataSet:
    """Open the data set under `directory` (ROOT/VG).

    Raises FileNotFoundError, or ValueError that names the file and the record.
    """
    classes, predicates, annotations, split, findings = read_visual_genome(directory, remedy, rules)
    try:
        splits = partition(annotations, split == 2, num_val_images, findings)
    except ValueError as error:
        raise ValueError(f"{directory}: {error}") from None
    return DataSet(name, title, classes, predicates, annotations, splits, Path(directory) / IMAGES, remedy,
                   findings=findings)


def read_visual_genome(directory: Path | str, remedy: str = REMEDY, rules: Rules = USUAL,
                       ) -> tuple[list[str], list[str], Annotations, np.ndarray, tuple[Finding, ...]]:
    """Read names of classes and of predicates, background first; the annotation of every image; the splits [I], each 0
    (train) or 2 (test); and the findings.

    Raises FileNotFoundError, or ValueError that names the file and the record.
    """
    folder = Path(directory) / FOLDER
    h5_path, names_path = (_first_of(folder, names) for names in (H5, NAMES))
    classes, predicates = _names(names_path, remedy)
    _, files, sizes = read_images(folder / SIZES, remedy)
    with open_h5(h5_path, remedy) as file:
        annotations, split = _annotations(file, files, sizes, rules)
    if not np.isin(split, (0, 2)).all():
        row = int(np.argmin(np.isin(split, (0, 2))))
        raise ValueError(f"{h5_path}: 'split' must be 0 (train) or 2 (test), but row {row} is {split[row]}")
    annotations, findings = checked(annotations, str(h5_path), classes, predicates, rules,
                                    stray_share=STRAY_SHARE)
    return classes, predicates, annotations, split, findings


def _first_of(folder: Path, names: tuple[str, ...]) -> Path:
    """The first file that exists; if there is none, the first name."""
    return next((folder / name for name in names if (folder / name).is_file()), folder / names[0])


def _names(path: Path, remedy: str) -> tuple[list[str], list[str]]:
    """Names of classes and predicates in the order of their numbers, background first."""
    content = require_json(path, dict, remedy, unique_keys=True)
    names = []
    for key in ("label_to_idx", "predicate_to_idx"):
        numbers = content.get(key)
        if not isinstance(numbers, dict) or not numbers:
            raise ValueError(f"{path}: {key!r} must map names to numbers")
        if not all(type(number) is int for number in numbers.values()) or \
                sorted(numbers.values()) != list(range(1, len(numbers) + 1)):
            raise ValueError(f"{path}: the numbers in {key!r} must be 1..{len(numbers)}, each once")
        names.append([BACKGROUND, *sorted(numbers, key=numbers.__getitem__)])
    return names[0], names[1]


def read_images(path: Path, remedy: str = REMEDY, keep_corrupt: bool = False,
                ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """[I] ids, [I] image files and [I, 2] heights and widths from image_data.json, without the corrupt images.

    Raises FileNotFoundError, or ValueError that names the file and the record.
    """
    records = require_json(path, list, remedy)
    ids = integer_field(path, records, "image_id")
    sizes = np.stack([integer_field(path, records, "height", 1), integer_field(path, records, "width", 1)], axis=1)
    kept = keep_corrupt | ~np.isin(ids, CORRUPT_IMAGES)
    ids, sizes = ids[kept], sizes[kept]
    distinct, first = np.unique(ids, return_index=True)
    if len(distinct) < len(ids):
        again = int(np.setdiff1d(np.arange(len(ids)), first)[0])
        raise ValueError(f"{path}: image_id {ids[again]} occurs more than once: list an image once")
    return ids, np.array(_files(path, [records[row] for row in np.flatnonzero(kept)], ids.tolist()), dtype=str), sizes


def _files(path: Path, records: list[Record], ids: list[int]) -> list[str]:
    """The file of each image: the `file_name` of its record if it has one, else <image_id>.jpg."""
    files: list[str] = []
    owners: dict[str, int] = {}
    for record, image_id in zip(records, ids, strict=True):
        file = record.get("file_name", f"{image_id}.jpg")
        require_below(file, f"{path}: image_id {image_id}")
        if (other := owners.setdefault(stem(os.path.normpath(file)), image_id)) != image_id:
            raise ValueError(f"{path}: image_id {other} and {image_id} have the same image file, {short(file)} "
                             "(file_name, or <image_id>.jpg without one): use names that differ before the ending")
        files.append(file)
    return files


def _annotations(file: h5py.File, files: np.ndarray, sizes: np.ndarray,
                 rules: Rules) -> tuple[Annotations, np.ndarray]:
    """The annotation of every row of the h5, unchecked, and its split [I]."""
    if (rows := h5_dataset(file, "split").size) != len(files):
        raise ValueError(f"{file.filename} has {rows:,} images, but image_data.json has {len(files):,} "
                         f"(without the corrupt ones, {', '.join(map(str, CORRUPT_IMAGES))}): use files of one "
                         "release")
    box_ptr, rel_ptr = _offsets(file, "box", rows), _offsets(file, "rel", rows)
    objects, pairs = int(box_ptr[-1]), int(rel_ptr[-1])
    frame_boxes = read_h5(file, f"boxes_{LONGER_SIDE}", objects, 4, kind="iuf")
    labels = read_h5(file, "labels", objects, 1)[:, 0].astype(np.int64)
    ends = read_h5(file, "relationships", pairs, 2).astype(np.int64)
    predicates = read_h5(file, "predicates", pairs, 1)[:, 0].astype(np.int64)

    wide = float if frame_boxes.dtype.kind == "f" else np.int64  # unsigned integers would wrap below zero
    frame_boxes = box_math.corners_from_centres(frame_boxes.astype(wide))
    images = np.repeat(np.arange(rows), np.diff(box_ptr))
    scale = sizes.max(axis=1)[images, None] / LONGER_SIDE
    if not rules.allow_clipping:  # check this first: boxes of another convention leave the frame, too
        require_convention(frame_boxes * scale, sizes[images], images, CENTRE_AND_SIZE,
                           f"{file.filename}: 'boxes_{LONGER_SIDE}'")
    beyond = ((frame_boxes[:, :2] < -1) | (frame_boxes[:, 2:] > LONGER_SIDE + 1)).any(axis=1)
    if beyond.any():
        row = int(np.argmax(beyond))
        raise ValueError(f"{file.filename}: 'boxes_{LONGER_SIDE}' row {row}: the box {frame_boxes[row].tolist()} "
                         f"(x1 y1 x2 y2) leaves the frame of {LONGER_SIDE} pixels")
    boxes = (frame_boxes * scale).astype(np.float32)
    local = ends - np.repeat(box_ptr[:-1], np.diff(rel_ptr))[:, None]
    relations = np.concatenate([local, predicates[:, None]], axis=1)
    return Annotations(files, sizes, box_ptr, boxes, labels, rel_ptr, relations), read_h5(file, "split", rows)


def _offsets(file: h5py.File, kind: str, rows: int) -> np.ndarray:
    """[I + 1] int64 offsets. The inclusive ranges of the images must follow one another without gap or overlap."""
    first = read_h5(file, f"img_to_first_{kind}", rows).astype(np.int64)
    last = read_h5(file, f"img_to_last_{kind}", rows).astype(np.int64)
    empty = first == -1
    counts = np.where(empty, 0, last - first + 1)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    wrong = ~empty & ((first != offsets[:-1]) | (counts < 1))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"{file.filename}: image {row} owns rows {first[row]}..{last[row]} (img_to_first_{kind}, "
                         f"img_to_last_{kind}), but its first row must be {offsets[row]}")
    return offsets
