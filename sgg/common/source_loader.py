"""Import of a source file without Python's bytecode files."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from typing import Any, NoReturn


class SourceLoader(SourceFileLoader):
    """Compiles the source file at each import.

    Python takes a bytecode file for that of the source if both have the same length and time of change in whole
    seconds. So it would run the former code of a file that was edited twice within a second.
    """

    def path_stats(self, path: Any) -> NoReturn:
        """Raise OSError. Python then neither reads nor writes a bytecode file."""
        raise OSError(f"{path}: the bytecode file is not used")
