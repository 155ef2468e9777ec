"""Write a toy genome: images, and annotations in Visual Genome's own files (docs/SYSTEM.md section 1).

    <directory>/stanford_filtered/{VG-SGG.h5, VG-SGG-dicts.json, image_data.json, toy.json}
    <directory>/VG_100K/<image_id>.jpg
    <directory>/detector/...                 the same files again: images without habits, to train the detector on
"""

from __future__ import annotations

import fcntl
import glob
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np

from sgg.common.locking import wait_for
from sgg.data.annotation_files import require_folder, require_json
from sgg.data.records import Record
from sgg.data.toy.edition import Edition
from sgg.data.toy.editions.second import SECOND
from sgg.data.toy.kinds import CLASSES, KINDS
from sgg.data.toy.render import render
from sgg.data.toy.scene import SIDE, Composer, Scene
from sgg.data.toy.sizes import Sizes
from sgg.data.toy.thing import DISTANCE
from sgg.data.toy.world import World

IDENTITY = ("version", "difficulty", "seed", "sizes")
"""The metadata that decide the files."""

_FIRST_ID = 10_001   # beyond the ids of Visual Genome's corrupt images, which loaders drop
_SPLITS = ("val", "train", "test", "detector")
_TEST = 2            # of the h5's `split`; 0: train and val
_FRAMES = (1024, 512)


def generate(directory: Path | str, seed: int = 0, sizes: Sizes | None = None,
             on_image: Callable[[int, int], None] | None = None, edition: Edition = SECOND) -> Path:
    """Write the toy genome of a seed. The same versions of numpy and Pillow give the same bytes. Returns `directory`,
    which appears only when it is whole.

    sizes: None: the usual ones of the edition. on_image: called after each image with the number of drawn images and of
    all images. A genome of the same version, difficulty, seed and sizes is left as it is.

    Raises FileExistsError with the remedy if something else is in the way, and ValueError for a size below 1.
    """
    directory, sizes = require_folder(Path(directory)), sizes or edition.sizes
    world = World.build(edition, seed)
    metadata = _metadata(world, seed, sizes)
    if _is_there(directory, metadata):
        return directory
    directory.parent.mkdir(parents=True, exist_ok=True)
    with _workplace(directory) as folder:
        scenes = {split: scenes_of(world, split, seed, getattr(sizes, split)) for split in _SPLITS}
        images = _ImageWriter(sum(map(len, scenes.values())), on_image)
        predicates = edition.predicates
        _write(folder, predicates, scenes["val"] + scenes["train"], scenes["test"], metadata, images)
        _write(folder / "detector", predicates, scenes["detector"], [], metadata | {"num_val_images": 0}, images)
        try:
            folder.replace(directory)
        except OSError:   # another process that began at the same time was faster
            if not _is_there(directory, metadata):
                raise
    return directory


@contextmanager
def _workplace(directory: Path) -> Iterator[Path]:
    """Yield a new folder beside `directory`, and delete it afterwards if it still exists. First the folders that killed
    processes left are deleted, unless a process is at work now: each holds a lock on the parent folder meanwhile.
    """
    prefix = f".{directory.name}.unfinished-"
    around = os.open(directory.parent, os.O_RDONLY)
    try:
        with suppress(OSError):  # a process is at work, or the file system has no such locks
            fcntl.flock(around, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in directory.parent.glob(f"{glob.escape(prefix)}*"):
                shutil.rmtree(left, ignore_errors=True)
        with suppress(OSError):
            wait_for(around, directory.parent, fcntl.LOCK_SH)  # an exclusive lock only serves to delete old folders
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=directory.parent))
        try:
            folder.chmod(0o755)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(around)


def _is_there(directory: Path, metadata: Record) -> bool:
    """Whether the genome with this metadata is there. Raises FileExistsError if something else is there."""
    path = directory / "stanford_filtered" / "toy.json"
    if path.is_file():
        found = require_json(path, dict)
        differing = [key for key in IDENTITY if found.get(key) != metadata.get(key)]
        if not differing:
            return True
        said = ", ".join(f"{key} {found.get(key)} (wanted: {metadata.get(key)})" for key in differing)
        raise FileExistsError(f"{directory} holds another toy genome: {said}; delete it and start again")
    if directory.exists() and any(directory.iterdir()):
        raise FileExistsError(f"{directory} exists and is no toy genome; name another folder or move it away")
    return False


def _metadata(world: World, seed: int, sizes: Sizes) -> Record:
    """The metadata in toy.json."""
    edition = world.edition
    return {
        "version": edition.version, "seed": seed, "sizes": asdict(sizes), "num_val_images": sizes.val,
        "picture_side": SIDE, "pair_distance": DISTANCE,
        "pairs": [list(names) for names in KINDS.values() if len(names) == 2],
        "held_out": {split: [[CLASSES[s], edition.predicates[p], CLASSES[o]] for s, p, o in np.argwhere(mask).tolist()]
                     for split, mask in world.held_out.items()},
        **({"difficulty": edition.difficulty} if edition is not SECOND else {}),
    }


def scenes_of(world: World, split: str, seed: int, count: int) -> list[Scene]:
    """The first scenes of a split of a genome, in the order of its images."""
    composer = Composer(world, split)
    return [composer.compose((seed, 1 + _SPLITS.index(split), index)) for index in range(count)]


class _ImageWriter:
    """Draws scenes into image files and reports the progress."""

    def __init__(self, total: int, on_image: Callable[[int, int], None] | None) -> None:
        self._done, self._total, self._on_image = 0, total, on_image

    def draw(self, scene: Scene, path: Path) -> None:
        render(scene).save(path, quality=90, subsampling=0)
        self._done += 1
        if self._on_image is not None:
            self._on_image(self._done, self._total)


def _write(folder: Path, predicates: Sequence[str], trainval: list[Scene], test: list[Scene], metadata: Record,
           images: _ImageWriter) -> None:
    """Write the image files first, toy.json last."""
    scenes = trainval + test
    (folder / "stanford_filtered").mkdir(parents=True)
    (folder / "VG_100K").mkdir()
    ids = range(_FIRST_ID, _FIRST_ID + len(scenes))
    for image_id, scene in zip(ids, scenes, strict=True):
        images.draw(scene, folder / "VG_100K" / f"{image_id}.jpg")
    split = np.repeat([0, _TEST], [len(trainval), len(test)])
    with h5py.File(folder / "stanford_filtered" / "VG-SGG.h5", "w") as file:
        for name, array in _tables(scenes, split).items():
            file.create_dataset(name, data=array, track_times=False)
    _write_json(folder / "stanford_filtered" / "VG-SGG-dicts.json", _dictionaries(scenes, predicates))
    _write_json(folder / "stanford_filtered" / "image_data.json",
                [{"image_id": image_id, "width": SIDE, "height": SIDE} for image_id in ids])
    _write_json(folder / "stanford_filtered" / "toy.json", metadata)


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content) + "\n")


def _tables(scenes: list[Scene], split: np.ndarray) -> dict[str, np.ndarray]:
    """The datasets of VG-SGG.h5."""
    box_ptr = np.cumsum([0, *(len(scene.things) for scene in scenes)])
    rel_ptr = np.cumsum([0, *(len(scene.relations) for scene in scenes)])
    corners = np.array([thing.box for scene in scenes for thing in scene.things])
    relations = np.array([(s + start, o + start, p) for scene, start in zip(scenes, box_ptr, strict=False)
                          for s, o, p in scene.relations])
    tables = {
        "split": split,
        "img_to_first_box": box_ptr[:-1], "img_to_last_box": box_ptr[1:] - 1,
        "img_to_first_rel": rel_ptr[:-1], "img_to_last_rel": rel_ptr[1:] - 1,
        "labels": np.array([[thing.label] for scene in scenes for thing in scene.things]),
        "relationships": relations[:, :2], "predicates": relations[:, 2:],
    }
    tables |= {f"boxes_{frame}": _centred(corners * frame / SIDE) for frame in _FRAMES}
    return {name: table.astype(np.int64 if name in ("labels", "predicates") else np.int32)
            for name, table in tables.items()}


def _centred(corners: np.ndarray) -> np.ndarray:
    """[n, 4] corners to whole xc, yc, w, h, such that xc - w / 2, cut to a whole number, is the rounded left side."""
    low = np.rint(corners[:, :2])
    size = np.maximum(1, np.rint(corners[:, 2:]) - low)
    return np.concatenate([low + np.ceil(size / 2), size], axis=1)


def _dictionaries(scenes: list[Scene], predicates: Sequence[str]) -> dict[str, dict[str, int] | dict[str, str]]:
    """The content of VG-SGG-dicts.json."""
    objects = Counter(CLASSES[thing.label] for scene in scenes for thing in scene.things)
    relations = Counter(predicates[p] for scene in scenes for _, _, p in scene.relations)
    return {
        "label_to_idx": {name: index for index, name in enumerate(CLASSES) if index},
        "idx_to_label": {str(index): name for index, name in enumerate(CLASSES) if index},
        "predicate_to_idx": {name: index for index, name in enumerate(predicates) if index},
        "idx_to_predicate": {str(index): name for index, name in enumerate(predicates) if index},
        "object_count": {name: objects[name] for name in CLASSES[1:]},
        "predicate_count": {name: relations[name] for name in predicates[1:]},
    }
