"""The files of a plugin: where they are, under which names, and their hash.

The name of a plugin is a file, `my_head.py` or `folder/my_head.py`, or a module, `my_package.module`. A name in a
config is relative to the folder of the config file, else to the working directory; Python may also find a module on
its own path. The full name of a plugin lets every process find the same plugin: it is the absolute path of the file, or
the folder and the module, `/home/me/heads::my_package.module`.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import os
import shutil
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sgg.common.hashing import sha256_of

IN_FOLDER = "::"


class PluginError(ValueError):
    """A plugin that cannot be used. The message names the plugin, and the file and line of the fault."""


@dataclass(frozen=True)
class Plugin:
    """A plugin and the place of its code.

    name: its name in results and messages, which is the file's name or the dotted name of the module. source: the file,
    or the folder of the module's package. module: the dotted name of the module; None for a file.
    """

    name: str
    source: Path
    module: str | None = None

    @property
    def full_name(self) -> str:
        """The name that finds the plugin from every working directory."""
        return str(self.source) if self.module is None else f"{self.source.parent}{IN_FOLDER}{self.module}"

    @property
    def digest(self) -> str:
        """The SHA-256 of the file, or of all files of the package, in hexadecimal."""
        if self.source.is_file():
            return sha256_of(self.source)
        listed = [f"{path.relative_to(self.source).as_posix()} {sha256_of(path)}" for path in _files(self.source)]
        return hashlib.sha256("\n".join(listed).encode()).hexdigest()

    def copied_to(self, folder: Path) -> Plugin:
        """Copy the plugin into a folder under `folder` that is named by the digest, so the copy never changes.

        It gets its place when it is whole. Other processes may make the same copy meanwhile.
        """
        target = folder / self.digest[:16] / self.source.name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = folder / f".{uuid.uuid4().hex}"
            try:
                for file in [self.source] if self.source.is_file() else _files(self.source):
                    copy = temporary / file.relative_to(self.source.parent)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, copy)
                os.replace(temporary / self.source.name, target)
            except OSError:
                if not target.exists():  # otherwise another process was faster
                    raise
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        return Plugin(self.name, target, self.module)


def find_plugin(name: str, folders: Sequence[Path]) -> Plugin:
    """Find the plugin of a name. folders: the folders that a relative name is looked for in, in this order.

    Raises PluginError if there is no such plugin.
    """
    folder, inside, module = name.rpartition(IN_FOLDER)
    if not inside and (name.endswith(".py") or "/" in name):
        places = [(start / Path(name).expanduser()).resolve() for start in folders]
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            raise PluginError(f"{name}: there is no such file: {' nor '.join(dict.fromkeys(map(str, places)))}")
        return Plugin(found.name, found)
    if not all(part.isidentifier() for part in module.split(".")):
        raise PluginError(f"{name}: must be a Python file such as my_head.py, or a module such as my_package.module")
    top = module.partition(".")[0]
    searched = [folder] if inside else [*map(str, folders), *sys.path]
    spec = importlib.machinery.PathFinder.find_spec(top, searched)
    if spec is None or (spec.origin is None and not spec.submodule_search_locations):
        raise PluginError(f"{name}: there is no module {top!r} in {' or '.join(searched[:len(folders) or 1])}"
                          f"{'' if inside else ', and Python finds none'}")
    package = next(iter(spec.submodule_search_locations or ()), None)
    return Plugin(module, Path(package or spec.origin or "").resolve(), module)


def _files(package: Path) -> list[Path]:
    """All files of a package's tree, without hidden files and Python's compiled files."""
    return sorted(path for path in package.rglob("*") if path.is_file() and not any(
        part == "__pycache__" or part.startswith(".") for part in path.relative_to(package).parts))
