"""Your own data, in one JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from sgg.methods.dataset import DATA_SETS, DataSettings
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from sgg.data.checks.consistency import Rules
    from sgg.data.dataset import DataSet


@DATA_SETS.register
class Custom(DataSettings):
    """Your own data, whose file gives every image a split."""

    title: ClassVar[str] = "custom data"
    place: ClassVar[str] = "custom"
    files: ClassVar[tuple[str, ...]] = ("annotations.json",)

    name: Annotated[Literal["custom"], trains(shared=True, tried=True)] = "custom"
    """Your own data, in one JSON file."""

    def open(self, rules: Rules, cache: Path) -> DataSet:
        """Open the data set in ROOT/custom."""
        from sgg.data.readers.custom import open_custom

        return open_custom(self.root / self.place, rules=rules)

    def write(self, data: DataSet, directory: Path) -> dict[str, Any]:
        """Write annotations.json. Image files stay where they are."""
        from sgg.data.writers.custom import write_custom

        write_custom(data, directory)
        return {}
