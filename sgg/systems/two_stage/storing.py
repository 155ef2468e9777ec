"""Whether the outputs of the detector are stored: what a run reads, what that would save, and what the disk holds."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.progress import track

from sgg.common.atomic import nearest_existing
from sgg.common.sizes import gigabytes, minutes
from sgg.config import Config
from sgg.experiment.validation import is_validated
from sgg.features.other_stores import other_stores

from .estimate import Estimate
from .stored import StoredSplit

MARGIN = 1.1
"""How much more free disk is asked for than the estimate says, because images differ."""
SHARE = 0.5
"""The largest fraction of the free disk that `auto` takes."""


@dataclass(frozen=True)
class Decision:
    """Which splits are stored. said: what people get to read. seconds: what computing takes on this machine, by one
    process. bytes: what the stores take of the disk."""

    splits: tuple[StoredSplit, ...] = ()
    said: tuple[str, ...] = ()
    seconds: float = 0.0
    bytes: int = 0


def decide(splits: Sequence[StoredSplit], config: Config) -> Decision:
    """Which of the splits that a run reads are stored, as `features.maps` asks for.

    Raises ValueError where the disk has no room.
    """
    maps = config.features.maps
    missing = [one for one in splits if maps != "off" and reads_of(config, one.name) and not one.complete]
    if maps != "auto":
        return decide_all(missing, config)
    missing = [one for one in missing if saves_time(config, one.name, one.views)]
    if not missing:
        return Decision()
    estimate, cache = Estimate.of(missing), missing[0].experiment.cache
    if fault := too_large(estimate, free_bytes(cache)):
        return Decision(said=(f"features.maps=auto: maps are not stored, because {fault} under {cache}. "
                              "features.maps=float16 takes about half as much",))
    return _decided(missing, estimate, maps)


def decide_all(splits: Sequence[StoredSplit], config: Config) -> Decision:
    """Store every split that is not. Raises ValueError where the disk has no room."""
    maps = "exact" if config.features.maps == "auto" else config.features.maps
    if not (missing := [one for one in splits if not one.complete]):
        return Decision()
    estimate, cache = Estimate.of(missing), missing[0].experiment.cache
    needed, free = MARGIN * estimate.total, free_bytes(cache)
    if needed > free:
        smaller = "float16 (about half of it) or " if maps == "exact" else ""
        raise ValueError(f"features.maps={maps} needs about {gigabytes(needed)} under {cache} for the maps of "
                         f"{', '.join(estimate.rows)}, and {gigabytes(free)} are free: set features.maps={smaller}off, "
                         "or data.cache to a folder on another disk")
    return _decided(missing, estimate, maps)


def _decided(missing: Sequence[StoredSplit], estimate: Estimate, maps: str) -> Decision:
    seconds = estimate.total_seconds or 0.0
    said = [f"features.maps={maps}: storing {sum(estimate.rows.values()):,} maps of {', '.join(estimate.rows)}, about "
            f"{gigabytes(estimate.total)}, in about {minutes(seconds)}"]
    if len(estimate.rows) > 1:
        said += [f"  {line}" for line in estimate.split_lines()]
    for one in missing:
        said += other_stores(one.paths["map"], one.identities["map"])
    return Decision(tuple(missing), tuple(said), seconds, round(estimate.total))


def store_outputs(decision: Decision) -> None:
    """Print a decision, and make the stores. Raises what `StoredSplit.ensure` raises."""
    for line in decision.said:
        print(line, flush=True)
    for one in decision.splits:
        one.ensure(partial(track, description=f"maps of {one.name}"))


def saves_time(config: Config, split: str, views: int) -> bool:
    """Whether a run reads each image of a split more often than storing computes it."""
    return reads_of(config, split) > views


def too_large(estimate: Estimate, free: int) -> str:
    """Why `auto` does not store an estimated number of bytes; "" where it does."""
    needed = MARGIN * estimate.total
    return f"they would take {gigabytes(needed)}, more than half of the {gigabytes(free)} that are free" * (
        needed > SHARE * free)


def explain_auto(config: Config, views: Mapping[str, int], estimate: Estimate, free: int) -> str:
    """What `auto` decides on the splits of an estimate, and why, in a sentence. views: of each split."""
    chosen = [name for name in estimate.rows if saves_time(config, name, views[name])]
    others = [name for name in estimate.rows if name not in chosen]
    reads = {name: f"{name} (each image is read {_times(reads_of(config, name))}, and computed "
                    f"{_times(views[name])})"
             for name in estimate.rows}
    if not chosen:
        return f"stores nothing, because storing saves no time: {', '.join(map(reads.__getitem__, others))}"
    wanted = Estimate({name: estimate.rows[name] for name in chosen}, estimate.plain, estimate.stored,
                      estimate.seconds)
    if fault := too_large(wanted, free):
        verdict = f"stores nothing, because {fault}" if estimate.stored is not None else \
            f"measures the compression on a few images first: without it {fault}"
    else:
        verdict = "stores " + ", ".join(map(reads.__getitem__, chosen))
    return verdict + (f"; never {', '.join(map(reads.__getitem__, others))}" if others else "")


def reads_of(config: Config, split: str) -> int:
    """How often a run reads each image of a split, as far as its settings tell: over all epochs, seeds and drawn
    configurations. The test split does not count where its images are corrupted, because then no stored map is
    read."""
    trials = len(config.experiment.seed) * (config.search.trials or 1)
    epochs = config.training.epochs
    validations = sum(is_validated(config, epoch) for epoch in range(1, epochs + 1))
    tests = int(config.evaluation.test and config.evaluation.corruption == "off")
    return trials * {"train": epochs, "val": validations, "test": tests}[split]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def free_bytes(cache: Path) -> int:
    """The free bytes of the disk of the cache."""
    return shutil.disk_usage(nearest_existing(cache)).free
