"""Stores the outputs of a config's detector (`features.maps`), by Ray tasks over shards where that saves time.

What is stored is decided once for all trials. Where Ray has several GPUs or nodes, a task decides, because exact maps
depend on the device, and the machine of this process may have another one than those that compute.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from sgg.config import Config

from .session import nodes
from .shared_tasks import foundation_of, run_tasks, sent

LONG_S = 60.0
"""From how many seconds of computing on, by one process, tasks on the cores of one machine save time: each worker
process first imports torch and opens the data, which takes some seconds."""


def has_several(total: dict[str, float]) -> bool:
    """Whether Ray has several GPUs or nodes. total: its resources."""
    return total.get("GPU", 0) > 1 or len(nodes()) > 1


def store_maps(config: Config, resources: dict[str, float], total: dict[str, float]) -> list[str]:
    """Make the stores that `features.maps` asks for and that are missing. Prints what was decided, and returns the
    paths of the stores that were made. Tasks hold `resources`; Ray has the resources `total`.

    Raises what `sgg.systems.prepare` and `run_tasks` raise.
    """
    from rich.progress import track

    from sgg.features.image_writer import ensure_image_stores
    from sgg.systems import open_foundation

    if config.features.maps == "off":
        return []
    foundation, settings = open_foundation(config), sent(config)  # makes the detector, before any task wants it
    several = has_several(total)
    if several:
        missing, = run_tasks(_missing_stores, [(settings,)], config.cache, resources, "deciding on maps")
    else:
        missing = foundation.missing_stores()
    for line in missing.said:
        print(line, flush=True)
    has_cores = total.get("CPU", 0) >= 2 * resources["CPU"] and not resources.get("GPU")  # tasks would share one GPU
    by_tasks = several or (missing.seconds > LONG_S and has_cores)

    def write(split: str, shards: list[int]) -> None:
        writers, description = missing.writers[split], f"maps of {split}"
        if by_tasks:
            run_tasks(_write_shard, [(settings, split, writers, shard) for shard in shards], writers["map"].path,
                      resources, description)
        else:
            foundation.write_stores(split, writers, shards, partial(track, description=description))

    for split, writers in missing.writers.items():
        ensure_image_stores(list(writers.values()), partial(write, split))
    return [str(writer.path) for writers in missing.writers.values() for writer in writers.values()]


def _missing_stores(settings: str) -> Any:
    """Decide what is stored. This runs on a worker."""
    return foundation_of(settings).missing_stores()


def _write_shard(settings: str, split: str, writers: Any, shard: int) -> None:
    """Write one shard of each store of a split. This runs on a worker."""
    foundation_of(settings).write_stores(split, writers, [shard])
