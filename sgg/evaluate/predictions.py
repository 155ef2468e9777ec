"""Raw predictions of a split on disk, with all that the metrics need: scoring them needs no model and no data set.

A predictions file is one .npz file. It is written block by block in bounded memory, and appears at its path only when
it is complete:

    protocol                     JSON text: split (key `part`), modes, names, source of the predictions
    train_triplets, subset_triplets [T, 4]   subject, predicate, object class and count
    predicate_counts [R]         divisors of the predicate scores for pred_weight 1
    00000/truth/...              BLOCK images one after another: image_ids, boxes, labels, relations and their numbers
    00000/<mode>/...             boxes, labels, label_scores, pairs, predicate_scores and their numbers
    images                       number of images
    fallbacks                    if SGDet is a mode: number of images for which detection lowered its threshold
                                 (the images in which it failed at every threshold are those without a pair)
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypedDict

import numpy as np

from sgg.common.atomic import replaced
from sgg.common.run_log import require_keys
from sgg.common.versions import PROGRAM, program
from sgg.data.provenance import DataProvenance
from sgg.data.zero_shot_list import ZeroShotList
from sgg.metrics import SceneGraphMetrics
from sgg.structures import Prediction, SceneGraph

FORMAT = 1
BLOCK = 64
UNREADABLE = (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error)
Triplet = tuple[int, int, int]
Predictions = Mapping[str, Prediction]
"""The predictions of one image by mode."""


class PredictionSource(TypedDict, total=False):
    """The origin of predictions.

    checkpoint: the path of the model. epoch: its finished epochs. data: the provenance of the data.
    plugins_in_training: the hash of each plugin that the model was trained with; `data` has those of now. predictions,
    format: the file of another toolkit, in place of a model.
    """

    checkpoint: str
    epoch: int
    data: DataProvenance
    plugins_in_training: dict[str, str]
    predictions: str
    format: str


@dataclass(frozen=True, eq=False)
class Protocol:
    """The basis of scoring predictions of a split.

    split: val or test. modes: predcls, sgcls, sgdet. classes, predicates: names, background first. train_triplets:
    counts that weigh triplets. subset_triplets: counts that decide zs, 10s, 100s (docs/SYSTEM.md section 1).
    predicate_counts: [R] mean smoothed training count of each predicate, `sgg.metrics.predicate_weights(..., x=1)`.
    source: the model and the data of the predictions.
    """

    split: str
    modes: tuple[str, ...]
    classes: Sequence[str]
    predicates: Sequence[str]
    train_triplets: Mapping[Triplet, int]
    subset_triplets: Mapping[Triplet, int]
    predicate_counts: np.ndarray
    source: PredictionSource

    def metrics(self, modes: Iterable[str], ks: Sequence[int], pred_weights: Iterable[float],
                conventions: Mapping[str, Any] | None = None,
                listed: ZeroShotList | None = None) -> dict[str, SceneGraphMetrics]:
        """Fresh metrics of each mode, for every `pred_weight` x. conventions: fields of `sgg.metrics.Conventions`.
        listed: the triplets of `zs-list`.

        Raises ValueError for a mode that is not among `modes`.
        """
        unknown = [mode for mode in modes if mode not in self.modes]
        if unknown:
            raise ValueError(f"mode must be one of {', '.join(self.modes)} here, got {', '.join(unknown)}")
        weights = {x: self.predicate_counts ** x for x in pred_weights if x}
        return {mode: SceneGraphMetrics(mode, len(self.predicates), self.train_triplets, self.subset_triplets, ks,
                                        weights, None if listed is None else listed.triplets,
                                        **(conventions or {})) for mode in modes}


class PredictionWriter:
    """Writes a predictions file; use it as a context manager. The file appears at `path` when the context ends without
    an error.

    fallbacks: the number of images for which SGDet's detector lowered its score threshold; set it, if known, before the
    context ends.
    """

    fallbacks: int | None = None

    def __init__(self, path: Path | str, protocol: Protocol) -> None:
        self.path, self.protocol, self.images = Path(path), protocol, 0
        self._waiting: list[tuple[str, SceneGraph, Predictions]] = []

    def __enter__(self) -> PredictionWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            temporary = stack.enter_context(replaced(self.path))
            self._file = stack.enter_context(zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED))
            self._put_protocol()
            self._opened = stack.pop_all()
        return self

    def _put_protocol(self) -> None:
        protocol = self.protocol
        text = {"format": FORMAT, "part": protocol.split, "modes": protocol.modes, "classes": list(protocol.classes),
                "predicates": list(protocol.predicates), "source": dict(protocol.source), PROGRAM: program()}
        self._put("protocol", json.dumps(text))
        self._put("train_triplets", _table(protocol.train_triplets))
        self._put("subset_triplets", _table(protocol.subset_triplets))
        self._put("predicate_counts", protocol.predicate_counts)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if kind is not None:
            self._opened.__exit__(kind, error, trace)
            return
        with self._opened:
            self._flush()
            self._put("images", self.images)
            if self.fallbacks is not None:
                self._put("fallbacks", self.fallbacks)

    def add(self, image_id: str, truth: SceneGraph, predictions: Predictions) -> None:
        """Append an image: its annotation and its prediction in every mode of the protocol.

        Raises FloatingPointError, naming the model, where scores are not finite.
        """
        of_image = {mode: predictions[mode].numpy() for mode in self.protocol.modes}
        for mode, one in of_image.items():
            if not (np.isfinite(one.label_scores).all() and np.isfinite(one.predicate_scores).all()):
                source = self.protocol.source
                raise FloatingPointError(
                    f"{source.get('checkpoint', 'the model')}, after epoch {source.get('epoch', 'unknown')}, has "
                    f"diverged: its scores of image {image_id} in {mode} are not finite; predict with an earlier "
                    "checkpoint")
        self._waiting.append((image_id, truth.numpy(), of_image))
        self.images += 1
        if len(self._waiting) == BLOCK:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        ids, truths, predictions = zip(*self._waiting, strict=True)
        block = f"{(self.images - 1) // BLOCK:05d}"
        self._put(f"{block}/truth/image_ids", np.array(ids))
        self._put_rows(f"{block}/truth", "objects", truths, ("boxes", "labels"))
        self._put_rows(f"{block}/truth", "relations_per_image", truths, ("relations",))
        for mode in self.protocol.modes:
            of_mode = [by_mode[mode] for by_mode in predictions]
            self._put_rows(f"{block}/{mode}", "objects", of_mode, ("boxes", "labels", "label_scores"))
            self._put_rows(f"{block}/{mode}", "pairs_per_image", of_mode, ("pairs", "predicate_scores"))
        self._waiting = []

    def _put_rows(self, folder: str, counted: str, parts: Sequence[Any], names: Sequence[str]) -> None:
        self._put(f"{folder}/{counted}", np.array([len(getattr(part, names[0])) for part in parts]))
        for name in names:
            self._put(f"{folder}/{name}", np.concatenate([getattr(part, name) for part in parts]))

    def _put(self, name: str, value: Any) -> None:
        with self._file.open(f"{name}.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array(member, np.asarray(value), allow_pickle=False)


class PredictionFile:
    """A file that `PredictionWriter` wrote, read block by block. Iterating gives (image id, annotation, {mode:
    prediction}).

    fallbacks: as the writer recorded it; None if it did not.

    Raises FileNotFoundError where the file does not exist. Raises ValueError, naming the file and the missing entry,
    where it is no predictions file or incomplete. Faults in the arrays of an image are raised during iteration.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"{self.path}: no such predictions file; --save-predictions writes one")
        try:
            self._arrays = np.lib.npyio.NpzFile(self.path)  # type: ignore[arg-type]  # its stub lacks paths
        except UNREADABLE as error:
            raise ValueError(f"{self.path} is not a predictions file: {error}") from None
        self.protocol = self._protocol()
        self._images = int(self._array("images"))
        self.fallbacks = int(self._array("fallbacks")) if "fallbacks" in self._arrays else None

    def _protocol(self) -> Protocol:
        try:
            text = json.loads(str(self._array("protocol", kind="U")))
        except json.JSONDecodeError as error:
            raise ValueError(f"{self.path} is not a predictions file: its protocol is not JSON: {error}") from None
        where = f"{self.path} is not a predictions file: its protocol"
        text = require_keys(text, where, format=int)
        if text["format"] != FORMAT:
            raise ValueError(f"{self.path} is a predictions file of format {text['format']}, not of {FORMAT}")
        require_keys(text, where, part=str, modes=list, classes=list, predicates=list, source=dict)
        require_keys(require_keys(text["source"], f"{where}.source", data=dict)["data"], f"{where}.source.data",
                     description=str)
        return Protocol(
            text["part"], tuple(text["modes"]), text["classes"], text["predicates"],
            _counts(self._array("train_triplets", None, 4)), _counts(self._array("subset_triplets", None, 4)),
            self._array("predicate_counts", len(text["predicates"]), kind="f"), text["source"])

    def __len__(self) -> int:
        return self._images

    def __iter__(self) -> Iterator[tuple[str, SceneGraph, Predictions]]:
        for number in range(-(-self._images // BLOCK)):
            block = f"{number:05d}"
            ids = self._array(f"{block}/truth/image_ids", None, kind="U").tolist()
            rows = partial(self._rows, block, len(ids))
            truths = [SceneGraph(*arrays) for arrays in zip(
                *rows("truth", "objects", {"boxes": (4,), "labels": ()}),
                *rows("truth", "relations_per_image", {"relations": (3,)}), strict=True)]
            predictions = {mode: [Prediction(*arrays) for arrays in zip(
                *rows(mode, "objects", {"boxes": (4,), "labels": (), "label_scores": ()}),
                *rows(mode, "pairs_per_image", {"pairs": (2,), "predicate_scores": (len(self.protocol.predicates),)}),
                strict=True)] for mode in self.protocol.modes}
            for image, image_id in enumerate(ids):
                yield image_id, truths[image], {mode: of_mode[image] for mode, of_mode in predictions.items()}

    def _rows(self, block: str, images: int, of: str, counted: str,
              widths: Mapping[str, tuple[int, ...]]) -> list[list[np.ndarray]]:
        """Arrays by name, each split into those of the images. widths: their shapes after the first axis."""
        ends = np.cumsum(self._array(f"{block}/{of}/{counted}", images))
        total = int(ends[-1])
        return [np.split(self._array(f"{block}/{of}/{name}", total, *width, kind="iuf"), ends[:-1])
                for name, width in widths.items()]

    def _array(self, name: str, *shape: int | None, kind: str = "iu") -> np.ndarray:
        """The array of a name. shape: its shape, where None accepts any length. kind: the kinds of numpy types to
        accept."""
        try:
            array = self._arrays[name]
        except KeyError:
            raise ValueError(f"{self.path} is not a predictions file, or is incomplete: {name} is missing") from None
        except UNREADABLE as error:
            raise ValueError(f"{self.path}: {name} cannot be read: {error}") from None
        if array.dtype.kind not in kind or array.ndim != len(shape) or any(
                want not in (None, got) for want, got in zip(shape, array.shape, strict=True)):
            expected = ", ".join("*" if want is None else str(want) for want in shape)
            raise ValueError(f"{self.path}: {name} must have shape [{expected}] and be of kind {kind}, "
                             f"got {list(array.shape)} of {array.dtype}")
        return array


def _table(counts: Mapping[Triplet, int]) -> np.ndarray:
    return np.array([(*triplet, count) for triplet, count in counts.items()], np.int64).reshape(-1, 4)


def _counts(table: np.ndarray) -> dict[Triplet, int]:
    return {tuple(row[:3]): row[3] for row in table.tolist()}
