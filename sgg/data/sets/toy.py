"""The toy genome, which is generated at its first use."""

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
class ToyGenome(DataSettings):
    """Drawn images, for trials of the platform."""

    title: ClassVar[str] = "the toy genome"
    has_sides: ClassVar[bool] = False
    rate_per_image: ClassVar[float] = 2e-3
    pairs_per_image: ClassVar[int] = 48

    name: Annotated[Literal["toy"], trains(shared=True, tried=True)] = "toy"
    """The toy genome, generated at its first use."""
    num_val_images: Annotated[PositiveInt | None, trains(shared=True, tried=True)] = None
    """The number of training images, the first ones, that are the validation split; None: the number of its own
    metadata, 300."""

    def to_generate(self) -> Path | None:
        """ROOT/toy."""
        from sgg.data.toy.dataset import is_there

        return None if is_there(self.root / "toy") else self.root / "toy"

    def open(self, rules: Rules, cache: Path) -> DataSet:
        """Open the data set in ROOT/toy."""
        from sgg.data.toy.dataset import open_toy

        return open_toy(self.root / "toy", self.num_val_images, rules)
