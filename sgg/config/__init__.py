"""The experiment as typed, validated settings. Imports neither torch nor Ray, so a typo answers at once."""

from .checking import validate
from .errors import ConfigError
from .experiment import Config
from .load import Study, load

__all__ = ["Config", "ConfigError", "Study", "load", "validate"]
