"""The images to predict: their names, and their pixels in the form that a detector takes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from torch import Tensor

from sgg.data.images.image_files import read_image
from sgg.data.loading.transforms import to_square

LONGEST = 4096
"""Pixels of the longer side above which an image is made smaller before it is a square: a square of 20,000 pixels
would take 1.2 GB. Every detector makes it smaller still."""
ENDINGS = frozenset(("avif", "bmp", "dib", "gif", "heic", "heif", "j2k", "jfif", "jp2", "jpe", "jpeg", "jpg", "pbm",
                     "pcx", "pgm", "png", "pnm", "ppm", "tga", "tif", "tiff", "webp"))
"""Files of folders that end otherwise are left out. Not all of these can be read; those that cannot are named."""


class ImageFile(NamedTuple):
    """An image file. name: its path below the folder that was given; of a single file, its name."""

    path: Path
    name: str


class Pixels(NamedTuple):
    """The square [3, s, s] uint8 of an image, and the height and width of the image in its own pixels and in the
    square, where it may be smaller."""

    square: Tensor
    size: tuple[int, int]
    inner: tuple[int, int]

    @property
    def image(self) -> np.ndarray:
        """[h, w, 3] uint8 the image without padding, as large as it is in the square."""
        height, width = self.inner
        return self.square[:, :height, :width].permute(1, 2, 0).numpy()


@contextmanager
def large_images() -> Iterator[None]:
    """Within it, PIL is silent about images of 89 to 179 million pixels, of which it warns as if they were an attack:
    they are read like all others. Those with more pixels are refused by the rule of `image_files`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def find_images(given: Iterable[Path], out: Path) -> tuple[list[ImageFile], int]:
    """The files that were named, and all images in folders, with those in folders below, in order of their names; and
    how many other files there were in folders.

    out: the folder of the results, which is left out. Raises FileNotFoundError for a path that does not exist, and
    ValueError where there is no image, where two images would have results of the same name, and for an `out` that is
    a given folder or lies above one: everything in it would be left out.
    """
    found: list[ImageFile] = []
    others = 0
    for path in given:
        if not path.is_dir():
            if not path.exists():
                raise FileNotFoundError(f"{path}: there is no such image or folder")
            found.append(ImageFile(path, path.name))
            continue
        if path.resolve().is_relative_to(out.resolve()):
            raise ValueError(f"--out {out} holds the images of {path}: name a folder of its own for the results")
        for file in sorted(each for each in path.rglob("*") if not each.is_dir()):  # a broken link is a fault
            name = file.relative_to(path)
            if out.resolve() in file.resolve().parents or any(part.startswith(".") for part in name.parts):
                continue
            if file.suffix[1:].lower() in ENDINGS:
                found.append(ImageFile(file, name.as_posix()))
            else:
                others += 1
    if not found:
        raise ValueError(f"{', '.join(map(str, given))}: there is no image file; names of images end with "
                         f"{', '.join(sorted(ENDINGS))}")
    first: dict[str, Path] = {}
    for file_, name_ in found:
        if (other := first.setdefault(name_, file_)) is not file_:
            raise ValueError(f"{other} and {file_} would both write {name_}.json: predict them into two folders --out")
    return found, others


def read_pixels(path: Path) -> Pixels:
    """Read an image file by the rules of `sgg.data.images.image_files`. Raises what `read_image` raises."""
    return pixels_of(read_image(path))


def pixels_of(image: np.ndarray) -> Pixels:
    """The pixels of an image [h, w, 3] uint8."""
    size = image.shape[0], image.shape[1]
    if max(size) <= LONGEST:
        return Pixels(to_square(image), size, size)
    height, width = (max(1, round(side * LONGEST / max(size))) for side in size)
    smaller = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return Pixels(to_square(np.asarray(smaller)), size, (height, width))
