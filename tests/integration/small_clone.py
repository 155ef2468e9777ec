"""A folder that looks like a clone of the repository without data and runs, in which commands are quick."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = f"""
import os, runpy, sys
sys.path[:1] = [os.getcwd(), {str(Path(__file__).parent)!r}]
_, _, module, *words = sys.argv
sys.argv = [module, *words]
if module.startswith("platform."):
    from ray_forks import fork_workers_of_this_process
    fork_workers_of_this_process()
if [module, *words][:2] == ["sgg.data", "toy"]:
    from sgg.data.toy.editions.second import SECOND
    from sgg.data.toy.sizes import Sizes
    object.__setattr__(SECOND, "sizes", Sizes(32, 8, 12, 24))
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
"""`python -m MODULE WORD...`, where the toy genome has 32/8/12 images and 24 for the detector, and Ray's workers are
forks of one process."""


def make_clone(folder: Path) -> str:
    """Make `folder/clone`, and `folder/bin/python` that commands in it should find first. Returns the PATH for that."""
    clone, command = folder / "clone", folder / "bin" / "python"
    clone.mkdir()
    for name in ("sgg", "platform", "tune_configs", "examples"):
        (clone / name).symlink_to(ROOT / name)
    (folder / "python.py").write_text(PYTHON)
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{folder / "python.py"}" "$@"\n')
    command.chmod(0o755)
    return f"{command.parent}:{os.environ['PATH']}"
