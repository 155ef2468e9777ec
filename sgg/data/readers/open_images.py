"""Read the visual relationships of Open Images from its own tables: the Challenge of 2019, V4 to V7.

    <directory>/*train*vrd.csv, *validation*vrd.csv, *test*vrd.csv    a row for each relation
    <directory>/*classes-vrd.csv, or *class-descriptions*.csv         the name of each label: /m/01g317,Person
    <directory>/images/<ImageID>.jpg

Columns of a relation: ImageID, LabelName1, LabelName2, XMin1, XMax1, YMin1, YMax1, XMin2, XMax2, YMin2, YMax2
(fractions of the width and height) and RelationshipLabel. Without a file of test, validation is the test split, and the
first training images with a relation are for validation.

The objects of an image are the distinct pairs of label and box among its relations. Rows with the relationship "is"
name an attribute in place of an object; they are left out, and so are boxes without extent. Classes are the labels that
occur, by name; predicates the relationships that occur. The sizes are those of the image files, whose headers are read.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from sgg.data.annotations import Annotations
from sgg.data.checks.consistency import USUAL, Rules, checked
from sgg.data.dataset import DataSet
from sgg.data.findings import Finding
from sgg.data.readers.image_sizes import read_sizes
from sgg.data.readers.names import with_background
from sgg.data.records import located
from sgg.data.splits import NONE, TEST, TRAIN, VAL, partition, require_splits

IMAGES, SUFFIX = "images", ".jpg"
LABELS = ["LabelName1", "LabelName2"]
SIDES = [f"{side}{end}" for end in (1, 2) for side in ("XMin", "YMin", "XMax", "YMax")]
PREDICATE, IMAGE = "RelationshipLabel", "ImageID"
ATTRIBUTE = "is"
"""The relationship of an object and an attribute."""
NUM_VAL_IMAGES = 5000
REMEDY = ("put the tables of relations (challenge-2019-train-vrd.csv, challenge-2019-validation-vrd.csv, or those of "
          f"V6) and of names (challenge-2019-classes-vrd.csv) there, and the images into {IMAGES}/")


def open_open_images(directory: Path | str, num_val_images: int = NUM_VAL_IMAGES, rules: Rules = USUAL,
                     cache: Path | None = None) -> DataSet:
    """Open the data set under `directory` (ROOT/open-images). cache: the folder in which sizes of images are kept.

    Raises FileNotFoundError, or ValueError that names the file and the line.
    """
    directory = Path(directory)
    paths = {split: found for split, word in ((TRAIN, "train"), (VAL, "validation"), (TEST, "test"))
             if (found := _table_path(directory, word, required=split != TEST)) is not None}
    tables = [_read_table(path).assign(split=split) for split, path in paths.items()]
    table = pd.concat(tables, ignore_index=True)
    table, left_out = _relations_of(table)
    names = _label_names(directory)
    label_ids = sorted({*table[LABELS[0]], *table[LABELS[1]]}, key=lambda label: names.get(label, label))
    if unnamed := [label for label in label_ids if label not in names]:
        raise ValueError(f"{directory}: no table of names (*classes-vrd.csv, *class-descriptions*.csv) has the label "
                         f"{unnamed[0]!r}" + (f", and {len(unnamed) - 1} more" if len(unnamed) > 1 else "") +
                         ": put the table of the same release there")
    with located(f"{directory}:"):
        classes = with_background([names[label] for label in label_ids], "class names")
        predicates = with_background(sorted(set(table[PREDICATE])), PREDICATE)
    annotations, splits, ids = _annotations(table, directory, cache, {label: number for number, label in enumerate(
        label_ids, start=1)}, {name: number for number, name in enumerate(predicates)})
    annotations, findings = checked(annotations, str(directory), classes, predicates, rules)
    with located(f"{directory}:"):
        if TEST in paths:
            splits[annotations.objects_per_image == 0] = NONE
            require_splits(annotations, splits, findings=findings)
        else:
            splits = partition(annotations, splits == VAL, num_val_images, findings)
    return DataSet("open-images", "Open Images", classes, predicates, annotations, splits, directory / IMAGES, REMEDY,
                   findings=(*findings, *left_out), image_ids=ids)


def _table_path(directory: Path, word: str, required: bool) -> Path | None:
    """The table of relations of a split. Raises FileNotFoundError for none where it is required, ValueError for two."""
    found = sorted(directory.glob(f"*{word}*vrd.csv"))
    if len(found) > 1:
        raise ValueError(f"{directory} has {len(found)} tables of {word}: {', '.join(path.name for path in found)}; "
                         "keep those of one release")
    if not found and required:
        raise FileNotFoundError(f"{directory}/*{word}*vrd.csv is missing; {REMEDY}")
    return found[0] if found else None


def _read_table(path: Path) -> pd.DataFrame:
    columns = [IMAGE, *LABELS, *SIDES, PREDICATE]
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys((IMAGE, *LABELS, PREDICATE), str), keep_default_na=False,
                            usecols=lambda name: name in columns)
    except (ValueError, UnicodeError) as error:  # pandas' errors of parsing are ValueErrors
        raise ValueError(f"{path} is no table of relations: {' '.join(str(error).split())}") from None
    if missing := [name for name in columns if name not in table.columns]:
        raise ValueError(f"{path} has no column {missing[0]}; it needs {', '.join(columns)}")
    try:
        sides = table[SIDES].to_numpy(dtype=float)
    except ValueError as error:
        raise ValueError(f"{path}: the columns {SIDES[0]} to {SIDES[-1]} must be numbers: {error}") from None
    wrong = ~((sides >= 0) & (sides <= 1)).all(axis=1)  # NaN fails both
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"{path}: line {row + 2}: the sides of boxes must be fractions of the image, 0 to 1, got "
                         f"{sides[row].tolist()}")
    return table


def _label_names(directory: Path) -> dict[str, str]:
    """The name of each label, from all tables of names; {} if there is none."""
    names: dict[str, str] = {}
    for path in sorted({*directory.glob("*classes-vrd.csv"), *directory.glob("*class-descriptions*.csv")}):
        with path.open(encoding="utf-8", newline="") as file:
            for line, row in enumerate(csv.reader(file), start=1):
                if len(row) < 2:
                    raise ValueError(f"{path}: line {line} must be a label and its name, got {','.join(row)!r}")
                names.setdefault(row[0], row[1])
    return names


def _annotations(table: pd.DataFrame, directory: Path, cache: Path | None, labels: dict[str, int],
                 predicates: dict[str, int]) -> tuple[Annotations, np.ndarray, np.ndarray]:
    """The annotation of every image, its split [I] and its id [I]. Images and objects come in the order of the table.
    """
    images, ids = pd.factorize(table[IMAGE])
    splits = table.groupby(images)["split"].first().to_numpy(np.int8)
    files = [f"{one}{SUFFIX}" for one in ids]
    sizes = np.array(read_sizes(directory / IMAGES, files, cache, REMEDY), np.int64).reshape(-1, 2)
    numbers = table[SIDES].to_numpy(dtype=float)
    # Both ends of a relation one after another, so that objects are numbered as the table names them.
    ends = pd.DataFrame({"image": np.repeat(images, 2), "label": table[LABELS].to_numpy().reshape(-1)} | {
        side: numbers.reshape(-1, 4)[:, place] for place, side in enumerate("abcd")})
    object_of_end = ends.groupby(list(ends.columns), sort=False).ngroup().to_numpy()
    objects = ends.drop_duplicates()
    owners = objects["image"].to_numpy()
    boxes = objects[list("abcd")].to_numpy() * np.tile(sizes[owners][:, ::-1], 2)
    return Annotations.from_rows(
        np.array(files, dtype=str), sizes, owners, boxes.astype(np.float32),
        objects["label"].map(labels).to_numpy(np.int64), object_of_end.reshape(-1, 2),
        table[PREDICATE].map(predicates).to_numpy(np.int64)), splits, np.asarray(ids, dtype=str)


def _relations_of(table: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """The rows that are relations of two objects, and findings about the others."""
    left, top, right, bottom = table[SIDES].to_numpy(dtype=float).reshape(-1, 2, 4).transpose(2, 0, 1)
    attribute = (table[PREDICATE] == ATTRIBUTE).to_numpy()
    flat = ((right <= left) | (bottom <= top)).any(axis=1) & ~attribute
    findings = [Finding(kind, int(rows.sum()), len(table), f"image {table[IMAGE].iloc[int(np.argmax(rows))]}", effect)
                for kind, rows, effect in (
                    ('rows of attributes ("is")', attribute, "The row is left out: an attribute is no object."),
                    ("relations of objects without extent", flat, "The relation is left out.")) if rows.any()]
    return table[~(attribute | flat)], findings
