"""Every data set by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sgg.data import toy
from sgg.data.dataset import DataSet, Part
from sgg.data.files import integer_field, read_json
from sgg.data.visual_genome import open_visual_genome, read_visual_genome


def open_toy(directory: Path | str) -> DataSet:
    """The toy genome under `directory`, generated first if it is not there."""
    directory = Path(directory)
    settings_path = directory / "stanford_filtered" / "toy.json"
    if not settings_path.exists():
        toy.generate(directory)
    remedy = f"delete {directory} and start again: it is generated anew"
    settings = read_json(settings_path, dict, remedy)
    num_val_images, version, seed = (int(integer_field(settings_path, [settings], field)[0])
                                     for field in ("num_val_images", "version", "seed"))
    if version != toy.VERSION:
        raise ValueError(f"{settings_path}: the toy genome is of version {version}, this program makes {toy.VERSION}; "
                         f"{remedy}")
    title = f"toy genome (version {version}, seed {seed})"
    data = open_visual_genome(directory, "toy", title, num_val_images, remedy)
    _, _, detector_images, _ = read_visual_genome(directory / "detector", remedy)
    detector_images = detector_images.select(detector_images.objects_per_image > 0)
    return replace(data, detector=Part("detector", detector_images, directory / "detector" / "VG_100K"))


DATA_SETS: dict[str, Callable[[Path], DataSet]] = {
    "toy": lambda root: open_toy(root / "toy"),
    "vg": lambda root: open_visual_genome(root / "VG"),
}


def open_dataset(name: str = "auto", root: Path | str = "data") -> DataSet:
    """The data set of that name under `root`. `auto`: Visual Genome where ROOT/VG is, else the toy genome, which is
    generated on first use; `banner` says which.

    Raises ValueError for an unknown name; FileNotFoundError or ValueError naming the file and record that is wrong.
    """
    root = Path(root)
    if name == "auto":
        if (root / "VG").exists():
            return replace(open_dataset("vg", root), reason=f"chosen because {root / 'VG'} is there")
        return replace(open_dataset("toy", root), reason=f"chosen because {root / 'VG'} is not there")
    if name not in DATA_SETS:
        raise ValueError(f"data.name must be one of auto, {', '.join(DATA_SETS)}, got {name!r}")
    return DATA_SETS[name](root)
