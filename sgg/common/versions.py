"""The program and the packages that compute results: another version may change the last digits, sometimes more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypedDict

import sgg

NUMERICAL = ("torch", "torchvision", "numpy", "scipy", "pillow")
PROGRAM = "program"
"""The key under which result files hold what `program` returns."""
COMMIT_VARIABLE = "SGG_COMMIT"
"""Environment variable with the commit, for copies of the code without their repository: Ray's workers, images."""
ROOT = Path(sgg.__file__).resolve().parents[1]
GIT_TIMEOUT_S = 10


class Program(TypedDict):
    """Version and git commit of this program; the commit ends in "+dirty" where tracked files are changed, and is None
    where it is unknown."""

    version: str
    commit: str | None


@cache
def program() -> Program:
    """Version and commit of the running code, as every result file says them.

    They describe a result and decide nothing: results of several commits are pooled, and a resumed run may have others.
    """
    return {"version": sgg.__version__, "commit": os.environ.get(COMMIT_VARIABLE) or commit_of(ROOT)}


def describe_program(of: Mapping[str, object]) -> str:
    """Version and, if it is known, commit in one line; "" if a file of an earlier version has neither."""
    return ", commit ".join(str(text) for text in (of.get("version"), of.get("commit")) if text)


def commit_of(root: Path) -> str | None:
    """The commit (40 hexadecimal digits) of the git repository with this root folder, see `Program`; None where the
    folder is no such root, and where git is missing or refuses."""
    if not (root / ".git").exists():  # else git would answer for a repository around a virtual environment
        return None
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-C", str(root), "describe", "--always", "--abbrev=40", "--exclude=*",
               "--dirty=+dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=GIT_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that compute numbers, by name."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in NUMERICAL:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # installed without pip
            found[name] = "unknown"
    return found


def code_provenance() -> dict[str, Any]:
    """What a result says of the code that computed it: the program, and the versions of packages."""
    return {PROGRAM: program(), "versions": versions()}


def differences(then: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """Each value that has changed, in words. Names that `then` does not have are not compared."""
    return [f"{name} {then[name]}, now {value}" for name, value in now.items() if then.get(name, value) != value]


def changed_versions(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The `differences` of versions of packages in one line; "" if there are none."""
    return ", ".join(differences(then, now))
