"""The visual relationships of Open Images."""

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
class OpenImages(DataSettings):
    """Open Images, from its own tables."""

    title: ClassVar[str] = "Open Images"
    place: ClassVar[str] = "open-images"
    files: ClassVar[tuple[str, ...]] = ("test-annotations-vrd.csv", "validation-annotations-vrd.csv",
                                        "class-descriptions.csv", "train-annotations-vrd.csv")

    name: Annotated[Literal["open-images"], trains(shared=True, tried=True)] = "open-images"
    """Open Images, from its own tables."""
    num_val_images: Annotated[PositiveInt, trains(shared=True, tried=True)] = 5000
    """The number of training images, the first ones, that are the validation split where there is no table of test."""

    def open(self, rules: Rules, cache: Path) -> DataSet:
        """Open the data set in ROOT/open-images."""
        from sgg.data.readers.open_images import open_open_images

        return open_open_images(self.root / self.place, self.num_val_images, rules, cache)

    def write(self, data: DataSet, directory: Path) -> dict[str, Any]:
        """Write a table for each split, and the names."""
        from sgg.data.writers.open_images import write_open_images

        return write_open_images(data, directory)
