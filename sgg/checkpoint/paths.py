"""The folders of a trial's checkpoints: `epoch_0003`, and `unfinished_epoch_0004_step_0050` within an epoch. This
imports no torch."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from sgg.common.run_log import CHECKPOINTS

META, WEIGHTS, OPTIMIZERS, PARTIAL = "meta.json", "weights.safetensors", "optimizers.pt", "partial_epoch.pt"
"""The files of a checkpoint (`state.py`); the last one is only within an epoch."""

_FINISHED = re.compile(r"^epoch_(\d+)$")
_UNFINISHED = re.compile(r"^unfinished_epoch_(\d+)_step_(\d+)$")


def path_of(directory: Path | str, epoch: int, step: int = 0) -> Path:
    """The folder of a trial's checkpoint after `epoch` epochs and `step` steps of the next one.

    Within an epoch its name does not begin like that of a finished epoch, which other programs find by `epoch_*`.
    """
    name = f"unfinished_epoch_{epoch + 1:04d}_step_{step:04d}" if step else f"epoch_{epoch:04d}"
    return Path(directory) / CHECKPOINTS / name


def finished_epochs(directory: Path | str) -> list[int]:
    """The epochs after which a trial has a checkpoint, in order."""
    return sorted(int(name[1]) for name in _names(directory, _FINISHED))


def unfinished_epochs(directory: Path | str) -> list[tuple[int, int]]:
    """The finished epochs, and the steps after them, of each checkpoint of a trial within an epoch."""
    return sorted((int(name[1]) - 1, int(name[2])) for name in _names(directory, _UNFINISHED))


def remove(path: Path) -> None:
    """Delete the folder of a checkpoint, if it is there. A folder that is half deleted never has a checkpoint's name.
    """
    doomed = path.with_name(f".{path.name}.{uuid.uuid4().hex}")  # the rest of an earlier deletion may still be there
    with suppress(FileNotFoundError):
        os.replace(path, doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def remove_all(directory: Path | str) -> None:
    """Delete all checkpoints of a trial."""
    for place in [*((epoch, 0) for epoch in finished_epochs(directory)), *unfinished_epochs(directory)]:
        remove(path_of(directory, *place))
    shutil.rmtree(Path(directory) / CHECKPOINTS, ignore_errors=True)


def prune(directory: Path | str, last: int, best: Collection[int]) -> None:
    """Delete all checkpoints of a trial except the `last` newest ones and those of the epochs `best`."""
    epochs = finished_epochs(directory)
    for epoch in set(epochs[:-last]) - set(best):
        remove(path_of(directory, epoch))


def remove_unfinished(directory: Path | str, places: Iterable[tuple[int, int]]) -> None:
    """Delete the checkpoints of a trial at these `places`, some of `unfinished_epochs`, and leftovers."""
    for place in places:
        remove(path_of(directory, *place))
    remove_leftovers(directory)  # those of `prune`, too, which a kill may have prevented after the last epoch


def remove_superseded(directory: Path | str) -> None:
    """Delete the checkpoints of a trial within epochs that are finished."""
    finished = max(finished_epochs(directory), default=0)
    remove_unfinished(directory, [place for place in unfinished_epochs(directory) if place[0] < finished])


def remove_leftovers(directory: Path | str) -> None:
    """Delete the folders of checkpoints whose writing or deletion was interrupted: they would keep a full disk full."""
    for leftover in (Path(directory) / CHECKPOINTS).glob(".*epoch_*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _names(directory: Path | str, pattern: re.Pattern[str]) -> list[re.Match[str]]:
    folder = Path(directory) / CHECKPOINTS
    return [name for entry in folder.iterdir() if (name := pattern.match(entry.name))] if folder.is_dir() else []
