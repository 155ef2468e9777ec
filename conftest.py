"""Lets bare `pytest` find platform/: it imports the standard module of that name before the root is on the path."""

import platform
from pathlib import Path

if not hasattr(platform, "__path__"):
    platform.__path__ = [str(Path(__file__).parent / "platform")]
