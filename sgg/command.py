"""What all commands share: how they answer a mistake, and the check of a file that they are asked to write."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

MISTAKE, INTERRUPTED = 2, 130  # exit statuses
MENDABLE = (ValueError, OSError, ModuleNotFoundError, FloatingPointError)
"""What the user can mend: input, files and disks, packages that are missing, settings under which a loss explodes."""


def answered(command: Callable[[], int | None], interrupted: str = "interrupted") -> int:
    """The exit status of a command: what it returns (None: 0), 2 after a mistake, 130 after Ctrl-C.

    A mistake is told on standard error, as `error:` and its message; interrupted: what is said after Ctrl-C.
    """
    try:
        return command() or 0
    except MENDABLE as error:
        print(f"error: {_message(error)}", file=sys.stderr)
        return MISTAKE
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return INTERRUPTED


def output_file(text: str) -> Path:
    """The type of an argument that names a file to write; one that cannot be written is refused before work begins."""
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is a folder: name a file in it")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent} to write {path.name} into: make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{path} cannot be written: permission denied")
    return path


def _message(error: Exception) -> str:
    """The text of an error; the system's own begin with the file, as ours do."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__
