"""PSG, panoptic scene graphs, on the images of COCO."""

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
class PSG(DataSettings):
    """PSG, 133 classes and 56 predicates. Boxes only."""

    title: ClassVar[str] = "PSG"
    place: ClassVar[str] = "PSG"
    files: ClassVar[tuple[str, ...]] = ("psg.json",)

    name: Annotated[Literal["psg"], trains(shared=True, tried=True)] = "psg"
    """PSG, with boxes and without masks."""
    num_val_images: Annotated[PositiveInt, trains(shared=True, tried=True)] = 1000
    """The number of training images, the first ones, that are the validation split."""

    def open(self, rules: Rules, cache: Path) -> DataSet:
        """Open the data set in ROOT/PSG."""
        from sgg.data.readers.psg import open_psg

        return open_psg(self.root / self.place, self.num_val_images, rules)

    def write(self, data: DataSet, directory: Path) -> dict[str, Any]:
        """Write psg.json, without masks."""
        from sgg.data.writers.psg import write_psg

        return write_psg(data, directory)
