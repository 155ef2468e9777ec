"""The numbers of one trial on disk: `metrics.jsonl`, one row an epoch, and `test.json`."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any, BinaryIO

Row = dict[str, Any]

ROWS, TEST, CONFIG = "metrics.jsonl", "test.json", "config.json"


class History:
    """Rows of a trial's epochs. A run that is taken up again appends; of two rows of an epoch the later one counts."""

    def __init__(self, directory: Path | str):
        self.directory = Path(directory)
        self.attempt = 1 + max((row["attempt"] for row in self._all()), default=0)

    def append(self, epoch: int, values: Row) -> Row:
        """Write the row of an epoch and return it."""
        row = {"epoch": epoch, "attempt": self.attempt, **values}
        with open(self.directory / ROWS, "a+b") as file:
            file.write(_line_break(file) + to_json(row).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return row

    def rows(self, up_to: int | None = None) -> list[Row]:
        """The row that counts of each epoch, in order; `up_to`: epochs after it were cut off by a kill."""
        latest = {row["epoch"]: row for row in self._all()}
        return [latest[epoch] for epoch in sorted(latest) if up_to is None or epoch <= up_to]

    def _all(self) -> list[Row]:
        path = self.directory / ROWS
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        return [row for line in lines if (row := _parse(line)) is not None]


def write_json(path: Path, value: Any) -> None:
    """Write `value` in one rename."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(to_json(value, indent=1), encoding="utf-8")
    os.replace(temporary, path)


def read_json(path: Path) -> Any:
    """What `write_json` wrote; None where there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def to_json(value: Any, indent: int | None = None) -> str:
    """Standard JSON: a figure that is not a number (a subset without relations) becomes null."""
    return json.dumps(_without_nan(value), indent=indent, allow_nan=False)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _line_break(file: BinaryIO) -> bytes:
    """What ends the line that a kill cut short, where there is one."""
    if file.seek(0, os.SEEK_END) == 0:
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def _parse(line: str) -> Row | None:
    try:
        return json.loads(line)
    except json.JSONDecodeError:  # the line that a kill cut short
        return None
