"""Open the toy genome. It is generated first if it is not there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sgg.common.progress import image_bar
from sgg.data import toy
from sgg.data.annotation_files import integer_field, require_json
from sgg.data.checks.consistency import USUAL, Rules
from sgg.data.dataset import DataSet, Split
from sgg.data.readers.visual_genome import open_visual_genome, read_visual_genome

SETTINGS = Path("stanford_filtered", "toy.json")
"""The file that is written last."""


def is_there(directory: Path) -> bool:
    """Whether the toy genome has been generated in a folder."""
    return (directory / SETTINGS).exists()


def open_toy(directory: Path | str, num_val_images: int | None = None, rules: Rules = USUAL) -> DataSet:
    """Open the toy genome under `directory`. If it is not there, it is generated first, with a progress bar.

    num_val_images: the number of training images for validation; None: the number in its own metadata.
    """
    directory = Path(directory)
    settings_path = directory / SETTINGS
    if not is_there(directory):
        with image_bar("toy genome") as on_image:
            toy.generate(directory, on_image=on_image)
    remedy = f"delete {directory} and start again to generate it"
    settings = require_json(settings_path, dict, remedy)
    own_number, version, seed = (int(integer_field(settings_path, [settings], field)[0])
                                 for field in ("num_val_images", "version", "seed"))
    if version != toy.VERSION:
        raise ValueError(f"{settings_path}: the toy genome has version {version}, this program makes {toy.VERSION}; "
                         f"{remedy}")
    title = f"toy genome (version {version}, seed {seed})"
    data = open_visual_genome(directory, "toy", title, num_val_images or own_number, remedy, rules)
    _, _, detector_images, *_ = read_visual_genome(directory / "detector", remedy, rules)
    detector_images = detector_images.select(detector_images.objects_per_image > 0)
    return replace(data, detector=Split("detector", detector_images, directory / "detector" / "VG_100K"))
