"""COCO with relations, the layout of SGG-Benchmark: VG150, PSG, IndoorVG and others in one form."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from sgg.methods.dataset import DATA_SETS, DataSettings
from sgg.settings.roles import trains

if TYPE_CHECKING:
    from sgg.data.checks.consistency import Rules
    from sgg.data.dataset import DataSet


@DATA_SETS.register
class CocoRelations(DataSettings):
    """Any data set in the layout of SGG-Benchmark."""

    title: ClassVar[str] = "COCO with relations"
    files: ClassVar[tuple[str, ...]] = tuple(f"{split}/_annotations.coco.json" for split in ("train", "val", "test"))

    name: Annotated[Literal["coco-relations"], trains(shared=True, tried=True)] = "coco-relations"
    """COCO with relations: a JSON file for each split."""
    folder: Annotated[str, trains(shared=True, tried=True)] = "coco-relations"
    """The folder below `root` with the folders train, val and test, such as IndoorVG."""

    def open(self, rules: Rules, cache: Path) -> DataSet:
        """Open the data set in ROOT/FOLDER."""
        from sgg.data.readers.coco_relations import open_coco_relations

        return open_coco_relations(self.root / self.folder, rules)

    def write(self, data: DataSet, directory: Path) -> dict[str, Any]:
        """Write a file for each split."""
        from sgg.data.writers.coco_relations import write_coco_relations

        write_coco_relations(data, directory)
        return {"folder": directory.name}
