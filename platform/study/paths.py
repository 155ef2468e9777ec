"""Absolute paths in a config, for workers of a cluster, which run in another folder than the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sgg.config import Config


def absolute(config: Config, folder: Path | str) -> Config:
    """The same settings, with every relative path made absolute from `folder`."""
    return Config.model_validate(_joined(config.model_dump(), Path(folder)))


def _joined(value: Any, folder: Path) -> Any:
    if isinstance(value, dict):
        return {key: _joined(entry, folder) for key, entry in value.items()}
    return folder / value if isinstance(value, Path) else value
