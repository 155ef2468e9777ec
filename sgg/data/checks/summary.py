"""The numbers of a data set, compared with the known ones of the published files (docs/SYSTEM.md section 1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from sgg.common.metric_names import SUBSETS
from sgg.data.dataset import DataSet

ROWS = (("train", "all"), ("val", "zs"), ("val", "all"), *(("test", subset) for subset in SUBSETS))
COLUMNS = ("images", "objects", "relations", "unique triplets")

Numbers = dict[str, str]
"""Numbers as text, by what they count."""


@dataclass(frozen=True)
class Line:
    """One number of a data set, with the known number of the published files.

    about: what it counts. found: the number in the data as training uses them. known: that of the published files; None
    if unknown. of_file: the number in the files, with relations of an object to itself; None if it is the same. It is
    compared with the known number.
    """

    about: str
    found: str
    known: str | None
    of_file: str | None = None

    @property
    def differs(self) -> bool:
        """Whether the known number is another."""
        return self.known is not None and self.known != (self.of_file or self.found)

    def to_json(self) -> dict[str, str | None]:
        """The fields as JSON values, without `of_file` if it is None."""
        return {name: value for name, value in asdict(self).items() if name != "of_file" or value is not None}


def summarise(data: DataSet, of_file: DataSet | None = None) -> list[Line]:
    """All numbers of a data set, with the known ones. of_file: the data set with every relation of its files."""
    known, numbers = KNOWN.get(data.title, {}), _numbers(data)
    in_file = numbers if of_file in (None, data) else _numbers(of_file)
    return [Line(about, found, known.get(about), None if in_file[about] == found else in_file[about])
            for about, found in numbers.items()]


def table(lines: list[Line]) -> list[str]:
    """The numbers as text: a row for each split and subset, then a row for each other number, with the comparison."""
    cells = {line.about: line for line in lines}
    rows = [f"{'':<12}" + "".join(f"{column:>16}" for column in COLUMNS)]
    for name, subset in ROWS:
        of_row = [cells.pop(f"{name} {subset}: {column}") for column in COLUMNS]
        rows.append(f"{name + ' ' + subset:<12}" + "".join(f"{line.found:>16}" for line in of_row) + _verdict(of_row))
    return rows + [f"{line.about:<44}{line.found:>24}{_verdict([line])}" for line in cells.values()]


def _verdict(lines: list[Line]) -> str:
    def listed(lines: list[Line], field: str, several: bool) -> str:
        return ", ".join(f"{getattr(line, field)} {line.about.partition(': ')[2] if several else ''}".strip()
                         for line in lines)

    several = len(lines) > 1
    others = [line for line in lines if line.of_file is not None]
    in_file = f"  (with relations of an object to itself: {listed(others, 'of_file', several)})" if others else ""
    differing = [line for line in lines if line.differs]
    if differing:
        return f"  DIFFERS from the known {listed(differing, 'known', several)}{in_file}"
    return ("  as known" if any(line.known for line in lines) else "") + in_file


def _numbers(data: DataSet) -> Numbers:
    found = {"object classes, background included": f"{len(data.classes):,}",
             "predicate classes, background included": f"{len(data.predicates):,}"}
    for name, subset in ROWS:
        split = data.split(name, subset)
        annotations = split.annotations
        numbers = (len(split), len(annotations.labels), len(annotations.relations), len(split.triplets()))
        found |= {f"{name} {subset}: {column}": f"{number:,}" for column, number in zip(COLUMNS, numbers, strict=True)}
    return found | _training_numbers(data)


def _training_numbers(data: DataSet) -> Numbers:
    annotations = data.split("train").annotations
    objects = annotations.objects_per_image
    pairs = np.unique(np.column_stack([annotations.image_of_relation, annotations.relations[:, :2]]), axis=0)
    distinct = np.bincount(pairs[:, 0], minlength=len(annotations))
    possible = objects * (objects - 1)
    density = (distinct[possible > 0] / possible[possible > 0]).mean()
    triplets = data.triplets("train")
    return {
        "train: objects of an image":
            f"{objects.mean():.1f} (sd {objects.std():.1f}, {objects.min()}..{objects.max()})",
        "train: annotated pairs of an image": f"{distinct.mean():.1f} (sd {distinct.std():.1f})",
        "train: annotated fraction of all pairs": f"{density:.1%}",
        "train: (subject, predicate) contexts": f"{len(triplets.subject_predicate()):,}",
        "train: (predicate, object) contexts": f"{len(triplets.predicate_object()):,}",
    }


def _table(rows: dict[str, tuple[int, ...]]) -> Numbers:
    return {f"{row}: {column}": f"{number:,}" for row, numbers in rows.items()
            for column, number in zip(COLUMNS, numbers, strict=False)}


KNOWN: dict[str, Numbers] = {
    "Visual Genome (stanford split)": {
        "object classes, background included": "151",
        "predicate classes, background included": "51",
        **_table({
            "train all": (57_723, 670_591, 405_860, 29_283),
            "val zs": (722, 10_129, 1_130, 851),
            "val all": (5_000, 62_754, 33_203, 5_043),
            "test zs": (4_519, 65_281, 7_601, 5_278),
            "test 10s": (9_602, 135_722, 19_077, 7_952),
            "test 100s": (16_528, 224_204, 45_385, 3_647),
            "test all": (26_446, 325_570, 183_642, 17_659),
        }),
        "train: objects of an image": "11.6 (sd 5.8, 2..62)",
        "train: annotated pairs of an image": "5.2 (sd 3.8)",
        "train: annotated fraction of all pairs": "6.5%",
        "train: (subject, predicate) contexts": "3,397",
        "train: (predicate, object) contexts": "3,542",
    },
    "GQA": {
        "object classes, background included": "1,704",
        "predicate classes, background included": "311",
        **_table({"test all": (10_055,), "test zs": (6_418,)}),
    },
    "Visual Genome (VTransE split)": _table({"test all": (25_851,), "test zs": (653,)}),
}
