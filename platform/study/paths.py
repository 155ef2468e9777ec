"""Paths of a config as workers of a cluster need them: they do not run where the command was given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sgg.config import Config


def absolute(config: Config, folder: Path | str) -> Config:
    """The same settings, every relative path made absolute as seen from `folder`."""
    return Config.model_validate(_joined(config.model_dump(), Path(folder)))


def _joined(value: Any, folder: Path) -> Any:
    if isinstance(value, dict):
        return {key: _joined(entry, folder) for key, entry in value.items()}
    return folder / value if isinstance(value, Path) else value
