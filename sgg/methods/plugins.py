"""Plugins: a user's own entries of registries, in files and packages outside the repository (`experiment.plugins`).

Only `load_plugins` runs a plugin's code. Its callers pass only names that the user gave. `plugin_files.py` finds the
files of a name.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sgg.common.source_loader import SourceLoader

from .plugin_files import IN_FOLDER, Plugin, PluginError, find_plugin
from .registry import Method, MethodError, Registry, place


@dataclass(frozen=True)
class _Loaded:
    """A plugin whose code has run. digest: of its files at that time. module: the name of the imported module."""

    plugin: Plugin
    digest: str
    module: str


_loaded: dict[str, _Loaded] = {}
"""The plugins that this process has loaded, by name."""


def load_plugins(names: Iterable[str], folders: Sequence[Path] | None = None) -> list[Plugin]:
    """Run the code of plugins, which registers their entries, and update the schema of settings. A plugin that is
    already loaded runs again only if its files have changed.

    names: as the user wrote them, or full names. folders: see `find_plugin`; None: the working directory.
    Raises PluginError with one line for each plugin that cannot be used or registers no entry; such a plugin leaves no
    entries behind.
    """
    folders = [Path.cwd()] if folders is None else folders
    plugins: list[Plugin] = []
    faults: list[str] = []
    changed = False
    for name in names:
        try:
            plugin = find_plugin(name, folders)
            if any(plugin.name == other.name and plugin != other for other in plugins):
                raise PluginError(f"{name}: another plugin has the name {plugin.name}, too: rename one of them")
            plugins.append(plugin)
            changed |= _load(plugin)
        except PluginError as error:
            faults.append(str(error))
    if changed:
        Registry.announce_change()
    if faults:
        raise PluginError("\n".join(faults))
    return plugins


def loaded_digests(names: Iterable[str] | None = None) -> dict[str, str]:
    """The digest of each loaded plugin by name. names: full names of the wanted plugins; None: all."""
    wanted = None if names is None else {Path(name.rpartition(IN_FOLDER)[2]).name for name in names}
    return {name: loaded.digest for name, loaded in _loaded.items() if wanted is None or name in wanted}


def unload_plugins(names: Iterable[str]) -> None:
    """Remove the plugins of these names and their entries, as if they had never been loaded."""
    for name in names:
        _remove(_loaded[name].plugin.source, _loaded[name].module)
    Registry.announce_change()


def fault_of_plugins(then: Mapping[str, str], allow_changed: bool, remedy: str) -> str | None:
    """Why the loaded plugins do not serve something that was made with other plugins, with one line for each missing or
    changed plugin; None if they do.

    then: the digests of those plugins by name. remedy: how the user names a plugin, with {} for its name.
    """
    now = loaded_digests()
    faults = [f"it needs the plugin {name} (sha256 {digest[:12]}), which is not loaded: {remedy.format(name)}"
              for name, digest in then.items() if name not in now]
    if not allow_changed:
        faults += [f"it was made with another version of the plugin {name} (sha256 {digest[:12]}, here {other[:12]}): "
                   "restore that version, or add --allow-changed-plugin"
                   for name, (digest, other) in changed_plugins(then).items()]
    return "\n  ".join(faults) or None


def changed_plugins(then: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The loaded plugins that differ from those of something that was made with plugins: by name, the digest that it
    was made with and the digest of now. then: the former digests by name."""
    now = loaded_digests(then)
    return {name: (digest, now[name]) for name, digest in then.items() if now.get(name, digest) != digest}


def describe_error(error: BaseException, plugin: Plugin, entry: type | None = None) -> str:
    """An error of a plugin's code as one line, with the file and line of the fault.

    entry: the entry of the plugin that was used. Its line stands for that of an error which other code raised.
    """
    text = " ".join(str(error).split())
    if isinstance(error, MethodError):  # its text begins with file and line
        return text
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if frame.filename.startswith(str(plugin.source))]
    elsewhere = plugin.source if entry is None else place(entry)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else elsewhere
    return f"{where}: {type(error).__name__}: {text}"


def place_in_plugins(error: BaseException) -> str | None:
    """The file and line of the last call in an error's traceback that is of a loaded plugin's code; None if there is
    none."""
    sources = tuple(str(loaded.plugin.source) for loaded in _loaded.values())
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(sources)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else None


@contextmanager
def naming_faults(key: str, entry: type) -> Iterator[None]:
    """A context for calls of an entry's code. If the entry is of a plugin, an error becomes PluginError that begins
    with `key` and names the plugin's file and line."""
    try:
        yield
    except PluginError:
        raise
    except Exception as error:
        plugin = plugin_of(entry)
        if plugin is None:
            raise
        raise PluginError(f"{key}: {describe_error(error, plugin, entry)}") from error


def plugin_of(entry: type) -> Plugin | None:
    """The plugin that defines an entry of a registry; None for an entry of this repository."""
    return next((loaded.plugin for loaded in _loaded.values() if _is_of(entry.__module__, _top(loaded.module))), None)


def _load(plugin: Plugin) -> bool:
    """Load a plugin if it is new or its files have changed. Returns whether its code ran."""
    digest = plugin.digest
    known = _loaded.get(plugin.name)
    if known is not None and known.digest == digest:
        return False
    if known is not None:
        _remove(known.plugin.source, known.module)
    before = Registry.registered()
    try:
        module = _import(plugin, digest)
    except (Exception, SystemExit) as error:
        raise PluginError(describe_error(error, plugin)) from error
    if fault := _fault_of_entries(module, before):
        _remove(plugin.source, module)
        raise PluginError(fault)
    _loaded[plugin.name] = _Loaded(plugin, digest, module)
    return True


def _fault_of_entries(module: str, before: set[type[Method]]) -> str | None:
    """Why a plugin that registers no entry has no use; None if it registers one.

    module: the plugin's module. before: the entries that were registered before it was imported. Entries of our own do
    not count, because a plugin's imports may register them.
    """
    top = _top(module)
    if any(_is_of(entry.__module__, top) or (entry not in before and not _is_of(entry.__module__, "sgg"))
           for entry in Registry.registered()):
        return None
    remedy = "write the decorator {} above the class, else the plugin has no use"
    for name in [name for name in sys.modules if _is_of(name, top)]:
        for value in vars(sys.modules[name]).values():
            if isinstance(value, type) and issubclass(value, Method) and value.__module__ == name \
                    and (decorator := Registry.decorator_of(value)):
                return f"{place(value)}: {value.__name__} is not registered: {remedy.format(decorator)}"
    file = sys.modules[module].__file__ or module
    return f"{file}: registers no entry: {remedy.format('of its kind, such as @HEADS.register (of sgg.methods.head),')}"


def _import(plugin: Plugin, digest: str) -> str:
    """Import a plugin. Returns the name of its module."""
    module = plugin.module or f"sgg_plugin_{plugin.source.stem}_{digest[:8]}"
    if (known := sys.modules.get(_top(module))) is not None:
        at = Path(next(iter(getattr(known, "__path__", ())), known.__file__ or "")).resolve()
        if at != plugin.source:
            raise ImportError(f"a module {_top(module)!r} is imported already, from {at}")
        importlib.import_module(module)
        return module
    spec = _spec(_top(module), plugin.source)
    sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    try:
        if spec.loader is not None:
            spec.loader.exec_module(sys.modules[spec.name])
        importlib.import_module(module)
    except BaseException:
        _remove(plugin.source, module)
        raise
    return module


def _spec(name: str, source: Path) -> importlib.machinery.ModuleSpec:
    """The import specification by which a file, or the folder of a package, becomes the module of a name."""
    inside = [str(source)] if source.is_dir() else None
    file = source / "__init__.py" if source.is_dir() else source
    if not file.is_file():
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = inside
        return spec
    loader = SourceLoader(name, str(file))
    found = importlib.util.spec_from_file_location(name, file, loader=loader, submodule_search_locations=inside)
    assert found is not None  # a loader is given
    return found


def _remove(source: Path, module: str) -> None:
    """Remove a module, all modules of its package, and the entries that they registered."""
    top = _top(module)
    for registry in Registry.instances:
        registry.forget(lambda entry: _is_of(entry.__module__, top))
    for name in [name for name in sys.modules if _is_of(name, top)]:
        del sys.modules[name]
    for name in [name for name, loaded in _loaded.items() if loaded.plugin.source == source]:
        del _loaded[name]


def _top(module: str) -> str:
    return module.partition(".")[0]


def _is_of(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")
