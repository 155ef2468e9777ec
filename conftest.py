"""Lets bare `pytest` find platform/, which it imports the standard module for before the root is on the path; and sees
to it that the many processes that tests start need not compile what they import."""

import importlib.util
import os
import platform
import sys
from pathlib import Path

if not hasattr(platform, "__path__"):
    platform.__path__ = [str(Path(__file__).parent / "platform")]

ray = importlib.util.find_spec("ray")
if sys.dont_write_bytecode and ray and not Path(ray.cached).exists():
    # With PYTHONDONTWRITEBYTECODE, and packages that were installed without bytecode, every process would compile
    # torch, Ray and pandas for itself, which takes longer than most tests.
    bytecode = str(Path(__file__).parent / ".pytest_cache" / "bytecode")
    sys.dont_write_bytecode, sys.pycache_prefix = False, bytecode
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = bytecode
