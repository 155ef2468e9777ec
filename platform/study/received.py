"""Settings that arrive in another process. Their plugins are loaded first, since settings of a plugin's entries are
valid only then.

The sending process has put copies of the plugins where every node finds them (`StudyDirectory.with_plugins`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sgg.config import Config
from sgg.methods.plugins import load_plugins


def received(settings: Mapping[str, Any]) -> Config:
    """The config of plain nested settings. Raises PluginError when a plugin cannot be used, and pydantic's
    ValidationError for wrong settings."""
    load_plugins(settings["experiment"]["plugins"])
    return Config.model_validate(settings)
