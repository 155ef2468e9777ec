"""What all commands share: how they answer a mistake, and types of arguments, checked before work begins."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sgg.common.atomic import require_writable

MISTAKE, INTERRUPTED, NO_READER = 2, 130, 141  # exit statuses
USER_ERRORS = (ValueError, OSError, ModuleNotFoundError, FloatingPointError)
"""What the user can mend: input, files and disks, packages that are missing, settings under which a loss explodes."""


def run_command(command: Callable[[], int | None], interrupted: str = "interrupted") -> int:
    """The exit status of a command: what it returns (None: 0), 2 after a mistake, 130 after Ctrl-C, 141 where nobody
    reads on.

    A mistake is told on standard error, as `error:` and its message; interrupted: what is said after Ctrl-C.
    """
    try:
        status = command() or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader, `head` for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO_READER
    except USER_ERRORS as error:
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
    if path.exists() and not os.access(path, os.W_OK):
        raise argparse.ArgumentTypeError(f"{path} cannot be written: permission denied")
    try:
        require_writable(path)
    except OSError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return path


def positive(text: str) -> int:
    """The type of an argument that is a whole number >= 1."""
    return _whole(text, 1)


def not_negative(text: str) -> int:
    """The type of an argument that is a whole number >= 0."""
    return _whole(text, 0)


def positive_number(text: str) -> float:
    """The type of an argument that is a finite number > 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number > 0, got {text}")
    return number


def distinct(kind: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    """The type of an argument that lists values of one `kind`, separated by commas, none of them twice."""
    def values(text: str) -> list[Any]:
        listed = [kind(part.strip()) for part in text.split(",")]
        if len(set(listed)) < len(listed):
            raise argparse.ArgumentTypeError(f"lists a value twice: {text}")
        return listed

    values.__name__ = f"comma-separated {kind.__name__}"  # what argparse says was expected
    return values


def _whole(text: str, least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise argparse.ArgumentTypeError(f"must be a whole number >= {least}, got {text}")
    return number


def _message(error: Exception) -> str:
    """The text of an error; the system's own begin with the file, as ours do."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__
