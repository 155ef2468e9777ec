"""The machine and the command of this process, in words, for files of results. The name of the host is left out."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

CPU_FILE = Path("/proc/cpuinfo")


def this_command() -> str:
    """The command line of this process as one would type it, for example `python -m platform.tune search.yaml`."""
    words = list(getattr(sys, "orig_argv", sys.argv))
    return shlex.join([Path(words[0]).name, *words[1:]]) if words else ""


def this_machine() -> str:
    """System, kind of processor and number of cores, and the GPUs if torch is loaded and sees any."""
    system = os.uname()
    parts = [f"{system.sysname} {system.machine}", _processor(), f"{os.cpu_count() or 1} cores", *_gpus()]
    return ", ".join(part for part in parts if part)


def _processor() -> str:
    try:
        lines = CPU_FILE.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _gpus() -> list[str]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
