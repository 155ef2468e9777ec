"""Writes the feature stores of a config by Ray tasks, each over a range of images.

This is not in `extract.py`, because that file is the main program of its process. Other processes cannot import the
functions of a main program.
"""

from __future__ import annotations

from typing import Any

from sgg.config import Config

from .shared_tasks import foundation_of, run_tasks, sent


def extract(config: Config, resources: dict[str, float]) -> list[Any]:
    """The sealed stores of the features that training reads. Tasks with `resources` each write the parts that they
    lack.

    Raises what `sgg.systems.prepare` and `run_tasks` raise.
    """
    from sgg.features import StoreWriter, ensure_store
    from sgg.systems import open_foundation

    stores = []
    for which, (extraction, path) in enumerate(open_foundation(config).training_features()):
        ranges = extraction.ranges()

        def write(writer: StoreWriter, missing: list[int], which: int = which, path: Any = path,
                  ranges: list[range] = ranges) -> None:
            run_tasks(_write_part, [(sent(config), which, writer, number, ranges[number]) for number in missing], path,
                      resources, "features")

        stores.append(ensure_store(path, extraction.identity, len(ranges), write))
    return stores


def _write_part(settings: str, which: int, writer: Any, number: int, images: range) -> None:
    """Write one part of the store of one of `training_features`. This runs on a worker."""
    extraction = foundation_of(settings).training_features()[which][0]
    extraction.write_part(writer, number, extraction.batches(images))
