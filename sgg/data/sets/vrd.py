"""VRD, visual relationship detection."""

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
class VRD(DataSettings):
    """VRD, 100 classes and 70 predicates."""

    title: ClassVar[str] = "VRD"
    place: ClassVar[str] = "VRD"
    files: ClassVar[tuple[str, ...]] = ("annotations_test.json", "objects.json", "predicates.json",
                                        "annotations_train.json")

    name: Annotated[Literal["vrd"], trains(shared=True, tried=True)] = "vrd"
    """VRD."""
    num_val_images: Annotated[PositiveInt, trains(shared=True, tried=True)] = 400
    """The number of training images, the first ones, that are the validation split."""

    def open(self, rules: Rules, cache: Path) -> DataSet:
        """Open the data set in ROOT/VRD."""
        from sgg.data.readers.vrd import open_vrd

        return open_vrd(self.root / self.place, self.num_val_images, rules, cache)

    def write(self, data: DataSet, directory: Path) -> dict[str, Any]:
        """Write VRD's four files."""
        from sgg.data.writers.vrd import write_vrd

        return write_vrd(data, directory)
