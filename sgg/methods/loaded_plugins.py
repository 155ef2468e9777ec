"""The plugins that this process has loaded, and which entries are theirs."""

from __future__ import annotations

from dataclasses import dataclass

from .plugin_files import Plugin


@dataclass(frozen=True)
class Loaded:
    """A plugin whose code has run. digest: of its files at that time. module: the name of the imported module."""

    plugin: Plugin
    digest: str
    module: str


LOADED: dict[str, Loaded] = {}
"""The plugins that this process has loaded, by name."""


def plugin_of(entry: type) -> Plugin | None:
    """The plugin that defines an entry of a registry; None for an entry of this repository."""
    return next((loaded.plugin for loaded in LOADED.values() if is_of(entry.__module__, top_of(loaded.module))), None)


def top_of(module: str) -> str:
    """The first name of a dotted name."""
    return module.partition(".")[0]


def is_of(module: str, package: str) -> bool:
    """Whether a module is a package or in it; both by dotted name."""
    return module == package or module.startswith(f"{package}.")
