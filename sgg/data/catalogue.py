"""Every data set by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sgg.data import toy
from sgg.data.checking import USUAL, Rules
from sgg.data.custom import open_custom
from sgg.data.dataset import DataSet, Part
from sgg.data.files import integer_field, read_json
from sgg.data.gqa import open_gqa
from sgg.data.progress import picture_bar
from sgg.data.visual_genome import open_visual_genome, read_visual_genome
from sgg.data.vtranse import open_vtranse


def open_toy(directory: Path | str, num_val_images: int | None = None, rules: Rules = USUAL) -> DataSet:
    """The toy genome under `directory`, generated first, with a bar, if it is not there. It says itself how
    many of its training images are for validation; `num_val_images` overrules it.
    """
    directory = Path(directory)
    settings_path = directory / "stanford_filtered" / "toy.json"
    if not settings_path.exists():
        with picture_bar("toy genome") as on_picture:
            toy.generate(directory, on_picture=on_picture)
    remedy = f"delete {directory} and start again: it is generated anew"
    settings = read_json(settings_path, dict, remedy)
    own_number, version, seed = (int(integer_field(settings_path, [settings], field)[0])
                                 for field in ("num_val_images", "version", "seed"))
    if version != toy.VERSION:
        raise ValueError(f"{settings_path}: the toy genome is of version {version}, this program makes {toy.VERSION}; "
                         f"{remedy}")
    title = f"toy genome (version {version}, seed {seed})"
    data = open_visual_genome(directory, "toy", title, num_val_images or own_number, remedy, rules)
    _, _, detector_images, *_ = read_visual_genome(directory / "detector", remedy, rules)
    detector_images = detector_images.select(detector_images.objects_per_image > 0)
    return replace(data, detector=Part("detector", detector_images, directory / "detector" / "VG_100K"))


DATA_SETS: dict[str, Callable[..., DataSet]] = {
    "toy": lambda root, **options: open_toy(root / "toy", **options),
    "vg": lambda root, **options: open_visual_genome(root / "VG", **options),
    "gqa": lambda root, **options: open_gqa(root / "GQA", root / "VG" / "VG_100K", **options),
    "vtranse": lambda root, **options: open_vtranse(root / "VG", **options),
    "custom": lambda root, **options: open_custom(root / "custom", **options),
}
NAMES = ("auto", *DATA_SETS)
CACHE = "cache"
"""The folder, under the root of the data sets, of what is derived from them once."""


def open_dataset(name: str = "auto", root: Path | str = "data", *, num_val_images: int | None = None,
                 exclude_left_right: bool = False, rules: Rules = USUAL,
                 cache: Path | str | None = None) -> DataSet:
    """The data set of that name under `root`. `auto`: Visual Genome where ROOT/VG is, else the toy genome, which is
    generated on first use; `banner` says which.

    num_val_images: how many of the first training images are for validation; None: the data set's own number.
    exclude_left_right: GQA without its two most frequent predicates. rules: what is done with doubtful annotation.
    cache: where what is derived from the files is kept; None: the folder `cache` under `root`.

    Raises ValueError for an unknown name or an option that the data set does not have; FileNotFoundError or ValueError
    naming the file and record that is wrong.
    """
    root = Path(root)
    if name not in NAMES:
        raise ValueError(f"data.name must be one of {', '.join(NAMES)}, got {name!r}")
    if exclude_left_right and name != "gqa":
        raise ValueError(f"data.exclude_left_right is for data.name gqa, not {name}")
    if num_val_images is not None and num_val_images < 1:
        raise ValueError(f"data.num_val_images must be >= 1, got {num_val_images}")
    if num_val_images and name == "custom":
        raise ValueError("data.num_val_images is not for data.name custom: its file gives every image a split")
    options: dict[str, Any] = {"rules": rules}
    if num_val_images:
        options["num_val_images"] = num_val_images
    if exclude_left_right:
        options["exclude_left_right"] = True
    cache = root / CACHE if cache is None else Path(cache)
    if name == "gqa":
        options["cache"] = cache
    if name != "auto":
        return replace(DATA_SETS[name](root, **options), cache=cache)
    found = (root / "VG").exists()
    return replace(DATA_SETS["vg" if found else "toy"](root, **options), cache=cache,
                   reason=f"chosen because {root / 'VG'} is {'' if found else 'not '}there")
