"""A checkpoint in a folder of its own that predicts without a data set, on any machine."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

from sgg import checkpoint, systems
from sgg.checkpoint.paths import META, WEIGHTS
from sgg.common.run_log import PARTS_FOLDER
from sgg.evaluate.restore import restore

log = logging.getLogger(__name__)


def export(path: Path | str, out: Path, root: Path | None = None, allow_changed_plugin: bool = False) -> Path:
    """Write the checkpoint at `path`, or the newest one of the trial at `path`, with its parts into the folder `out`.
    The state of optimisers is left out. Returns `out`.

    A checkpoint without parts, of an earlier version or imported, gets them from its data set, which must be at hand,
    under `root` or where it was in training.

    Raises FileExistsError if `out` is there already and not empty, and what `restore` raises where parts are missing.
    """
    found = checkpoint.open_checkpoint(path)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} is there already: name a new or an empty folder")
    found.require_plugins(allow_changed_plugin, "add --plugin {}")
    unfinished = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        unfinished.mkdir(parents=True)
        if found.parts_folder is not None:
            systems.copy_parts(found.parts_folder, unfinished / PARTS_FOLDER)
        else:
            log.info("%s has no parts: they are taken from its data", found.path)
            changes = None if root is None else {"data": {"root": str(root)}}
            restore(found.path, changes, allow_changed_plugin).foundation.write_parts(unfinished / PARTS_FOLDER)
        for name in (WEIGHTS, META):
            shutil.copyfile(found.path / name, unfinished / name)
        if out.is_dir():
            out.rmdir()
        os.replace(unfinished, out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return out
