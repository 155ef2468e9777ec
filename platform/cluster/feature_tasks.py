"""The feature store of a config, written by Ray tasks over ranges of images.

Not in `extract.py`: what is the main program of one process cannot be imported by others under its name.
"""

from __future__ import annotations

import json
import logging
from functools import cache
from pathlib import Path
from typing import Any

from sgg.config import Config
from sgg.systems import reads_features

from ..study.paths import absolute
from ..study.received import received
from .session import largest_node, nodes

log = logging.getLogger(__name__)

RETRIES = 3
"""Of a task whose node or process is lost."""
LOG_EVERY_S = 60.0
"""How often the log says what is waited for, while no task ends."""


def worth_sharing(config: Config, total: dict[str, float]) -> bool:
    """Whether trials of a config read a store that Ray can write faster than this process alone."""
    return reads_features(config) and (total.get("GPU", 0) > 1 or len(nodes()) > 1)


def extract(config: Config, resources: dict[str, float]) -> Any:
    """The sealed store of a config's training nodes; its missing parts are written by tasks with `resources` each.

    Raises what `sgg.systems.prepare` raises, and OSError where Ray loses a task's process again and again.
    """
    import ray
    from rich.progress import track

    from sgg.features import StoreWriter, ensure_store
    from sgg.systems import open_foundation

    extraction, path = open_foundation(config).training_features()
    ranges = extraction.ranges()

    def write(writer: StoreWriter, missing: list[int]) -> None:
        task = ray.remote(_write_part).options(num_cpus=resources["CPU"], num_gpus=resources.get("GPU", 0),
                                               max_retries=RETRIES)
        settings = absolute(config, Path.cwd()).model_dump_json()
        waiting = [task.remote(settings, writer, number, ranges[number]) for number in missing]
        try:
            for _ in track(missing, description="features"):
                done, waiting = _next_of(waiting, path, resources)
                ray.get(done)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            raise OSError(f"a task of the feature store was lost {RETRIES + 1} times, the last time because of "
                          f"{type(error).__name__}; what is written stays: give a task more memory "
                          "(resources.cpus, resources.gpus) and begin again") from error
        finally:
            for left in waiting:
                ray.cancel(left)

    return ensure_store(path, extraction.identity, len(ranges), write)


def _next_of(waiting: list[Any], path: Path, resources: dict[str, float]) -> tuple[list[Any], list[Any]]:
    """The first task that ends, and the others. Ray ends a task whose process or node dies; one that no node has room
    for waits until a node comes, which the log says."""
    import ray

    while True:
        done, waiting = ray.wait(waiting, timeout=LOG_EVERY_S)
        if done:
            return done, waiting
        wanted = ", ".join(f"{amount:g} {name} (the largest node has {largest_node(name):g})"
                           for name, amount in resources.items())
        log.warning("%s: waiting for %d tasks that write it; each wants %s", path, len(waiting), wanted)


def _write_part(settings: str, writer: Any, number: int, images: range) -> None:
    """On a worker."""
    extraction = _extraction(settings)
    extraction.write_part(writer, number, extraction.batches(images))


@cache
def _extraction(settings: str) -> Any:
    """Opened once by each worker process, which takes one task after another."""
    from sgg.experiment.torch_setup import configure_torch
    from sgg.systems import open_foundation

    config = received(json.loads(settings))
    extraction = open_foundation(config).training_features()[0]
    configure_torch(config)
    return extraction
