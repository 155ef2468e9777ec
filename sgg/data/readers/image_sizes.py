"""Sizes of images, for formats whose files do not have them."""

from __future__ import annotations

from collections.abc import Sequence
from glob import escape
from pathlib import Path

from sgg.common.progress import image_bar
from sgg.data.images.image_index import ImageIndex, index_file


def with_their_endings(folder: Path, files: Sequence[str]) -> list[str]:
    """The files below `folder`. In place of one that does not exist: the file of its name with another ending, if there
    is exactly one."""
    found = []
    for file in files:
        place = folder / file
        others = [] if place.exists() else list(place.parent.glob(f"{escape(place.stem)}.*"))
        found.append(str(others[0].relative_to(folder)) if len(others) == 1 else file)
    return found


def read_sizes(folder: Path, files: Sequence[str], cache: Path | None, remedy: str) -> list[tuple[int, int]]:
    """Height and width of each image file below `folder`, from its header. cache: the folder in which headers are kept;
    None: they are read again next time.

    Raises FileNotFoundError that names the first missing file and the remedy, or ValueError that names the first that
    cannot be read.
    """
    index = ImageIndex(folder, cache and index_file(cache, folder))
    with image_bar("reading image headers") as on_image:
        headers = index.headers(files, on_image)
    missing = [file for file, header in zip(files, headers, strict=True) if header is None]
    if missing:
        raise FileNotFoundError(f"{len(missing):,} of {len(files):,} images are missing, the first is "
                                f"{folder / missing[0]}; the annotation has no sizes of images, so the files are "
                                f"needed: {remedy}")
    sizes = []
    for file, header in zip(files, headers, strict=True):
        if header is not None and not header.height:
            raise ValueError(f"image file {folder / file} {header.fault or 'has no size'}; the annotation has no sizes "
                             "of images, so the file is needed")
        if header is not None:
            sizes.append((header.height, header.width))
    return sizes
