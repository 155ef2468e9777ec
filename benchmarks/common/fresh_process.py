"""A part of a benchmark in a process of its own, so that its time and its memory are its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any


def printed_by_child(script: str, *words: str, environment: Mapping[str, str] | None = None) -> Any:
    """The JSON that `python SCRIPT --child WORD...` prints. environment: variables beside those of this process. Raises
    CalledProcessError if the process fails; its errors are on the screen."""
    command = [sys.executable, script, "--child", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True,
                          env={**os.environ, **(environment or {})})
    return json.loads(done.stdout)
