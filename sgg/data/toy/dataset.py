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
from sgg.data.toy.edition import Edition
from sgg.data.toy.editions.second import SECOND

SETTINGS = Path("stanford_filtered", "toy.json")
"""The file that is written last."""


def is_there(directory: Path) -> bool:
    """Whether the toy genome has been generated in a folder."""
    return (directory / SETTINGS).exists()


def open_toy(directory: Path | str, num_val_images: int | None = None, rules: Rules = USUAL,
             edition: Edition = SECOND, seed: int | None = None) -> DataSet:
    """Open the toy genome under `directory`. If it is not there, it is generated first, with a progress bar.

    num_val_images: the number of training images for validation; None: the number in its own metadata. edition: of the
    genome. seed: of the genome; None: any, and 0 where it is generated.

    Raises ValueError, with the remedy, where a genome of another version, difficulty or seed is there.
    """
    directory = Path(directory)
    settings_path = directory / SETTINGS
    if not is_there(directory):
        with image_bar("toy genome") as on_image:
            toy.generate(directory, seed or 0, on_image=on_image, edition=edition)
    remedy = f"delete {directory} and start again to generate it"
    settings = require_json(settings_path, dict, remedy)
    own_number, version, own_seed = (int(integer_field(settings_path, [settings], field)[0])
                                     for field in ("num_val_images", "version", "seed"))
    if version not in toy.VERSIONS:
        raise ValueError(f"{settings_path}: the toy genome has version {version}, this program makes "
                         f"{' and '.join(map(str, toy.VERSIONS))}; {remedy}")
    difficulty = settings.get("difficulty", SECOND.difficulty)
    wanted = {"version": edition.version, "difficulty": edition.difficulty, "seed": own_seed if seed is None else seed}
    found = {"version": version, "difficulty": difficulty, "seed": own_seed}
    if other := [name for name, value in wanted.items() if found[name] != value]:
        said = ", ".join(f"{name} {found[name]}, not {wanted[name]}" for name in other)
        raise ValueError(f"{settings_path}: the toy genome has {said}; {remedy}, or set data.{other[0]}="
                         f"{found[other[0]]}")
    level = "" if edition is SECOND else f", difficulty {difficulty:g}"
    title = f"toy genome (version {version}{level}, seed {own_seed})"
    data = open_visual_genome(directory, "toy", title, num_val_images or own_number, remedy, rules)
    _, _, detector_images, *_ = read_visual_genome(directory / "detector", remedy, rules)
    detector_images = detector_images.select(detector_images.objects_per_image > 0)
    return replace(data, detector=Split("detector", detector_images, directory / "detector" / "VG_100K"))
