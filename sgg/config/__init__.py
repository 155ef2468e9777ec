"""The experiment as typed, validated settings. It imports neither torch nor Ray, so it reports a typo at once.

Each name is imported at its first use, so that the help of a command does not need the whole schema.
"""

from typing import TYPE_CHECKING

from sgg.common.lazy import lazy_names

if TYPE_CHECKING:
    from .config import Config
    from .loading.checking import validate
    from .loading.errors import ConfigError
    from .loading.load import Study, load

__all__ = ["Config", "ConfigError", "Study", "load", "validate"]

__getattr__ = lazy_names(__name__, {"Config": "config", "ConfigError": "loading.errors", "Study": "loading.load",
                                    "load": "loading.load", "validate": "loading.checking"})
