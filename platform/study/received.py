"""Settings as they arrive in another process: their plugins are loaded first, for the settings of their entries are
valid only then.

The process that sends them has put copies of the plugins where every node finds them (`StudyDirectory.with_plugins`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sgg.config import Config
from sgg.methods.plugins import load_plugins


def received(settings: Mapping[str, Any]) -> Config:
    """The config of plain nested settings. Raises PluginError where a plugin cannot be used, and
    pydantic's ValidationError for settings that are wrong."""
    load_plugins(settings["experiment"]["plugins"])
    return Config.model_validate(settings)
