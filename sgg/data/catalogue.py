"""Open data sets by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sgg.config.conditions import faults_without_effect
from sgg.config.defaults import FOUND_BY, found_data
from sgg.config.loading.errors import in_words, messages
from sgg.config.schema import Settings
from sgg.data.checks.consistency import USUAL, Rules
from sgg.data.dataset import DataSet
from sgg.methods.dataset import DATA_SETS, DataSettings
from sgg.methods.loaded_plugins import plugin_of
from sgg.methods.plugin_errors import describe_error
from sgg.methods.plugin_files import PluginError
from sgg.methods.registry import MethodError, place

CACHE = "cache"
"""The folder of files that are derived from data sets, below the root of the data sets."""


def open_dataset(name: str = "auto", root: Path | str = "data", *, rules: Rules = USUAL,
                 cache: Path | str | None = None, **options: Any) -> DataSet:
    """Open the data set of a name under `root`. `auto` is Visual Genome if ROOT/VG exists, else the toy genome, which
    is generated at its first use; `banner` says which.

    rules: the treatment of doubtful annotation. cache: the folder of derived files; None: the folder `cache` under
    `root`. options: settings of the data set (`num_val_images`, `exclude_left_right`, those of a plugin). None counts
    as not given, and so does False if the data set does not have the setting.

    Raises ValueError for an unknown name or an option that the data set does not have; FileNotFoundError, or ValueError
    that names the file and the record.
    """
    root = Path(root)
    settings = settings_of(name, root, options)
    data = open_with(settings, rules, root / CACHE if cache is None else Path(cache))
    if name != "auto":
        return data
    looked_for = root / FOUND_BY
    return replace(data, reason=f"chosen because {looked_for} is {'' if looked_for.exists() else 'not '}there")


def open_with(settings: DataSettings, rules: Rules, cache: Path) -> DataSet:
    """Open the data set of some settings.

    Raises FileNotFoundError, or ValueError that names the file and the record; PluginError or MethodError that names
    the code's file and line if a plugin fails otherwise, or returns no DataSet.
    """
    entry, key = type(settings), f"data.name {DATA_SETS.kind_of(settings)}"
    try:
        data = settings.open(rules, cache)
    except Exception as error:
        plugin = plugin_of(entry)
        if plugin is None or _is_of_the_data(error):
            raise
        raise PluginError(f"{key}: {describe_error(error, plugin, entry)}") from error
    if not isinstance(data, DataSet):
        raise MethodError(f"{key}: {place(settings.open)}: {entry.__name__}.open must return a "
                          f"sgg.data.DataSet, got {type(data).__name__}")
    return replace(data, cache=cache)


def _is_of_the_data(error: Exception) -> bool:
    """Whether an error is one of those that `DataSettings.open` may raise. A subclass of ValueError such as
    JSONDecodeError does not name the file, so it is a fault of the code."""
    return isinstance(error, OSError) or type(error) is ValueError or type(error).__module__.startswith("sgg.")


def settings_of(name: str, root: Path, options: dict[str, Any]) -> Any:
    """The settings of the data set of a name, as in `open_dataset`: an entry of the registry. Raises ValueError as
    that."""
    if name not in ("auto", *DATA_SETS):
        raise ValueError(f"data.name must be one of auto, {', '.join(DATA_SETS)}, got {name!r}; if a plugin "
                         "defines it, name the plugin (--plugin, experiment.plugins)")
    entry = DATA_SETS[found_data(root) if name == "auto" else name]
    options = {key: value for key, value in options.items() if value is not None and
               (value is not False or key in entry.model_fields)}
    for key in options.keys() - entry.model_fields.keys():
        having = [other for other, its in DATA_SETS.entries.items() if key in its.model_fields]
        raise ValueError(f"data.{key} is for data.name {in_words(having)}, not {name}" if having else
                         f"data.{key} is no setting of data.name {name}; known here: {', '.join(entry.model_fields)}")
    try:
        settings = entry(root=root, **options)
    except ValidationError as error:
        raise ValueError("\n".join(f"data.{message}" for message in messages(error, entry))) from None
    if faults := faults_without_effect(Settings, lambda key: getattr(settings, key.removeprefix("data."), None),
                                       besides=lambda key: not key.startswith("data.")):
        raise ValueError("\n".join(faults))
    return settings
