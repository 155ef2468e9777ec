"""Errors of a plugin's code, with its file and line."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from sgg.common.foreign_code import DESCRIBERS

from .loaded_plugins import LOADED, plugin_of
from .plugin_files import Plugin, PluginError
from .registry import MethodError, place


def describe_error(error: BaseException, plugin: Plugin, entry: type | None = None) -> str:
    """An error of a plugin's code as one line, with the file and line of the fault.

    entry: the entry of the plugin that was used. Its line stands for that of an error which other code raised.
    """
    if isinstance(error, MethodError):  # its text begins with file and line
        return " ".join(str(error).split())
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if frame.filename.startswith(str(plugin.source))]
    elsewhere = plugin.source if entry is None else place(entry)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else elsewhere
    return f"{where}: {_with_type(error)}"


def place_in_plugins(error: BaseException) -> str | None:
    """The file and line of the last call in an error's traceback that is of a loaded plugin's code; None if there is
    none."""
    sources = tuple(str(loaded.plugin.source) for loaded in LOADED.values())
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(sources)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None


def reason_of(error: BaseException) -> str:
    """An error as text, with its type. It begins with the file and line of a plugin's code if that raised the error."""
    text, where = _with_type(error), place_in_plugins(error)
    return text if where is None or where in text else f"{where}: {text}"


def fault_in_plugins(error: BaseException) -> str | None:
    """`reason_of` an error that the code of a plugin raised; None for another error."""
    return None if place_in_plugins(error) is None else reason_of(error)


@contextmanager
def naming_places() -> Iterator[None]:
    """A context in which the code of any plugin may run. An error of such code becomes PluginError with file and line.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        if isinstance(error, PluginError | MethodError) or (fault := fault_in_plugins(error)) is None:
            raise
        raise PluginError(fault) from error


@contextmanager
def naming_faults(key: str, entry: type) -> Iterator[None]:
    """A context for calls of an entry's code. If the entry is of a plugin, an error becomes PluginError that begins
    with `key` and names the plugin's file and line."""
    try:
        yield
    except PluginError:
        raise
    except (Exception, SystemExit) as error:
        plugin = plugin_of(entry)
        if plugin is None:
            raise
        raise PluginError(f"{key}: {describe_error(error, plugin, entry)}") from error


def _with_type(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


DESCRIBERS.append(fault_in_plugins)
