"""A trained model that predicts scene graphs of images, without a data set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from sgg import checkpoint, systems
from sgg.common.device import find_device
from sgg.config.loading.checking import validate_written
from sgg.data.loading.collate import Sample, collate
from sgg.methods.head import Mode
from sgg.structures import SceneGraph
from sgg.systems.contract import DivergedError

from .given import GivenBoxes
from .graph import ScoredGraph
from .images import Pixels, pixels_of, read_pixels

ImageLike = Path | str | np.ndarray | Image.Image
"""The path of an image file, an array [h, w, 3] uint8 of RGB, or an image of PIL."""


class Predictor:
    """A trained model. Call it with images; it returns a graph for each.

    checkpoint: a checkpoint, the folder of a trial (its newest checkpoint counts), or a folder that
    `python -m sgg.checkpoint export` wrote. device: cpu, cuda, ...; auto: a GPU if there is one. allow_changed_plugin:
    accept plugins that have changed since training.

    classes, predicates: names, background first.

    Raises FileNotFoundError or ValueError that names the file and the remedy where the checkpoint lacks a part or is
    damaged, or a plugin of the training is not loaded (`sgg.methods.plugins.load_plugins`).
    """

    def __init__(self, checkpoint_path: Path | str, device: str = "auto", allow_changed_plugin: bool = False) -> None:
        found = checkpoint.open_checkpoint(checkpoint_path)
        found.require_plugins(allow_changed_plugin, "add --plugin {}")
        self.checkpoint, self.device = found, find_device(device, "device")
        if found.parts_folder is None:
            raise FileNotFoundError(
                f"{found.path} has no folder `parts` with its detector and names, because an earlier version wrote it, "
                "or it was imported without its data: while its data set is at hand, make one that needs no data with\n"
                f"    python -m sgg.checkpoint export {found.path} --out DIR")
        settings = {**found.meta["config"], "search": {}}
        settings["training"] = settings["training"] | {"device": device, "compile": False}
        self._system, self.vocabulary = systems.open_predictor(
            validate_written(settings, str(found.path)), found.parts_folder, self.device,
            systems.parts_of(dict(found.meta)))
        self._parts = found.parts_folder
        found.load_weights(**self._system.networks)
        for network in self._system.networks.values():
            network.eval()  # for good: `evaluating` would change what other threads predict with

    @property
    def classes(self) -> tuple[str, ...]:
        """See above."""
        return self.vocabulary.classes

    @property
    def predicates(self) -> tuple[str, ...]:
        """See above."""
        return self.vocabulary.predicates

    def __call__(self, images: ImageLike | Iterable[ImageLike], boxes: Sequence[GivenBoxes] | None = None,
                 top: int = 20, threshold: float = 0.0, once: bool = True) -> list[ScoredGraph]:
        """The scene graph of each image.

        boxes: of each image the objects to relate, cut at its edges; None: those that the detector finds. Either all or
        none have labels.
        top, threshold, once: as in `ScoredGraph.best_of`; given boxes all stay.

        Raises FileNotFoundError or ValueError that names an image that cannot be read, or a box outside of its image.
        """
        several = [images] if isinstance(images, (Path, str, np.ndarray, Image.Image)) else list(images)
        if boxes is not None and len(boxes) != len(several):
            raise ValueError(f"boxes must have an entry for each of {len(several)} images, got {len(boxes)}")
        graphs: list[ScoredGraph] = []
        for number, image in enumerate(several):  # one after another: a caller's images may be large
            given = None if boxes is None else boxes[number:number + 1]
            graphs += self.predict([_pixels(image)], [_name(image, number)], given, top, threshold, once)
        return graphs

    def predict(self, images: Sequence[Pixels], names: Sequence[str], boxes: Sequence[GivenBoxes] | None = None,
                top: int = 20, threshold: float = 0.0, once: bool = True) -> list[ScoredGraph]:
        """As a call, for a batch of images that are read already. names: of the images, for messages. Several threads
        may call this at once.

        Raises ValueError where scores are not finite, where a box lies outside of its image, or where boxes are not
        given and the detector finds none.
        """
        mode = _mode(boxes)
        if boxes is None:
            systems.require_detections(self._parts, "a prediction without boxes")
        given = [None] * len(images) if boxes is None else [
            objects.within(pixels.size, name, "those given")
            for objects, pixels, name in zip(boxes, images, names, strict=True)]
        samples = [Sample(pixels.square, pixels.size, _graph(objects), name, (0, False))
                   for pixels, name, objects in zip(images, names, given, strict=True)]
        try:
            found = self._system.predict(collate(samples).to(self.device), [mode]).predictions[mode]
        except DivergedError as error:
            raise ValueError(f"{self.checkpoint.path}: {error}; predict with an earlier checkpoint") from error
        return [ScoredGraph.best_of(one, pixels.size, self.vocabulary, top, threshold, once and boxes is None)
                for one, pixels in zip(found, images, strict=True)]


def _mode(boxes: Sequence[GivenBoxes] | None) -> Mode:
    if boxes is None:
        return "sgdet"
    labelled = {given.labels is not None for given in boxes if len(given.boxes)}
    if len(labelled) > 1:
        raise ValueError("boxes: give labels for all images or for none")
    return "predcls" if labelled == {True} else "sgcls"


def _graph(given: GivenBoxes | None) -> SceneGraph:
    boxes = np.empty((0, 4), np.float32) if given is None else given.boxes
    labels = np.zeros(len(boxes), np.int64) if given is None or given.labels is None else \
        np.asarray(given.labels, np.int64)
    return SceneGraph(boxes, labels, np.empty((0, 3), np.int64))


def _pixels(image: ImageLike) -> Pixels:
    if isinstance(image, (Path, str)):
        return read_pixels(Path(image))
    array = np.asarray(image.convert("RGB") if isinstance(image, Image.Image) else image)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or 0 in array.shape:
        raise ValueError(f"an image must be [h, w, 3] uint8, got {list(array.shape)} {array.dtype}")
    return pixels_of(array)


def _name(image: ImageLike, number: int) -> str:
    return str(image) if isinstance(image, (Path, str)) else f"number {number}"
