"""Snapshots of Tune's state. Each is complete on disk, so that a search can resume its trials after a kill at any time.

Tune itself writes several files, in place, some time after the events. When a search is killed meanwhile, a file may be
incomplete, and Tune starts a new search. Or one file knows a trial that another file does not know, and Tune runs that
trial twice or never.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from sgg.common.atomic import named_in_errors

UNFINISHED = ".unfinished"


class SnapshotStore:
    """The newest snapshot under `path`: a folder of files. It gets its name, a number, after all files are written."""

    def __init__(self, path: Path):
        self.path = path

    def newest(self) -> Path | None:
        """The folder of the newest complete snapshot; None before the first one."""
        complete = [entry for entry in self.path.glob("*") if entry.name.isdecimal()]
        return max(complete, default=None, key=lambda entry: int(entry.name))

    def write(self, files: Mapping[str, bytes]) -> None:
        """Replace the snapshot by these files, name -> content.

        Raises OSError naming the file that cannot be written; the old snapshot remains.
        """
        before, unfinished = self.newest(), self.path / UNFINISHED
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for name, content in files.items():
            with named_in_errors(self.path / name), open(unfinished / name, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        os.replace(unfinished, self.path / str(int(before.name) + 1 if before else 1))
        if before is not None:
            shutil.rmtree(before, ignore_errors=True)

    def put_back(self, folder: Path) -> bool:
        """Replace the files in Tune's own folder by the newest snapshot. Returns whether there is a snapshot."""
        snapshot = self.newest()
        if snapshot is None:
            return False
        folder.mkdir(parents=True, exist_ok=True)
        for stale in folder.iterdir():
            if stale.is_file():
                stale.unlink()
        for file in snapshot.iterdir():
            shutil.copyfile(file, folder / file.name)
        return True
