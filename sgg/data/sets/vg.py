"""Visual Genome in the split of Xu et al."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import PositiveInt

from sgg.methods.dataset import DATA_SETS, DataSettings
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from sgg.data.checks.consistency import Rules
    from sgg.data.dataset import DataSet


@DATA_SETS.register
class VisualGenome(DataSettings):
    """Visual Genome, 150 classes and 50 predicates."""

    title: ClassVar[str] = "Visual Genome"
    place: ClassVar[str] = "VG"
    num_classes: ClassVar[int | None] = 151
    has_sides: ClassVar[bool] = False
    files: ClassVar[tuple[str, ...]] = tuple(f"stanford_filtered/{name}" for name in (
        "image_data.json", "VG-SGG-dicts-with-attri.json", "VG-SGG-with-attri.h5"))

    name: Annotated[Literal["vg"], trains(shared=True, tried=True)] = "vg"
    """Visual Genome in the split of Xu et al."""
    num_val_images: Annotated[PositiveInt, trains(shared=True, tried=True)] = 5000
    """The number of training images, the first ones, that are the validation split."""

    def open(self, rules: Rules, cache: Path) -> DataSet:
        """Open the data set in ROOT/VG."""
        from sgg.data.readers.visual_genome import open_visual_genome

        return open_visual_genome(self.root / self.place, num_val_images=self.num_val_images, rules=rules)

    def write(self, data: DataSet, directory: Path) -> dict[str, Any]:
        """Write the three files, with empty attributes, which some readers require."""
        from sgg.data.writers.visual_genome import write_visual_genome

        return write_visual_genome(data, directory)
