"""Plugins: a user's own entries of registries, in files and packages outside the repository (`experiment.plugins`).

Only `load_plugins` runs a plugin's code. Its callers pass only names that the user gave. `plugin_files.py` finds the
files of a name, `plugin_errors.py` describes the errors of their code.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sgg.common.source_loader import SourceLoader

from .loaded_plugins import LOADED, Loaded, is_of, top_of
from .plugin_errors import describe_error
from .plugin_files import IN_FOLDER, Plugin, PluginError, find_plugin
from .registry import Method, Registry, place


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
    return {name: loaded.digest for name, loaded in LOADED.items() if wanted is None or name in wanted}


def unload_plugins(names: Iterable[str]) -> None:
    """Remove the plugins of these names and their entries, as if they had never been loaded."""
    for name in names:
        _remove(LOADED[name].plugin.source, LOADED[name].module)
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


def _load(plugin: Plugin) -> bool:
    """Load a plugin if it is new or its files have changed. Returns whether its code ran."""
    digest = plugin.digest
    known = LOADED.get(plugin.name)
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
    LOADED[plugin.name] = Loaded(plugin, digest, module)
    return True


def _fault_of_entries(module: str, before: set[type[Method]]) -> str | None:
    """Why a plugin that registers no entry has no use; None if it registers one.

    module: the plugin's module. before: the entries that were registered before it was imported. Entries of our own do
    not count, because a plugin's imports may register them.
    """
    top = top_of(module)
    if any(is_of(entry.__module__, top) or (entry not in before and not is_of(entry.__module__, "sgg"))
           for entry in Registry.registered()):
        return None
    remedy = "write the decorator {} above the class, else the plugin has no use"
    for name in [name for name in sys.modules if is_of(name, top)]:
        for value in vars(sys.modules[name]).values():
            if isinstance(value, type) and issubclass(value, Method) and value.__module__ == name \
                    and (decorator := Registry.decorator_of(value)):
                return f"{place(value)}: {value.__name__} is not registered: {remedy.format(decorator)}"
    file = sys.modules[module].__file__ or module
    return f"{file}: registers no entry: {remedy.format('of its kind, such as @HEADS.register (of sgg.methods.head),')}"


def _import(plugin: Plugin, digest: str) -> str:
    """Import a plugin. Returns the name of its module."""
    module = plugin.module or f"sgg_plugin_{plugin.source.stem}_{digest[:8]}"
    if (known := sys.modules.get(top_of(module))) is not None:
        at = Path(next(iter(getattr(known, "__path__", ())), known.__file__ or "")).resolve()
        if at != plugin.source:
            raise ImportError(f"a module {top_of(module)!r} is imported already, from {at}")
        importlib.import_module(module)
        return module
    spec = _spec(top_of(module), plugin.source)
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
    top = top_of(module)
    for registry in Registry.instances:
        registry.forget(lambda entry: is_of(entry.__module__, top))
    for name in [name for name in sys.modules if is_of(name, top)]:
        del sys.modules[name]
    for name in [name for name, loaded in LOADED.items() if loaded.plugin.source == source]:
        del LOADED[name]
