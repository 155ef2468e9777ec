"""The experiment as typed, validated settings. Imports neither torch nor Ray, so a typo answers at once."""

from .errors import ConfigError
from .load import Study, load, validate
from .profiles import resolve
from .schema import Config

__all__ = ["Config", "ConfigError", "Study", "load", "resolve", "validate"]
