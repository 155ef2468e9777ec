"""Tools of all commands: exit statuses for errors, and argument types that check values before work begins.

The commands use argparse. typer and tyro would build a parser from type hints, but they would save little: settings of
experiments are read by `sgg.config`, not by a parser, and the few options of a command need the checks below, short
imports before `--help`, and the exit statuses that schedulers of clusters read.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from sgg.common.atomic import require_writable
from sgg.common.foreign_code import described

MISTAKE, INTERRUPTED, NO_READER = 2, 130, 141  # exit statuses
PIPE_COLUMNS = 100
"""The width of tables in files and pipes; most pages and mails show so many columns."""
USER_ERRORS = (ValueError, OSError, ModuleNotFoundError, FloatingPointError)
"""Errors that the user can correct: input, files and disks, missing packages, settings under which a loss diverges."""


def run_command(command: Callable[[], int | None], interrupted: str = "interrupted") -> int:
    """Run a command and return its exit status.

    The status is the command's own (None: 0), 2 after an error of the user, which is printed to standard error as
    `error: <message>`, or of a plugin's code, 130 after Ctrl-C, and 141 if the reader of a pipe has closed it.
    interrupted: the message after Ctrl-C.
    """
    try:
        status = command() or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader, for example `head`, closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO_READER
    except USER_ERRORS as error:
        print(f"error: {_message(error)}", file=sys.stderr)
        return MISTAKE
    except Exception as error:
        if (text := described(error)) is None:
            raise
        print(f"error: {text}", file=sys.stderr)
        return MISTAKE
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return INTERRUPTED


def table_console() -> Console:
    """A console for tables: as wide as the terminal; in files and pipes of `PIPE_COLUMNS`."""
    return Console() if sys.stdout.isatty() else Console(width=PIPE_COLUMNS)


def output_file(text: str) -> Path:
    """Argument type: a path of a file to write. It refuses a path that cannot be written, before work begins."""
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is a folder: name a file in it")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent} for {path.name}: make the folder first")
    if path.exists() and not os.access(path, os.W_OK):
        raise argparse.ArgumentTypeError(f"{path} cannot be written: permission denied")
    try:
        require_writable(path)
    except OSError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return path


def positive(text: str) -> int:
    """Argument type: a whole number >= 1."""
    return _whole(text, 1)


def not_negative(text: str) -> int:
    """Argument type: a whole number >= 0."""
    return _whole(text, 0)


def positive_number(text: str) -> float:
    """Argument type: a finite number > 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number > 0, got {text}")
    return number


def distinct(kind: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    """Argument type: distinct values of one `kind`, separated by commas."""
    def values(text: str) -> list[Any]:
        listed = [kind(part.strip()) for part in text.split(",")]
        if len(set(listed)) < len(listed):
            raise argparse.ArgumentTypeError(f"lists a value twice: {text}")
        return listed

    values.__name__ = f"comma-separated {kind.__name__}"  # argparse names the expected type by it
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
    """The text of an error. A system error begins with the file, like ours."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__
