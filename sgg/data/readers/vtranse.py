"""Read Visual Genome in the split of VTransE (Zhang et al. 2017), docs/SYSTEM.md section 1.

    <directory>/vtranse/vg1_2_meta.h5                 gt/{train,test}/<image>/{sub_boxes,obj_boxes,rlp_labels},
                                                      meta/{cls,pre}/name2idx/<name>
    <directory>/stanford_filtered/image_data.json     size of each image
    <directory>/VG_100K/<image>.jpg

A row of rlp_labels holds the class of the subject, the predicate and the class of the object. The file does not list
objects: the objects of an image are the distinct pairs of box and class among its subjects and objects.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from sgg.common.hdf5 import dataset_paths
from sgg.data.annotation_files import open_h5, read_h5
from sgg.data.checks.box_conventions import CORNERS
from sgg.data.checks.consistency import STRAY_SHARE, USUAL, Rules, checked
from sgg.data.dataset import BACKGROUND, DataSet
from sgg.data.readers.visual_genome import read_images
from sgg.data.records import AnnotationsBuilder, located
from sgg.data.splits import partition

NUM_VAL_IMAGES = 5000
REMEDY = ("put vg1_2_meta.h5 of the VTransE split there; get images and image_data.json with: "
          "python -m sgg.data prepare vg --root ROOT")


def open_vtranse(directory: Path | str, num_val_images: int = NUM_VAL_IMAGES, rules: Rules = USUAL) -> DataSet:
    """Open the data set under `directory` (ROOT/VG).

    Raises FileNotFoundError, or ValueError that names the file and the record.
    """
    directory = Path(directory)
    path = directory / "vtranse" / "vg1_2_meta.h5"
    image_data = directory / "stanford_filtered" / "image_data.json"
    ids, files, sizes = read_images(image_data, REMEDY, keep_corrupt=True)
    known = {str(image_id): (file, tuple(size)) for image_id, file, size
             in zip(ids.tolist(), files.tolist(), sizes.tolist(), strict=True)}
    builder, is_test = AnnotationsBuilder(), []
    with open_h5(path, REMEDY) as file:
        classes, class_shift = _names(file, "cls")
        predicates, predicate_shift = _names(file, "pre")
        shifts = np.array([class_shift, predicate_shift, class_shift])
        for split in ("train", "test"):
            for image_id, group in _group(file, f"gt/{split}").items():
                if image_id not in known:
                    raise ValueError(f"{path}: image {image_id} of gt/{split} is not in {image_data}: use files of one "
                                     "release")
                with located(f"{path}: gt/{split}/{image_id}:"):
                    builder.add(*known[image_id], *_graph(group, shifts))
                is_test.append(split == "test")
    annotations, findings = checked(builder.build(), str(path), classes, predicates, rules, CORNERS, STRAY_SHARE,
                                    shifts=(class_shift, predicate_shift))
    with located(f"{path}:"):
        splits = partition(annotations, np.array(is_test, dtype=bool), num_val_images, findings)
    return DataSet("vtranse", "Visual Genome (VTransE split)", classes, predicates, annotations, splits,
                   directory / "VG_100K", REMEDY, findings=findings)


def _group(file: h5py.File, name: str) -> h5py.Group:
    group = file.get(name)
    if not isinstance(group, h5py.Group):
        raise ValueError(f"{file.filename} has no group {name!r}")
    return group


def _names(file: h5py.File, kind: str) -> tuple[list[str], int]:
    """The names of classes (cls) or predicates (pre), background first, and the number to add to those of the file,
    whose predicates begin at 0 without a background.
    """
    group = _group(file, f"meta/{kind}/name2idx")
    numbers = {name: int(read_h5(group, name)) for name in dataset_paths(group)}
    names = sorted(numbers, key=numbers.__getitem__)
    start = numbers[names[0]] if names else -1
    if start not in (0, 1) or [numbers[name] for name in names] != list(range(start, start + len(names))):
        raise ValueError(f"{file.filename}: the numbers in meta/{kind}/name2idx must follow one another from 0 or 1")
    if names[0] == BACKGROUND:
        return names, -start
    return [BACKGROUND, *names], 1 - start


def _graph(group: h5py.Group, shifts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes [N, 4], labels [N] and relations [E, 3] of an image."""
    if not isinstance(group, h5py.Group):
        raise ValueError("is not a group")
    numbers = read_h5(group, "rlp_labels", -1, 3, kind="iuf").astype(float)
    wrong = ~((np.abs(numbers) < 2**53) & (numbers == np.rint(numbers))).all(axis=1)  # NaN fails each comparison
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"'rlp_labels' row {row} must be whole numbers of class, predicate and class, but is "
                         f"{numbers[row].tolist()}")
    triplets = numbers.astype(np.int64) + shifts
    ends = np.stack([read_h5(group, name, len(triplets), 4, kind="iuf") for name in ("sub_boxes", "obj_boxes")], axis=1)
    with_class = np.concatenate([ends.astype(float), triplets[:, [0, 2], None]], axis=2).reshape(-1, 5)
    objects, first, object_of_end = np.unique(with_class, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)  # objects in the order of their first occurrence in the file
    rank = np.argsort(order)
    pairs = rank[object_of_end.reshape(-1)].reshape(-1, 2)
    return objects[order, :4], objects[order, 4].astype(np.int64), np.column_stack([pairs, triplets[:, 1]])
