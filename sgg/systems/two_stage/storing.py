"""Whether the outputs of the detector are stored: what that would take on the disk and in time, and what it would save.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.progress import track

from sgg.common.atomic import nearest_existing
from sgg.config import Config
from sgg.features.image_writer import write_shard

from .stored import StoredSplit

SAMPLES = 4
"""The images of training that an estimate computes and compresses."""
MARGIN = 1.1
"""How much more free disk is asked for than the estimate says, because images differ."""
SHARE = 0.5
"""The largest fraction of the free disk that `auto` takes."""


@dataclass(frozen=True)
class Estimate:
    """What storing the outputs of splits takes.

    rows: of each split by name. plain: the bytes of a row before compression. stored: after it, measured on a few
    images. seconds: for computing a row, on this machine.
    """

    rows: dict[str, int]
    plain: int
    stored: float
    seconds: float

    @classmethod
    def of(cls, splits: Sequence[StoredSplit]) -> Estimate:
        """The estimate for some splits, from a few images of the first one."""
        first = splits[0]
        chosen = np.unique(np.linspace(0, len(first.split) - 1, SAMPLES).astype(int)) * first.views
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

    @property
    def total(self) -> float:
        """Bytes of all rows."""
        return self.stored * sum(self.rows.values())

    @property
    def total_seconds(self) -> float:
        """Seconds for all rows."""
        return self.seconds * sum(self.rows.values())

    def lines(self) -> list[str]:
        """The estimate for people, a line for each split and one for all."""
        return [f"{name}: {rows:,} maps, {gigabytes(rows * self.stored)} ({gigabytes(rows * self.plain)} before "
                f"compression), about {minutes(rows * self.seconds)} to compute here"
                for name, rows in (*self.rows.items(), ("all", sum(self.rows.values())))]


def store_outputs(splits: Sequence[StoredSplit], config: Config) -> None:
    """Make the stores of the splits that a run reads, as `features.maps` asks for, where they are missing. Prints what
    was decided.

    Raises ValueError, before anything is written, where the disk has no room.
    """
    maps = config.features.maps
    missing = [one for one in splits if maps != "off" and reads_of(config, one.name) and not one.complete]
    if maps == "auto":
        missing = [one for one in missing if reads_of(config, one.name) > one.views]  # else storing saves no time
    if not missing:
        return
    estimate, cache = Estimate.of(missing), missing[0].experiment.cache
    needed, free = MARGIN * estimate.total, free_bytes(cache)
    if maps == "auto" and needed > SHARE * free:
        print(f"features.maps=auto: maps are not stored, because they would take {gigabytes(needed)}, more than half "
              f"of the {gigabytes(free)} that are free under {cache}. features.maps=float16 takes about half as much",
              flush=True)
        return
    if needed > free:
        smaller = "float16 (about half of it) or " if maps == "exact" else ""
        raise ValueError(f"features.maps={maps} needs about {gigabytes(needed)} under {cache} for the maps of "
                         f"{', '.join(estimate.rows)}, and {gigabytes(free)} are free: set features.maps={smaller}off, "
                         "or data.cache to a folder on another disk")
    print(f"features.maps={maps}: storing {sum(estimate.rows.values()):,} maps of {', '.join(estimate.rows)}, about "
          f"{gigabytes(estimate.total)}, in about {minutes(estimate.total_seconds)}", flush=True)
    for one in missing:
        one.ensure(partial(track, description=f"maps of {one.name}"))


def reads_of(config: Config, split: str) -> int:
    """How often a run reads each image of a split, as far as its settings tell: over all epochs, seeds and drawn
    configurations."""
    trials = len(config.experiment.seed) * (config.search.trials or 1)
    epochs, every = config.training.epochs, config.evaluation.every
    validations = len({epoch for epoch in range(1, epochs + 1) if (epoch - 1) % every == 0 or epoch == epochs})
    return trials * {"train": epochs, "val": validations, "test": int(config.evaluation.test)}[split]


def free_bytes(cache: Path) -> int:
    """The free bytes of the disk of the cache."""
    return shutil.disk_usage(nearest_existing(cache)).free


def gigabytes(size: float) -> str:
    """A number of bytes for people."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def minutes(seconds: float) -> str:
    """A duration for people."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min" if seconds < 6000 else \
        f"{seconds / 3600:.1f} h"
