"""The file that says that a generator which trials share is whole, and of which weights. It needs no torch.

    CACHE/generators/gan-0123456789ab/
        generator.json                     what the generator follows from, its weights and their hash; written last
        checkpoints/epoch_0020/            the networks of the augmentation
        config.json, metrics.jsonl         the settings; losses, and feature quality, of each epoch

A generator is a run of its own, whose folder looks like that of a trial.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sgg.common.atomic import write_json
from sgg.common.hashing import file_hash
from sgg.common.run_log import read_optional_json
from sgg.common.versions import PROGRAM, program

FOLDER = "generators"
"""The folder of generators below the cache."""
METADATA = "generator.json"
FORMAT = 1


def seal_generator(folder: Path, weights: Path, identity: dict[str, Any], classes: list[str]) -> None:
    """Say that the generator in a folder is whole. weights: its file, below the folder. identity: everything that
    decides it, as JSON values. classes: of the data set. Raises OSError that names a file that cannot be written."""
    write_json(folder / METADATA, {"format": FORMAT, "identity": identity, "classes": classes,
                                   "weights": str(weights.relative_to(folder)), "hash": file_hash(weights),
                                   PROGRAM: program()})


def generator_hash(folder: Path) -> str | None:
    """The hash of the weights that `seal_generator` has noted; None where the generator is not whole yet. Raises
    ValueError that names a damaged file."""
    found = _read(folder)
    return None if found is None else found["hash"]


def read_generator(folder: Path) -> dict[str, Any] | None:
    """The content of generator.json, after its weights were compared with their hash; None where the generator is not
    whole yet. Raises ValueError that names a damaged file and the remedy."""
    if (found := _read(folder)) is None:
        return None
    weights = folder / found["weights"]
    now = file_hash(weights) if weights.is_file() else "that of no file"
    if now != found["hash"]:
        raise ValueError(f"{weights} is damaged: its hash is {now}, {found['hash']} was written; delete {folder}, and "
                         "a run trains the generator again")
    return found


def _read(folder: Path) -> dict[str, Any] | None:
    return read_optional_json(folder / METADATA, format=int, identity=dict, classes=list, weights=str, hash=str)
