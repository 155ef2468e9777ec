"""The experiment as typed, validated settings. Imports neither torch nor Ray, so a typo answers at once.

Each name is imported when it is first asked for: the schema asks the registries of `sgg/methods/` for the sections of
their entries, and those import parts of this package.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checking import validate
    from .errors import ConfigError
    from .experiment import Config
    from .loading import Study, load

__all__ = ["Config", "ConfigError", "Study", "load", "validate"]

_HOMES = {"Config": "experiment", "ConfigError": "errors", "Study": "loading", "load": "loading",
          "validate": "checking"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value
