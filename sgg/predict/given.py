"""Boxes that another detector, or a person, has found: the file of `--boxes` (docs/PREDICTION.md)."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sgg.methods.head import Mode


class GivenBoxes(NamedTuple):
    """The boxes [N, 4] of an image, in its pixels, and the classes [N] of the objects in them; None: to be predicted.
    """

    boxes: np.ndarray
    labels: np.ndarray | None = None

    def within(self, size: tuple[int, int], name: str, source: str) -> GivenBoxes:
        """The boxes, cut at the edges of the image `name` of a `size` (height, width). source: where they come from.

        Raises ValueError that names the first box that lies outside of the image, or is none.
        """
        given = np.asarray(self.boxes, np.float32).reshape(-1, 4)
        height, width = size
        boxes = given.clip(0, np.array([width, height, width, height], np.float32))
        for number in np.flatnonzero(~(boxes[:, 2:] > boxes[:, :2]).all(1))[:1]:
            box = f"{name}: box {number + 1} of {source}, {given[number].tolist()}"
            if not (given[number, 2:] > given[number, :2]).all():
                raise ValueError(f"{box}: x2 and y2 of a box must be greater than x1 and y1")
            raise ValueError(f"{box}, lies outside of the image, which is {width}x{height} pixels as a viewer shows it")
        return GivenBoxes(boxes, self.labels)


@dataclass(frozen=True)
class BoxesFile:
    """The boxes of images, by the names of these. mode: predcls where the file has labels, else sgcls."""

    path: Path
    images: Mapping[str, GivenBoxes]
    mode: Mode

    def others(self, names: Collection[str]) -> list[str]:
        """The images of the file that are not among `names`."""
        return [name for name in self.images if name not in names]

    def of(self, name: str, size: tuple[int, int]) -> GivenBoxes:
        """The boxes of an image of a `size` (height, width), cut at its edges.

        Raises ValueError where the file does not have the image, or a box lies outside of it.
        """
        if name not in self.images:
            raise ValueError(f"{name}: {self.path} has no boxes of it")
        return self.images[name].within(size, name, str(self.path))


def read_boxes(path: Path, classes: Sequence[str]) -> BoxesFile:
    """Read a file of boxes. classes: the names that the model knows, background first.

    Raises FileNotFoundError, or ValueError that names the file, the image and the number of the object.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise FileNotFoundError(f"--boxes {path}: there is no such file") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"--boxes {path} is not JSON: {error}") from None
    if not isinstance(content, dict) or not content:
        raise ValueError(f'--boxes {path} must hold {{"IMAGE": [{{"box": [x1, y1, x2, y2], "label": "NAME"}}, ...]}}, '
                         "with one entry for each image")
    numbers = {name: number for number, name in enumerate(classes) if number}
    images = {name: _of_image(f"{path}: {name}", objects, numbers) for name, objects in content.items()}
    labelled = {given.labels is not None for given in images.values() if len(given.boxes)}
    if len(labelled) > 1:
        raise ValueError(f"{path}: give labels for all images or for none")
    return BoxesFile(path, images, "predcls" if labelled == {True} else "sgcls")


def _of_image(where: str, objects: Any, numbers: Mapping[str, int]) -> GivenBoxes:
    if not isinstance(objects, list):
        raise ValueError(f"{where}: must be a list of objects, got {objects!r:.60}")
    boxes = [_box(f"{where}, object {number}", one) for number, one in enumerate(objects, 1)]
    named = [one["label"] for one in objects if "label" in one]
    if named and len(named) < len(objects):
        raise ValueError(f"{where}: {len(named)} of {len(objects)} objects have a label: give all of them one, or none")
    for number, name in enumerate(named, 1):
        if name not in numbers:
            near = ", ".join(difflib.get_close_matches(str(name), numbers, 3))
            raise ValueError(f"{where}, object {number}: the model does not know the class {name!r:.60}; it knows "
                             f"{near or ', '.join(numbers):.500}")
    array = np.array(boxes, np.float32).reshape(-1, 4)
    return GivenBoxes(array, np.array([numbers[name] for name in named], np.int64) if named else None)


def _box(where: str, one: Any) -> list[float]:
    box = one.get("box") if isinstance(one, dict) else None
    if not (isinstance(box, list) and len(box) == 4 and all(
            isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) for value in box)):
        raise ValueError(f'{where}: must have "box": [x1, y1, x2, y2] in pixels, got {one!r:.100}')
    if box[2] <= box[0] or box[3] <= box[1]:
        raise ValueError(f"{where}: x2 and y2 of a box must be greater than x1 and y1, got {box}")
    return box
