"""GQA, which uses the images of Visual Genome."""

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
class GQA(DataSettings):
    """GQA, 1,703 classes and 310 predicates."""

    title: ClassVar[str] = "GQA"
    place: ClassVar[str] = "GQA"
    num_classes: ClassVar[int | None] = 1704

    name: Annotated[Literal["gqa"], trains(shared=True, tried=True)] = "gqa"
    """GQA."""
    num_val_images: Annotated[PositiveInt, trains(shared=True, tried=True)] = 5000
    """The number of training images, the first ones, that are the validation split."""
    exclude_left_right: Annotated[bool, trains(shared=True, tried=True)] = False
    """Drop "to the left of" and "to the right of"."""

    def open(self, rules: Rules, cache: Path) -> DataSet:
        """Open the data set in ROOT/GQA, with the images of ROOT/VG."""
        from sgg.data.readers.gqa import open_gqa

        return open_gqa(self.root / self.place, self.root / "VG" / "VG_100K", self.exclude_left_right,
                        self.num_val_images, rules, cache)
