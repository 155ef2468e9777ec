"""Arrays in the cache of a data set that follow from its training data (`sgg/methods/derived.py`).

A file is complete or not there; its checksums show damage. It is named by the hash of what it follows from. It needs no
torch.
"""

from __future__ import annotations

import json
import logging
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sgg.common.atomic import replaced
from sgg.common.hashing import value_hash
from sgg.common.locking import held
from sgg.methods.derived import DerivedFile

log = logging.getLogger(__name__)

FOLDER, IDENTITY = "derived", "identity"


def path_of(cache: Path, file: DerivedFile) -> Path:
    """The path of a derived file in a cache."""
    return cache / FOLDER / f"{file.name}-{value_hash(file.identity)}.npz"


def ensure(cache: Path, file: DerivedFile) -> Mapping[str, np.ndarray]:
    """The arrays of a derived file, which is made if it is not there. Other processes that need it wait.

    Raises ValueError that names a file that is damaged, and OSError that names one that cannot be written.
    """
    path = path_of(cache, file)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with held(path.with_suffix(".lock")):
            if not path.is_file():
                log.info("making the %s: %s", file.what, path)
                arrays = file.make()
                with replaced(path) as temporary, temporary.open("wb") as opened:
                    identity = np.array(json.dumps(file.identity, sort_keys=True))
                    np.savez(opened, allow_pickle=False, **{IDENTITY: identity, **arrays})
    return read(path)


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a derived file. Raises ValueError that names it if it is damaged."""
    try:
        with np.load(path) as found:
            return {name: found[name] for name in found.files if name != IDENTITY}
    except (ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} is damaged ({error}): delete it, and a run makes it again") from None
