"""The toy genome, which is generated at its first use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import NonNegativeInt, PositiveInt

from sgg.methods.dataset import DATA_SETS, DataSettings
from sgg.settings.marks import acts_with
from sgg.settings.roles import trains
from sgg.settings.section import Fraction

if TYPE_CHECKING:
    from sgg.data.checks.consistency import Rules
    from sgg.data.dataset import DataSet
    from sgg.data.toy.edition import Edition

DIFFICULTY = 0.5


@DATA_SETS.register
class ToyGenome(DataSettings):
    """Drawn images, for trials of the platform."""

    title: ClassVar[str] = "the toy genome"
    has_sides: ClassVar[bool] = False
    rate_per_image: ClassVar[float] = 2e-3
    pairs_per_image: ClassVar[int] = 48

    name: Annotated[Literal["toy"], trains(shared=True, tried=True)] = "toy"
    """The toy genome, generated at its first use."""
    version: Annotated[Literal[2, 3], trains(shared=True, tried=True)] = 2
    """2: ten predicates that images show clearly. 3: fifteen, in families of look-alikes (docs/DATA.md)."""
    difficulty: Annotated[Fraction, trains(shared=True, tried=True), acts_with("version", 3)] = DIFFICULTY
    """How far predicates that look alike are moved together. 0: images tell neighbours apart in 90 % of
    the cases. 1: images say nothing, and only the classes of the objects do."""
    seed: Annotated[NonNegativeInt | None, trains(shared=True, block=True, tried=True)] = None
    """The seed of the genome: of its compositions, frequencies and scenes. Each has a folder of its own. None: 0, or
    that of the genome of version 2 in ROOT/toy. A search over it runs every configuration on each genome, and results
    pool them (docs/RESULTS.md)."""
    num_val_images: Annotated[PositiveInt | None, trains(shared=True, tried=True)] = None
    """The number of training images, the first ones, that are the validation split; None: the number of its own
    metadata, 300."""

    @property
    def folder(self) -> Path:
        """The folder of this genome below `root`."""
        if self.version == 2:
            return self.root / ("toy" if self.seed is None else f"toy-seed{self.seed}")
        return self.root / f"toy3-difficulty{self.difficulty:g}-seed{self.seed or 0}"

    @property
    def edition(self) -> Edition:
        """The edition of its version and difficulty."""
        from sgg.data.toy.editions import edition_of  # it imports numpy, for which a config does not wait

        return edition_of(self.version, self.difficulty)

    def to_generate(self) -> Path | None:
        """Its folder, if it is not there."""
        from sgg.data.toy.dataset import is_there

        return None if is_there(self.folder) else self.folder

    def generating(self) -> str:
        """`python -m sgg.data toy` with its options."""
        options = [f"--set data.version=3 --set data.difficulty={self.difficulty:g}"] if self.version == 3 else []
        options += [f"--seed {self.seed}"] if self.seed else []
        return " ".join(["python -m sgg.data toy", *options, f"--out {self.folder}"])

    def open(self, rules: Rules, cache: Path) -> DataSet:
        """Open the data set in its folder."""
        from sgg.data.toy.dataset import open_toy

        seed = self.seed if self.version == 2 else self.seed or 0
        return open_toy(self.folder, self.num_val_images, rules, self.edition, seed)
