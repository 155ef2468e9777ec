"""A data set: names, annotations and splits. Every reader of a file format returns a `DataSet`."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from sgg.common.metric_names import SHOTS
from sgg.common.progress import image_bar
from sgg.data import splits
from sgg.data.annotations import Annotations
from sgg.data.boxes import thin
from sgg.data.findings import Finding, in_words
from sgg.data.images.image_files import Header, size_fault
from sgg.data.images.image_index import ImageIndex, index_file
from sgg.data.mirroring import NO_PARTNER, mirrored_predicates
from sgg.data.statistics import TripletCounts
from sgg.structures import SceneGraph

BACKGROUND = "__background__"


def stem(file: str) -> str:
    """The name of an image file without its ending, which identifies the image."""
    return os.path.splitext(file)[0]


@dataclass(frozen=True, eq=False)
class Split:
    """Annotated images of one split of a data set, with the folder of their files.

    mirrored: [R] the predicate that each predicate becomes in a mirrored image, see `mirrored_predicates`; None:
    itself.
    """

    name: str
    annotations: Annotations
    image_folder: Path
    mirrored: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.annotations)

    def graph(self, image: int) -> SceneGraph:
        """The scene graph in numpy: boxes float32 [N, 4] in pixels of the image, labels int64 [N], relations int64
        [E, 3]."""
        return self.annotations.graph(image)

    def size(self, image: int) -> tuple[int, int]:
        """Height and width of the image."""
        height, width = self.annotations.sizes[image].tolist()
        return height, width

    def image_id(self, image: int) -> str:
        """The name of the image file without its ending."""
        return stem(str(self.annotations.files[image]))

    def image_path(self, image: int) -> Path:
        """The path of the image file."""
        return self.image_folder / str(self.annotations.files[image])

    def head(self, count: int | None) -> Split:
        """The first `count` images of the split; None: all of them."""
        chosen = np.arange(len(self))[:count]
        return self if len(chosen) == len(self) else replace(self, annotations=self.annotations.select(chosen))

    def spread(self, count: int | None) -> Split:
        """`count` images at equal distances over the split, the first one among them; None: all of them."""
        if count is None or count >= len(self):
            return self
        return replace(self, annotations=self.annotations.select(np.arange(count) * len(self) // count))

    def triplets(self) -> TripletCounts:
        """The triplet counts of this split."""
        return TripletCounts.from_triplets(self.annotations.triplets)


@dataclass(frozen=True, eq=False)
class DataSet:
    """An annotated data set.

    name: its name in settings. title: its name in sentences. classes, predicates: names, background first. annotations:
    of all images. splits: [I] the split of each image, a number of `SPLITS`. remedy: what the user can do if an image
    is missing. detector: the images that the detector is trained on; None: the training images. reason: why `auto`
    chose this data set. findings: of its files. cache: the folder of the image index; None: the index stays in memory.
    mirror_pairs: names of predicates that mirroring exchanges, if the file gives them; None: names decide. image_ids:
    [I] the ids of images in the file, as text, if files of predictions name images by them.
    """

    name: str
    title: str
    classes: list[str]
    predicates: list[str]
    annotations: Annotations
    splits: np.ndarray
    image_folder: Path
    remedy: str = ""
    detector: Split | None = None
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    cache: Path | None = None
    mirror_pairs: tuple[tuple[str, str], ...] | None = None
    image_ids: np.ndarray | None = None

    def split(self, name: str, subset: str = "all", *, min_objects: int = 0, max_objects: int | None = None,
             overlapping: bool = False, relations_required: bool = True) -> Split:
        """The images of a split: train, val, test, or detector (the images that a detector is trained on).

        subset: zs, 10s, 100s or all; keep only its relations, and images with at least one. min_objects, max_objects:
        inclusive bounds of the number of objects. overlapping: drop relations whose boxes do not overlap (SGDet).
        relations_required: drop images without a relation. The images of detector are always all of them.

        Raises ValueError for an unknown split or subset.
        """
        if name == "detector":
            return self.detector or replace(self.split("train", relations_required=False), name=name)
        images = (self.splits == _code(name)) & splits.sized(self.annotations, min_objects, max_objects)
        if relations_required:
            images &= self.annotations.relations_per_image > 0
        annotations = splits.shot_subset(self.annotations.select(images), self.seen(name), subset)
        return Split(name, splits.overlapping(annotations) if overlapping else annotations, self.image_folder,
                    self.mirrored)

    def triplets(self, names: str) -> TripletCounts:
        """The triplet counts of whole splits: train, val, test or train+val."""
        if names not in self._counted:
            codes = [_code(name) for name in names.split("+")]
            relations = np.isin(self.splits, codes)[self.annotations.image_of_relation]
            self._counted[names] = TripletCounts.from_triplets(self.annotations.triplets[relations])
        return self._counted[names]

    def seen(self, split: str) -> TripletCounts:
        """The triplet counts that decide which relations of a split are zero- or few-shot: those of training, for test
        also those of validation (docs/SYSTEM.md section 1).
        """
        return self.triplets("train+val" if split == "test" else "train")

    def relations_by_subset(self, split: str, images: int | None = None, spread: int | None = None) -> dict[str, int]:
        """The number of relations of each subset (zs, 10s, 100s, all) in the first `images` of a split, and of these in
        `spread` images (`Split.spread`); None: in all."""
        shots = self.seen(split).of(self.split(split).head(images).spread(spread).annotations.triplets)
        return {subset: int(((shots >= low) & (shots <= high)).sum()) for subset, (low, high) in SHOTS.items()} | {
            "all": len(shots)}

    @cached_property
    def _counted(self) -> dict[str, TripletCounts]:
        return {}

    @cached_property
    def mirrored(self) -> np.ndarray:
        """[R] the predicate that each predicate becomes in a mirrored image, see `mirrored_predicates`."""
        return mirrored_predicates(self.predicates, self.mirror_pairs)

    def require_mirrors(self) -> None:
        """Raise ValueError unless every predicate that mirroring changes has a partner."""
        if alone := [name for name, other in zip(self.predicates, self.mirrored, strict=True) if other == NO_PARTNER]:
            raise ValueError(f"with data.flip_predicates=refuse, {len(alone)} predicates of {self.title} have no "
                             f"partner for the mirrored image: {', '.join(map(repr, alone[:5]))}; give them partners "
                             "(mirror_pairs of sgg/data/readers/custom.py), or set data.flip_predicates=exchange, "
                             "which does not mirror their images, or data.flip=false")

    @cached_property
    def hash(self) -> str:
        """16 hexadecimal digits that identify the annotation: they change with any part of it, and with nothing else.
        """
        digest = hashlib.sha256(json.dumps([self.classes, self.predicates]).encode())
        if self.mirror_pairs is not None:  # otherwise the pairs follow from the names
            digest.update(json.dumps(self.mirror_pairs).encode())
        digest.update(self.splits.astype(np.int8).tobytes())
        for listed in [self.annotations, *([self.detector.annotations] if self.detector else [])]:
            digest.update(json.dumps(listed.files.tolist()).encode())
            for array in listed.arrays[1:]:
                digest.update(json.dumps([array.dtype.str, array.shape]).encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:16]

    @cached_property
    def description(self) -> str:
        """One line with title and sizes."""
        related = self.annotations.relations_per_image > 0
        images = "/".join(f"{((self.splits == code) & related).sum():,}" for code in splits.SPLITS.values())
        return (f"{self.title}: {images} images (train/val/test), {len(self.classes) - 1} classes, "
                f"{len(self.predicates) - 1} predicates")

    @property
    def banner(self) -> str:
        """One line: the description, the findings, and the reason of the choice if the data set was not named."""
        return "; ".join(filter(None, [f"{self.description} [{self.hash}]", in_words(self.findings), self.reason]))

    def require_images(self, *chosen: Split) -> None:
        """Check that every image file of the `chosen` splits (default: train, val and test) exists, is whole, can be
        shown and has the annotated size. Nothing is decoded. On a terminal a bar shows the progress.

        Raises FileNotFoundError with the remedy if files are missing, ValueError if files cannot be used.
        """
        if not self.image_folder.is_dir():
            raise FileNotFoundError(f"the images of {self.title} are missing: there is no folder {self.image_folder}; "
                                    f"{self.remedy}")
        for split in chosen or [self.split(name) for name in splits.SPLITS]:
            headers = self.headers(split)
            missing = [split.image_path(image) for image, header in enumerate(headers) if header is None]
            if missing:
                raise FileNotFoundError(f"{len(missing):,} of {len(split):,} images of {split.name} of {self.title} "
                                        f"are missing, the first is {missing[0]}; {self.remedy}")
            faults = [f"image file {split.image_path(image)} {fault}" for image, header in enumerate(headers)
                      if header is not None and (fault := image_fault(header, split.size(image)))]
            if faults:
                raise ValueError("\n  ".join([
                    f"{len(faults):,} of {len(split):,} images of {split.name} of {self.title} cannot be used "
                    "(`python -m sgg.data verify` lists all):", *faults[:3], *(["..."] if len(faults) > 3 else [])]))

    def require_boxes(self) -> None:
        """Raise ValueError if a detector has nothing to learn: no box of its images is a pixel wide and high."""
        split = self.split("detector")
        if thin(split.annotations.boxes).all():
            raise ValueError(f"no image of {self.title} has a box to train a detector on: of {len(split):,} images all "
                             f"{len(split.annotations.boxes):,} boxes are thinner than a pixel, for example those of "
                             f"{split.annotations.files[0]}; list them with `python -m sgg.data verify`, or name a "
                             "trained detector (detector.weights)")

    def headers(self, split: Split) -> list[Header | None]:
        """The header of each image file of a split; None if the file is missing."""
        with image_bar("reading image headers") as on_image:
            return self.index(split.image_folder).headers(split.annotations.files.tolist(), on_image)

    def image_hash(self, split: Split) -> str:
        """16 hexadecimal digits that identify the image files of a split; see `ImageIndex.digest`."""
        with image_bar("reading image headers") as on_image:
            return self.index(split.image_folder).digest(split.annotations.files.tolist(), on_image)

    def index(self, folder: Path) -> ImageIndex:
        """The index of the image files in a folder."""
        if folder not in self._indexes:
            self._indexes[folder] = ImageIndex(folder, self.cache and index_file(self.cache, folder))
        return self._indexes[folder]

    @cached_property
    def _indexes(self) -> dict[Path, ImageIndex]:
        return {}


def image_fault(header: Header, size: tuple[int, int]) -> str:
    """The reason why an image file cannot be used, as text after its name; "" if it can be used.

    size: the annotated height and width.
    """
    found = header.height, header.width
    return header.fault or ("" if found == tuple(size) else size_fault(found, header.orientation, size))


def _code(split: str) -> int:
    if split not in splits.SPLITS:
        raise ValueError(f"split must be one of {', '.join(splits.SPLITS)} or detector, got {split!r}")
    return splits.SPLITS[split]
