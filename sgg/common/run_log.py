"""The metrics of one trial on disk: `metrics.jsonl`, one row for each epoch, and `test.json`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from sgg.common.atomic import named_in_errors, to_json, write_json
from sgg.common.versions import PROGRAM, program

Row = dict[str, Any]

ROWS, TEST, CONFIG, CHECKPOINTS = "metrics.jsonl", "test.json", "config.json", "checkpoints"
PREDICATES = "predicates.json"
"""Recall of each predicate (`sgg/evaluate/predicate_recall.py`)."""
ZERO_SHOT = "zero_shot.json"
"""Pictures of zero-shot hits and misses (`sgg/evaluate/zero_shot_examples.py`)."""
PARTS_FOLDER = "parts"
"""The folder of what predictions need beside checkpoints."""


class History:
    """The rows of a trial's epochs. A resumed run appends rows; if an epoch has two rows, the later one counts.

    Raises ValueError that names file and line for a row of another form. A line that a kill cut short is skipped.
    """

    def __init__(self, directory: Path | str):
        self.directory = Path(directory)
        self.attempt = 1 + max((row["attempt"] for row in _all_rows(self.directory)), default=0)

    def append(self, epoch: int, values: Row) -> Row:
        """Write the row of an epoch and return it."""
        row = {"epoch": epoch, "attempt": self.attempt, **values}
        append_row(self.directory / ROWS, row)
        return row

    def rows(self, up_to: int | None = None) -> list[Row]:
        """The valid row of each epoch, in order. up_to: leave out later epochs, whose checkpoint a kill prevented."""
        return epoch_rows(self.directory, up_to)


def epoch_rows(directory: Path, up_to: int | None = None) -> list[Row]:
    """`History.rows` of a trial that only is read: the file is parsed once."""
    latest = {row["epoch"]: row for row in _all_rows(directory)}
    return [latest[epoch] for epoch in sorted(latest) if up_to is None or epoch <= up_to]


def _all_rows(directory: Path) -> list[Row]:
    return read_rows(directory / ROWS, epoch=int, attempt=int)


def write_test(directory: Path | str, values: Row) -> None:
    """Write test.json of a trial's folder: its test values by name, and which program measured them."""
    write_json(Path(directory) / TEST, {**values, PROGRAM: program()})


def read_test(directory: Path | str) -> Row | None:
    """The test values in a trial's folder, by name; None if there are none. Raises what `read_optional_json` raises."""
    found = read_optional_json(Path(directory) / TEST)
    return None if found is None else {name: value for name, value in found.items() if name != PROGRAM}


def position(row: Row) -> tuple[int, int]:
    """The position (attempt, epoch) of a row in the order of writing; (0, 0), before all rows, for an empty row."""
    return row.get("attempt", 0), row.get("epoch", 0)


def append_row(path: Path, row: Row) -> None:
    """Append a line of JSON to `path`. It is on the disk when this returns. Raises OSError that names the file."""
    with named_in_errors(path), open(path, "a+b") as file:
        file.write(_line_break(file) + to_json(row).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_rows(path: Path, /, **kinds: type) -> list[Row]:
    """The rows that `append_row` wrote, without a line that a kill cut short; an empty list if there is no file.

    kinds: the keys that each row must have, with the type of their values. Raises ValueError that names file and line.
    """
    lines = path.read_bytes().splitlines() if path.is_file() else []
    return [require_keys(row, f"{path}, line {number}", **kinds)
            for number, line in enumerate(lines, start=1) for row in parsed(line)]


def read_optional_json(path: Path, /, **kinds: type) -> dict[str, Any] | None:
    """The mapping that `write_json` wrote; None if there is no such file.

    kinds: the keys that it must have, with the type of their values. Raises ValueError that names the file if it is cut
    off, holds no mapping, or lacks such a key.
    """
    if not path.is_file():
        return None
    try:
        value = msgspec.json.decode(path.read_bytes())
    except (ValueError, RecursionError) as error:  # of JSON and of Unicode
        raise ValueError(f"{path} is not JSON, or is cut off: {error}") from None
    return require_keys(value, path, **kinds)


def require_keys(value: Any, source: object, /, **kinds: type) -> dict[str, Any]:
    """Return `value`. Raises ValueError that names the source and each fault unless it is a mapping with these keys."""
    if not isinstance(value, dict):
        raise ValueError(f"{source} must hold a mapping, but holds {type(value).__name__}")
    faults = [f"{key} must be of type {kind.__name__}, got {value[key]!r:.60}" if key in value else f"{key} is missing"
              for key, kind in kinds.items() if not isinstance(value.get(key), kind)]
    if faults:
        raise ValueError(f"{source}: {', '.join(faults)}")
    return value


def _line_break(file: BinaryIO) -> bytes:
    """A line break if the last line lacks one, because a kill cut it short; else nothing."""
    if file.seek(0, os.SEEK_END) == 0:
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def parsed(line: bytes) -> list[Any]:
    """The value of a line of JSON; an empty list for a line that a kill cut short."""
    try:
        return [msgspec.json.decode(line)]
    except ValueError:
        return []
