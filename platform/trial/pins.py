"""Pins: checkpoints that a trial keeps for other trials, where its own training does not delete them (population-based
training). A trial that continues from one names it in its `adopted.txt`."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import uuid
from pathlib import Path

from sgg.checkpoint.paths import META, OPTIMIZERS, WEIGHTS, finished_epochs, path_of, remove

ADOPTED = "adopted.txt"
"""The file in a trial's folder that names the checkpoint of another trial, when it continues from one."""
FOLDER = "pinned"
PINNED = 4
"""How many checkpoints a trial keeps for others, to which Tune may still point them."""
TRIES = 5
"""How often a pin is tried: the training may replace the newest checkpoint meanwhile."""
_PIN = re.compile(r"^epoch_\d+-(\d+)$")


def pin(trial: Path) -> Path | None:
    """Link the newest checkpoint of a trial's folder to a pin, and delete old pins. Returns the pin; None if there is
    no checkpoint.

    Raises FileNotFoundError that names the checkpoint if it is not whole, OSError if it cannot be linked.
    """
    for attempt in itertools.count(1):
        epochs = finished_epochs(trial)
        if not epochs:
            break
        newest = path_of(trial, epochs[-1])
        try:
            pinned = _link(newest, trial / FOLDER)
        except (FileNotFoundError, shutil.Error) as error:  # copytree's error for what it could not link
            if attempt == TRIES:
                raise type(error)(f"{newest} cannot be kept for other trials ({error}): delete it, and continue the "
                                  "search with --resume from the checkpoint before") from error
        else:
            _rotate(trial / FOLDER, pinned)
            return pinned
    return None


def _link(path: Path, folder: Path) -> Path:
    written = (path / META).stat().st_mtime_ns  # the same epoch may be trained again, from another donor
    pinned = folder / f"{path.name}-{written}"
    temporary = folder / f".{pinned.name}.{uuid.uuid4().hex}"
    try:
        if not pinned.is_dir():
            shutil.copytree(path, temporary, copy_function=os.link)
            for name in (META, WEIGHTS, OPTIMIZERS):  # the checkpoint may have been deleted meanwhile
                (temporary / name).stat()
            os.replace(temporary, pinned)
    except OSError:
        if not pinned.is_dir():  # otherwise another call was faster
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return pinned


def _rotate(folder: Path, used: Path) -> None:
    """Delete what killed calls left, and all pins but the newest ones, `used`, and those that a trial continues from.
    """
    pins = []
    for entry in folder.iterdir():
        if entry.name.startswith("."):  # of another call that runs now, too, which then tries again
            shutil.rmtree(entry, ignore_errors=True)
        elif name := _PIN.match(entry.name):
            pins.append((int(name[1]), entry))
    adopted = {file.read_text() for file in folder.parents[1].glob(f"*/{ADOPTED}")}
    for _, old in sorted(pins)[:-PINNED]:
        if old != used and str(old) not in adopted:
            remove(old)
