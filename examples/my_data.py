"""A data set of your own, to copy: a CSV file with a row for each relation, and a folder of images. The file is
ROOT/csv/relations.csv, the images are in ROOT/csv/images. From the repository's root:

    python -m sgg.data verify --data csv --plugin examples/my_data.py
    python -m platform.train tune_configs/single.yaml experiment.plugins=examples/my_data.py data.name=csv
"""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from sgg.methods.dataset import DATA_SETS, DataSettings
from sgg.settings.roles import trains

COLUMNS = ["split", "image", "width", "height", "subject", "subject_x1", "subject_y1", "subject_x2", "subject_y2",
           "predicate", "object", "object_x1", "object_y1", "object_x2", "object_y2"]
"""split: train, val or test. image: the name of a file. subject, predicate, object: names. Boxes are in pixels."""


@DATA_SETS.register
class Csv(DataSettings):
    """Relations in a CSV file. The objects of an image are those of its relations."""

    title: ClassVar[str] = "CSV file"

    name: Annotated[Literal["csv"], trains(shared=True, tried=True)] = "csv"
    """A CSV file of relations."""

    def open(self, rules, cache):
        """Read ROOT/csv into a `DataSet`. Raises FileNotFoundError, or ValueError that names the file."""
        return open_csv(self.root / "csv", rules)


def open_csv(folder: Path, rules):
    """Read a folder. rules: the treatment of doubtful annotation, which `checked` applies."""
    import numpy as np
    import pandas as pd

    from sgg.data.checks.consistency import checked
    from sgg.data.dataset import BACKGROUND, DataSet
    from sgg.data.records import AnnotationsBuilder
    from sgg.data.splits import SPLITS

    path = folder / "relations.csv"
    remedy = f"put a CSV file with the columns {', '.join(COLUMNS)} there"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; {remedy}")
    table = pd.read_csv(path, keep_default_na=False)
    if missing := [name for name in COLUMNS if name not in table.columns]:
        raise ValueError(f"{path} has no column {missing[0]}; {remedy}")
    if unknown := sorted({*table["split"]} - {*SPLITS}):
        raise ValueError(f"{path}: split must be one of {', '.join(SPLITS)}, got {unknown[0]!r}")
    classes = [BACKGROUND, *sorted({*table["subject"], *table["object"]})]
    predicates = [BACKGROUND, *sorted({*table["predicate"]})]
    builder, splits = AnnotationsBuilder(), []
    for (split, image), rows in table.groupby(["split", "image"], sort=False):
        objects = {}  # class and box of each object -> its number in the image
        relations = [[objects.setdefault(tuple(row[f"{end}{part}"] for part in ("", "_x1", "_y1", "_x2", "_y2")),
                                         len(objects)) for end in ("subject", "object")]
                     + [predicates.index(row["predicate"])] for row in rows.to_dict("records")]
        builder.add(image, (rows["height"].iloc[0], rows["width"].iloc[0]), [box for _, *box in objects],
                    [classes.index(name) for name, *_ in objects], relations)
        splits.append(SPLITS[split])
    annotations, findings = checked(builder.build(), str(path), classes, predicates, rules)
    return DataSet("csv", Csv.title, classes, predicates, annotations, np.array(splits, dtype=np.int8),
                   folder / "images", "put the image files there", findings=findings)
