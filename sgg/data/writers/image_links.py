"""Links to image files at the places where a format expects them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def link_images(links: Iterable[tuple[Path, Path]]) -> None:
    """Make symbolic links. links: the place of each link, and the image file. What is there already stays.

    Raises OSError that names the place.
    """
    folders: set[Path] = set()
    for place, file in links:
        if place.parent not in folders:
            place.parent.mkdir(parents=True, exist_ok=True)
            folders.add(place.parent)
        if not place.is_symlink() and not place.exists():
            place.symlink_to(file.resolve())
