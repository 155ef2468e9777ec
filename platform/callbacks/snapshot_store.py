"""What Tune knows of a search, on disk in one piece, so that a search killed at any point goes on with the trials that
it had.

Tune's own notes are several files, written in place some time after what they tell of. Of a search killed meanwhile one
file may be torn, and Tune begins anew; or it knows a trial that another does not, which is then run twice or never.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from sgg.common.atomic import named_in_errors

UNFINISHED = ".unfinished"


class SnapshotStore:
    """The newest note under `path`, a folder of files. Its name, a number, is given once all of them are written."""

    def __init__(self, path: Path):
        self.path = path

    def newest(self) -> Path | None:
        """The folder of the last note that is whole; None before the first."""
        whole = [entry for entry in self.path.glob("*") if entry.name.isdecimal()]
        return max(whole, default=None, key=lambda entry: int(entry.name))

    def write(self, files: Mapping[str, bytes]) -> None:
        """Replace the note by these files. Raises OSError naming the file where that fails; the note before stays."""
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
        """Copy the newest note to where Tune looks for its own, in place of those. Returns whether there is one."""
        note = self.newest()
        if note is None:
            return False
        folder.mkdir(parents=True, exist_ok=True)
        for stale in folder.iterdir():
            if stale.is_file():
                stale.unlink()
        for file in note.iterdir():
            shutil.copyfile(file, folder / file.name)
        return True
