"""What storing the outputs of the detector takes: bytes on the disk, and time."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sgg.common.sizes import gigabytes, minutes
from sgg.features.image_writer import write_shard
from sgg.methods.backbone import DetectorSpec

from .stored import StoredSplit

SAMPLES = 4
"""The images of training that an estimate computes and compresses."""


@dataclass(frozen=True)
class Estimate:
    """What storing the outputs of splits takes.

    rows: of each split by name. plain: the bytes of a row before compression. stored: after it, measured on a few
    images. seconds: for computing a row, on this machine. Both are None where no image was at hand.
    """

    rows: dict[str, int]
    plain: int
    stored: float | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, splits: Sequence[StoredSplit]) -> Estimate:
        """The estimate for some splits, from a few images of the first one."""
        first = splits[0]
        chosen = np.unique(np.linspace(0, len(first.split) - 1, SAMPLES).astype(int)) * first.views
        first.compute(chosen[:1].tolist())  # the first image takes longer than others
        begun = time.perf_counter()
        rows = first.compute(chosen.tolist())
        seconds = (time.perf_counter() - begun) / len(chosen)
        plain = stored = 0.0
        with tempfile.TemporaryDirectory() as folder:
            for kind, values in rows.items():
                typed = values.astype(first.dtype_of(kind))
                path = Path(folder) / kind
                write_shard(path, 0, typed, len(typed), len(typed), threads=1)
                plain += typed.nbytes
                stored += sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        return cls({one.name: one.rows for one in splits}, round(plain / len(chosen)), stored / len(chosen),
                   seconds)

    @classmethod
    def of_spec(cls, rows: dict[str, int], spec: DetectorSpec, dtype: str) -> Estimate:
        """The estimate for the maps of a kind of detector, of which no image was computed. dtype: float16 or float32.
        """
        return cls(rows, int(np.dtype(dtype).itemsize * np.prod(spec.map_shape(spec.image_size))))

    @property
    def total(self) -> float:
        """Bytes of all rows; before compression where that was not measured."""
        return (self.plain if self.stored is None else self.stored) * sum(self.rows.values())

    @property
    def total_seconds(self) -> float | None:
        """Seconds for all rows."""
        return None if self.seconds is None else self.seconds * sum(self.rows.values())

    def lines(self) -> list[str]:
        """The estimate for people, a line for each split and one for all."""
        return [*self.split_lines(), self._line("all", sum(self.rows.values()))]

    def split_lines(self) -> list[str]:
        """The estimate for people, a line for each split."""
        return [self._line(name, rows) for name, rows in self.rows.items()]

    def _line(self, name: str, rows: int) -> str:
        return f"{name}: {rows:,} maps, {self._said(rows)}"

    def _said(self, rows: int) -> str:
        if self.stored is None or self.seconds is None:
            return f"{gigabytes(rows * self.plain)} before compression"
        return (f"{gigabytes(rows * self.stored)} ({gigabytes(rows * self.plain)} before compression), about "
                f"{minutes(rows * self.seconds)} to compute here")
