"""Visual Genome in the split of VTransE."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import PositiveInt

from sgg.methods.dataset import DATA_SETS, DataSettings
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from sgg.data.checks.consistency import Rules
    from sgg.data.dataset import DataSet


@DATA_SETS.register
class VTransE(DataSettings):
    """Visual Genome, 200 classes and 100 predicates."""

    title: ClassVar[str] = "VTransE's split"
    place: ClassVar[str] = "VG"
    num_classes: ClassVar[int | None] = 201

    name: Annotated[Literal["vtranse"], trains(shared=True, tried=True)] = "vtranse"
    """Visual Genome in the split of VTransE."""
    num_val_images: Annotated[PositiveInt, trains(shared=True, tried=True)] = 5000
    """The number of training images, the first ones, that are the validation split."""

    def open(self, rules: Rules, cache: Path) -> DataSet:
        """Open the data set in ROOT/VG."""
        from sgg.data.readers.vtranse import open_vtranse

        return open_vtranse(self.root / self.place, self.num_val_images, rules)
