"""Open Images in the form that scene graph repositories prepare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from sgg.methods.dataset import DATA_SETS, DataSettings
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from sgg.data.checks.consistency import Rules
    from sgg.data.dataset import DataSet


@DATA_SETS.register
class OpenImagesJson(DataSettings):
    """Open Images, as PySGG and others prepare it."""

    title: ClassVar[str] = "Open Images (prepared)"
    place: ClassVar[str] = "open-images-json"
    files: ClassVar[tuple[str, ...]] = ("annotations/categories_dict.json", *(
        f"annotations/vrd-{split}-anno.json" for split in ("train", "val", "test")))

    name: Annotated[Literal["open-images-json"], trains(shared=True, tried=True)] = "open-images-json"
    """Open Images, as scene graph repositories prepare it."""

    def open(self, rules: Rules, cache: Path) -> DataSet:
        """Open the data set in ROOT/open-images-json."""
        from sgg.data.readers.open_images_json import open_open_images_json

        return open_open_images_json(self.root / self.place, rules)

    def write(self, data: DataSet, directory: Path) -> dict[str, Any]:
        """Write a JSON file for each split, and the names."""
        from sgg.data.writers.open_images_json import write_open_images_json

        return write_open_images_json(data, directory)
