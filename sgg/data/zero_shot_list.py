"""A list of triplets in a file, on which `zs-list` is measured: "zero-shot" by somebody's list (docs/PUBLISHED.md).

The file is CSV, in UTF-8. The first line names the columns subject, predicate and object, in any order. Each other line
is a triplet: by the names of the data set, or all by its numbers, which count from 1.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from sgg.common.hashing import value_hash

COLUMNS = ("subject", "predicate", "object")
CONVERT = "docs/PUBLISHED.md shows how to convert the published file"
NAMED = 5
"""The number of faults that a message names."""
Triplet = tuple[int, int, int]


class ListProvenance(TypedDict):
    """What results say of a list. hash: of its triplets by name, whatever their order. triplets: how many it has.
    in_training: how many of them the train split has, so that they are not zero-shot."""

    hash: str
    triplets: int
    in_training: int


@dataclass(frozen=True)
class ZeroShotList:
    """The distinct triplets (subject class, predicate, object class) of a file, in its order. hash: see
    `ListProvenance`."""

    triplets: Sequence[Triplet]
    hash: str

    @classmethod
    def read(cls, path: Path, classes: Sequence[str], predicates: Sequence[str]) -> ZeroShotList:
        """The list in a file. classes, predicates: names of the data set, background first.

        Raises FileNotFoundError, or ValueError that names the file and the lines: no CSV with these columns, no
        triplet, names or numbers that the data set does not have, and a triplet twice.
        """
        lines, rows = _rows(path)
        names = {"subject": classes, "predicate": predicates, "object": classes}
        by_number = all(cell.isascii() and cell.isdigit() for row in rows for cell in row.values())
        places = {column: {str(place) if by_number else name: place for place, name in enumerate(known) if place}
                  for column, known in names.items()}
        unknown = [f"line {line}: {column} {row[column]!r}{_similar(row[column], places[column])}"
                   for line, row in zip(lines, rows, strict=True) for column in COLUMNS
                   if row[column] not in places[column]]
        if unknown:
            have = (f"numbers 1 to {len(classes) - 1} for classes and 1 to {len(predicates) - 1} for predicates"
                    if by_number else f"{len(classes) - 1} classes and {len(predicates) - 1} predicates of other names")
            raise ValueError(f"{path}: {_some(unknown)}; the data set has {have}. Use a list that was made for this "
                             "data set")
        triplets = [(places["subject"][row["subject"]], places["predicate"][row["predicate"]],
                     places["object"][row["object"]]) for row in rows]
        _refuse_repeated(path, lines, triplets)
        return cls(triplets, value_hash(sorted((classes[s], predicates[p], classes[o]) for s, p, o in triplets)))

    def provenance(self, train: Container[Triplet]) -> ListProvenance:
        """What results say of the list. train: the triplets of the train split."""
        return {"hash": self.hash, "triplets": len(self.triplets),
                "in_training": sum(triplet in train for triplet in self.triplets)}


def describe_list(listed: Mapping[str, object] | None) -> str:
    """A `ListProvenance` in words; "" without one."""
    if not listed:
        return ""
    return f"{listed['triplets']:,} triplets, {listed['in_training']:,} of them in train [{listed['hash']}]"


def _rows(path: Path) -> tuple[list[int], list[dict[str, str]]]:
    """The numbers of the lines with a triplet, and their cells by column."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such list of triplets (evaluation.zero_shot_list, --zero-shot-list); "
                                f"{CONVERT}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.reader(file)
            head, *found = [(table.line_num, [cell.strip() for cell in row]) for row in table if row] or [(1, [])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no text in CSV: {error}; {CONVERT}") from None
    columns = head[1]
    if sorted(columns) != sorted(COLUMNS):
        raise ValueError(f"{path}: the first line must name the columns {','.join(COLUMNS)}, in any order, got "
                         f"{','.join(columns)[:80]!r}; {CONVERT}")
    if not found:
        raise ValueError(f"{path} has no triplet after its first line; leave out the list, or fill it")
    if wrong := [f"line {line}: {len(row)} columns" for line, row in found if len(row) != len(columns)]:
        raise ValueError(f"{path}: every line must have {len(columns)} columns, but has {_some(wrong)}; put a name "
                         "with a comma into quotation marks")
    return [line for line, _ in found], [dict(zip(columns, row, strict=True)) for _, row in found]


def _refuse_repeated(path: Path, lines: Sequence[int], triplets: Sequence[Triplet]) -> None:
    first: dict[Triplet, int] = {}
    repeated = [f"line {line} repeats line {first[triplet]}" for line, triplet in zip(lines, triplets, strict=True)
                if first.setdefault(triplet, line) != line]
    if repeated:
        raise ValueError(f"{path}: {_some(repeated)}; a list has each triplet once, so leave out the repeated ones")


def _similar(name: str, names: Iterable[str]) -> str:
    near = [] if name.isdigit() else difflib.get_close_matches(name, list(names), n=1)
    return f" (similar: {near[0]!r})" if near else ""


def _some(faults: Sequence[str]) -> str:
    more = len(faults) - NAMED
    return ", ".join(faults[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
