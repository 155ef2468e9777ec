"""Writes the feature store of a config by Ray tasks, each over a range of images.

This is not in `extract.py`, because that file is the main program of its process. Other processes cannot import the
functions of a main program.
"""

from __future__ import annotations

from typing import Any

from sgg.config import Config

from .shared_tasks import foundation_of, run_tasks, sent


def extract(config: Config, resources: dict[str, float]) -> Any:
    """The sealed feature store of a config's training nodes. Tasks with `resources` each write the parts that it lacks.

    Raises what `sgg.systems.prepare` and `run_tasks` raise.
    """
    from sgg.features import StoreWriter, ensure_store
    from sgg.systems import open_foundation

    extraction, path = open_foundation(config).training_features()
    ranges = extraction.ranges()

    def write(writer: StoreWriter, missing: list[int]) -> None:
        run_tasks(_write_part, [(sent(config), writer, number, ranges[number]) for number in missing], path, resources,
                  "features")

    return ensure_store(path, extraction.identity, len(ranges), write)


def _write_part(settings: str, writer: Any, number: int, images: range) -> None:
    """Write one part. This runs on a worker."""
    extraction = foundation_of(settings).training_features()[0]
    extraction.write_part(writer, number, extraction.batches(images))
