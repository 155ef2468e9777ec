"""A data set: names, annotations and the parts they fall into. Every file format is read into one of these."""

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
    """A picture's file name without its ending, under which everything about the picture is kept."""
    return os.path.splitext(file)[0]


@dataclass(frozen=True, eq=False)
class Split:
    """Annotated images of one part of a data set, with the place of their pictures.

    mirrored: [R] what each predicate is in a mirror image, see `mirrored_predicates`; None: itself.
    """

    name: str
    annotations: Annotations
    image_folder: Path
    mirrored: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.annotations)

    def graph(self, image: int) -> SceneGraph:
        """Boxes float32 [N, 4] in pixels of the picture, labels int64 [N], relations int64 [E, 3]; numpy."""
        return self.annotations.graph(image)

    def size(self, image: int) -> tuple[int, int]:
        """Height and width of the picture."""
        height, width = self.annotations.sizes[image].tolist()
        return height, width

    def image_id(self, image: int) -> str:
        """The picture's file name without its ending."""
        return stem(str(self.annotations.files[image]))

    def image_path(self, image: int) -> Path:
        """The picture's file."""
        return self.image_folder / str(self.annotations.files[image])

    def head(self, count: int | None) -> Split:
        """The part's first `count` images; None: all of them."""
        chosen = np.arange(len(self))[:count]
        return self if len(chosen) == len(self) else replace(self, annotations=self.annotations.select(chosen))

    def triplets(self) -> TripletCounts:
        """How often each triplet occurs in this part."""
        return TripletCounts.from_triplets(self.annotations.triplets)


@dataclass(frozen=True, eq=False)
class DataSet:
    """An annotated data set.

    name: as settings call it. title: as people do. classes, predicates: names, background first. annotations: all
    images. splits: [I] split of each image, as a number of `SPLITS`. remedy: what to do where a picture is missing.
    detector: the images the detector is trained on, where they are not those of training. reason: why `auto` chose
    this one. findings: what was found in its files that is no reason to refuse them. cache: the folder in which the
    index of the pictures is kept; None keeps it in memory. mirror_pairs: names of predicates that mirroring
    exchanges, where the file gives them; None: found by name.
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

    def split(self, name: str, subset: str = "all", *, min_objects: int = 0, max_objects: int | None = None,
             overlapping: bool = False, relations_required: bool = True) -> Split:
        """The images of a part: train, val, test, or detector (what a detector is trained on).

        subset: zs, 10s, 100s or all; only its relations stay, and images that have one. min_objects, max_objects:
        bounds of the graphs' size, inclusive. overlapping: drop relations whose boxes do not overlap (SGDet).
        relations_required: drop images without a relation.

        Raises ValueError for an unknown part or subset.
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
        """How often each triplet occurs in whole parts: train, val, test or train+val."""
        if names not in self._counted:
            codes = [_code(name) for name in names.split("+")]
            relations = np.isin(self.splits, codes)[self.annotations.image_of_relation]
            self._counted[names] = TripletCounts.from_triplets(self.annotations.triplets[relations])
        return self._counted[names]

    def seen(self, split: str) -> TripletCounts:
        """The triplets that decide what is zero- or few-shot in a part: those of training, for test also of
        validation (docs/SYSTEM.md section 1).
        """
        return self.triplets("train+val" if split == "test" else "train")

    def relations_by_subset(self, split: str, images: int | None = None) -> dict[str, int]:
        """How many relations of each subset (zs, 10s, 100s, all) the first `images` of a part have; None: all of them.
        """
        shots = self.seen(split).of(self.split(split).head(images).annotations.triplets)
        return {subset: int(((shots >= low) & (shots <= high)).sum()) for subset, (low, high) in SHOTS.items()} | {
            "all": len(shots)}

    @cached_property
    def _counted(self) -> dict[str, TripletCounts]:
        return {}

    @cached_property
    def mirrored(self) -> np.ndarray:
        """[R] what each predicate is in a mirror image, see `mirrored_predicates`."""
        return mirrored_predicates(self.predicates, self.mirror_pairs)

    def require_mirrors(self) -> None:
        """Raise ValueError unless every predicate that mirroring changes has a partner."""
        if alone := [name for name, other in zip(self.predicates, self.mirrored, strict=True) if other == NO_PARTNER]:
            raise ValueError(f"data.flip_predicates is refuse, and {len(alone)} predicates of {self.title} have no "
                             f"partner that says the same of the mirror image: {', '.join(map(repr, alone[:5]))}; give "
                             "them one (mirror_pairs of sgg/data/readers/custom.py), set "
                             "data.flip_predicates=exchange, which does not mirror their images, or data.flip=false")

    @cached_property
    def hash(self) -> str:
        """16 hexadecimal digits that change with anything in the annotations, and with nothing else."""
        digest = hashlib.sha256(json.dumps([self.classes, self.predicates]).encode())
        if self.mirror_pairs is not None:  # else it follows from the names
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
        """One line: what it is, and how large."""
        related = self.annotations.relations_per_image > 0
        images = "/".join(f"{((self.splits == code) & related).sum():,}" for code in splits.SPLITS.values())
        return (f"{self.title}: {images} images (train/val/test), {len(self.classes) - 1} classes, "
                f"{len(self.predicates) - 1} predicates")

    @property
    def banner(self) -> str:
        """The description, what was found in the files, and why this data set was chosen where it was not named."""
        return "; ".join(filter(None, [f"{self.description} [{self.hash}]", in_words(self.findings), self.reason]))

    def require_images(self, *chosen: Split) -> None:
        """Check, without decoding, that every picture of `parts` (by default of train, val and test) is there and
        whole, can be shown and has the annotated size. On a terminal a bar shows how many of the new ones are done.

        Raises FileNotFoundError with the remedy where some are missing, ValueError where some cannot serve.
        """
        if not self.image_folder.is_dir():
            raise FileNotFoundError(f"the pictures of {self.title} are missing: no {self.image_folder}; {self.remedy}")
        for split in chosen or [self.split(name) for name in splits.SPLITS]:
            headers = self.headers(split)
            missing = [split.image_path(image) for image, header in enumerate(headers) if header is None]
            if missing:
                raise FileNotFoundError(f"{len(missing):,} of {len(split):,} pictures of {split.name} of {self.title} "
                                        f"are missing, the first is {missing[0]}; {self.remedy}")
            faults = [f"picture {split.image_path(image)} {fault}" for image, header in enumerate(headers)
                      if header is not None and (fault := image_fault(header, split.size(image)))]
            if faults:
                raise ValueError("\n  ".join([
                    f"{len(faults):,} of {len(split):,} pictures of {split.name} of {self.title} cannot serve "
                    "(`python -m sgg.data verify` lists all):", *faults[:3], *(["..."] if len(faults) > 3 else [])]))

    def require_boxes(self) -> None:
        """Raise ValueError where no box of the detector's images is a pixel wide and high, so that a detector has
        nothing to learn."""
        split = self.split("detector")
        if thin(split.annotations.boxes).all():
            raise ValueError(f"no image of {self.title} has a box to train a detector on: of {len(split):,} images all "
                             f"{len(split.annotations.boxes):,} boxes are thinner than a pixel, for example those of "
                             f"{split.annotations.files[0]}; look at them with `python -m sgg.data verify`, or name a "
                             "detector that is trained (detector.weights)")

    def headers(self, split: Split) -> list[Header | None]:
        """What the file of each picture of a part tells without being decoded; None where it is missing."""
        with image_bar("looking at pictures") as on_image:
            return self.index(split.image_folder).headers(split.annotations.files.tolist(), on_image)

    def image_hash(self, split: Split) -> str:
        """16 hexadecimal digits that change where a picture of the part is another one, or missing; see `ImageIndex`.
        """
        with image_bar("looking at pictures") as on_image:
            return self.index(split.image_folder).digest(split.annotations.files.tolist(), on_image)

    def index(self, folder: Path) -> ImageIndex:
        """What is known of the pictures in a folder."""
        if folder not in self._indexes:
            self._indexes[folder] = ImageIndex(folder, self.cache and index_file(self.cache, folder))
        return self._indexes[folder]

    @cached_property
    def _indexes(self) -> dict[Path, ImageIndex]:
        return {}


def image_fault(header: Header, size: tuple[int, int]) -> str:
    """Why a picture that was annotated with that height and width cannot serve, to follow its name; "" where it can."""
    found = header.height, header.width
    return header.fault or ("" if found == tuple(size) else size_fault(found, header.orientation, size))


def _code(split: str) -> int:
    if split not in splits.SPLITS:
        raise ValueError(f"split must be one of {', '.join(splits.SPLITS)} or detector, got {split!r}")
    return splits.SPLITS[split]
